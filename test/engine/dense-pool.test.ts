import assert from 'node:assert/strict';
import { truncateSync, unlinkSync } from 'node:fs';
import { describe, it } from 'node:test';
import { probeAllDense, probeDense, readVector, type DenseJob, type DenseReading } from '../../src/engine/index.js';
import { WeightseqError } from '../../src/errors.js';
import { DTYPES } from '../../src/safetensors/dtype.js';
import { assertDense, normals, put, randomProbes, randomWeight, valuesOf, type Spec } from '../helpers/dense.js';
import { FLOAT_DTYPES, type FloatDtype } from '../helpers/reference.js';
import { rejected } from '../helpers/safetensors.js';

const CPU = { executionProvider: 'cpu' } as const;
const SIGNS = { seed: 0, columns: 4 };

function jobOf(spec: Spec, seed = 1): DenseJob {
  return { weight: randomWeight(spec, seed), probes: randomProbes(spec.shape, [2], seed + 100), signs: SIGNS };
}

/** A job on given numbers. */
function jobWith(dtype: FloatDtype, shape: readonly [number, number], values: readonly number[], folder = 'model'): DenseJob {
  const job = jobOf({ shape: [...shape], dtype: 'F8_E4M3' });
  return { ...job, weight: { ...job.weight, values: { ...job.weight.values, tensor: put(dtype, shape, values, folder) } } };
}

async function readingsOf(jobs: Iterable<DenseJob>, threads?: number): Promise<(DenseReading | WeightseqError)[]> {
  const readings = [];
  for await (const { reading } of probeAllDense(jobs, { ...CPU, ...(threads === undefined ? {} : { threads }) })) readings.push(reading);
  return readings;
}

describe('numbers that float32 cannot hold', () => {
  const sizes: readonly (readonly [FloatDtype, number])[] = [['F32', 1e30], ['F32', 1e-30], ['F32', 1e-42], ['BF16', 1e37], ['BF16', 1e-38], ['F64', 1e150], ['F64', 1e-150]];
  for (const [dtype, size] of sizes) {
    it(`${dtype} of about ${size}`, async () => {
      const job = jobOf({ shape: [37, 29], dtype, size });
      const reading = await probeDense(job, CPU);
      assertDense(job, reading);
      assert.deepEqual(reading.errors.get('trait 0'), new Float64Array(2), 'read in float64');
    });
  }

  it('beyond float64: said, not guessed', async () => {
    const error = await rejected(probeDense(jobOf({ shape: [3, 4], dtype: 'F64', size: 1e200 }), CPU));
    assert.equal(error.code, 'engine-failed');
    assert.match(error.message, /so large/);
  });

  it('zeros, with and without sign probes', async () => {
    const job = jobWith('BF16', [5, 7], new Array<number>(35).fill(0));
    for (const signs of [SIGNS, null]) assert.equal((await probeDense({ ...job, signs }, CPU)).norm, 0);
  });
});

describe('NaN and infinity', () => {
  for (const dtype of FLOAT_DTYPES) {
    it(`${dtype}: counted exactly, and no number is given`, async () => {
      const infinite = dtype === 'F8_E4M3' ? [] : [Infinity, -Infinity, -Infinity];
      const next = normals(9);
      const values = [NaN, ...infinite, NaN, ...Array.from({ length: 300 * 7 - 2 - infinite.length }, next)];
      const job = jobWith(dtype, [300, 7], values);
      const reading = await probeDense(job, CPU);
      assert.deepEqual(reading.nonFinite, { nan: 2, infinite: infinite.length });
      assert.ok(Number.isNaN(reading.norm));
      assert.ok([...reading.coordinates.get('trait 0') ?? [], ...reading.signs ?? []].every(Number.isNaN));
      assert.equal(reading.signs?.length, 16);
      // Only what is taken of a fused weight counts: the first rows hold the bad numbers.
      const { weight } = job;
      const clean = { ...weight, shape: [298, 7] as const, values: { ...weight.values, outputs: [[2, 298]] as const } };
      assert.deepEqual((await probeDense({ weight: clean, probes: [], signs: SIGNS }, CPU)).nonFinite, { nan: 0, infinite: 0 });
    });
  }

  it('in the base: the base is named', async () => {
    const job = jobOf({ shape: [6, 5] });
    const base = jobWith('F32', [6, 5], [...Array.from({ length: 29 }, normals(4)), Infinity], 'base').weight;
    const error = await rejected(probeDense({ ...job, base }, CPU));
    assert.equal(error.code, 'engine-failed');
    assert.equal(error.file, base.values.tensor.file);
    assert.match(error.message, /base holds 0 NaN and 1 infinite/);
  });

  it('in a probe: the signature is at fault, in either side', async () => {
    for (const side of ['U', 'V'] as const) {
      const job = jobOf({ shape: [6, 5] });
      const bad = put('F32', [side === 'U' ? 6 : 5, 2], Array.from({ length: side === 'U' ? 12 : 10 }, (_, i) => (i === 3 ? NaN : 1)));
      const probes = job.probes.map((probe) => ({ ...probe, [side]: bad }));
      const error = await rejected(probeDense({ ...job, probes }, CPU));
      assert.equal(error.code, 'signature-invalid');
      assert.equal(error.file, bad.file);
      await assert.rejects(readingsOf([jobOf({ shape: [6, 5] }), { ...job, probes }], 2), (thrown: unknown) => thrown instanceof WeightseqError && thrown.code === 'signature-invalid');
    }
  });
});

