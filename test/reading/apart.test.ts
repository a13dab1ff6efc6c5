import assert from 'node:assert/strict';
import { closeSync, openSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { WeightseqError } from '../../src/errors.js';
import { readModelApart } from '../../src/reading/apart.js';
import { readModel } from '../../src/reading/model-read.js';
import { planModel } from '../../src/reading/model-plan.js';
import type { DenseWeight, ModelCheckpoint } from '../../src/types.js';
import { temporaryFolder } from '../helpers/fixtures.js';

const SIDE = 1024;
const BYTES = SIDE * SIDE * 4;

/** A checkpoint of so many 4 MiB matrices in one file, a few numbers at the start of each and holes behind. */
function checkpoint(t: TestContext, count: number): ModelCheckpoint {
  const file = join(temporaryFolder(t), 'model.safetensors');
  const handle = openSync(file, 'w');
  for (let i = 0; i < count; i++) writeSync(handle, Buffer.from(Float32Array.of(1 + i, -2, 3).buffer), 0, 12, i * BYTES);
  closeSync(handle);
  truncateSync(file, count * BYTES);
  const weights = Array.from({ length: count }, (_, i): DenseWeight => ({
    name: `${i}.q`, role: 'q', layer: i, module: `layers.${i}.q`, shape: [SIDE, SIDE],
    values: { tensor: { name: `layers.${i}.q`, dtype: 'F32', shape: [SIDE, SIDE], file, offset: i * BYTES, bytes: BYTES }, transposed: false, outputs: [[0, SIDE]] },
  }));
  return { path: file, kind: 'checkpoint', files: [file], decides: [], bytes: count * BYTES, architecture: { name: null, known: false }, weights, vectors: [], buffers: [], gaps: [] };
}

describe('reading in a process of its own', () => {
  it('gives what reading in this one gives, in the same order', async (t) => {
    const plan = planModel(checkpoint(t, 3), []);
    const apart = await readModelApart(plan, { executionProvider: 'cpu' });
    assert.deepEqual(apart, await readModel(plan, { executionProvider: 'cpu' }));
    // |W|² of the first is 1 + 4 + 9.
    assert.ok(Math.abs((apart.weights[0]?.norm ?? NaN) - Math.sqrt(14)) < 1e-6);
  });

  it('a file that is truncated meanwhile takes neither the report nor a clean result with it', async (t) => {
    const model = checkpoint(t, 96);
    const [file] = model.files;
    assert.ok(file);
    let cut = false;
    const outcome = await readModelApart(planModel(model, []), { executionProvider: 'cpu' }, () => {
      if (!cut) truncateSync(file, 4096);
      cut = true;
    }).then((reading) => reading.failed.length, (error: unknown) => {
      assert.ok(error instanceof WeightseqError);
      assert.equal(error.code, 'engine-failed');
      return Infinity;
    });
    assert.ok(cut);
    assert.ok(outcome > 0, 'nothing was noticed');
  });
});
