/** Safetensors files put together by hand, valid or not, and an independent reading of the valid ones. */
import assert from 'node:assert/strict';
import { ERROR_CODES, WeightseqError, type ErrorCode } from '../../src/errors.js';
import { parseHeader } from '../../src/safetensors/header.js';
import type { SafetensorsFile } from '../../src/types.js';

/** An entry of a header, any field of which a test may get wrong. */
export function entry(dtype: unknown, shape: unknown, offsets: unknown): Record<string, unknown> {
  return { dtype, shape, data_offsets: offsets };
}

/** A whole file: length prefix, header (text as it is, anything else as JSON), data. */
export function fileBytes(header: unknown, data: number): Buffer {
  const text = Buffer.isBuffer(header) ? header : Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([prefix, text, Buffer.alloc(data)]);
}

/** `parseHeader` over a whole file in memory. */
export function parseFile(file: Uint8Array, headerBytes: number): SafetensorsFile {
  return parseHeader(file.subarray(8, 8 + headerBytes), file.length, 'memory');
}

/** Runs it and gives the WeightseqError that it throws; fails on any other outcome, and on a message not fit to print. */
export function thrown(action: () => unknown): WeightseqError {
  try {
    action();
  } catch (error) {
    return checked(error);
  }
  return assert.fail('expected a WeightseqError, nothing was thrown');
}

/** The same for what is asynchronous. */
export async function rejected(promise: Promise<unknown>): Promise<WeightseqError> {
  return promise.then(() => assert.fail('expected a WeightseqError, nothing was thrown'), checked);
}

function checked(error: unknown): WeightseqError {
  if (!(error instanceof WeightseqError)) throw error;
  assert.ok(error.code in ERROR_CODES, error.code);
  assert.match(error.message, /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,2000}$/u, 'one printable line');
  assert.ok(error.file !== undefined && error.mend !== undefined && error.mend !== '', `${error.code} names its file and a mend`);
  return error;
}

/**
 * The format's rules once more, over JSON.parse and BigInt: what a valid file holds, or the reason why it is not valid.
 * It can't see duplicate keys or how a number is written.
 */
export function oracle(header: Uint8Array, size: number): ReadonlyMap<string, { dtype: string; offset: number; bytes: number }> | string {
  const sizes: Record<string, bigint> = { F64: 8n, I64: 8n, U64: 8n, F32: 4n, I32: 4n, U32: 4n, F16: 2n, BF16: 2n, I16: 2n, U16: 2n, F8_E4M3: 1n, F8_E5M2: 1n, I8: 1n, U8: 1n, BOOL: 1n };
  const natural = (x: unknown): x is number => Number.isSafeInteger(x) && !Object.is(x, -0) && (x as number) >= 0;
  let root: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
    if (!text.startsWith('{')) return 'start';
    root = JSON.parse(text);
  } catch {
    return 'JSON';
  }
  const found = new Map<string, { dtype: string; offset: number; bytes: number }>();
  const covered: [bigint, bigint][] = [];
  for (const [name, value] of Object.entries(root as Record<string, unknown>)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'entry';
    if (name === '__metadata__') {
      if (Object.entries(value).some((pair) => pair.some((text) => typeof text !== 'string' || /\p{Cs}/u.test(text)))) return 'metadata';
      continue;
    }
    const { dtype, shape, data_offsets: offsets, ...rest } = value as Record<string, unknown>;
    if (name === '' || name.length > 1024 || /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(name)) return 'name';
    if (Object.keys(rest).length > 0 || typeof dtype !== 'string' || !Object.hasOwn(sizes, dtype)) return 'fields';
    if (!Array.isArray(shape) || !shape.every(natural) || shape.length > 64) return 'shape';
    if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(natural)) return 'offsets';
    let bytes = sizes[dtype] ?? 0n;
    for (const dimension of shape) bytes *= BigInt(dimension);
    const [begin, end] = [BigInt(offsets[0] as number), BigInt(offsets[1] as number)];
    if (end - begin !== bytes) return 'size';
    covered.push([begin, end]);
    found.set(name, { dtype, offset: 8 + header.length + Number(begin), bytes: Number(bytes) });
  }
  covered.sort(([a, b], [c, d]) => Number(a - c) || Number(b - d));
  let at = 0n;
  for (const [begin, end] of covered) {
    if (begin !== at) return 'cover';
    at = end;
  }
  return at + 8n + BigInt(header.length) === BigInt(size) ? found : 'length';
}

/** Codes by which the parser may refuse what the oracle, blind to how the JSON is written, accepts. */
export const BLIND_SPOTS: ReadonlySet<ErrorCode> = new Set(['duplicate-key', 'bad-shape', 'bad-offsets']);
