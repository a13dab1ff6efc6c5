/** What kind of change lies between two models that are related weight by weight. Pure. In: a pairing. Out: the kind, and what it rests on. */
import type { Direction, RelationKind } from './schema.js';
import type { Pairing, WeightPair } from './pair.js';
import { concentration, rankOf } from './spectrum.js';

export interface Difference {
  readonly kind: RelationKind;
  /** Where the weights tell without a base: `undecided` otherwise. */
  readonly direction: Direction;
  readonly evidence: readonly string[];
  readonly rank: { readonly value: number; readonly exact: boolean } | null;
  /** Share of |W|² that was taken away. */
  readonly removed: number | null;
}

/** What a fine-tune by adapters changes. */
const ADAPTED: readonly string[] = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];
/** Of the weights of the blocks, so many must have changed for a change of all. */
const NEARLY_ALL = 0.9;
/** Standard deviation of log |ΔW|/|W| over the weights: rounding to a grid is as even as this, a fine-tune is not. */
const EVEN = 0.5;
/** Rounding and pruning leave nothing of a direction: concentration up to so many times that of independent numbers, or up to this. */
const FLAT_TIMES = 3;
const FLAT = 0.08;
/** ⟨ΔW, W⟩ / |ΔW|² is 1 within this for what pruning takes away, and 0 for rounding. */
const ENERGY_MARGIN = 0.3;
/** A change of everything by more than this share is called continued pretraining: a convention. */
const LARGE = 0.1;
/** Rounding to a grid of four bits makes an error of some .1; of two bits, of .4. */
const COARSEST = 0.45;

/** The kind of difference between two models whose weights are those of one family. */
export function differenceOf({ weights, vectors }: Pairing): Difference {
  const nothing = { direction: 'undecided', rank: null, removed: null } as const;
  const changed = weights.filter(({ state }) => state === 'changed');
  const moved = vectors.filter(({ state }) => state === 'changed');
  if (changed.length === 0 && moved.length === 0) return unchanged(weights, vectors);
  const blocks = weights.filter(({ a }) => a.layer !== null);
  const inBlocks = changed.filter(({ a }) => a.layer !== null);
  const where = `${changed.length} of ${weights.length} weights changed${vectors.length === 0 ? '' : `, ${moved.length} of ${vectors.length} norms and biases`}`;
  const isMost = inBlocks.length >= NEARLY_ALL * blocks.length && blocks.length > 0;
  const grid = isMost && moved.length === 0 ? gridOf(inBlocks) : null;
  if (grid !== null) return { ...nothing, ...grid, evidence: [where, ...grid.evidence] };
  const rank = ranks(changed);
  const isInPlace = moved.length === 0 && changed.every(({ a }) => a.layer !== null && ADAPTED.includes(a.role));
  if (rank?.isLow === true && isInPlace) {
    return { ...nothing, kind: 'adapter', rank: { value: rank.value, exact: rank.isExact }, evidence: [where, `each change has a rank of ${rank.isExact ? '' : 'at least '}${rank.value}${rank.isExact ? '' : ', and what is left is no more than rounding'}`] };
  }
  const size = relative(weights);
  const isAll = changed.length >= NEARLY_ALL * weights.length && moved.length > 0;
  const kind = isAll && size >= LARGE ? 'continued-pretraining' : 'fine-tune';
  const full = rank === null ? [] : [`the changes have a rank of at least ${rank.value}`];
  return { ...nothing, kind, rank: rank && { value: rank.value, exact: false }, evidence: [where, `|ΔW| is ${size.toPrecision(2)} of |W|`, ...full] };
}

/** The same numbers, in one type or in two. */
function unchanged(weights: Pairing['weights'], vectors: Pairing['vectors']): Difference {
  const nothing = { rank: null, removed: null } as const;
  const all = [...weights, ...vectors];
  if (all.every(({ state, a, b }) => state === 'equal' && a.dtype === b.dtype)) return { ...nothing, kind: 'same-weights', direction: 'same', evidence: ['every number is the same'] };
  const types = (side: 'a' | 'b'): string => [...new Set(weights.map((pair) => pair[side].dtype))].join(', ');
  const told = `stored as ${types('a')}, the candidate as ${types('b')}`;
  if (all.every(({ state }) => state === 'equal')) return { ...nothing, kind: 'another-dtype', direction: 'undecided', evidence: [told, 'every number is the same: the wider type holds no more than the narrower'] };
  const rounded = weights.filter(({ state }) => state === 'converted');
  const narrower = rounded.filter(({ a, b }) => bitsOf(a.dtype) < bitsOf(b.dtype)).length;
  const direction = narrower === rounded.length ? 'descends' : narrower === 0 ? 'ancestor' : 'undecided';
  return { ...nothing, kind: 'another-dtype', direction, evidence: [told, 'every difference is within the rounding to the narrower type'] };
}

