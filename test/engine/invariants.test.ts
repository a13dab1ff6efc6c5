import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { probeAllDense, probeDense, probeLowRank, type DenseJob, type ProbeJob } from '../../src/engine/index.js';
import { openSafetensors, readTensors } from '../../src/safetensors/file.js';
import { decodeFloats } from '../../src/safetensors/values.js';
import type { DenseWeight, Invariants, TensorInfo } from '../../src/types.js';
import { denseOf, randomWeight } from '../helpers/dense.js';
import { fixture } from '../helpers/fixtures.js';

const CPU = { executionProvider: 'cpu' } as const;
const ALL = { lines: true, spectrum: true, sketch: true };
const SIGNS = { seed: 0, columns: 16 };

interface About {
  readonly weights: readonly { readonly name: string; readonly shape: [number, number]; readonly transposed: boolean }[];
  readonly lowRank: readonly { readonly name: string; readonly shape: [number, number]; readonly rank: number }[];
  readonly scale: number;
}

const weights = await openSafetensors(fixture('invariants/weights.safetensors'));
const about = JSON.parse(weights.metadata.get('about') ?? '') as About;
const expectedFile = await openSafetensors(fixture('invariants/expected.safetensors'));
const data = await readTensors([...expectedFile.tensors.values()]);

/** What numpy makes of a weight. */
function expected(name: string): Float64Array {
  const tensor = expectedFile.tensors.get(name);
  assert.ok(tensor, name);
  return decodeFloats(tensor, data.get(tensor) ?? new Uint8Array());
}

function stored(name: string): TensorInfo {
  const tensor = weights.tensors.get(name);
  assert.ok(tensor, name);
  return tensor;
}

/** Each number within `tolerance` of the largest. */
function assertNear(found: ArrayLike<number> | undefined, wanted: Float64Array, tolerance: number, what: string): void {
  assert.equal(found?.length, wanted.length, what);
  const largest = wanted.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  wanted.forEach((value, i) => { assert.ok(Math.abs((found[i] ?? NaN) - value) <= tolerance * largest, `${what} ${i}: ${found[i] ?? NaN}, expected ${value}`); });
}

function assertLines(key: string, { lines, sketch }: Invariants): void {
  assertNear(lines?.rows, expected(`${key}.rows`), 1e-6, 'rows');
  assertNear(lines?.columns, expected(`${key}.columns`), 1e-6, 'columns');
  assertNear(sketch?.range, expected(`${key}.range`), 1e-6, 'range');
  assertNear(sketch?.corange, expected(`${key}.corange`), 1e-6, 'corange');
}

