/**
 * Two models of one base, weight by weight, from the numbers of their readings. In: updates as sign coordinates, norms and sketches,
 * and D = W_B − W_A itself where both were at hand. Out: pairs. Pure.
 */
import { WeightseqError } from '../errors.js';
import { estimateNorm } from '../reading/norms.js';
import type { FlooredNorm } from '../scan/change.js';
import { escapeText } from '../text.js';
import type { Role } from '../types.js';
import type { Pairs } from './adapters.js';
import type { Inner } from './inner.js';
import { exactly, type WeightPair } from './pair.js';
import { directionsOfSketch, effectiveRankOfSketch, principalAngles, type Angles } from './subspaces.js';

type Numbers = Float32Array | Float64Array;

/** Y = ΔΩ (out × c) and Z = Δ'Ψ (in × c) with the sign probes of the weight. */
export interface Sketch {
  readonly range: Numbers;
  readonly corange: Numbers;
  /** |E|, Frobenius, of the rounding of the stored numbers: it shows as directions of its own. */
  readonly noise: number;
}

/** What is known of an update Δ of one weight. */
export interface Update {
  readonly name: string;
  readonly role: Role;
  readonly layer: number | null;
  readonly shape: readonly [outputs: number, inputs: number];
  readonly norm: FlooredNorm;
  /** Whether it is more than rounding; where it is not, Δ counts as 0. */
  readonly isChanged: boolean;
  /** X'ΔY, as read. */
  readonly signs: Float64Array;
  /** |E|, Frobenius, of what rounding alone may have added to Δ; 0 where the stored numbers are exact. */
  readonly rounding: number;
  /** The norm was read from the numbers themselves, and not estimated. */
  readonly isExact: boolean;
  readonly sketch: Sketch | null;
}

/** A side: its updates, and whether a weight that is not among them was left alone (an adapter) or is not known (a checkpoint). */
export interface Side {
  readonly updates: readonly Update[];
  readonly isWhole: boolean;
}

/**
 * Every weight of which both updates are known; with `difference`, every weight of which D was read.
 * @param difference D by weight, read from the files; null: from the sign coordinates of both updates
 * @returns what only one side knows among `failed`
 * @throws WeightseqError `base-mismatch` where a weight has other shapes in A and B
 */
export function pairUpdates(a: Side, b: Side, difference: ReadonlyMap<string, Update> | null, fileB: string): Pairs {
  const [inA, inB] = [a, b].map(({ updates }) => new Map(updates.map((update) => [update.name, update]))) as [Map<string, Update>, Map<string, Update>];
  const pairs: WeightPair[] = [];
  const failed: Pairs['failed'][number][] = [];
  for (const name of new Set([...inA.keys(), ...inB.keys(), ...(difference?.keys() ?? [])])) {
    const [p, q] = [inA.get(name), inB.get(name)];
    const d = difference?.get(name);
    const known = p ?? q ?? d;
    if (known === undefined) continue;
    if (p && q && p.shape.join() !== q.shape.join()) {
      throw new WeightseqError('base-mismatch', `${escapeText(name)} is ${p.shape.join(' × ')} in A and ${q.shape.join(' × ')} in B: they belong to different bases`, { file: fileB, mend: 'Compare two models of one base.' });
    }
    const first = p ?? (a.isWhole ? null : nothing(known));
    const second = q ?? (b.isWhole ? null : nothing(known));
    if (d !== undefined) pairs.push(pairOf(known, first, second, d));
    else if (first === null || second === null) failed.push({ name, reason: `compared with the base in ${first === null ? 'B' : 'A'} alone`, bytes: 0 });
    else pairs.push(pairOf(known, first, second, minus(second, first)));
  }
  return { pairs, failed };
}

/** An update that changes nothing. */
function nothing({ name, role, layer, shape, signs }: Update): Update {
  return { name, role, layer, shape, norm: exactly(0), isChanged: false, signs: new Float64Array(signs.length), rounding: 0, isExact: true, sketch: null };
}

