import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { signRows } from '../../src/engine/signs.js';
import type { DenseReading, ModelReading, VectorReading } from '../../src/reading/model.js';
import type { BaseNumbers } from '../../src/scan/base-numbers.js';
import { changeOf } from '../../src/scan/change.js';
import { judge, type Evidence } from '../../src/scan/judge.js';
import { isSameRounded, roundingNorm } from '../../src/scan/rounding.js';
import type { Dtype } from '../../src/types.js';
import { random } from '../helpers/models.js';
import { decode, encode, type FloatDtype } from '../helpers/reference.js';

const shape = [60, 40] as const;
const norm = (values: readonly number[]) => Math.hypot(...values);

/** X'WY by its definition. */
function signsOf(name: string, W: readonly number[]): Float64Array {
  const X = signRows({ name, side: 'left', seed: 0, columns: 16 }, 0, shape[0]);
  const Y = signRows({ name, side: 'right', seed: 0, columns: 16 }, 0, shape[1]);
  return Float64Array.from({ length: 256 }, (_, at) => {
    let sum = 0;
    W.forEach((w, i) => { sum += (X[Math.floor(i / shape[1]) * 16 + (at >> 4)] ?? 0) * w * (Y[(i % shape[1]) * 16 + (at & 15)] ?? 0); });
    return sum;
  });
}

function weightOf(name: string, W: readonly number[], dtype: Dtype, coordinates: readonly number[] = []): DenseReading {
  return { name, role: 'q', layer: 0, shape, dtype, baseDtype: null, bytes: 1, coordinates: new Map([['h', Float64Array.from(coordinates)]]), signs: signsOf(name, W), norm: norm(W) };
}

function readingOf(weights: readonly DenseReading[], vectors: readonly VectorReading[] = []): ModelReading {
  return { of: 'weights', weights, vectors, baseVectors: [], failed: [], nonFinite: [], bytes: 0, signs: { seed: 0, columns: 16 } };
}

function baseOf(name: string, W: readonly number[], vectors: readonly VectorReading[] = [], dtype: Dtype | null = 'BF16'): BaseNumbers {
  return {
    weights: new Map([[name, { shape, dtype, signs: signsOf(name, W), norm: norm(W) }]]), coordinates: new Map([['h', new Map([[name, Float64Array.of(1)]])]]),
    vectors: new Map(vectors.map((v) => [v.name, v])),
  };
}

const rounded = (dtype: FloatDtype, values: readonly number[]) => decode(dtype, encode(dtype, values));
const W0 = rounded('BF16', [...random(...shape, 3).data]);

describe('rounding', () => {
  for (const dtype of ['BF16', 'F16'] as const) {
    it(`of ${dtype} is as large as the formula says, within 15 %`, () => {
      const values = Array.from({ length: 20_000 }, (_, i) => Math.sqrt(-2 * Math.log((i + 0.5) / 20_000)) * Math.cos(i * 2.399963) * 0.02);
      const error = norm(rounded(dtype, values).map((v, i) => v - (values[i] ?? NaN)));
      const formula = roundingNorm({ dtype, shape: [200, 100], norm: norm(values) });
      assert.ok(Math.abs(error / formula - 1) < 0.15, `${error} ${formula}`);
    });
  }

  const cases: [string, number, number, Dtype, Dtype, boolean][] = [
    ['equal', 0.5, 0.5, 'BF16', 'BF16', true],
    ['one step apart in the same dtype', 1.0078125, 1, 'BF16', 'BF16', false],
    ['a float32 number stored as bf16', 1, 1.003, 'BF16', 'F32', true],
    ['too far for that', 1, 1.005, 'BF16', 'F32', false],
    ['bf16 stored as float32', 1.001, 1, 'F32', 'BF16', false],
    ['NaN in both', NaN, NaN, 'F32', 'F32', true],
    ['NaN in one', NaN, 1, 'BF16', 'F32', false],
  ];
  for (const [name, value, base, dtype, baseDtype, same] of cases) it(`${name}: ${same ? 'the base\'s' : 'changed'}`, () => { assert.equal(isSameRounded(value, base, dtype, baseDtype), same); });
});

