/**
 * How alike two readings are, weight by weight. In: two readings that were taken with the same sign probes. Out: correlation,
 * distance and a p-value. Pure: nothing but their numbers is needed, and none of the weights.
 */
import { signRows } from '../engine/index.js';
import { WeightseqError } from '../errors.js';
import type { DenseReading, SignProbes } from './model.js';
import { estimateNorm, type NormEstimate } from './norms.js';

/** What is compared of a weight. `norm` is |M|, null where only its sign coordinates are known. */
export type ComparableWeight = Pick<DenseReading, 'name' | 'role' | 'layer' | 'shape' | 'signs' | 'signsAs'> & { readonly norm: number | null };

/** A reading of weights or of ΔW, or what a signature holds of its base. */
export interface Comparable {
  readonly weights: readonly ComparableWeight[];
  readonly signs: SignProbes;
}

/** One weight A of the first reading beside the weight B of the same name of the second. */
export interface WeightComparison extends Pick<ComparableWeight, 'name' | 'role' | 'layer' | 'shape'> {
  /** Of the sign coordinates of A and B, without what they share by construction (`correlate`): an estimate of ⟨A, B⟩ / (|A||B|). */
  readonly correlation: number;
  /** Its standard error (1 − r²)/√dof. */
  readonly standardError: number;
  /** Independent numbers among the c² sign coordinates. */
  readonly dof: number;
  /** |B|, an estimate where only its sign coordinates are known. */
  readonly norm: number;
  /** |A − B|, with its interval. */
  readonly distance: NormEstimate;
  /** |A − B| / |B|. */
  readonly relative: NormEstimate;
  /** Whether the correlation says anything of descent: a matrix of a block that is not zero, constant or a multiple of the identity. */
  readonly counts: boolean;
}

export interface Comparison {
  /** Every weight that both have in the same shape. */
  readonly weights: readonly WeightComparison[];
  /** Names of weights of the first that the second lacks, the other way round, and those whose shapes differ. */
  readonly onlyFirst: readonly string[];
  readonly onlySecond: readonly string[];
  readonly otherShape: readonly string[];
  /** Weights that count. */
  readonly counted: number;
  /** Mean and median of the correlation over the weights that count; NaN without any. */
  readonly correlation: number;
  readonly median: number;
  /** Standard error of the mean. */
  readonly standardError: number;
  /**
   * How likely so high a mean correlation is when no weight of the first has anything to do with the second's: an upper bound
   * (`independentP`); 1 without a weight that counts.
   */
  readonly p: number;
  /** The same for a correlation of 1: what could be known at best from so many weights. */
  readonly bestP: number;
  /** |A − B| / |B| over all weights of `weights` that are finite. */
  readonly relative: NormEstimate;
}

/** What `sharedByConstruction` gives, by weight and shape: for those who compare one reading with many. */
export type SharedCache = Map<string, readonly Float64Array[]>;

/** Of |S|² that must be left without the constant and the identity. */
const LEAST_LEFT = 1e-3;

/**
 * Compares two readings.
 * @param cache kept by the caller, for readings that were taken with the same sign probes
 * @throws WeightseqError `reading-invalid` when they were taken with different sign probes
 */
export function compareReadings(first: Comparable, second: Comparable, cache: SharedCache = new Map()): Comparison {
  if (first.signs.seed !== second.signs.seed || first.signs.columns !== second.signs.columns) {
    throw new WeightseqError('reading-invalid', 'the readings were taken with different sign probes', { mend: 'Take both with the same version: weightseq read PATH -o FILE.' });
  }
  const others = new Map(second.weights.map((weight) => [weight.name, weight]));
  const names = new Set(first.weights.map(({ name }) => name));
  const onlyFirst: string[] = [];
  const otherShape: string[] = [];
  const weights: WeightComparison[] = [];
  for (const weight of first.weights) {
    // Sign coordinates compare only where both were drawn by the same name: a head may be read as the embedding that it is tied to.
    const other = others.get(weight.name) ?? others.get(weight.signsAs ?? '');
    if (other === undefined) onlyFirst.push(weight.name);
    else if (weight.shape.join() !== other.shape.join() || (weight.signsAs ?? weight.name) !== (other.signsAs ?? other.name)) otherShape.push(weight.name);
    else weights.push(compareWeights(weight, other, first.signs, cache));
  }
  const counting = weights.filter(({ counts }) => counts);
  const correlations = counting.map(({ correlation }) => correlation).sort((a, b) => a - b);
  const correlation = mean(correlations);
  const dofs = counting.map(({ dof }) => dof);
  return {
    weights, onlyFirst, otherShape,
    onlySecond: second.weights.filter(({ name }) => !names.has(name)).map(({ name }) => name),
    counted: counting.length,
    correlation,
    median: (value(correlations, (correlations.length - 1) >> 1) + value(correlations, correlations.length >> 1)) / 2,
    standardError: Math.sqrt(counting.reduce((sum, { standardError }) => sum + standardError ** 2, 0)) / counting.length,
    p: independentP(correlation, dofs),
    bestP: independentP(1, dofs),
    relative: total(weights),
  };
}

