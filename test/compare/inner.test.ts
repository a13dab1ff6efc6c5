import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { coefficient, meanProduct, relate, type Inner } from '../../src/compare/inner.js';
import { normals } from '../helpers/tensors.js';

const C = 16;

/** X'MY for M = Σ_k left_k right_k', with signs of its own. */
function signsOf(terms: readonly { readonly left: readonly number[]; readonly right: readonly number[]; readonly by: number }[], X: readonly (readonly number[])[], Y: readonly (readonly number[])[]): Float64Array {
  const dot = (x: readonly number[], y: readonly number[]): number => x.reduce((sum, v, i) => sum + v * (y[i] ?? 0), 0);
  const S = new Float64Array(C * C);
  for (const { left, right, by } of terms) {
    const p = X.map((x) => dot(x, left));
    const q = Y.map((y) => dot(y, right));
    for (let i = 0; i < C; i++) for (let j = 0; j < C; j++) S[i * C + j] = (S[i * C + j] ?? 0) + by * (p[i] ?? 0) * (q[j] ?? 0);
  }
  return S;
}

/** Weights with Δ_A of a rank, and D = −undone·Δ_A + own·(an update of its own); the coefficient of all of them, exactly. */
function draw(seed: number, count: number, rank: number, undone: number, own: number): { weights: Inner[]; expected: number } {
  const next = normals(seed);
  const [m, n] = [40, 30];
  const vector = (length: number): number[] => Array.from({ length }, next);
  const signs = (length: number): number[][] => Array.from({ length: C }, () => Array.from({ length }, () => (next() < 0 ? -1 : 1)));
  const frobenius = (terms: readonly { left: number[]; right: number[]; by: number }[], others: typeof terms): number =>
    terms.reduce((sum, t) => sum + others.reduce((inner, o) => inner + t.by * o.by * t.left.reduce((x, v, i) => x + v * (o.left[i] ?? 0), 0) * t.right.reduce((x, v, i) => x + v * (o.right[i] ?? 0), 0), 0), 0);
  let aa = 0;
  let ad = 0;
  const weights = Array.from({ length: count }, (_, w): Inner => {
    const size = 1 + (w % 3);
    const A = Array.from({ length: rank }, () => ({ left: vector(m), right: vector(n), by: size }));
    const D = [...A.map((term) => ({ ...term, by: -undone * term.by })), ...Array.from({ length: rank }, () => ({ left: vector(m), right: vector(n), by: own * size }))];
    const [X, Y] = [signs(m), signs(n)];
    aa += frobenius(A, A);
    ad += frobenius(A, D);
    return { exact: false, a: signsOf(A, X, Y), d: signsOf(D, X, Y), rounding: { a: 0, b: 0 } };
  });
  return { weights, expected: ad / aa };
}

