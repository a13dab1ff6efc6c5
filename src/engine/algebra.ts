/** The r × r algebra of ΔW = scale · L·R, in float64. In: the products of both sides. Out: coordinates and norm, and whether to trust them. */
import type { Invariants, TensorInfo } from '../types.js';
import type { Both, ProbeJob, Products, Side } from './products.js';

/** The numbers of one weight. */
export interface ProbeReading {
  /** Frobenius norm |ΔW|; NaN when a factor is not finite. */
  readonly deltaNorm: number;
  /** By probe key: u_i' ΔW v_i; NaN when a factor is not finite. */
  readonly coordinates: ReadonlyMap<string, Float64Array>;
  /** The factors that hold NaN or infinity, with how many. */
  readonly nonFinite: readonly { readonly tensor: TensorInfo; readonly nan: number; readonly infinite: number }[];
  /** The factors are large and nearly cancel: what is left of them depends on the precision in which a loader multiplies. */
  readonly cancels: boolean;
  /** X' ΔW Y, columns × columns, where there were sign probes; NaN when a factor is not finite. */
  readonly signs?: Float64Array;
  /** What was asked for; absent where a factor is not finite. */
  readonly invariants?: Invariants;
}

/** Σ|A∘B| over tr(AB): above it, float32 Grams leave too few digits of the norm. */
const MOST_CANCELLATION = 64;

/**
 * The magnitude a float32 sum of n terms must have: terms under 2^-126 are lost, at most n·2^-126 together, and that shall be
 * less than a millionth.
 */
const leastSum = (terms: number): number => terms * 2 ** -106;

/** The reading of a weight whose coordinates and norm all are `value`. */
export function constantReading({ probes, signs }: ProbeJob, value: number): ProbeReading {
  const coordinates = new Map(probes.map(({ key, columns }) => [key, new Float64Array(columns).fill(value)]));
  return { deltaNorm: value, coordinates, nonFinite: [], cancels: false, ...(signs ? { signs: new Float64Array(signs.columns ** 2).fill(value) } : {}) };
}

/**
 * Coordinates scale · Σ_j P_ij Q_ji and norm |scale| · √tr((L'L)(R R')).
 * @param exponents t_j where the products are those of column j of L and row j of R divided by powers of two that multiply to 2^t_j
 */
export function combine({ delta: { rank, scale }, probes, signs }: ProbeJob, { left, right }: Both<Products>, exponents = new Float64Array(rank)): ProbeReading {
  const top = exponents.reduce((most, exponent) => Math.max(most, exponent), -Infinity);
  const weight = exponents.map((exponent) => 2 ** (exponent - top));
  let trace = 0;
  let magnitude = 0;
  for (let i = 0; i < rank; i++) {
    for (let j = 0; j < rank; j++) {
      const product = (left.gram[i * rank + j] ?? 0) * (right.gram[i * rank + j] ?? 0) * (weight[i] ?? 0) * (weight[j] ?? 0);
      trace += product;
      magnitude += Math.abs(product);
    }
  }
  /** u_i' ΔW v_k of the probes in a place. */
  const bilinear = (index: number, i: number, k: number): number => {
    const P = left.projections[index] ?? new Float64Array();
    const Q = right.projections[index] ?? new Float64Array();
    let sum = 0;
    for (let j = 0; j < rank; j++) sum += (P[i * rank + j] ?? 0) * (Q[k * rank + j] ?? 0) * (weight[j] ?? 0);
    return timesPowerOfTwo(scale * sum, top);
  };
  const coordinates = new Map<string, Float64Array>(probes.map(({ key }) => [key, new Float64Array()]));
  const used = probes.filter(({ columns }) => columns > 0);
  used.forEach(({ key, columns }, index) => {
    coordinates.set(key, Float64Array.from({ length: columns }, (_, i) => bilinear(index, i, i)));
  });
  const c = signs?.columns ?? 0;
  return {
    deltaNorm: timesPowerOfTwo(Math.abs(scale) * Math.sqrt(Math.max(trace, 0)), top), coordinates, nonFinite: [], cancels: magnitude > MOST_CANCELLATION * trace,
    ...(signs ? { signs: Float64Array.from({ length: c * c }, (_, at) => bilinear(used.length, Math.floor(at / c), at % c)) } : {}),
  };
}

/**
 * Whether float32 sufficed: every column has a finite square that did not vanish, every probe saw something, and tr(AB) did not cancel.
 * @param largest the largest magnitudes by rank index, when they are known: columns of zeros may then be zero
 */
export function isTrustworthy(sides: Both<Side>, products: Both<Products>, largest?: Both<Float64Array>): boolean {
  const { left: { gram: A }, right: { gram: B } } = products;
  let trace = 0;
  let magnitude = 0;
  A.forEach((value, at) => {
    const product = value * (B[at] ?? 0);
    trace += product;
    magnitude += Math.abs(product);
  });
  return sideIsTrustworthy(sides.left, products.left, largest?.left)
    && sideIsTrustworthy(sides.right, products.right, largest?.right)
    && magnitude <= MOST_CANCELLATION * trace;
}

function sideIsTrustworthy({ length, rank }: Side, { gram, projections }: Products, largest?: Float64Array): boolean {
  const least = leastSum(length);
  for (let j = 0; j < rank; j++) {
    const square = gram[j * rank + j] ?? NaN;
    const isZero = square === 0 && largest?.[j] === 0;
    if (!isZero && !(square >= least && square < Infinity)) return false;
  }
  return projections.every((projection) => {
    for (let row = 0; row < projection.length; row += rank) {
      let most = 0;
      for (let at = row; at < row + rank; at++) {
        const magnitude = Math.abs(projection[at] ?? NaN);
        if (!(magnitude < Infinity)) return false;
        most = Math.max(most, magnitude);
      }
      if (most < least) return false;
    }
    return true;
  });
}

/** value · 2^exponent, rounded once; 2^exponent itself may be out of range. */
function timesPowerOfTwo(value: number, exponent: number): number {
  const step = Math.sign(exponent) * 1000;
  let scaled = value;
  let left = exponent;
  for (; Math.abs(left) > 1000; left -= step) scaled *= 2 ** step;
  return scaled * 2 ** left;
}
