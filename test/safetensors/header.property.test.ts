import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { WeightseqError, type ErrorCode } from '../../src/errors.js';
import { DTYPES, dtypeBytes } from '../../src/safetensors/dtype.js';
import { openSafetensors, readTensorBytes } from '../../src/safetensors/file.js';
import { headerLength, parseHeader } from '../../src/safetensors/header.js';
import { parseStrictJson, type JsonValue } from '../../src/safetensors/json.js';
import { writeSafetensors, type TensorData } from '../../src/safetensors/writer.js';
import { escapeText } from '../../src/text.js';
import { fixture, temporaryFolder } from '../helpers/fixtures.js';
import { BLIND_SPOTS, oracle } from '../helpers/safetensors.js';

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((s) => escapeText(s) === s && s !== '__metadata__');
const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((s) => !/\p{Cs}/u.test(s));

const tensor: fc.Arbitrary<TensorData> = fc
  .record({ name, dtype: fc.constantFrom(...DTYPES), shape: fc.array(fc.nat(4), { maxLength: 4 }), fill: fc.nat(255) })
  .map(({ fill, ...rest }) => ({ ...rest, data: new Uint8Array(rest.shape.reduce((a, b) => a * b, dtypeBytes(rest.dtype))).fill(fill) }));
const tensors = fc.uniqueArray(tensor, { selector: (t) => t.name, maxLength: 8 });
const metadata = fc.array(fc.tuple(text, text), { maxLength: 4 }).map((pairs) => new Map(pairs));

describe('properties', () => {
  test('what is written is read again, names, shapes, bytes and metadata', async (t) => {
    const path = join(temporaryFolder(t), 'model.safetensors');
    await fc.assert(fc.asyncProperty(tensors, metadata, async (given, pairs) => {
      const written = await writeSafetensors(path, given, pairs);
      const file = await openSafetensors(path);
      assert.deepEqual({ ...written, tensors: [...written.tensors.values()].map((x) => ({ ...x, file: '' })) }, { ...file, file: path, tensors: [...file.tensors.values()].map((x) => ({ ...x, file: '' })) });
      assert.deepEqual(file.metadata, pairs);
      assert.equal(file.tensors.size, given.length);
      for (const { name: key, dtype, shape, data } of given) {
        const found = file.tensors.get(key);
        assert.ok(found !== undefined);
        assert.deepEqual([found.dtype, found.shape], [dtype, shape]);
        assert.deepEqual(await readTensorBytes(found), data);
      }
    }), { numRuns: 300, seed: 1 });
  });

  test('the parser and an independent computation agree on files laid out in any order', () => {
    fc.assert(fc.property(tensors, fc.nat(), fc.nat(9), (given, seed, padding) => {
      const random = generator(seed);
      const laidOut = [...given].sort(() => random() - 0.5);
      const header: [string, object][] = [];
      let end = 0;
      for (const { name: key, dtype, shape, data } of laidOut) header.push([key, { dtype, shape, data_offsets: [end, end += data.length] }]);
      header.sort(() => random() - 0.5);
      const bytes = Buffer.from(`{${header.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}${' '.repeat(padding)}`);
      const size = 8 + bytes.length + end;
      const expected = oracle(bytes, size);
      if (typeof expected === 'string') assert.fail(expected);
      assertAgrees(expected, parseHeader(bytes, size, 'f'), bytes.length, size);
    }), { numRuns: 1000, seed: 2 });
  });

  test('JSON is read as JSON.parse reads it, and nothing that it refuses is read', () => {
    const scalar = fc.oneof(fc.string({ unit: 'binary', maxLength: 6 }), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null));
    const shallow = fc.dictionary(fc.string({ maxLength: 3 }), fc.oneof(scalar, fc.array(fc.oneof(scalar, fc.array(scalar, { maxLength: 2 })), { maxLength: 3 }), fc.dictionary(fc.string({ maxLength: 3 }), scalar)));
    const tokens = ['{', '}', '[', ']', ',', ':', '"', '\\', '/', '//', '/*', '*/', '-', '+', '.', '0', '1e', 'e5', 'true', 'nul', 'null', ' ', '\n', '\t', '\v', '\ufeff', '\u00a0', '\\u00', '\\ud8', '\u0000', '\'', 'NaN', ',}', ',]', '""'];
    const edit = fc.tuple(fc.nat(200), fc.nat(2), fc.constantFrom('', ...tokens));
    let valid = 0;
    fc.assert(fc.property(shallow, fc.array(edit, { maxLength: 2 }), fc.constantFrom(undefined, 1, '\t'), (value, edits, indent) => {
      let json = JSON.stringify(value, null, indent);
      for (const [at, cut, put] of edits) json = json.slice(0, at % json.length) + put + json.slice((at % json.length) + cut);
      // as the bytes hold it: what is not UTF-16 does not survive the encoding
      const bytes = Buffer.from(json);
      const ours = attempt(() => parseStrictJson(bytes, 'f'));
      const theirs = attempt(() => JSON.parse(bytes.toString()) as unknown);
      if (ours instanceof Error) {
        assert.ok(ours instanceof WeightseqError, ours.stack);
        const allowed: ErrorCode[] = json.startsWith('{') ? ['duplicate-key', 'bad-entry'] : ['header-start'];
        if (!(theirs instanceof Error)) assert.ok(allowed.includes(ours.code), `${ours.message}: ${json}`);
      } else {
        valid++;
        assert.ok(!(theirs instanceof Error), `read, though JSON.parse refuses it: ${json}`);
        assert.deepEqual(plain(ours), theirs);
      }
    }), { numRuns: 5000, seed: 3 });
    assert.ok(valid > 500, `${valid} valid`);
  });
});

