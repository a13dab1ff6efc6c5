/**
 * The header of a safetensors file, checked against every rule of the format. Pure: bytes and a file size in, a
 * SafetensorsFile or a WeightseqError out. The rules are those of the upstream reader (safetensors, src/tensor.rs):
 * 8 bytes of length, a JSON header, then data that the tensors' offsets cover without hole or overlap.
 */
import { WeightseqError, type ErrorCode } from '../errors.js';
import { escapeText, quoteText } from '../text.js';
import type { SafetensorsFile, TensorInfo } from '../types.js';
import { DTYPES, dtypeBytes, isDtype, isUnreadDtype } from './dtype.js';
import { parseStrictJson, type JsonObject, type JsonValue } from './json.js';

/** Bytes before the header: its length, little endian. */
export const PREFIX_BYTES = 8;
/** The format's bound on the header, in bytes. */
export const MAX_HEADER_BYTES = 100_000_000;

const MAX_NAME = 1024;
const MAX_DIMENSIONS = 64;
const METADATA = '__metadata__';
const DOWNLOAD = 'Download the file again; if the copy is complete, ask its author for a valid one.';

/**
 * Length of the header in bytes, from the first 8 bytes of the file.
 * @throws WeightseqError `header-truncated`, `header-too-large`
 */
export function headerLength(prefix: Uint8Array, fileBytes: number, file: string): number {
  if (prefix.length < PREFIX_BYTES) {
    throw new WeightseqError('header-truncated', `expected ${PREFIX_BYTES} bytes of header length, found ${prefix.length}`, { file, mend: DOWNLOAD });
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset, PREFIX_BYTES).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw new WeightseqError('header-too-large', `expected a header of at most ${MAX_HEADER_BYTES} bytes, found a length of ${length.toString()}`, {
      file, mend: 'Check that this is a safetensors file, and download it again.',
    });
  }
  const expected = PREFIX_BYTES + Number(length);
  if (expected > fileBytes) {
    throw new WeightseqError('header-truncated', `expected at least ${expected} bytes for the header, found ${fileBytes} in the file`, { file, mend: DOWNLOAD });
  }
  return Number(length);
}

/**
 * Checks a header and says where each tensor lies; tensors come in the order of their data.
 * @param header the bytes after the length prefix, all of the header and nothing else
 * @param fileBytes size of the whole file
 * @param file its real path, for the tensors and for messages
 * @throws WeightseqError one code for each rule that is broken, see errors.ts
 */
export function parseHeader(header: Uint8Array, fileBytes: number, file: string): SafetensorsFile {
  if (header.length > MAX_HEADER_BYTES) {
    throw new WeightseqError('header-too-large', `expected a header of at most ${MAX_HEADER_BYTES} bytes, found ${header.length}`, { file, mend: DOWNLOAD });
  }
  const dataStart = PREFIX_BYTES + header.length;
  let metadata: ReadonlyMap<string, string> = new Map();
  const tensors: TensorInfo[] = [];
  for (const [name, value] of parseStrictJson(header, file)) {
    if (name === METADATA) metadata = readMetadata(value, file);
    else tensors.push(readEntry(name, value, dataStart, file));
  }
  tensors.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  checkCover(tensors, dataStart, fileBytes, file);
  return { file, bytes: fileBytes, tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])), metadata };
}

function readMetadata(value: JsonValue, file: string): ReadonlyMap<string, string> {
  const fail = (found: string): never => {
    throw new WeightseqError('bad-metadata', `expected ${METADATA} to be a map from text to text, found ${found}`, { file, mend: 'Ask the author of the file for a valid one.' });
  };
  if (!(value instanceof Map)) return fail(describe(value));
  const metadata = new Map<string, string>();
  for (const [key, text] of value as JsonObject) {
    if (typeof text !== 'string') return fail(`${describe(text)} under ${quoteText(key)}`);
    if (/\p{Cs}/u.test(key + text)) return fail(`half a surrogate pair under ${quoteText(key)}`);
    metadata.set(key, text);
  }
  return metadata;
}

