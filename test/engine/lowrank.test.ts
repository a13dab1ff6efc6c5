import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { probeLowRank, probeLowRanks } from '../../src/engine/index.js';
import { assertAgrees } from '../helpers/agree.js';
import { FLOAT_DTYPES } from '../helpers/reference.js';
import { randomJob, store, temporaryFolder, type Spec } from '../helpers/tensors.js';

const CPU = { executionProvider: 'cpu' } as const;
const files = store(temporaryFolder());

async function check(spec: Spec, seed = 1): Promise<void> {
  const job = randomJob(files, spec, seed);
  assertAgrees(job, await probeLowRank(job, CPU), files);
}

const SHAPES: readonly (readonly [name: string, spec: Spec])[] = [
  ['1 × 1', { outputs: 1, inputs: 1, rank: 1 }],
  ['1 × n', { outputs: 1, inputs: 37, rank: 3 }],
  ['n × 1', { outputs: 41, inputs: 1, rank: 2 }],
  ['rank above both sides', { outputs: 3, inputs: 5, rank: 11 }],
  ['rank 1', { outputs: 29, inputs: 31, rank: 1 }],
  ['prime sizes', { outputs: 61, inputs: 47, rank: 7, scale: -0.37 }],
  ['one column', { outputs: 13, inputs: 17, rank: 4, probes: [{ columns: 1 }] }],
  ['more columns than rank', { outputs: 19, inputs: 23, rank: 2, probes: [{ columns: 9 }] }],
  ['no probe', { outputs: 19, inputs: 23, rank: 2, probes: [] }],
  ['a probe without columns', { outputs: 5, inputs: 4, rank: 2, probes: [{ columns: 0 }, { columns: 1 }] }],
  ['several probes', { outputs: 19, inputs: 23, rank: 5, probes: [{ columns: 3, U: 'F16', V: 'F16' }, { columns: 1, U: 'BF16', V: 'F32' }, { columns: 4, U: 'F32', V: 'F16' }] }],
];

describe('probeLowRank against the plain reference', () => {
  for (const dtype of FLOAT_DTYPES) {
    for (const [name, spec] of SHAPES) {
      it(`${dtype}, ${name}`, async () => {
        for (const leftTransposed of [false, true]) {
          for (const rightTransposed of [false, true]) await check({ ...spec, left: dtype, right: dtype, leftTransposed, rightTransposed });
        }
      });
    }

    it(`${dtype}, at any byte`, async () => {
      for (const skip of [1, 2, 3, 4, 5, 7, 8]) await check({ outputs: 23, inputs: 19, rank: 3, left: dtype, right: dtype, rightTransposed: true, skip });
    });

    it(`${dtype}, some rows of a fused weight`, async () => {
      for (const rightTransposed of [false, true]) {
        await check({ outputs: 7, inputs: 19, rank: 3, left: dtype, stored: 20, rows: [[9, 7]], rightTransposed });
        await check({ outputs: 13, inputs: 19, rank: 3, left: dtype, stored: 31, rows: [[21, 7], [0, 1], [3, 5]], rightTransposed, skip: 3 });
      }
      await check({ outputs: 8197, inputs: 2, rank: 67, left: dtype, stored: 20_000, rows: [[5, 4000], [9000, 4197]] });
    });

    it(`${dtype} × any other`, async () => {
      for (const right of FLOAT_DTYPES) await check({ outputs: 17, inputs: 31, rank: 3, left: dtype, right, probes: [{ columns: 2, U: dtype, V: right }] });
    });

    it(`${dtype}, several tiles`, async () => {
      await check({ outputs: 8197, inputs: 2, rank: 67, left: dtype, right: dtype });
      await check({ outputs: 2, inputs: 8197, rank: 67, left: dtype, right: dtype });
    });
  }

  it('any small job', async () => {
    const size = fc.integer({ min: 1, max: 24 });
    const dtype = fc.constantFrom(...FLOAT_DTYPES);
    const spec = fc.record({
      outputs: size, inputs: size, rank: size, left: dtype, right: dtype, leftTransposed: fc.boolean(), rightTransposed: fc.boolean(),
      scale: fc.integer({ min: -400, max: 400 }).map((hundredths) => hundredths / 100), skip: fc.integer({ min: 0, max: 9 }),
      probes: fc.array(fc.record({ columns: size, U: dtype, V: dtype }), { maxLength: 3 }),
    });
    await fc.assert(fc.asyncProperty(spec, fc.integer(), check), { numRuns: 200 });
  });

  it('of some rows, where float32 does not suffice', async () => {
    for (const leftSize of [1e-30, 1e30]) await check({ outputs: 6, inputs: 5, rank: 2, left: 'F64', leftSize, stored: 14, rows: [[2, 3], [9, 3]] });
  });

  it('takes several weights at once, in their order', async () => {
    const jobs = [3, 1, 7, 2].map((rank) => randomJob(files, { outputs: 10 + rank, inputs: 12, rank }, rank));
    const readings = await probeLowRanks(jobs, CPU);
    assert.equal(readings.length, jobs.length);
    jobs.forEach((job, i) => { assertAgrees(job, readings[i] ?? assert.fail(), files); });
  });
});

describe('closed forms', () => {
  const identity = (n: number): number[] => Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));

  it('orthonormal factors have the norm √rank', async () => {
    for (const dtype of FLOAT_DTYPES) {
      const factor = files.put(dtype, [9, 9], identity(9));
      const { deltaNorm } = await probeLowRank({ delta: { left: { tensor: factor, transposed: false }, right: { tensor: factor, transposed: true }, rank: 9, scale: 1 }, shape: [9, 9], probes: [] }, CPU);
      assert.equal(deltaNorm, 3, dtype);
    }
  });

  it('unit probes of the identity are its elements', async () => {
    const factor = { tensor: files.put('BF16', [5, 5], identity(5)), transposed: false };
    const U = files.put('F16', [5, 5], identity(5));
    const { coordinates } = await probeLowRank({ delta: { left: factor, right: factor, rank: 5, scale: -2 }, shape: [5, 5], probes: [{ key: 'diagonal', U, V: U, columns: 5 }] }, CPU);
    assert.deepEqual(coordinates.get('diagonal'), Float64Array.of(-2, -2, -2, -2, -2));
  });

  it('a scale of zero gives zero', async () => {
    const reading = await probeLowRank(randomJob(files, { outputs: 4, inputs: 3, rank: 2, scale: 0 }, 5), CPU);
    assert.equal(reading.deltaNorm, 0);
    assert.ok(reading.coordinates.get('probe 0')?.every((value) => value === 0));
  });

  it('nothing times anything is zero: rank 0, no outputs, no inputs, and no session is made for it', async () => {
    for (const [outputs, inputs, rank] of [[4, 3, 0], [0, 3, 2], [4, 0, 2]] as const) {
      const reading = await probeLowRank(randomJob(files, { outputs, inputs, rank, probes: [{ columns: 3 }] }, 5), CPU);
      assert.deepEqual(reading, { deltaNorm: 0, coordinates: new Map([['probe 0', new Float64Array(3)]]), nonFinite: [], cancels: false });
    }
  });
});