test('20,000 mutated headers parse as the oracle says, or are refused with a WeightseqError', () => {
  const seeds = ['all-dtypes', 'name-order', 'float-patterns', 'no-tensors'].map((file) => readFileSync(fixture(`safetensors/${file}.safetensors`)));
  const random = generator(20_000);
  const codes = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    const file = mutate(seeds[below(random, seeds.length)] ?? Buffer.alloc(0), seeds, random);
    let accepted: ReturnType<typeof parseHeader>;
    let header: Buffer;
    try {
      header = file.subarray(8, 8 + headerLength(file.subarray(0, 8), file.length, 'f'));
      accepted = parseHeader(header, file.length, 'f');
    } catch (error) {
      if (!(error instanceof WeightseqError)) throw error;
      assert.match(error.message, /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u);
      codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
      if (!['header-truncated', 'header-too-large', ...BLIND_SPOTS].includes(error.code)) {
        const length = Number(file.readBigUInt64LE());
        assert.equal(typeof oracle(file.subarray(8, 8 + length), file.length), 'string', `refused, though valid: ${error.message}`);
      }
      continue;
    }
    codes.set('valid', (codes.get('valid') ?? 0) + 1);
    const expected = oracle(header, file.length);
    if (typeof expected === 'string') assert.fail(`read, though the oracle says: ${expected}`);
    assertAgrees(expected, accepted, header.length, file.length);
  }
  assert.ok(codes.size >= 18, `mutations reach many rules: ${JSON.stringify([...codes])}`);
  assert.ok((codes.get('valid') ?? 0) > 500, 'and some stay valid');
});

function assertAgrees(expected: Exclude<ReturnType<typeof oracle>, string>, found: ReturnType<typeof parseHeader>, headerBytes: number, size: number): void {
  assert.deepEqual(new Map([...found.tensors].map(([key, { dtype, offset, bytes }]) => [key, { dtype, offset, bytes }])), expected);
  let end = 8 + headerBytes;
  for (const { offset, bytes } of found.tensors.values()) {
    assert.equal(offset, end, 'in the order of the data, without a hole');
    end += bytes;
  }
  assert.equal(end, size, 'never outside the file');
}

/** mulberry32: numbers in [0, 1), the same for the same seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function below(random: () => number, n: number): number {
  return Math.floor(random() * n);
}

const TOKENS = ['{', '}', '[', ']', ',', ':', '"', '\\', '//', '0', '1', '-1', '1.0', '1e1', 'null', ' ', '\n', '\u202e', '"a":1,', '"dtype":"F4",', '9007199254740993', '"__metadata__":{},', '"__proto__":', '[[', '\\u0000'];

/** One to three changes: flipped bits, bytes cut, doubled or spliced from another file, JSON tokens put in, digits changed, tensors moved. */
function mutate(original: Buffer, others: readonly Buffer[], random: () => number): Buffer {
  const length = Number(original.readBigUInt64LE());
  let header = original.subarray(8, 8 + length);
  let data = original.length - 8 - length;
  const splice = (at: number, cut: number, put: Uint8Array | string) => { header = Buffer.concat([header.subarray(0, at), Buffer.from(put as string), header.subarray(at + cut)]); };
  for (let n = 1 + below(random, 3); n > 0; n--) {
    const at = below(random, header.length);
    const kind = below(random, 9);
    if (kind === 0) splice(at, 1, Buffer.from([(header[at] ?? 0) ^ (1 << below(random, 8))]));
    else if (kind === 1) splice(at, below(random, 40), '');
    else if (kind === 2) splice(at, 0, TOKENS[below(random, TOKENS.length)] ?? '');
    else if (kind === 3) {
      const other = others[below(random, others.length)] ?? original;
      const from = 8 + below(random, Number(other.readBigUInt64LE()));
      splice(at, below(random, 60), other.subarray(from, from + below(random, 60)));
    } else if (kind === 4) splice(at, 0, header.subarray(at, at + below(random, 60)));
    else if (kind === 5) {
      const digit = header.findIndex((byte, i) => i >= at && byte >= 0x30 && byte <= 0x39);
      if (digit >= 0) splice(digit, 1, String(below(random, 10)));
    } else if (kind === 6) data = Math.max(0, data + below(random, 9) - 4);
    else if (kind === 7) {
      const offsets = [...header.toString('latin1').matchAll(/\[(\d+),(\d+)\]\}/g)];
      const [all, begin, end] = offsets[below(random, offsets.length)] ?? [];
      const by = below(random, 5) - 2;
      if (all !== undefined) splice(header.indexOf(all), all.length, `[${Number(begin) + by},${Number(end) + by}]}`);
    } else splice(header.length, 0, ' '.repeat(below(random, 9)));
  }
  const prefix = Buffer.alloc(8);
  const wrong = below(random, 20);
  prefix.writeBigUInt64LE(BigInt(Math.max(0, header.length + (wrong === 0 ? below(random, 17) - 8 : 0))));
  if (wrong === 1) prefix[below(random, 8)] = below(random, 256);
  return Buffer.concat([prefix, header, Buffer.alloc(data)]);
}

function attempt<T>(action: () => T): T | Error {
  try {
    return action();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

function plain(value: JsonValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value as ReadonlyMap<string, JsonValue>].map(([key, item]) => [key, plain(item)]));
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(plain);
  return value !== null && typeof value === 'object' && 'literal' in value ? Number(value.literal) : value;
}
