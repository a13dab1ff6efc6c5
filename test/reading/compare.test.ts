import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { signRows } from '../../src/engine/signs.js';
import { compareReadings, compareWeights, independentP, type ComparableWeight } from '../../src/reading/compare.js';
import { normals } from '../helpers/dense.js';

const SIGNS = { seed: 0, columns: 16 };

/** A weight as a reading has it, from all of its numbers. */
function weightOf(W: Float64Array, shape: readonly [number, number], name = '0.q', layer: number | null = 0): ComparableWeight {
  const [outputs, inputs] = shape;
  const X = signRows({ name, side: 'left', ...SIGNS }, 0, outputs);
  const Y = signRows({ name, side: 'right', ...SIGNS }, 0, inputs);
  const signs = new Float64Array(256);
  for (let i = 0; i < outputs; i++) for (let j = 0; j < inputs; j++) for (let a = 0; a < 16; a++) for (let b = 0; b < 16; b++) {
    signs[a * 16 + b] = (signs[a * 16 + b] ?? 0) + (X[i * 16 + a] ?? 0) * (W[i * inputs + j] ?? 0) * (Y[j * 16 + b] ?? 0);
  }
  return { name, role: 'q', layer, shape, signs, norm: Math.hypot(...W) };
}

function random(shape: readonly [number, number], seed: number): Float64Array {
  const next = normals(seed);
  return Float64Array.from({ length: shape[0] * shape[1] }, next);
}

const shape = [40, 24] as const;

describe('two weights', () => {
  it('of which one is the other with noise: correlation and distance are those of all their numbers', () => {
    let outside = 0;
    for (let seed = 0; seed < 40; seed++) {
      const B = random(shape, seed);
      const D = random(shape, 1000 + seed).map((v) => 0.2 * v);
      const A = B.map((v, i) => v + (D[i] ?? 0));
      const { correlation, standardError, distance, relative, norm, counts } = compareWeights(weightOf(A, shape), weightOf(B, shape), SIGNS);
      const cosine = A.reduce((sum, v, i) => sum + v * (B[i] ?? 0), 0) / Math.hypot(...A) / Math.hypot(...B);
      assert.ok(counts);
      assert.ok(Math.abs(correlation - cosine) < 5 * standardError, `${seed}: ${correlation}, expected ${cosine} ± ${standardError}`);
      assert.equal(norm, Math.hypot(...B));
      assert.equal(relative.value, distance.value / norm);
      const exact = Math.hypot(...D);
      if (distance.low > exact || distance.high < exact) outside++;
    }
    // A 90 % interval: of 40 more than 10 outside has probability .001.
    assert.ok(outside <= 10, `${outside}`);
  });

  it('that are independent do not correlate beyond the standard error, full or of rank 1', () => {
    for (const rank of [1, 24]) {
      const r = Array.from({ length: 300 }, (_, seed) => {
        const of = (s: number) => {
          const [U, V] = [random([40, rank], 2 * s), random([rank, 24], 2 * s + 1)];
          return weightOf(Float64Array.from({ length: 960 }, (__, at) => {
            let sum = 0;
            for (let k = 0; k < rank; k++) sum += (U[Math.floor(at / 24) * rank + k] ?? 0) * (V[k * 24 + (at % 24)] ?? 0);
            return sum;
          }), shape);
        };
        return compareWeights(of(seed), of(10_000 + seed), SIGNS);
      });
      const mean = r.reduce((sum, { correlation }) => sum + correlation, 0) / 300;
      const square = r.reduce((sum, { correlation }) => sum + correlation ** 2, 0) / 300;
      const { dof } = r[0] ?? { dof: NaN };
      assert.ok(Math.abs(mean) < 4 / Math.sqrt(300 * dof), `rank ${rank}: mean ${mean}`);
      assert.ok(square * dof > 0.7 && square * dof < 1.4, `rank ${rank}: variance ${square * dof} / dof`);
      assert.ok(independentP(mean, r.map((one) => one.dof)) > 1e-5);
    }
  });

  it('that share no more than a constant, or a multiple of the identity, do not count', () => {
    const constant = (value: number) => weightOf(new Float64Array(960).fill(value), shape);
    const identity = (value: number) => weightOf(Float64Array.from({ length: 960 }, (_, at) => (at % 25 === 0 && at < 600 ? value : 0)), shape);
    const zero = weightOf(new Float64Array(960), shape);
    for (const [a, b] of [[constant(1), constant(1)], [constant(1), constant(-2)], [identity(1), identity(3)], [zero, zero], [constant(2), identity(1)]] as const) {
      assert.equal(compareWeights(a, b, SIGNS).counts, false);
    }
    // A mean in common is no correlation.
    const [A, B] = [random(shape, 1).map((v) => v + 5), random(shape, 2).map((v) => v + 5)];
    assert.ok(Math.abs(compareWeights(weightOf(A, shape), weightOf(B, shape), SIGNS).correlation) < 0.3);
  });
});

describe('two readings', () => {
  const model = (seed: number, layers: number) => Array.from({ length: layers }, (_, i) => weightOf(random(shape, 50 * seed + i), shape, `${i}.q`, i));
  const reading = (weights: readonly ComparableWeight[]) => ({ weights, signs: SIGNS });

  it('of independent weights: the bound on p holds', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 6 }), (seed, layers) => {
      const { p, counted } = compareReadings(reading(model(seed, layers)), reading(model(seed + 5000, layers)));
      return counted === layers && p > 1e-4;
    }), { numRuns: 60, seed: 1 });
  });

  it('of the same weights: the p of a single one stays large, that of many falls', () => {
    const p = (layers: number) => compareReadings(reading(model(3, layers)), reading(model(3, layers))).p;
    assert.ok(p(1) > 1e-3);
    assert.ok(p(20) < 1e-20);
    const same = compareReadings(reading(model(3, 4)), reading(model(3, 4)));
    assert.deepEqual([same.correlation, same.median, same.relative.value, same.p], [1, 1, 0, same.bestP]);
  });

  it('name what only one of them has, and what differs in shape; embeddings do not count', () => {
    const [first, second] = [model(1, 3), model(1, 4).slice(1)];
    const odd = weightOf(random([24, 40], 9), [24, 40], '2.q', 2);
    const embed = weightOf(random(shape, 77), shape, 'embed', null);
    const { onlyFirst, onlySecond, otherShape, counted, weights } = compareReadings(reading([...first, embed]), reading([...second.map((w) => (w.name === '2.q' ? odd : w)), embed]));
    assert.deepEqual([onlyFirst, onlySecond, otherShape, counted, weights.map(({ name }) => name)], [['0.q'], ['3.q'], ['2.q'], 1, ['1.q', 'embed']]);
  });

  it('of other sign probes are refused', () => {
    assert.throws(() => compareReadings(reading([]), { weights: [], signs: { seed: 1, columns: 16 } }), { code: 'reading-invalid' });
  });

  it('Bennett against a closed form', () => {
    // Rademacher numbers: variance 1, P(all of 10 are 1) = 2^-10, which the bound must not undercut: exp(−10 (2 ln 2 − 1)).
    assert.ok(Math.abs(independentP(1, Array.from({ length: 10 }, () => 1)) - Math.exp(-10 * (2 * Math.log(2) - 1))) < 1e-12);
    assert.ok(independentP(1, Array.from({ length: 10 }, () => 1)) >= 2 ** -10);
    assert.deepEqual([independentP(0, [1]), independentP(-1, [1]), independentP(NaN, [])], [1, 1, 1]);
  });
});
