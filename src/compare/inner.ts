/**
 * How much of one update goes back in another. In: <Δ_A, Δ_A> and <Δ_A, D> of weights, exactly or as sign coordinates. Out: the
 * coefficient <Δ_A, D>/|Δ_A|² with an interval. Pure.
 */
import { studentQuantile } from '../scan/student.js';

/** A number with a 90 % interval; low = value = high where it is exact. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** What one weight tells of two updates: its squares and products, or the sign coordinates X'Δ_A Y and X'D Y they are estimated from. */
export type Inner =
  | { readonly exact: true; /** |Δ_A|² */ readonly aa: number; /** <Δ_A, D> */ readonly ad: number; /** |D|² */ readonly dd: number }
  | {
    readonly exact: false;
    /** X'Δ_A Y, c × c. */
    readonly a: Float64Array;
    /** X'D Y, c × c. */
    readonly d: Float64Array;
    /** |E|, Frobenius, of what rounding alone can have added to Δ_A and to Δ_B. */
    readonly rounding: { readonly a: number; readonly b: number };
  };

/** How D lies to Δ_A, over weights. */
export interface Relation {
  /** <Δ_A, D>/|Δ_A|²: −1 where D takes Δ_A back, 0 where D leaves it alone. */
  readonly undone: Estimate;
  /** <Δ_A, Δ_B>/(|Δ_A||Δ_B|), of the numbers as stored; null where Δ_B is 0. */
  readonly cosine: Estimate | null;
  /** |D − R Δ_A| with R the coefficient: what B changed beside taking Δ_A back, without what rounding adds. */
  readonly own: number;
}

/** Two-sided coverage of the intervals. */
const CONFIDENCE = 0.9;

/**
 * Σ <Δ_A, D> / Σ |Δ_A|² over weights, and what follows from it. Null where Δ_A is 0.
 *
 * From signs, the mean of a_ij d_ij is an unbiased estimate of <Δ_A, D>, and of |Δ_A|² with d = a. The error of the ratio R is to first
 * order that of Σ_w mean a_ij e_ij with e = d − R a, over Σ |Δ_A|²; its variance is taken from the spread of the rows and of the columns
 * of a_ij e_ij (the columns of X and of Y are independent: a two-way layout, by the method of moments), the weights' signs are independent,
 * and the degrees of freedom are Satterthwaite's.
 *
 * Stored numbers are rounded. With x the rounding's share of |Δ_A|², and B rounded anew, the coefficient R of the stored numbers stands
 * for (R + x)/(1 − x) of the numbers before rounding: the interval holds both.
 */
export function relate(weights: readonly Inner[]): Relation | null {
  const terms = weights.map(termsOf);
  const of = (key: keyof Terms): number => sum(terms.map((term) => term[key]));
  const [aa, ad, dd] = [of('aa'), of('ad'), of('dd')];
  if (!(aa > 0)) return null;
  const value = ad / aa;
  const spreads = weights.flatMap((weight) => (weight.exact ? [] : [spread(weight.a, weight.d, value)]));
  const variance = sum(spreads.map((s) => s.variance));
  const df = variance ** 2 / sum(spreads.map((s) => s.variance ** 2 / s.df));
  const half = variance > 0 ? (studentQuantile((1 + CONFIDENCE) / 2, df) * Math.sqrt(variance)) / aa : 0;
  const [roundingA, roundingB] = [of('roundingA'), of('roundingB')];
  const share = Math.min(0.99, roundingA / aa);
  const before = share === 0 ? value : (share + value) / (1 - share);
  const undone = { value, low: Math.min(value, before) - half, high: Math.max(value, before) + half };
  const bb = aa + 2 * ad + dd;
  const cosine = (v: number): number => Math.max(-1, Math.min(1, (1 + v) * Math.sqrt(aa / bb)));
  return {
    undone,
    cosine: bb > 1e-12 * aa ? { value: cosine(value), low: cosine(value - half), high: cosine(value + half) } : null,
    own: Math.sqrt(Math.max(0, dd - value * ad - (1 + value) ** 2 * roundingA - roundingB)),
  };
}

/** The coefficient alone; null where Δ_A is 0. */
export function coefficient(weights: readonly Inner[]): Estimate | null {
  return relate(weights)?.undone ?? null;
}

interface Terms { readonly aa: number; readonly ad: number; readonly dd: number; readonly roundingA: number; readonly roundingB: number }

function termsOf(weight: Inner): Terms {
  if (weight.exact) return { aa: weight.aa, ad: weight.ad, dd: weight.dd, roundingA: 0, roundingB: 0 };
  const { a, d, rounding } = weight;
  return { aa: meanProduct(a, a), ad: meanProduct(a, d), dd: meanProduct(d, d), roundingA: rounding.a ** 2, roundingB: rounding.b ** 2 };
}

/** Mean of a_ij b_ij: E = <Δ_A, Δ_B>. */
export function meanProduct(a: Float64Array, b: Float64Array): number {
  return a.reduce((total, value, i) => total + value * (b[i] ?? Number.NaN), 0) / (a.length || 1);
}

/** Variance of the mean of a_ij (d_ij − R a_ij) over i and j. */
function spread(a: Float64Array, d: Float64Array, ratio: number): { variance: number; df: number } {
  const c = Math.sqrt(a.length);
  const z = a.map((value, i) => value * ((d[i] ?? Number.NaN) - ratio * value));
  const mean = z.reduce((total, v) => total + v, 0) / z.length;
  const rows = Array.from({ length: c }, (_, i) => z.subarray(i * c, (i + 1) * c).reduce((total, v) => total + v, 0) / c);
  const columns = Array.from({ length: c }, (_, j) => rows.reduce((total, _row, i) => total + (z[i * c + j] ?? 0), 0) / c);
  const between = (means: readonly number[]): number => sum(means.map((m) => (m - mean) ** 2)) / (c - 1);
  const rest = sum(Array.from(z, (v, at) => (v - (rows[Math.floor(at / c)] ?? 0) - (columns[at % c] ?? 0) + mean) ** 2)) / (c - 1) ** 2;
  // Each of the first two holds the third once.
  return { variance: Math.max(between(rows) / c + between(columns) / c - rest / c ** 2, rest / c ** 2), df: c - 1 };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
