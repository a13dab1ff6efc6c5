import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countNonFinite, probeLowRank, type ProbeJob } from '../../src/engine/index.js';
import type { TensorInfo } from '../../src/types.js';
import { assertAgrees } from '../helpers/agree.js';
import { FLOAT_DTYPES, type FloatDtype } from '../helpers/reference.js';
import { rejected } from '../helpers/safetensors.js';
import { normals, randomJob, store, temporaryFolder } from '../helpers/tensors.js';

const CPU = { executionProvider: 'cpu' } as const;
const files = store(temporaryFolder());

function jobOf(left: TensorInfo, right: TensorInfo, rank: number, shape: readonly [number, number], seed = 3): ProbeJob {
  const { probes } = randomJob(files, { outputs: shape[0], inputs: shape[1], rank: 1 }, seed);
  return { delta: { left: { tensor: left, transposed: false }, right: { tensor: right, transposed: false }, rank, scale: 1 }, shape, probes };
}

describe('numbers that float32 cannot hold', () => {
  const cases: readonly (readonly [FloatDtype, left: number, right: number])[] = [
    ['F32', 1e30, 1e-30], ['F32', 1e-30, 1e30], ['F32', 1e25, 1e25], ['F32', 1e-25, 1e-20], ['F32', 3e37, 1], ['F32', 1e-40, 1],
    ['BF16', 1e30, 1e-30], ['BF16', 1e-38, 1e-38], ['F64', 1e200, 1e-200], ['F64', 1e-300, 1e300], ['F64', 1e-200, 1e50], ['F64', 1e100, 1e100],
  ];
  for (const [dtype, leftSize, rightSize] of cases) {
    it(`${dtype}: elements of about ${leftSize} times ${rightSize}`, async () => {
      for (const transposed of [false, true]) {
        const job = randomJob(files, { outputs: 23, inputs: 17, rank: 5, left: dtype, right: dtype, leftSize, rightSize, leftTransposed: transposed, rightTransposed: transposed }, 8);
        assertAgrees(job, await probeLowRank(job, CPU), files);
      }
    });
  }

  it('columns of very different size, each undone by its row', async () => {
    const sizes = [1e200, 1e-200, 1];
    const next = normals(4);
    const left = files.put('F64', [7, 3], Array.from({ length: 21 }, (_, i) => next() * (sizes[i % 3] ?? 0)));
    const right = files.put('F64', [3, 5], Array.from({ length: 15 }, (_, i) => next() / (sizes[Math.floor(i / 5)] ?? 1)));
    const job = jobOf(left, right, 3, [7, 5]);
    assertAgrees(job, await probeLowRank(job, CPU), files);
  });

  it('a tiny column beside a large one', async () => {
    const next = normals(4);
    const left = files.put('F32', [7, 2], Array.from({ length: 14 }, (_, i) => next() * (i % 2 ? 1e-30 : 1)));
    const right = files.put('F32', [2, 5], Array.from({ length: 10 }, (_, i) => next() * (i < 5 ? 1e-8 : 1e30)));
    const job = jobOf(left, right, 2, [7, 5]);
    assertAgrees(job, await probeLowRank(job, CPU), files);
  });

  it('a factor of zeros, as in an adapter that was never trained', async () => {
    const left = files.put('BF16', [7, 2], new Array<number>(14).fill(0));
    const job = jobOf(left, files.put('BF16', [2, 5], Array.from({ length: 10 }, normals(1))), 2, [7, 5]);
    const reading = await probeLowRank(job, CPU);
    assert.equal(reading.deltaNorm, 0);
    assert.deepEqual(reading.coordinates.get('probe 0'), new Float64Array(2));
    assert.deepEqual(reading.nonFinite, []);
  });

  it('columns of zeros beside others', async () => {
    const next = normals(6);
    const left = files.put('F16', [7, 3], Array.from({ length: 21 }, (_, i) => (i % 3 === 1 ? 0 : next())));
    const job = jobOf(left, files.put('F16', [3, 5], Array.from({ length: 15 }, next)), 3, [7, 5]);
    assertAgrees(job, await probeLowRank(job, CPU), files);
  });

  it('factors that cancel almost wholly', async () => {
    const next = normals(7);
    const column = Array.from({ length: 31 }, next);
    const row = Array.from({ length: 29 }, next);
    const left = files.put('F32', [31, 2], column.flatMap((value) => [value, value * (1 + 1e-4 * next())]));
    const job = jobOf(left, files.put('F32', [2, 29], [...row, ...row.map((value) => -value)]), 2, [31, 29]);
    assertAgrees(job, await probeLowRank(job, CPU), files);
  });
});

