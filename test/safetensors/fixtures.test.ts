import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { DTYPES } from '../../src/safetensors/dtype.js';
import { openSafetensors, readTensorBytes } from '../../src/safetensors/file.js';
import { decodeFloats } from '../../src/safetensors/values.js';
import type { TensorInfo } from '../../src/types.js';
import { fixture } from '../helpers/fixtures.js';
import { rejected, thrown } from '../helpers/safetensors.js';

interface Golden {
  readonly bytes: number;
  readonly metadata: Record<string, string>;
  readonly tensors: Record<string, { dtype: string; shape: number[]; offset: number; bytes: number; sha256: string }>;
}

/** Files that the official Python packages wrote (make_safetensors.py), with what Python says of them beside. */
describe('files of the official Python package', () => {
  for (const name of ['all-dtypes', 'name-order']) {
    test(`${name}: every tensor lies where Python says, with the bytes that Python says`, async () => {
      const path = fixture(`safetensors/${name}.safetensors`);
      const golden = JSON.parse(readFileSync(fixture(`safetensors/${name}.json`), 'utf8')) as Golden;
      const file = await openSafetensors(path);
      assert.equal(file.bytes, golden.bytes);
      assert.deepEqual([...file.metadata], Object.entries(golden.metadata));
      assert.deepEqual([...file.tensors.keys()].sort(), Object.keys(golden.tensors).sort());
      for (const [key, expected] of Object.entries(golden.tensors)) {
        const tensor = file.tensors.get(key);
        assert.ok(tensor !== undefined);
        const sha256 = createHash('sha256').update(await readTensorBytes(tensor)).digest('hex');
        const { dtype, shape, offset, bytes } = tensor;
        assert.deepEqual({ dtype, shape, offset, bytes, sha256 }, expected, key);
      }
    });
  }

  test('all-dtypes holds all 15', async () => {
    const file = await openSafetensors(fixture('safetensors/all-dtypes.safetensors'));
    assert.deepEqual(new Set([...file.tensors.values()].map(({ dtype }) => dtype)), new Set(DTYPES));
  });

  test('a file without tensors', async () => {
    const file = await openSafetensors(fixture('safetensors/no-tensors.safetensors'));
    assert.deepEqual([file.tensors.size, file.metadata.size, file.bytes], [0, 0, 16]);
  });
});

describe('decodeFloats', () => {
  const read = async (name: string, file = 'float-patterns'): Promise<[TensorInfo, Uint8Array]> => {
    const tensor = (await openSafetensors(fixture(`safetensors/${file}.safetensors`))).tensors.get(name);
    assert.ok(tensor !== undefined, name);
    return [tensor, await readTensorBytes(tensor)];
  };

  for (const [dtype, count] of [['F16', 256], ['BF16', 1536], ['F32', 1024]] as const) {
    test(`${dtype}: every sign and exponent as torch converts it, −0, subnormals, infinity and NaN included`, async () => {
      const found = decodeFloats(...await read(dtype));
      const [, raw] = await read(`${dtype}.float64`);
      const expected = new Float64Array(raw.slice().buffer);
      assert.equal(found.length, count);
      // as lists, which are compared by Object.is: −0 is not 0, and any NaN is NaN
      assert.deepEqual([...found], [...expected]);
      assert.ok(found.some(Number.isNaN) && found.includes(Infinity) && found.some((x) => Object.is(x, -0)));
    });
  }

  test('F64 and a scalar', async () => {
    assert.deepEqual(decodeFloats(...await read('scalar', 'all-dtypes')), Float64Array.of(2.5));
    const doubles = decodeFloats(...await read('floats.float64', 'all-dtypes'));
    const singles = decodeFloats(...await read('floats.float32', 'all-dtypes'));
    assert.deepEqual(doubles, singles);
  });

  test('no elements', async () => {
    assert.equal(decodeFloats(...await read('empty', 'all-dtypes')).length, 0);
  });

  test('bytes that lie at an odd place of a buffer', async () => {
    const [tensor, bytes] = await read('F32');
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    assert.deepEqual(decodeFloats(tensor, shifted.subarray(1)), decodeFloats(tensor, bytes));
  });

  test('another dtype: unknown-dtype', async () => {
    const [tensor, bytes] = await read('integers.int64', 'all-dtypes');
    const error = thrown(() => decodeFloats(tensor, bytes));
    assert.deepEqual([error.code, error.tensor], ['unknown-dtype', 'integers.int64']);
  });

  test('bytes of another size: size-mismatch', async () => {
    const [tensor, bytes] = await read('F16');
    const error = thrown(() => decodeFloats(tensor, bytes.subarray(2)));
    assert.equal(error.code, 'size-mismatch');
    assert.match(error.message, /expected 512 bytes of data, found 510/);
  });

  test('a tensor above 1 GiB is not read into memory', async () => {
    const [tensor] = await read('F16');
    assert.equal((await rejected(readTensorBytes({ ...tensor, bytes: 2 ** 30 + 2 }))).code, 'unreadable-file');
  });
});
