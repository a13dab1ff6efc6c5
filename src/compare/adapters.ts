/** Two adapters of one base, weight by weight and exactly, from their factors. In: two located adapters. Out: pairs, and what could not be read. */
import { gramsOfPair, type EngineOptions, type PairGrams } from '../engine/index.js';
import { WeightseqError } from '../errors.js';
import { failedGap, type OnProgress } from '../reading/model-read.js';
import { escapeText } from '../text.js';
import type { Checkpoint, Gap, LowRank, Weight } from '../types.js';
import { exactly, type WeightPair } from './pair.js';
import { directionsOfFactors, principalAngles, type Angles } from './subspaces.js';

export interface Pairs {
  readonly pairs: readonly WeightPair[];
  /** Weights that could not be compared, and why. */
  readonly failed: readonly Gap[];
}

/** Share of the largest sum of squares that float64 leaves uncertain. */
const UNCERTAIN = 2 ** -48;

/**
 * Every weight that either adapter changes; where one of them leaves it alone, its update is 0.
 * @throws WeightseqError `base-mismatch` where a weight has other shapes in A and B, `provider-unavailable`
 */
export async function pairAdapters(a: Checkpoint, b: Checkpoint, options: EngineOptions, onProgress: OnProgress = () => undefined): Promise<Pairs> {
  const inB = new Map(b.weights.map((weight) => [weight.name, weight]));
  const inA = new Set(a.weights.map(({ name }) => name));
  const both: readonly (readonly [weight: Weight, p: Weight | null, q: Weight | null])[] = [
    ...a.weights.map((weight) => [weight, weight, inB.get(weight.name) ?? null] as const),
    ...b.weights.filter(({ name }) => !inA.has(name)).map((weight) => [weight, null, weight] as const),
  ];
  const total = both.reduce((sum, [, p, q]) => sum + bytesOf(p) + bytesOf(q), 0);
  const pairs: WeightPair[] = [];
  const failed: Gap[] = [];
  let done = 0;
  for (const [weight, p, q] of both) {
    if (p && q && p.shape.join() !== q.shape.join()) {
      throw new WeightseqError('base-mismatch', `${escapeText(weight.name)} is ${p.shape.join(' × ')} in A and ${q.shape.join(' × ')} in B: they belong to different bases`, { file: b.path, mend: 'Compare two models of one base.' });
    }
    try {
      pairs.push(await pairOf(weight, p?.delta ?? null, q?.delta ?? null, options));
    } catch (error) {
      if (!(error instanceof WeightseqError) || error.code !== 'engine-failed') throw error;
      failed.push(failedGap(weight.name, error, bytesOf(p) + bytesOf(q)));
    }
    onProgress(done += bytesOf(p) + bytesOf(q), total);
  }
  return { pairs, failed };
}

function bytesOf(weight: Weight | null): number {
  return weight === null ? 0 : weight.delta.left.tensor.bytes + weight.delta.right.tensor.bytes;
}

async function pairOf({ name, role, layer, shape }: Weight, a: LowRank | null, b: LowRank | null, options: EngineOptions): Promise<WeightPair> {
  const [p, q] = [a ?? b, b ?? a];
  if (p === null || q === null) throw new TypeError('a pair of nothing');
  const { left, right } = await gramsOfPair({ a: p, b: q, shape }, options);
  if (![left, right].every((side) => [side.aa, side.ab, side.bb].every((gram) => gram.every(Number.isFinite)))) {
    throw new WeightseqError('engine-failed', 'a factor holds NaN or infinity, or numbers too large to square');
  }
  // One that is missing changes nothing: its factors are the other's, times 0.
  const scales = [a === null ? 0 : p.scale, b === null ? 0 : q.scale] as const;
  const ranks = [p.rank, q.rank] as const;
  const of = (weights: readonly [number, number]): Sums => sums(left, right, ranks, weights);
  const [A, B, D] = [of([scales[0], 0]), of([0, scales[1]]), of([-scales[0], scales[1]])];
  const floor = Math.sqrt(UNCERTAIN * D.magnitude);
  const change = Math.sqrt(D.square) > floor || Number.isNaN(D.square) ? Math.sqrt(D.square) : 0;
  const ab = cross(left.ab, right.ab) * scales[0] * scales[1];
  const angles = A.square > 0 && B.square > 0 ? anglesOf(left, right, ranks, shape) : { outputs: null, inputs: null };
  return {
    name, role, layer, shape, a: exactly(Math.sqrt(A.square)), b: exactly(Math.sqrt(B.square)), change: exactly(change, floor),
    inner: { exact: true, aa: A.square, ad: change === 0 ? 0 : ab - A.square, dd: change ** 2 },
    rank: { a: A.rank, b: B.rank, change: change === 0 ? 0 : D.rank }, ...angles,
  };
}

interface Sums {
  /** tr(Δ'Δ) */
  readonly square: number;
  /** The same sum over magnitudes. */
  readonly magnitude: number;
  /** tr(Δ'Δ)² / tr((Δ'Δ)²); 0 where Δ is 0. */
  readonly rank: number;
}

/** Of Δ = x ΔA/s_A + y ΔB/s_B = P S Q' with P = [L_A L_B], Q = [R_A' R_B'], S = diag(x, y): tr(Δ'Δ) = tr(M), tr((Δ'Δ)²) = tr(M²), M = (P'P) S (Q'Q) S. */
function sums(left: PairGrams, right: PairGrams, [p, q]: readonly [number, number], [x, y]: readonly [number, number]): Sums {
  const n = p + q;
  const G = joint(left, p, q);
  const H = joint(right, p, q);
  const scale = (i: number): number => (i < p ? x : y);
  const M = new Float64Array(n * n);
  let square = 0;
  let magnitude = 0;
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const g = (G[i * n + k] ?? 0) * scale(k);
      for (let j = 0; j < n; j++) M[i * n + j] = (M[i * n + j] ?? 0) + g * (H[k * n + j] ?? 0) * scale(j);
      const term = g * (H[k * n + i] ?? 0) * scale(i);
      square += term;
      magnitude += Math.abs(term);
    }
  }
  let fourth = 0;
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) fourth += (M[i * n + j] ?? 0) * (M[j * n + i] ?? 0);
  return { square: Math.max(0, square), magnitude, rank: square > 0 ? square ** 2 / fourth : 0 };
}

/** [aa ab; ab' bb] */
function joint({ aa, ab, bb }: PairGrams, p: number, q: number): Float64Array {
  const n = p + q;
  return Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    if (i < p) return (j < p ? aa[i * p + j] : ab[i * q + j - p]) ?? 0;
    return (j < p ? ab[j * q + i - p] : bb[(i - p) * q + j - p]) ?? 0;
  });
}

/** <ΔA, ΔB>/(s_A s_B) = tr(L_A'L_B R_B R_A'). */
function cross(left: Float64Array, right: Float64Array): number {
  return left.reduce((sum, value, i) => sum + value * (right[i] ?? 0), 0);
}

function anglesOf(left: PairGrams, right: PairGrams, [p, q]: readonly [number, number], [outputs, inputs]: WeightPair['shape']): { outputs: Angles | null; inputs: Angles | null } {
  const A = directionsOfFactors(left.aa, right.aa, p, 1);
  const B = directionsOfFactors(left.bb, right.bb, q, 1);
  return { outputs: principalAngles(A.outputs, B.outputs, left.ab, outputs), inputs: principalAngles(A.inputs, B.inputs, right.ab, inputs) };
}