describe('NaN and infinity', () => {
  for (const dtype of FLOAT_DTYPES) {
    it(`${dtype}: counted exactly, in either factor`, async () => {
      const infinite = dtype === 'F8_E4M3' ? [] : [Infinity, -Infinity, -Infinity];
      const next = normals(9);
      const bad = [NaN, ...infinite, NaN, ...Array.from({ length: 16 - infinite.length }, next)];
      const good = Array.from({ length: 12 }, next);
      const expected = { nan: 2, infinite: infinite.length };
      for (const side of ['left', 'right'] as const) {
        const left = files.put(dtype, side === 'left' ? [9, 2] : [6, 2], side === 'left' ? bad : good);
        const right = files.put(dtype, side === 'left' ? [2, 6] : [2, 9], side === 'left' ? good : bad);
        const reading = await probeLowRank(jobOf(left, right, 2, side === 'left' ? [9, 6] : [6, 9]), CPU);
        assert.deepEqual(reading.nonFinite, [{ tensor: side === 'left' ? left : right, ...expected }]);
        assert.equal(reading.deltaNorm, NaN);
        assert.deepEqual(reading.coordinates.get('probe 0'), Float64Array.of(NaN, NaN));
      }
    });
  }

  it('in both factors', async () => {
    const left = files.put('F32', [2, 1], [NaN, 1]);
    const right = files.put('F32', [1, 3], [0, Infinity, NaN]);
    const { nonFinite } = await probeLowRank(jobOf(left, right, 1, [2, 3]), CPU);
    assert.deepEqual(nonFinite, [{ tensor: left, nan: 1, infinite: 0 }, { tensor: right, nan: 1, infinite: 1 }]);
  });

  it('in a probe: the signature is at fault', async () => {
    const job = randomJob(files, { outputs: 4, inputs: 3, rank: 2 }, 5);
    const V = files.put('F16', [3, 1], [1, NaN, 0]);
    const error = await rejected(probeLowRank({ ...job, probes: [{ key: 'bad', U: files.put('F16', [4, 1], [1, 1, 1, 1]), V, columns: 1 }] }, CPU));
    assert.equal(error.code, 'signature-invalid');
    assert.equal(error.tensor, V.name);
  });
});

describe('countNonFinite', () => {
  for (const dtype of FLOAT_DTYPES) {
    it(`${dtype}: any shape, at any byte`, async () => {
      const values = [1, NaN, -2, 0.5, NaN, 0, NaN, ...(dtype === 'F8_E4M3' ? [] : [Infinity]), ...(dtype === 'F64' ? [1e300] : [])];
      for (const shape of [[values.length], [1, values.length, 1]]) {
        const counts = await countNonFinite(files.put(dtype, shape, values, { skip: 3 }), CPU);
        assert.deepEqual(counts, { nan: 3, infinite: dtype === 'F8_E4M3' ? 0 : 1 });
      }
    });
  }

  it('counts over several tiles and sessions', async () => {
    const values = new Array<number>(2_600_000).fill(1);
    for (const at of [0, 1_048_575, 1_048_576, 2_097_152, 2_599_999]) values[at] = NaN;
    assert.deepEqual(await countNonFinite(files.put('F64', [1300, 2000], values), CPU), { nan: 5, infinite: 0 });
  });

  it('reads neither integers nor empty tensors', async () => {
    const absent = { name: 'x', shape: [3], file: '/nowhere', offset: 0, bytes: 3 } as const;
    assert.deepEqual(await countNonFinite({ ...absent, dtype: 'I8' }, CPU), { nan: 0, infinite: 0 });
    assert.deepEqual(await countNonFinite({ ...absent, dtype: 'F32', shape: [0, 3], bytes: 0 }, CPU), { nan: 0, infinite: 0 });
  });
});