const BITS: Readonly<Record<string, number>> = { F64: 52, F32: 23, F16: 10, BF16: 7, F8_E4M3: 3, F8_E5M2: 2 };

function bitsOf(dtype: string): number {
  return BITS[dtype] ?? 0;
}

/**
 * Pruning and rounding to a grid change every weight evenly, in no direction. With Q = W + E and E independent of W, |Q|² = |W|² + |E|²,
 * so that |W_path|² − |W_candidate|² over |ΔW|² is +1 where the path was rounded and −1 where the candidate was. Pruning is a projection,
 * |W|² = |Q|² + |E|²: −1 where the path was pruned, and every row and column of it is shorter.
 */
function gridOf(changed: readonly WeightPair[]): Pick<Difference, 'kind' | 'direction' | 'evidence' | 'removed'> | null {
  const c = Math.sqrt(changed[0]?.difference.length ?? 0);
  const ratios = changed.map(({ distance, b }) => Math.log(distance.value / b.norm));
  const spread = deviation(ratios);
  const size = Math.exp(mean(ratios));
  let [fourth, flat, squares] = [0, 0, 0];
  let [energy, distance, held, left] = [0, 0, 0, 0];
  for (const { a, b, difference } of changed) {
    const found = concentration(difference, c);
    const [out, into] = a.shape;
    // Relative to each weight, so that none outweighs the others.
    fourth += found.fourth / found.square ** 2;
    flat += (out + into + 1) / (out * into);
    squares += 1;
    energy += (a.norm ** 2 - b.norm ** 2) / b.norm ** 2;
    distance += found.square / b.norm ** 2;
    held += b.norm ** 2;
    left += a.norm ** 2;
  }
  const isFlat = fourth / squares <= Math.max(FLAT, (FLAT_TIMES * flat) / squares);
  if (!isFlat || spread > EVEN || size > COARSEST) return null;
  const turn = energy / distance;
  const even = `|ΔW| is ${size.toPrecision(2)} of |W| in every weight (within ${Math.round(100 * spread)} %), in no direction`;
  const sign = Math.abs(turn - 1) <= ENERGY_MARGIN ? 1 : Math.abs(turn + 1) <= ENERGY_MARGIN ? -1 : 0;
  if (sign !== 0 && isShorter(changed, sign < 0 ? 'a' : 'b')) {
    const removed = sign < 0 ? 1 - left / held : 1 - held / left;
    return { kind: 'pruned', direction: sign < 0 ? 'descends' : 'ancestor', removed, evidence: [even, `what was taken away is orthogonal to what is left, and no row or column grew: ${(100 * removed).toPrecision(2)} % of |W|² is gone`] };
  }
  const who = sign === 0 ? 'which of the two was rounded does not show' : `|W|² is larger in the ${sign > 0 ? 'path' : 'candidate'} by as much as an independent error adds`;
  return { kind: 'quantised', direction: sign === 0 ? 'undecided' : sign > 0 ? 'descends' : 'ancestor', removed: null, evidence: [even, `norms and biases are the same: as of rounding to a grid (int8 makes some .01, int4 some .1)`, who] };
}

/** Whether no row and no column of one side is longer than the other side's; true as well where a reading has no norms of them. */
function isShorter(changed: readonly WeightPair[], side: 'a' | 'b'): boolean {
  const lines = changed.map((pair) => [pair[side].invariants.lines, pair[side === 'a' ? 'b' : 'a'].invariants.lines] as const);
  if (lines.some(([own, other]) => own === undefined || other === undefined)) return false;
  const within = (own: Float32Array, other: Float32Array): boolean => own.every((v, i) => v <= (other[i] ?? 0) * (1 + 1e-4) + 1e-12);
  return lines.every(([own, other]) => own !== undefined && other !== undefined && within(own.rows, other.rows) && within(own.columns, other.columns));
}

/** The usual rank of the changes: the median over weights; low where nearly all are. */
function ranks(changed: readonly WeightPair[]): { value: number; isLow: boolean; isExact: boolean } | null {
  const c = Math.sqrt(changed[0]?.difference.length ?? 0);
  const found = changed.flatMap(({ difference, floor }) => rankOf({ signs: difference, floor }, c) ?? []);
  if (found.length === 0) return null;
  const values = found.map(({ value }) => value).sort((x, y) => x - y);
  const value = values[values.length - 1] ?? 0;
  const isLow = found.filter((one) => one.isLow).length >= NEARLY_ALL * found.length;
  return { value, isLow, isExact: isLow && found.every((one) => one.value === value) };
}

/** |ΔW| / |W| over all weights. */
function relative(weights: readonly WeightPair[]): number {
  const squares = weights.reduce((sum, { state, distance }) => sum + (state === 'changed' ? distance.value ** 2 : 0), 0);
  return Math.sqrt(squares / weights.reduce((sum, { b }) => sum + b.norm ** 2, 0));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  const m = mean(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - m) ** 2, 0) / Math.max(1, values.length - 1));
}
