/** Least squares over sign coordinates. Pure. In: c × c numbers for each weight. Out: coefficients with intervals that know how such numbers depend on each other. */
import { studentQuantile } from '../scan/student.js';
import type { Interval } from './schema.js';

/** The numbers of one weight: y and each of x are c × c, row-major. */
export interface Equations {
  readonly y: Float64Array;
  readonly x: readonly Float64Array[];
  /** Of each x, the variance that rounding adds to one of its numbers: |E|². 0 where it is part of what is explained. */
  readonly noise?: readonly number[] | undefined;
}

export interface Fit {
  /** One for each x, with its 95 % interval. */
  readonly coefficients: readonly Interval[];
  /** Of the coefficients, k × k; and what to multiply a standard deviation by for a 95 % interval. */
  readonly covariance: Float64Array;
  readonly quantile: number;
  /** Σ y² and Σ (y − Σ βx)², over all numbers. */
  readonly total: number;
  readonly residual: number;
}

/**
 * y = Σ β_i x_i by ordinary least squares over all numbers of all weights.
 *
 * Numbers u'Ay and u'Aw of one weight share a probe, so that they are not independent: the covariance of β is clustered both by the
 * left and by the right probes, V = G⁻¹ (M_left + M_right − M_both) G⁻¹ (Cameron, Gelbach, Miller: Journal of Business & Economic
 * Statistics 29, 2011, eq. 2.11), and never taken below M_both alone. Rounding of x draws β towards 0; the interval reaches to the
 * coefficients without it, (G − N)⁻¹ g with N the sum of the noise (Fuller: Measurement Error Models, 1987, eq. 1.2.3).
 * @param c probes on each side of a weight
 * @returns null where the x are not independent
 */
export function leastSquares(equations: readonly Equations[], c: number): Fit | null {
  const k = equations[0]?.x.length ?? 0;
  const G = new Float64Array(k * k);
  const g = new Float64Array(k);
  const N = new Float64Array(k);
  let total = 0;
  for (const { y, x, noise } of equations) {
    x.forEach((a, i) => {
      x.forEach((b, j) => { add(G, i * k + j, dot(a, b)); });
      add(g, i, dot(a, y));
      add(N, i, (noise?.[i] ?? 0) * a.length);
    });
    total += dot(y, y);
  }
  const inverse = k === 0 ? null : invert(G, k);
  if (inverse === null) return null;
  const beta = times(inverse, g, k);
  const { middle, residual, clusters } = scores(equations, beta, c);
  const V = sandwich(inverse, middle, k);
  const quantile = studentQuantile(0.975, Math.max(1, clusters - k));
  const cleaned = withoutNoise(G, N, g, k) ?? beta;
  const coefficients = Array.from(beta, (value, i): Interval => {
    const reach = quantile * Math.sqrt(Math.max(0, V[i * k + i] ?? NaN));
    const other = cleaned[i] ?? value;
    return { value, low: Math.min(value, other) - reach, high: Math.max(value, other) + reach };
  });
  return { coefficients, covariance: V, quantile, total, residual };
}

/** The middle of the sandwich, Σ (y − xβ)², and how many left (or right) probes there are. */
function scores(equations: readonly Equations[], beta: Float64Array, c: number): { middle: Float64Array; residual: number; clusters: number } {
  const k = beta.length;
  const both = new Float64Array(k * k);
  const sides = new Float64Array(k * k);
  let residual = 0;
  for (const { y, x } of equations) {
    const left = new Float64Array(c * k);
    const right = new Float64Array(c * k);
    y.forEach((value, at) => {
      const e = value - x.reduce((sum, a, i) => sum + (a[at] ?? 0) * (beta[i] ?? 0), 0);
      residual += e * e;
      const s = x.map((a) => (a[at] ?? 0) * e);
      s.forEach((one, i) => {
        add(left, Math.floor(at / c) * k + i, one);
        add(right, (at % c) * k + i, one);
        s.forEach((other, j) => { add(both, i * k + j, one * other); });
      });
    });
    for (const side of [left, right]) {
      for (let probe = 0; probe < c; probe++) {
        for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) add(sides, i * k + j, (side[probe * k + i] ?? 0) * (side[probe * k + j] ?? 0));
      }
    }
  }
  const middle = sides.map((value, at) => value - (both[at] ?? 0));
  const isSmall = Array.from({ length: k }, (_, i) => i * k + i).some((at) => (middle[at] ?? 0) < (both[at] ?? 0));
  return { middle: isSmall ? both : middle, residual, clusters: equations.length * c };
}

/** Coefficients where the rounding of x is taken off; null where nothing else is left of one of them. */
function withoutNoise(G: Float64Array, N: Float64Array, g: Float64Array, k: number): Float64Array | null {
  if (N.every((n) => n === 0) || N.some((n, i) => n > 0.5 * (G[i * k + i] ?? 0))) return null;
  const clean = G.slice();
  N.forEach((n, i) => { add(clean, i * k + i, -n); });
  const inverse = invert(clean, k);
  return inverse && times(inverse, g, k);
}

/** Inverse of a small symmetric matrix by Gauss and Jordan with pivots; null where it has none. */
export function invert(A: Float64Array, k: number): Float64Array | null {
  const a = A.slice();
  const inverse = new Float64Array(k * k);
  for (let i = 0; i < k; i++) inverse[i * k + i] = 1;
  const scale = Array.from({ length: k }, (_, i) => Math.abs(A[i * k + i] ?? 0));
  for (let column = 0; column < k; column++) {
    let pivot = column;
    for (let row = column; row < k; row++) if (Math.abs(a[row * k + column] ?? 0) > Math.abs(a[pivot * k + column] ?? 0)) pivot = row;
    const size = a[pivot * k + column] ?? 0;
    if (!(Math.abs(size) > 1e-12 * (scale[column] ?? 0))) return null;
    for (const m of [a, inverse]) {
      for (let j = 0; j < k; j++) {
        const swapped = m[pivot * k + j] ?? 0;
        m[pivot * k + j] = m[column * k + j] ?? 0;
        m[column * k + j] = swapped / size;
      }
    }
    for (let row = 0; row < k; row++) {
      const factor = a[row * k + column] ?? 0;
      if (row === column || factor === 0) continue;
      for (const m of [a, inverse]) for (let j = 0; j < k; j++) add(m, row * k + j, -factor * (m[column * k + j] ?? 0));
    }
  }
  return inverse;
}

function sandwich(inverse: Float64Array, middle: Float64Array, k: number): Float64Array {
  return product(product(inverse, middle, k), inverse, k);
}

function product(A: Float64Array, B: Float64Array, k: number): Float64Array {
  return Float64Array.from({ length: k * k }, (_, at) => {
    const [row, column] = [Math.floor(at / k), at % k];
    let sum = 0;
    for (let i = 0; i < k; i++) sum += (A[row * k + i] ?? 0) * (B[i * k + column] ?? 0);
    return sum;
  });
}

function times(A: Float64Array, v: Float64Array, k: number): Float64Array {
  return Float64Array.from({ length: k }, (_, row) => v.reduce((sum, value, i) => sum + (A[row * k + i] ?? 0) * value, 0));
}

/** Σ a_i b_i */
export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

function add(to: Float64Array, at: number, value: number): void {
  to[at] = (to[at] ?? 0) + value;
}
