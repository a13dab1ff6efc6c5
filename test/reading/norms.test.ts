import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { signRows } from '../../src/engine/signs.js';
import { estimateNorm } from '../../src/reading/norms.js';

/** S = X'ΔY for Δ = Σ_k σ_k a_k b_k', computed through the factors. */
function signsOf(a: readonly Float64Array[], b: readonly Float64Array[], c: number, seed: number): Float64Array {
  const S = new Float64Array(c * c);
  a.forEach((left, k) => {
    const right = b[k] ?? new Float64Array();
    const project = (vector: Float64Array, side: 'left' | 'right'): Float64Array => {
      const signs = signRows({ name: 'w', side, seed, columns: c }, 0, vector.length);
      return Float64Array.from({ length: c }, (_, j) => vector.reduce((sum, value, row) => sum + value * (signs[row * c + j] ?? 0), 0));
    };
    const [x, y] = [project(left, 'left'), project(right, 'right')];
    S.forEach((_, at) => { S[at] = (S[at] ?? 0) + (x[Math.floor(at / c)] ?? 0) * (y[at % c] ?? 0); });
  });
  return S;
}

function normals(seed: number): () => number {
  let state = seed;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** The exact norm of Σ a_k b_k'. */
function normOf(a: readonly Float64Array[], b: readonly Float64Array[]): number {
  const dot = (x: Float64Array, y: Float64Array): number => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
  let square = 0;
  a.forEach((x, i) => { a.forEach((y, j) => { square += dot(x, y) * dot(b[i] ?? x, b[j] ?? y); }); });
  return Math.sqrt(square);
}

const SPECTRA = {
  'rank 1': [1], 'rank 2': [1, 1], 'rank 8, falling': Array.from({ length: 8 }, (_, k) => 0.7 ** k), 'rank 16': new Array<number>(16).fill(1),
  'a power law': Array.from({ length: 24 }, (_, k) => 1 / (k + 1)), 'flat, full rank': new Array<number>(40).fill(1),
} as const;

describe('the norm from sign probes', () => {
  for (const [name, spectrum] of Object.entries(SPECTRA)) {
    it(`covers the exact norm and is unbiased in the square: ${name}`, () => {
      const runs = 400;
      let below = 0;
      let above = 0;
      let squares = 0;
      const next = normals(11);
      for (let seed = 0; seed < runs; seed++) {
        const a = spectrum.map((size) => Float64Array.from({ length: 48 }, () => size * next()));
        const b = spectrum.map(() => Float64Array.from({ length: 40 }, next));
        const exact = normOf(a, b);
        const { value, low, high } = estimateNorm(signsOf(a, b, 16, seed), 16);
        assert.ok(low <= value && value <= high);
        squares += (value / exact) ** 2 / runs;
        if (exact < low) below++;
        if (exact > high) above++;
      }
      assert.ok(Math.abs(squares - 1) < 0.1, `mean square ${squares}`);
      // Nominal: 90 %; a binomial of 400 strays by 1.5 % (one standard deviation).
      const coverage = 1 - (below + above) / runs;
      assert.ok(coverage > 0.86 && coverage < 0.995, `coverage ${coverage}, below ${below}, above ${above}`);
    });
  }

  it('is exact where every sign gives the same magnitude: a single element', () => {
    fc.assert(fc.property(fc.double({ min: 1e-30, max: 1e30, noNaN: true }), fc.nat(30), (size, at) => {
      const unit = (length: number): Float64Array => Float64Array.from({ length }, (_, i) => (i === at % length ? 1 : 0));
      const { value, low, high } = estimateNorm(signsOf([unit(31).map((v) => v * size)], [unit(17)], 8, at), 8);
      assert.ok(Math.abs(value / size - 1) < 1e-12 && low <= size * (1 + 1e-12) && high >= size);
    }));
  });

  it('scales with the matrix, and does not see the sign', () => {
    fc.assert(fc.property(fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 16, maxLength: 16 }), fc.integer({ min: -40, max: 40 }), (values, exponent) => {
      const one = estimateNorm(Float64Array.from(values), 4);
      const other = estimateNorm(Float64Array.from(values, (value) => -value * 2 ** exponent), 4);
      for (const key of ['value', 'low', 'high'] as const) assert.ok(Math.abs(other[key] - one[key] * 2 ** exponent) <= 1e-9 * other[key]);
    }));
  });

  it('has no interval for zero, and no number for NaN and infinity', () => {
    assert.deepEqual(estimateNorm(new Float64Array(16), 4), { value: 0, low: 0, high: 0 });
    assert.deepEqual(estimateNorm(new Float64Array(), 0), { value: 0, low: 0, high: 0 });
    for (const bad of [NaN, Infinity]) assert.deepEqual(estimateNorm(Float64Array.of(1, bad, 2, 3), 2), { value: NaN, low: NaN, high: NaN });
  });

  it('is wide for one probe, and narrows with more', () => {
    const next = normals(3);
    const a = Array.from({ length: 40 }, () => Float64Array.from({ length: 48 }, next));
    const b = Array.from({ length: 40 }, () => Float64Array.from({ length: 40 }, next));
    const widths = [1, 4, 16, 64].map((c) => {
      const { low, high } = estimateNorm(signsOf(a, b, c, 1), c);
      return high / low;
    });
    widths.forEach((width, i) => { if (i > 0) assert.ok(width < (widths[i - 1] ?? 0), widths.join()); });
  });
});
