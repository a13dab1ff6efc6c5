/**
 * Strict JSON of a small configuration file. In: its text. Out: a tree in which objects are Maps, so that the order of
 * keys is the file's (PEFT takes the first pattern that matches) and no key, not even `__proto__`, is special.
 */
import { visit } from 'jsonc-parser';
import { WeightseqError } from '../errors.js';
import { jsonDepth, quoteText } from '../text.js';

export type JsonObject = ReadonlyMap<string, Json>;
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** Objects and arrays within each other; PEFT's own configurations have three. */
const MAX_DEPTH = 32;
const MEND = 'Save the adapter again with PEFT, or correct the file by hand.';

/** True for a JSON object. */
export function isObject(value: Json): value is JsonObject {
  return value instanceof Map;
}

/**
 * The text as one JSON object.
 * @throws WeightseqError `config-invalid` (not JSON, not an object, nested too deep), `duplicate-key`
 */
export function parseConfigText(text: string, file: string): JsonObject {
  try {
    JSON.parse(text);
  } catch (cause) {
    // Python's json also takes NaN and Infinity; a number that is neither has no meaning in any field that matters.
    throw new WeightseqError('config-invalid', 'expected the configuration to be JSON, found text that is not', { file, mend: MEND, cause });
  }
  checkDepth(text, file);
  const root = buildTree(text, file);
  if (isObject(root)) return root;
  throw new WeightseqError('config-invalid', 'expected the configuration to be a JSON object', { file, mend: MEND });
}

function checkDepth(text: string, file: string): void {
  if (jsonDepth(text) > MAX_DEPTH) {
    throw new WeightseqError('config-invalid', `expected objects and arrays at most ${MAX_DEPTH} deep in the configuration, found more`, { file, mend: MEND });
  }
}

function buildTree(text: string, file: string): Json {
  const open: { keys: Map<string, Json> | null; items: Json[]; key: string }[] = [];
  const roots: Json[] = [];
  const put = (value: Json): void => {
    const parent = open.at(-1);
    if (parent === undefined) roots.push(value);
    else if (parent.keys === null) parent.items.push(value);
    else parent.keys.set(parent.key, value);
  };
  const begin = (keys: Map<string, Json> | null): void => {
    const items: Json[] = [];
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
      if (object === undefined) return;
      if (object.keys?.has(key) === true) {
        throw new WeightseqError('duplicate-key', `expected each field once in the configuration, found ${quoteText(key)} twice`, { file, mend: MEND });
      }
      object.key = key;
    },
    onLiteralValue: (value: unknown) => {
      put(typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' ? value : null);
    },
  });
  return roots[0] ?? null;
}
