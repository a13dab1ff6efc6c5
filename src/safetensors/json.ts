/**
 * Strict JSON with bounds. In: the bytes of a safetensors header. Out: a tree of Maps, arrays and literals, or a
 * WeightseqError. `jsonc-parser` reads it, since JSON.parse hides duplicate keys; every leniency of it is an error here.
 */
import { printParseErrorCode, visit } from 'jsonc-parser';
import { WeightseqError, type ErrorCode } from '../errors.js';
import { quoteText } from '../text.js';

/** A number as it is written, so that no digit is lost and `1.0` is not taken for `1`. */
export interface JsonNumber {
  readonly literal: string;
}
export type JsonObject = ReadonlyMap<string, JsonValue>;
export type JsonValue = string | boolean | null | JsonNumber | readonly JsonValue[] | JsonObject;

/** Objects and arrays within each other: header, entry, shape. The parser recurses, so that this also bounds its stack. */
const MAX_DEPTH = 3;
/** What makes the parser's memory grow out of proportion to the text; several times what the largest models need. */
const MAX_VALUES = 4_000_000;
const MAX_BLANKS = 1_000_000;
const MAX_ESCAPES = 8_000_000;

const MEND = 'Download the file again, or ask its author for an intact copy.';
const QUOTE = 0x22, BACKSLASH = 0x5c, COMMA = 0x2c;
const OPEN: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSE: ReadonlySet<number> = new Set([0x5d, 0x7d]);
const BLANK: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Parses one JSON object that fills the bytes but for blanks after it.
 * @throws WeightseqError `header-start`, `header-not-utf8`, `header-not-json`, `header-too-large`, `bad-entry` (nested too deep), `duplicate-key`
 */
export function parseStrictJson(bytes: Uint8Array, file: string): JsonObject {
  if (bytes[0] !== 0x7b) {
    const found = bytes[0] === undefined ? 'an empty header' : `byte 0x${bytes[0].toString(16).padStart(2, '0')}`;
    throw new WeightseqError('header-start', `expected the header to start with "{", found ${found}`, { file, mend: MEND });
  }
  let end = bytes.length;
  while (BLANK.has(bytes[end - 1] ?? 0)) end--;
  const trimmed = bytes.subarray(0, end);
  checkBounds(trimmed, file);
  return buildTree(decodeUtf8(trimmed, file), file);
}

function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new WeightseqError('header-not-utf8', 'expected the header to be UTF-8, found bytes that are not', { file, mend: MEND, cause });
  }
}

/** One pass over the bytes, before the parser sees them. */
function checkBounds(bytes: Uint8Array, file: string): void {
  let depth = 0, values = 0, blanks = 0, escapes = 0, inString = false;
  const over = (what: string, limit: number): never => {
    throw new WeightseqError('header-too-large', `expected at most ${limit} ${what} in the header, found more`, { file, mend: MEND });
  };
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (inString) {
      if (byte === BACKSLASH) {
        i++;
        if (++escapes > MAX_ESCAPES) over('escaped characters', MAX_ESCAPES);
      } else if (byte === QUOTE) inString = false;
      continue;
    }
    if (BLANK.has(byte)) {
      if (++blanks > MAX_BLANKS) over('blanks in a row', MAX_BLANKS);
      continue;
    }
    blanks = 0;
    if (byte === QUOTE) inString = true;
    else if (byte === COMMA) {
      if (++values > MAX_VALUES) over('values', MAX_VALUES);
    } else if (CLOSE.has(byte)) depth--;
    else if (OPEN.has(byte) && ++depth > MAX_DEPTH) {
      throw new WeightseqError('bad-entry', `expected objects and arrays at most ${MAX_DEPTH} deep in the header, found more`, { file, mend: MEND });
    }
  }
}

function buildTree(text: string, file: string): JsonObject {
  const fail = (code: ErrorCode, message: string, tensor?: string): never => {
    throw new WeightseqError(code, message, { file, mend: MEND, ...(tensor === undefined ? {} : { tensor }) });
  };
  const open: { keys: Map<string, JsonValue> | null; items: JsonValue[]; key: string }[] = [];
  let root: JsonValue | undefined;
  const put = (value: JsonValue): void => {
    const parent = open.at(-1);
    if (parent === undefined) root ??= value;
    else if (parent.keys === null) parent.items.push(value);
    else parent.keys.set(parent.key, value);
  };
  const begin = (keys: Map<string, JsonValue> | null): void => {
    const items: JsonValue[] = [];
    put(keys ?? items);
    open.push({ keys, items, key: '' });
  };
  visit(text, {
    onObjectBegin: () => { begin(new Map()); },
    onArrayBegin: () => { begin(null); },
    onObjectEnd: () => { open.pop(); },
    onArrayEnd: () => { open.pop(); },
    onObjectProperty: (key) => {
      const object = open.at(-1);
      if (object?.keys?.has(key) === true) {
        const tensor = open.length > 1 ? open[0]?.key : key;
        fail('duplicate-key', `expected each key once in an object, found ${quoteText(key)} twice`, tensor);
      }
      if (object !== undefined) object.key = key;
      object?.keys?.set(key, null);
    },
    onLiteralValue: (value: unknown, offset, length) => {
      if (typeof value === 'number') put({ literal: text.slice(offset, offset + length) });
      else if (typeof value === 'string' || typeof value === 'boolean') put(value);
      else put(null);
    },
    onError: (error, offset) => {
      fail('header-not-json', `expected strict JSON in the header, found ${printParseErrorCode(error)} at character ${offset}`);
    },
  }, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
  return root instanceof Map ? root : fail('header-not-json', 'expected a JSON object in the header');
}