/** D = Δ_B − Δ_A from what was read of both: the base cancels, so that W_B and W_A do as well. */
export function minus(b: Update, a: Update): Update {
  const signs = b.signs.map((v, i) => v - (a.signs[i] ?? Number.NaN));
  const rounding = Math.hypot(a.rounding, b.rounding);
  const raw = estimateNorm(signs, Math.sqrt(signs.length));
  const without = (value: number): number => Math.sqrt(Math.max(0, value ** 2 - rounding ** 2));
  const isSame = raw.value === 0 || (!a.isChanged && !b.isChanged);
  const norm = isSame ? exactly(0, rounding) : { value: without(raw.value), low: without(raw.low), high: raw.high, floor: rounding };
  // Where one side is 0 the difference is the other, up to its sign.
  const sketch = !a.isChanged ? b.sketch : !b.isChanged ? a.sketch
    : a.sketch && b.sketch ? sketchOf(b.sketch, a.sketch, Math.hypot(a.sketch.noise, b.sketch.noise)) : null;
  return { ...b, norm, isChanged: !isSame, signs, rounding, isExact: false, sketch };
}

/** The sketch of B − A, which is linear in the weights. */
export function sketchOf(b: Omit<Sketch, 'noise'>, a: Omit<Sketch, 'noise'>, noise: number): Sketch {
  return { range: less(b.range, a.range), corange: less(b.corange, a.corange), noise };
}

function less(b: Numbers, a: Numbers): Float64Array {
  const difference = new Float64Array(b.length);
  for (let i = 0; i < b.length; i++) difference[i] = (b[i] ?? Number.NaN) - (a[i] ?? Number.NaN);
  return difference;
}

function pairOf({ name, role, layer, shape }: Update, a: Update | null, b: Update | null, d: Update): WeightPair {
  return {
    name, role, layer, shape,
    a: a && sizeOf(a), b: b && sizeOf(b), change: sizeOf(d),
    inner: a && b && innerOf(a, b, d),
    rank: { a: a && rankOf(a), b: b && rankOf(b), change: rankOf(d) },
    ...anglesOf(a, b, shape),
  };
}

function sizeOf({ norm, isChanged }: Update): FlooredNorm {
  return isChanged ? norm : { ...norm, value: 0, low: 0 };
}

/** <Δ_A, D> = (|Δ_B|² − |Δ_A|² − |D|²)/2 where all three are exact. An update that is 0 has no part in it, whatever rounding shows. */
function innerOf(a: Update, b: Update, d: Update): Inner {
  const [aa, bb, dd] = [a, b, d].map(({ norm, isChanged }) => (isChanged ? norm.value ** 2 : 0)) as [number, number, number];
  if (!a.isChanged) return { exact: true, aa: 0, ad: 0, dd };
  if (a.isExact && b.isExact && d.isExact) return { exact: true, aa, ad: dd === 0 ? 0 : (bb - aa - dd) / 2, dd };
  return { exact: false, a: a.signs, d: d.isChanged ? d.signs : new Float64Array(d.signs.length), rounding: { a: a.rounding, b: b.isChanged ? b.rounding : 0 } };
}

function rankOf({ isChanged, sketch, signs, shape }: Update): number | null {
  if (!isChanged) return 0;
  const c = Math.sqrt(signs.length);
  const ranks = sketch === null ? [] : [sketch.range, sketch.corange].map((Y) => effectiveRankOfSketch(cross(Y, Y, c), c, sketch.noise, shape));
  const known = ranks.filter((rank) => rank !== null);
  return known.length === 0 ? null : known.reduce((sum, rank) => sum + rank, 0) / known.length;
}

/** Principal angles of the leading directions that both sketches show. */
function anglesOf(a: Update | null, b: Update | null, [outputs, inputs]: WeightPair['shape']): { outputs: Angles | null; inputs: Angles | null } {
  if (!a?.sketch || !b?.sketch || !a.isChanged || !b.isChanged) return { outputs: null, inputs: null };
  const c = Math.sqrt(a.signs.length);
  const [p, q] = [a.sketch, b.sketch];
  const side = (Y: Numbers, Z: Numbers, n: number): Angles | null =>
    principalAngles(directionsOfSketch(cross(Y, Y, c), c, p.noise), directionsOfSketch(cross(Z, Z, c), c, q.noise), cross(Y, Z, c), n);
  return { outputs: side(p.range, q.range, outputs), inputs: side(p.corange, q.corange, inputs) };
}

/** Y'Z of two n × c matrices. */
function cross(Y: Numbers, Z: Numbers, c: number): Float64Array {
  const G = new Float64Array(c * c);
  for (let row = 0; row < Y.length; row += c) {
    for (let i = 0, at = 0; i < c; i++) {
      const y = Y[row + i] as number;
      for (let j = 0; j < c; j++, at++) (G[at] as number) += y * (Z[row + j] as number);
    }
  }
  return G;
}