describe('the coefficient <A, D>/|A|²', () => {
  it('of exact numbers: the ratio of the sums, without an interval', () => {
    fc.assert(fc.property(fc.array(fc.record({ aa: fc.double({ min: 0.1, max: 10, noNaN: true }), ad: fc.double({ min: -10, max: 10, noNaN: true }) }), { minLength: 1, maxLength: 5 }), (terms) => {
      const found = coefficient(terms.map((term) => ({ exact: true, ...term, dd: 400 })));
      const expected = terms.reduce((sum, { ad }) => sum + ad, 0) / terms.reduce((sum, { aa }) => sum + aa, 0);
      // === holds 0 and −0 for the same.
      assert.ok(found && [found.value, found.low, found.high].every((value) => value === expected), `${JSON.stringify(found)}, not ${expected}`);
    }), { examples: [[[{ aa: 1.857659074350752, ad: -2.5e-323 }, { aa: 0.14234092564924794, ad: 2e-323 }]]] });
    assert.equal(coefficient([{ exact: true, aa: 0, ad: 0, dd: 1 }]), null);
    assert.equal(coefficient([]), null);
  });

  it('of signs: −1 exactly where D = −A, 0 where D = 0', () => {
    const { weights } = draw(3, 4, 2, 0, 0);
    const with_ = (by: number): Inner[] => weights.flatMap((weight): Inner[] => (weight.exact ? [] : [{ ...weight, d: weight.a.map((v) => by * v) }]));
    for (const by of [-1, 0, 0.5]) {
      const found = coefficient(with_(by));
      assert.ok(found && Math.abs(found.value - by) < 1e-12 && found.high - found.low < 1e-12);
    }
  });

  for (const [count, rank, undone, own] of [[1, 1, 0.5, 1], [1, 8, 0.5, 1], [6, 2, 0.9, 0.5], [40, 8, 0.3, 2], [6, 2, 0, 1]] as const) {
    it(`its interval holds the truth in about 90 of 100 cases: ${count} weights of rank ${rank}, ${undone} undone`, () => {
      const draws = 400;
      let held = 0;
      for (let seed = 0; seed < draws; seed++) {
        const { weights, expected } = draw(1000 * seed + 17, count, rank, undone, own);
        const found = coefficient(weights);
        if (found && found.low <= expected && expected <= found.high) held++;
      }
      assert.ok(held >= 0.84 * draws && held <= 0.97 * draws, `${held} of ${draws}`);
    });
  }

  it('is widened by what the rounding of A and B can hide: nothing at −1, its share at 0', () => {
    const { weights } = draw(5, 4, 2, 0, 0);
    const rounded = (by: number, share: number): Inner[] => weights.flatMap((weight): Inner[] => (weight.exact ? [] : [{ ...weight, d: weight.a.map((v) => by * v), rounding: { a: Math.sqrt(share * meanProduct(weight.a, weight.a)), b: 0 } }]));
    const undone = coefficient(rounded(-1, 0.1));
    assert.ok(undone && Math.abs(undone.low + 1) < 1e-12 && Math.abs(undone.high + 1) < 1e-12);
    // A kept, but stored anew: −x of the stored numbers is 0 of those before rounding.
    const kept = coefficient(rounded(-0.1, 0.1));
    assert.ok(kept && Math.abs(kept.low + 0.1) < 1e-12 && Math.abs(kept.high) < 1e-12);
  });

  it('what B has of its own, and the cosine: exactly, and near it from signs', () => {
    // |A|² = 4, D = −A/2 + E with |E|² = 9 at right angles to A: B = A/2 + E.
    const exact = relate([{ exact: true, aa: 1, ad: -0.5, dd: 0.25 + 2 }, { exact: true, aa: 3, ad: -1.5, dd: 0.75 + 7 }]);
    assert.ok(exact && Math.abs(exact.own - 3) < 1e-12 && exact.cosine && Math.abs(exact.cosine.value - 1 / Math.sqrt(10)) < 1e-12);
    assert.equal(relate([{ exact: true, aa: 2, ad: -2, dd: 2 }])?.cosine, null);
    assert.equal(relate([{ exact: true, aa: 2, ad: -2, dd: 2 }])?.own, 0);
    // Many weights of updates that are nearly at right angles: |E| is own/size of |A|.
    const { weights } = draw(11, 40, 4, 0.5, 0.75);
    const size = Math.sqrt(weights.reduce((total, weight) => total + (weight.exact ? 0 : meanProduct(weight.a, weight.a)), 0));
    const found = relate(weights);
    assert.ok(found?.cosine && Math.abs(found.own / size - 0.75) < 0.05 && Math.abs(found.cosine.value - 0.5 / Math.hypot(0.5, 0.75)) < 0.05, JSON.stringify(found));
  });

  it('the mean of products is an unbiased estimate of <A, B>', () => {
    const draws = Array.from({ length: 600 }, (_, seed) => {
      const { weights: [weight], expected } = draw(seed, 1, 2, 0.4, 1);
      assert.ok(weight && !weight.exact);
      return { estimate: meanProduct(weight.a, weight.d) / (2 * 40 * 30), expected };
    });
    const mean = (of: (d: { estimate: number; expected: number }) => number): number => draws.reduce((sum, d) => sum + of(d), 0) / draws.length;
    // <A, D> = R |A|², and E|A|² = 2·40·30 at rank 2: the two means meet up to their errors.
    assert.ok(Math.abs(mean((d) => d.estimate) - mean((d) => d.expected)) < 0.08, `${mean((d) => d.estimate)}, expected ${mean((d) => d.expected)}`);
  });
});
