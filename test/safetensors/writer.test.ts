import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../../src/errors.js';
import { openSafetensors, readTensorBytes } from '../../src/safetensors/file.js';
import { writeSafetensors, type TensorData } from '../../src/safetensors/writer.js';
import type { Dtype } from '../../src/types.js';
import { fixture, temporaryFolder } from '../helpers/fixtures.js';
import { rejected } from '../helpers/safetensors.js';

const bytes = (name: string, n = 1): TensorData => ({ name, dtype: 'U8', shape: [n], data: new Uint8Array(n) });

describe('writeSafetensors', () => {
  for (const name of ['all-dtypes', 'name-order', 'float-patterns', 'no-tensors']) {
    test(`${name}: from its parts in any order, the very bytes that Python wrote`, async (t) => {
      const original = fixture(`safetensors/${name}.safetensors`);
      const { tensors, metadata } = await openSafetensors(original);
      const parts = await Promise.all([...tensors.values()].map(async (tensor) => ({ ...tensor, data: await readTensorBytes(tensor) })));
      const path = join(temporaryFolder(t), 'copy.safetensors');
      for (const given of [parts, parts.toReversed()]) {
        await writeSafetensors(path, given, metadata);
        assert.ok(readFileSync(path).equals(readFileSync(original)));
      }
    });
  }

  const REFUSED: Record<string, [tensors: TensorData[], metadata: [string, string][], code: ErrorCode]> = {
    'a name twice': [[bytes('a'), bytes('a')], [], 'duplicate-key'],
    'an empty name': [[bytes('')], [], 'unsafe-name'],
    'a name with a control character': [[bytes('a\n')], [], 'unsafe-name'],
    'a tensor called __metadata__': [[bytes('__metadata__')], [], 'bad-metadata'],
    'a tensor called __metadata__ beside metadata': [[bytes('__metadata__')], [['k', 'v']], 'duplicate-key'],
    'data of another size': [[{ ...bytes('a', 4), shape: [3] }], [], 'size-mismatch'],
    'a negative dimension': [[{ ...bytes('a'), shape: [-1] }], [], 'bad-shape'],
    'a dimension that is no number': [[{ ...bytes('a'), shape: [NaN] }], [], 'bad-shape'],
    'a dtype that is not read': [[{ ...bytes('a'), dtype: 'F4' as Dtype }], [], 'unknown-dtype'],
    'half a surrogate pair in the metadata': [[], [['k', '\ud800']], 'bad-metadata'],
  };
  for (const [what, [tensors, metadata, code]] of Object.entries(REFUSED)) {
    test(`${what}: ${code}, and nothing is written`, async (t) => {
      const folder = temporaryFolder(t);
      const error = await rejected(writeSafetensors(join(folder, 'f'), tensors, new Map(metadata)));
      assert.equal(error.code, code, error.message);
      assert.deepEqual(readdirSync(folder), []);
    });
  }

  test('a file that is there is replaced whole, and kept when the new one is refused', async (t) => {
    const path = join(temporaryFolder(t), 'f');
    writeFileSync(path, 'old');
    await rejected(writeSafetensors(path, [bytes('')]));
    assert.equal(readFileSync(path, 'utf8'), 'old');
    await writeSafetensors(path, [bytes('a')]);
    assert.deepEqual([...(await openSafetensors(path)).tensors.keys()], ['a']);
  });

  test('data that are a view of a larger buffer', async (t) => {
    const path = join(temporaryFolder(t), 'f');
    const whole = Uint8Array.of(1, 2, 3, 4, 5);
    await writeSafetensors(path, [{ name: 'a', dtype: 'U8', shape: [3], data: whole.subarray(1, 4) }]);
    const tensor = (await openSafetensors(path)).tensors.get('a') ?? assert.fail();
    assert.deepEqual([...await readTensorBytes(tensor)], [2, 3, 4]);
  });
});