describe('the change', () => {
  it('is zero for the base itself, in every dtype that holds it', () => {
    for (const dtype of ['BF16', 'F32', 'F16'] as const) {
      const change = changeOf(readingOf([weightOf('0.q', rounded(dtype, W0), dtype, [1])]), baseOf('0.q', W0));
      assert.equal(change.weights[0]?.deltaNorm, 0, dtype);
      assert.equal(change.norm.value, 0);
    }
  });

  it('has the true norm in its interval, and subtracts coordinates in float64', () => {
    const delta = [...random(...shape, 9).data].map((v) => v * 0.05);
    for (const dtype of ['BF16', 'F32', 'F16'] as const) {
      const W = rounded(dtype, W0.map((w, i) => w + (delta[i] ?? 0)));
      const change = changeOf(readingOf([weightOf('0.q', W, dtype, [1.25])]), baseOf('0.q', W0));
      const { low = NaN, high = NaN, floor = NaN } = change.weights[0]?.norm ?? {};
      assert.ok(low <= norm(delta) && norm(delta) <= high, `${dtype}: ${low} ${norm(delta)} ${high}`);
      assert.ok(floor > 0 && floor < norm(delta));
      assert.deepEqual(change.weights[0]?.coordinates.get('h'), Float64Array.of(0.25));
      assert.ok((change.ratio ?? NaN) > 0.02 && (change.ratio ?? NaN) < 0.1);
    }
  });

  it('that is small beside the rounding has its total in the interval too', () => {
    // 40 weights, each changed by a third of a step or so: most elements keep their number.
    for (const size of [0.0005, 0.002, 0.01]) {
      const deltas: number[] = [], weights: DenseReading[] = [];
      const base = { weights: new Map(baseOf('0.q', W0).weights), coordinates: new Map(), vectors: new Map() };
      for (let i = 0; i < 40; i++) {
        const W = rounded('BF16', W0.map((w, j) => w + size * Math.sin(i * 977 + j * 31)));
        deltas.push(...W.map((w, j) => w - (W0[j] ?? NaN)));
        weights.push(weightOf(`${i}.q`, W, 'BF16'));
        base.weights.set(`${i}.q`, { shape, dtype: 'BF16', signs: signsOf(`${i}.q`, W0), norm: norm(W0) });
      }
      const { low, high } = changeOf(readingOf(weights), base).norm;
      assert.ok(low <= norm(deltas) && norm(deltas) <= high, `${size}: ${low} ${norm(deltas)} ${high}`);
    }
  });

  it('stored in a narrower dtype is no change, and may hide one', () => {
    const values = W0.map((w, i) => w * (1 + 0.1 * Math.cos(i))); // numbers that bf16 does not hold
    const change = changeOf(readingOf([weightOf('0.q', rounded('BF16', values), 'BF16', [1])]), baseOf('0.q', values, [], 'F32'));
    assert.deepEqual([change.weights[0]?.deltaNorm, change.weights[0]?.isConverted], [0, true]);
    const error = norm(rounded('BF16', values).map((v, i) => v - (values[i] ?? NaN)));
    assert.ok(change.norm.low <= error && error <= change.norm.high && error > 0);
    const sd = change.weights[0]?.sds.get('h')?.[0] ?? NaN;
    assert.ok(Math.abs(sd / (error / Math.sqrt(shape[0] * shape[1])) - 1) < 0.3, String(sd)); // of unit probes: rms of the error
  });

  it('that evades the sign probes shows in a coordinate', () => {
    const change = changeOf(readingOf([weightOf('0.q', W0, 'BF16', [1.5])]), baseOf('0.q', W0));
    assert.ok((change.weights[0]?.deltaNorm ?? 0) > 0);
  });

  it('is not known where the base\'s shape or numbers are not at hand', () => {
    const change = changeOf(readingOf([weightOf('1.q', W0, 'BF16')]), { ...baseOf('0.q', W0), vectors: null });
    assert.deepEqual(change.notCompared.map(({ name }) => name), ['1.q']);
  });

  it('of vectors: changed, added, missing, of another length', () => {
    const vector = (name: string, values: number[], role: VectorReading['role'] = 'norm'): VectorReading => ({ name, role, layer: null, dtype: 'BF16', values: Float64Array.from(values) });
    const base = baseOf('0.q', W0, [vector('a', [1, 2]), vector('b', [1]), vector('c', [1]), vector('d', [1])]);
    const gaps = changeOf(readingOf([], [vector('a', [1, 3]), vector('b', [1]), vector('c', [1, 1]), vector('e', [1], 'bias')]), base).vectors;
    assert.deepEqual(gaps.map(({ name, reason }) => `${name}: ${reason.replace(/, and.*/u, '')}`), [
      'a: unexplained change: 1 of 2 numbers are not the base\'s', 'c: unexplained change: 2 numbers, the base has 1',
      'e: unexplained change: a bias that the base does not have', 'd: the base has it, the checkpoint does not',
    ]);
  });
});

describe('a verdict on rounded weights', () => {
  const evidence: Evidence = { score: 0.4, kind: { form: 'checkpoint', roles: ['q'], rank: null, deltaNorm: 4, everyLayer: true, scoredShare: 0.2, evenness: 0.8 }, gaps: 0, scored: 1 };
  const sources = [-0.01, 0.01, 0, 0.02, -0.02].map((m, i) => ({ source: String(i), scores: [m], deltaNorms: [4] }));
  const rules = {
    calibration: { slope: 1, intercept: 0, interceptFixed: true, residualSd: 0.02, n: 11, meanScore: 0, sumSquares: 1, confidence: 0.9 },
    null: [{ kind: { form: 'lora' as const, roles: ['q'], rank: [8, 8] as [number, number], deltaNorm: [2, 8] as [number, number], scoredShare: [0, 1] as [number, number], evenness: [0, 1] as [number, number] }, sources }], level: 0.01, smallestMeaningfulShift: 0.08,
  };

  it('widens the interval by 1.645 standard deviations, in squares', () => {
    const plain = judge(evidence, rules).shift;
    const wide = judge({ ...evidence, sd: 0.02 }, rules).shift;
    assert.ok(plain && wide);
    assert.ok(Math.abs(wide.high - wide.value - Math.hypot(plain.high - plain.value, 1.6449 * 0.02)) < 1e-5);
    assert.equal(judge({ ...evidence, sd: 0.02 }, rules).verdict, 'present');
  });

  it('is indeterminate where rounding alone could matter', () => {
    const { verdict, reason } = judge({ ...evidence, sd: 0.06 }, rules);
    assert.equal(verdict, 'indeterminate');
    assert.match(reason, /rounding of the weights alone/);
  });

  it('takes the null of adapters only where roles, layers and |ΔW| match', () => {
    assert.ok(evidence.kind);
    assert.match(judge({ ...evidence, kind: { ...evidence.kind, deltaNorm: 40 } }, rules).reason, /no null for a change of this size/);
    assert.match(judge({ ...evidence, kind: { ...evidence.kind, everyLayer: false } }, rules).reason, /only some of the layers/);
  });
});