describe('invariants of a dense weight', () => {
  const jobs = about.weights.map(({ name, shape, transposed }): DenseJob => {
    const weight: DenseWeight = { name, role: 'q', layer: 0, module: '', shape, values: { tensor: stored(`w.${name}`), transposed, outputs: [[0, shape[0]]] } };
    return { weight, probes: [], signs: SIGNS, invariants: ALL };
  });

  for (const job of jobs) {
    const { name, shape, values: { tensor: { dtype }, transposed } } = job.weight;
    it(`${shape.join(' × ')} of ${dtype}${transposed ? ', transposed' : ''}: agree with numpy`, async () => {
      const { invariants, signs } = await probeDense(job, CPU);
      assert.ok(invariants);
      assertLines(`w.${name}`, invariants);
      assertNear(signs ?? [], expected(`w.${name}.signs`), 1e-6, 'signs');
      assertNear(invariants.spectrum, expected(`w.${name}.iterated`), 1e-5, 'spectrum');
      const exact = expected(`w.${name}.singular`);
      const { spectrum = new Float32Array() } = invariants;
      // Estimates from below; all of the singular values where there are no more than 16.
      spectrum.forEach((value, i) => { assert.ok(value <= (exact[i] ?? NaN) * (1 + 1e-5), `${i}`); });
      if (exact.length <= 16) assertNear(spectrum, exact, 1e-5, 'exact');
      else assertNear(spectrum.subarray(0, 4), exact.subarray(0, 4), 2e-2, 'leading');
    });
  }

  it('are the same from threads, in the order of the jobs', async () => {
    const alone = await Promise.all(jobs.map((job) => probeDense(job, CPU)));
    const together = [];
    for await (const { reading } of probeAllDense(jobs, { ...CPU, threads: 2 })) together.push(reading);
    assert.deepEqual(together, alone);
  });

  for (const transposed of [false, true]) {
    it(`add up over strips and tiles${transposed ? ' of a transposed weight' : ''}, also of a difference`, async () => {
      // 34 MB: two strips, the last rows no whole tile.
      const shape: [number, number] = transposed ? [4099, 1037] : [1037, 4099];
      const weight = randomWeight({ shape, dtype: 'F64', transposed }, 5);
      const base = randomWeight({ shape, dtype: 'BF16', transposed }, 6);
      const { invariants } = await probeDense({ weight, base, probes: [], signs: SIGNS, invariants: { ...ALL, spectrum: false } }, CPU);
      const [W, B] = [denseOf(weight), denseOf(base)];
      const rows = new Float64Array(shape[0]);
      const columns = new Float64Array(shape[1]);
      W.forEach((value, at) => {
        const square = (value - (B[at] ?? NaN)) ** 2;
        rows[Math.floor(at / shape[1])] = (rows[Math.floor(at / shape[1])] ?? 0) + square;
        columns[at % shape[1]] = (columns[at % shape[1]] ?? 0) + square;
      });
      assertNear(invariants?.lines?.rows, rows.map(Math.sqrt), 1e-6, 'rows');
      assertNear(invariants?.lines?.columns, columns.map(Math.sqrt), 1e-6, 'columns');
      // X'(W − B)Y from either sketch is the same.
      assert.deepEqual([invariants?.sketch?.range.length, invariants?.sketch?.corange.length], shape.map((n) => n * 16));
      assert.ok(invariants?.sketch?.range.every((value) => value !== 0));
    });
  }

  it('of a weight that holds NaN are none, and of one without elements are empty', async () => {
    const weight = randomWeight({ shape: [3, 4], dtype: 'F32', size: NaN }, 1);
    assert.equal((await probeDense({ weight, probes: [], signs: SIGNS, invariants: ALL }, CPU)).invariants, undefined);
    const empty = randomWeight({ shape: [0, 4], dtype: 'F32' }, 1);
    const { invariants } = await probeDense({ weight: empty, probes: [], signs: SIGNS, invariants: ALL }, CPU);
    assert.deepEqual([invariants?.lines?.rows.length, invariants?.lines?.columns.length, invariants?.spectrum?.length, invariants?.sketch?.corange.length], [0, 4, 0, 64]);
  });
});

describe('invariants of a low-rank change', () => {
  for (const { name, shape, rank } of about.lowRank) {
    it(`${shape.join(' × ')} of rank ${rank}: agree with numpy`, async () => {
      const factor = (side: string, transposed: boolean) => ({ tensor: stored(`l.${name}.${side}`), transposed });
      const job: ProbeJob = {
        delta: { left: factor('left', false), right: factor('right', false), rank, scale: about.scale }, shape, probes: [], signs: { ...SIGNS, name }, invariants: ALL,
      };
      const { invariants, signs, deltaNorm } = await probeLowRank(job, CPU);
      assert.ok(invariants);
      assertLines(`l.${name}`, invariants);
      assertNear(signs, expected(`l.${name}.signs`), 1e-5, 'signs');
      assertNear(invariants.spectrum, expected(`l.${name}.singular`).subarray(0, Math.min(rank, ...shape)), 1e-6, 'spectrum');
      assert.ok(Math.abs(deltaNorm - Math.hypot(...expected(`l.${name}.singular`))) < 1e-5 * deltaNorm);
      // Asked for alone, each is the same.
      for (const what of ['lines', 'spectrum', 'sketch'] as const) {
        const one = await probeLowRank({ ...job, invariants: { lines: false, spectrum: false, sketch: false, [what]: true } }, CPU);
        assert.deepEqual(one.invariants, { [what]: invariants[what] });
      }
    });
  }
});