function readEntry(name: string, value: JsonValue, dataStart: number, file: string): TensorInfo {
  checkName(name, file);
  const fail = (code: ErrorCode, message: string, mend = DOWNLOAD): never => {
    throw new WeightseqError(code, message, { file, tensor: name, mend });
  };
  if (!(value instanceof Map)) return fail('bad-entry', `expected an object with dtype, shape and data_offsets, found ${describe(value)}`);
  const entry: JsonObject = value;
  for (const field of ['dtype', 'shape', 'data_offsets']) {
    if (!entry.has(field)) fail('bad-entry', `expected the field ${field}, found none`);
  }
  for (const field of entry.keys()) {
    if (!['dtype', 'shape', 'data_offsets'].includes(field)) fail('bad-entry', `expected only dtype, shape and data_offsets, found ${quoteText(field)}`);
  }

  const dtype = entry.get('dtype') ?? null;
  if (typeof dtype !== 'string') return fail('bad-entry', `expected dtype to be text, found ${describe(dtype)}`);
  if (isUnreadDtype(dtype)) return fail('unknown-dtype', `the dtype ${dtype} is not read by this version of weightseq`, `Give a copy stored as one of ${DTYPES.join(', ')}.`);
  if (!isDtype(dtype)) return fail('unknown-dtype', `expected a dtype of the safetensors format, found ${quoteText(dtype)}`);

  const shape = integers(entry.get('shape') ?? null);
  if (typeof shape === 'string') return fail('bad-shape', `expected shape to be a list of non-negative integers, found ${shape}`);
  if (shape.length > MAX_DIMENSIONS) return fail('bad-shape', `expected at most ${MAX_DIMENSIONS} dimensions, found ${shape.length}`);
  let bytes = dtypeBytes(dtype);
  for (const dimension of shape) {
    bytes *= dimension;
    if (!Number.isSafeInteger(bytes)) return fail('bad-shape', `expected a shape whose size in bytes is below 2^53, found [${shape.join(', ')}] of ${dtype}`);
  }

  const offsets = integers(entry.get('data_offsets') ?? null);
  if (typeof offsets === 'string') return fail('bad-offsets', `expected data_offsets to be two non-negative integers, found ${offsets}`);
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || offsets.length !== 2) return fail('bad-offsets', `expected two data_offsets, found ${offsets.length}`);
  if (begin > end) return fail('bad-offsets', `expected data_offsets with begin before end, found [${begin}, ${end}]`);
  if (end > Number.MAX_SAFE_INTEGER - dataStart) return fail('bad-offsets', `expected data_offsets below 2^53, found [${begin}, ${end}]`);
  if (end - begin !== bytes) return fail('size-mismatch', `expected ${bytes} bytes for shape [${shape.join(', ')}] of ${dtype}, found ${end - begin} in data_offsets [${begin}, ${end}]`);
  return { name, dtype, shape, file, offset: dataStart + begin, bytes };
}

/** A name that prints as itself on one line: what a report says of it is what the file holds. */
function checkName(name: string, file: string): void {
  let found: string | null = null;
  if (name === '') found = 'an empty name';
  else if (name.length > MAX_NAME) found = `one of ${name.length}`;
  else if (escapeText(name) !== name) found = quoteText(name);
  if (found === null) return;
  throw new WeightseqError('unsafe-name', `expected a tensor name of 1 to ${MAX_NAME} printable characters, found ${found}`, {
    file, tensor: escapeText(name.slice(0, 120)), mend: 'Do not trust this file; ask its author for one with ordinary tensor names.',
  });
}

/** From first to last byte of data, each belongs to exactly one tensor, and the file ends there. */
function checkCover(tensors: readonly TensorInfo[], dataStart: number, fileBytes: number, file: string): void {
  let end = dataStart;
  let before: TensorInfo | undefined;
  for (const tensor of tensors) {
    if (tensor.offset !== end) {
      const overlaps = tensor.offset < end;
      const after = before === undefined ? '' : `, after ${quoteText(before.name)}`;
      const found = `found ${tensor.offset - dataStart}: ${overlaps ? 'two tensors share bytes' : 'the bytes between belong to no tensor'}`;
      throw new WeightseqError(overlaps ? 'overlap' : 'hole', `expected data_offsets to begin at ${end - dataStart}${after}, ${found}`, { file, tensor: tensor.name, mend: DOWNLOAD });
    }
    end += tensor.bytes;
    before = tensor;
  }
  if (fileBytes < end) {
    throw new WeightseqError('file-truncated', `expected a file of ${end} bytes, found ${fileBytes}: ${end - fileBytes} are missing`, { file, mend: 'Download it again: the copy is incomplete.' });
  }
  if (fileBytes > end) {
    throw new WeightseqError('trailing-bytes', `expected a file of ${end} bytes, found ${fileBytes}: ${fileBytes - end} after the last tensor`, { file, mend: DOWNLOAD });
  }
}

/** The integers of a list, or what was found instead. */
function integers(value: JsonValue): number[] | string {
  if (!Array.isArray(value)) return describe(value);
  const numbers: number[] = [];
  for (const item of value as readonly JsonValue[]) {
    const literal = item !== null && typeof item === 'object' && 'literal' in item ? item.literal : null;
    if (literal === null || !/^\d+$/.test(literal)) return `${describe(item)} in it`;
    const number = Number(literal);
    if (!Number.isSafeInteger(number)) return `${describe(item)} in it, not below 2^53`;
    numbers.push(number);
  }
  return numbers;
}

function describe(value: JsonValue): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return quoteText(value, 40);
  if ('literal' in value) return value.literal.slice(0, 40);
  return Array.isArray(value) ? 'a list' : 'an object';
}