describe('many weights', () => {
  for (const threads of [1, 2, undefined]) {
    it(`${threads ?? 'any number of'} threads: the same numbers in the same order as one at a time`, async () => {
      const jobs = Array.from({ length: 23 }, (_, i) => jobOf({ shape: [7 + i, 60 - i], transposed: i % 3 === 0 }, i));
      const found = await readingsOf(jobs, threads);
      assert.equal(found.length, jobs.length);
      for (const [i, job] of jobs.entries()) assert.deepEqual(found[i], await probeDense(job, CPU));
    });
  }

  it('gives the caller its own job back, whatever else that carries', async () => {
    const jobs = [{ ...jobOf({ shape: [4, 4] }), callback: () => 'not to be sent to a thread' }];
    for await (const { job } of probeAllDense(jobs, { ...CPU, threads: 2 })) assert.equal(job, jobs[0]);
  });

  it('a weight that cannot be read gives its error, and hides no other', async () => {
    for (const threads of [1, 2]) {
      const jobs = Array.from({ length: 6 }, (_, i) => jobOf({ shape: [9, 5] }, i));
      unlinkSync(jobs[1]?.weight.values.tensor.file ?? '');
      truncateSync(jobs[3]?.weight.values.tensor.file ?? '', 10);
      const wrong = jobs.map((job, i) => (i === 4 ? { ...job, weight: { ...job.weight, shape: [9, 6] as const } } : job));
      const readings = await readingsOf(wrong, threads);
      assert.deepEqual(readings.map((reading) => (reading instanceof WeightseqError ? reading.code : 'read')), ['read', 'engine-failed', 'read', 'engine-failed', 'engine-failed', 'read']);
      const truncated = readings[3];
      assert.ok(truncated instanceof WeightseqError && truncated.file === jobs[3]?.weight.values.tensor.file && truncated.mend !== undefined);
    }
  });

  it('ends its threads when the caller stops early', async () => {
    const jobs = Array.from({ length: 40 }, (_, i) => jobOf({ shape: [30, 20] }, i));
    for await (const { reading } of probeAllDense(jobs, { ...CPU, threads: 2 })) {
      assert.ok(!(reading instanceof WeightseqError));
      break;
    }
    // The test would not end if a thread were left.
  });

  it('does not take all jobs at once', async () => {
    let taken = 0;
    function* jobs(): Generator<DenseJob> {
      const job = jobOf({ shape: [30, 20] });
      for (; taken < 1000; taken++) yield job;
    }
    for await (const { reading } of probeAllDense(jobs(), { ...CPU, threads: 2 })) {
      assert.ok(!(reading instanceof WeightseqError));
      break;
    }
    assert.ok(taken < 100, `${taken}`);
  });

  it('nothing at all', async () => { assert.deepEqual(await readingsOf([]), []); });
});

describe('vectors', () => {
  for (const dtype of DTYPES) {
    it(dtype, async () => {
      const next = normals(3);
      const values = Array.from({ length: 131 }, () => (dtype === 'BOOL' ? Number(next() > 0) : Math.abs(next() * 30)));
      const tensor = put(dtype, [131], values);
      assert.deepEqual([...await readVector(tensor)], [...valuesOf(tensor)]);
    });
  }

  it('NaN and infinity stay what they are; nothing gives nothing; another shape is refused', async () => {
    assert.deepEqual([...await readVector(put('BF16', [4], [NaN, Infinity, -Infinity, -0]))], [NaN, Infinity, -Infinity, -0]);
    assert.deepEqual(await readVector(put('F32', [0], [])), new Float64Array());
    assert.deepEqual(await readVector(put('F64', [], [0.1])), Float64Array.of(0.1));
    assert.equal((await rejected(readVector({ ...put('F32', [3], [1, 2, 3]), shape: [4] }))).code, 'engine-failed');
  });
});
