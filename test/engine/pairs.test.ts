import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gramsOfPair, type PairJob } from '../../src/engine/index.js';
import type { Factor } from '../../src/types.js';
import { FLOAT_DTYPES } from '../helpers/reference.js';
import { randomJob, store, temporaryFolder, type Spec } from '../helpers/tensors.js';

const CPU = { executionProvider: 'cpu' } as const;
const files = store(temporaryFolder());

/** Column j of an `length` × rank factor, or row j of a rank × `length` one, as the file holds it. */
function line({ tensor, transposed, rows }: Factor, isLeft: boolean, length: number, rank: number, j: number): number[] {
  const values = files.valuesOf(tensor);
  const isWide = isLeft === transposed;
  const stored = (rows ?? [[0, length]]).flatMap(([first, count]) => Array.from({ length: count }, (_, i) => first + i));
  return Array.from({ length }, (_, i) => (isWide ? values[j * length + i] : values[(stored[i] ?? Number.NaN) * rank + j]) ?? Number.NaN);
}

/** X'Y in plain sums. */
function gram(X: readonly number[][], Y: readonly number[][]): number[] {
  return X.flatMap((x) => Y.map((y) => x.reduce((sum, v, i) => sum + v * (y[i] ?? Number.NaN), 0)));
}

async function check(specA: Spec, specB: Spec): Promise<void> {
  const { delta: a, shape } = randomJob(files, { ...specA, probes: [] }, 3);
  const { delta: b } = randomJob(files, { ...specB, probes: [] }, 4);
  const job: PairJob = { a, b, shape };
  const found = await gramsOfPair(job, CPU);
  for (const side of ['left', 'right'] as const) {
    const length = shape[side === 'left' ? 0 : 1];
    const P = Array.from({ length: a.rank }, (_, j) => line(a[side], side === 'left', length, a.rank, j));
    const Q = Array.from({ length: b.rank }, (_, j) => line(b[side], side === 'left', length, b.rank, j));
    for (const [name, actual, expected, [xs, ys]] of [['aa', found[side].aa, gram(P, P), [P, P]], ['ab', found[side].ab, gram(P, Q), [P, Q]], ['bb', found[side].bb, gram(Q, Q), [Q, Q]]] as const) {
      assert.equal(actual.length, expected.length);
      const size = Math.max(...xs.map((x) => Math.hypot(...x))) * Math.max(...ys.map((y) => Math.hypot(...y)));
      expected.forEach((value, i) => { assert.ok(Math.abs((actual[i] ?? Number.NaN) - value) <= 1e-12 * size, `${side} ${name} ${i}: ${actual[i] ?? 'nothing'}, expected ${value}`); });
    }
  }
}

describe('gramsOfPair against plain sums', () => {
  for (const dtype of FLOAT_DTYPES) {
    it(`${dtype} with each other type, stored either way`, async () => {
      for (const other of FLOAT_DTYPES) {
        for (const transposed of [false, true]) {
          await check({ outputs: 13, inputs: 7, rank: 3, left: dtype, right: other, leftTransposed: transposed }, { outputs: 13, inputs: 7, rank: 5, left: other, right: dtype, rightTransposed: transposed });
        }
      }
    });
  }

  it('rows of a fused weight beside one that is not, and beside other rows', async () => {
    await check({ outputs: 12, inputs: 4, rank: 2, stored: 30, rows: [[9, 7], [20, 5]] }, { outputs: 12, inputs: 4, rank: 3 });
    await check({ outputs: 12, inputs: 4, rank: 2, stored: 30, rows: [[9, 7], [20, 5]] }, { outputs: 12, inputs: 4, rank: 1, stored: 14, rows: [[0, 5], [7, 7]] });
    await check({ outputs: 12, inputs: 4, rank: 2, leftTransposed: true }, { outputs: 12, inputs: 4, rank: 1, stored: 14, rows: [[0, 5], [7, 7]] });
  });

  it('several tiles of the same rows, whatever the ranks are', async () => {
    await check({ outputs: 70_001, inputs: 3, rank: 3 }, { outputs: 70_001, inputs: 3, rank: 30 });
    await check({ outputs: 3, inputs: 70_001, rank: 30, right: 'BF16' }, { outputs: 3, inputs: 70_001, rank: 2, rightTransposed: true });
  });

  it('one row, one column', async () => {
    await check({ outputs: 1, inputs: 1, rank: 1 }, { outputs: 1, inputs: 1, rank: 4 });
  });

  it('of rank 0 there is nothing', async () => {
    const { delta: a, shape } = randomJob(files, { outputs: 5, inputs: 4, rank: 0, probes: [] }, 1);
    const { delta: b } = randomJob(files, { outputs: 5, inputs: 4, rank: 2, probes: [] }, 2);
    const { left, right } = await gramsOfPair({ a, b, shape }, CPU);
    for (const { aa, ab, bb } of [left, right]) assert.deepEqual([aa.length, ab.length, bb.length], [0, 0, 4]);
  });
});