/** One weight beside another of the same shape and the same sign probes. */
export function compareWeights(first: ComparableWeight, second: ComparableWeight, { seed, columns: c }: SignProbes, cache: SharedCache = new Map()): WeightComparison {
  const { name, role, layer, shape, signs: A } = first;
  const B = second.signs;
  const key = `${first.signsAs ?? name} ${shape.join(' ')}`;
  const shared = cache.get(key) ?? sharedByConstruction(first.signsAs ?? name, shape, { seed, columns: c });
  cache.set(key, shared);
  const { correlation, left } = correlate(A, B, shared);
  const dof = Math.max(1, independent(shape[0], c) * independent(shape[1], c) - 2);
  const distance = estimateNorm(A.map((v, i) => v - value(B, i)), c);
  const norm = second.norm ?? estimateNorm(B, c).value;
  const relative = { value: distance.value / norm, low: distance.low / norm, high: distance.high / norm };
  const counts = layer !== null && left && Number.isFinite(correlation);
  return { name, role, layer, shape, correlation, standardError: (1 - correlation ** 2) / Math.sqrt(dof), dof, norm, distance, relative, counts };
}

/**
 * How many independent numbers X'W gives of a side of n, for c columns of signs: (tr K)²/tr K² with K = X'X, whose expectation is
 * c/(1 + (c − 1)/n). Satterthwaite's count of degrees of freedom (Biometrics Bulletin 2, 1946).
 */
function independent(n: number, c: number): number {
  return n === 0 ? 0 : c / (1 + (c - 1) / n);
}

/**
 * P(mean ≥ r) for n independent numbers of at most 1, of mean 0 and variances 1/dof: Bennett's bound exp(−n v h(r/v)) with
 * h(u) = (1 + u) ln(1 + u) − u and v the mean variance (Boucheron, Lugosi, Massart: Concentration Inequalities, 2013, Theorem 2.9).
 * It holds whatever their distribution, so that no single weight decides: sign coordinates of weights of low rank have longer tails
 * than a normal distribution.
 */
export function independentP(r: number, dofs: readonly number[]): number {
  if (!(r > 0)) return 1;
  const v = mean(dofs.map((dof) => 1 / dof));
  const u = r / v;
  return Math.exp(-dofs.length * v * ((1 + u) * Math.log1p(u) - u));
}

/**
 * Sign coordinates of what weights of independent models may have in common: X'1 1'Y of a constant, and X'IY of an identity.
 * @returns orthonormal, each c × c
 */
function sharedByConstruction(name: string, [outputs, inputs]: readonly [number, number], { seed, columns: c }: SignProbes): Float64Array[] {
  const X = signRows({ name, side: 'left', seed, columns: c }, 0, outputs);
  const Y = signRows({ name, side: 'right', seed, columns: c }, 0, inputs);
  const [x, y] = [X, Y].map((signs) => {
    const sums = new Float64Array(c);
    for (let i = 0; i < signs.length; i++) sums[i % c] = value(sums, i % c) + value(signs, i);
    return sums;
  });
  const constant = Float64Array.from({ length: c * c }, (_, at) => value(x ?? [], Math.floor(at / c)) * value(y ?? [], at % c));
  const identity = new Float64Array(c * c);
  for (let row = 0; row < Math.min(outputs, inputs) * c; row += c) {
    for (let i = 0; i < c; i++) for (let j = 0; j < c; j++) identity[i * c + j] = value(identity, i * c + j) + value(X, row + i) * value(Y, row + j);
  }
  const first = unit(constant);
  return [first, unit(without(identity, [first]))];
}

/** Correlation of A and B without their parts along `shared`, and whether both have anything left. */
function correlate(A: Float64Array, B: Float64Array, shared: readonly Float64Array[]): { correlation: number; left: boolean } {
  const [a, b] = [without(A, shared), without(B, shared)];
  const left = dot(a, a) > LEAST_LEFT * dot(A, A) && dot(b, b) > LEAST_LEFT * dot(B, B);
  return { correlation: dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)), left };
}

function without(values: Float64Array, directions: readonly Float64Array[]): Float64Array {
  return directions.reduce((rest, direction) => {
    const along = dot(rest, direction);
    return rest.map((v, i) => v - along * value(direction, i));
  }, values);
}

function unit(values: Float64Array): Float64Array {
  const length = Math.sqrt(dot(values, values));
  return values.map((v) => (length === 0 ? 0 : v / length));
}

/** |A − B| / |B| over weights; NaN without any. Their signs are independent, and so are the errors of their squares. */
function total(weights: readonly WeightComparison[]): NormEstimate {
  const known = weights.filter(({ distance, norm }) => Number.isFinite(distance.value) && Number.isFinite(norm));
  const whole = known.reduce((sum, { norm }) => sum + norm ** 2, 0);
  const square = known.reduce((sum, { distance }) => sum + distance.value ** 2, 0);
  const half = Math.sqrt(known.reduce((sum, { distance: { low, high } }) => sum + ((high ** 2 - low ** 2) / 2) ** 2, 0));
  return { value: Math.sqrt(square / whole), low: Math.sqrt(Math.max(0, square - half) / whole), high: Math.sqrt((square + half) / whole) };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += value(a, i) * value(b, i);
  return sum;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

function value(values: ArrayLike<number>, index: number): number {
  return values[index] ?? Number.NaN;
}
