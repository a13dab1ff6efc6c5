/** What a model changed of its base, in sign coordinates, and how much of one change is in another. Pure. In: subjects. Out: shares with intervals. */
import { conversionNorm, computingNorm, roundingNorm } from '../scan/rounding.js';
import { leastSquares, type Equations } from './regress.js';
import type { Interval } from './schema.js';
import { concentration } from './spectrum.js';
import type { Subject, SubjectWeight } from './subject.js';

export interface WeightChange {
  /** X'ΔWY, zero where the weight is the base's up to rounding. */
  readonly signs: Float64Array;
  /** |E|: how much of ΔW rounding makes. */
  readonly floor: number;
}

/** ΔW = W − W0 of one model, by weight; of an adapter what it adds. */
export interface Change {
  readonly name: string;
  readonly weights: ReadonlyMap<string, WeightChange>;
  /** Whether nothing changed at all. */
  readonly isNone: boolean;
}

/** An estimate of nothing but rounding lies below its floor by this much. */
const MARGIN = 2;

/** The change of a subject against its base; an adapter is its own change, of the weights of the base that it leaves alone too. */
export function changeAgainst(subject: Subject, base: Subject): Change {
  const weights = new Map<string, WeightChange>();
  for (const known of base.weights.values()) {
    const own = subject.weights.get(known.name);
    if (own === undefined ? subject.of === 'weights' : own.shape.join() !== known.shape.join()) continue;
    weights.set(known.name, own === undefined ? none(known) : subject.of === 'delta' ? { signs: own.signs, floor: computingNorm(own) } : subtracted(own, known));
  }
  return { name: subject.name, weights, isNone: [...weights.values()].every(({ signs }) => signs.every((v) => v === 0)) };
}

function none({ signs }: SubjectWeight): WeightChange {
  return { signs: new Float64Array(signs.length), floor: 0 };
}

function subtracted(own: SubjectWeight, base: SubjectWeight): WeightChange {
  if ((own.signsAs ?? own.name) !== (base.signsAs ?? base.name)) return none(base);
  const signs = own.signs.map((v, i) => v - (base.signs[i] ?? Number.NaN));
  const rms = Math.sqrt(signs.reduce((sum, v) => sum + v * v, 0) / signs.length);
  const computing = Math.hypot(computingNorm(own), computingNorm(base));
  const unchanged = Math.hypot(computing, conversionNorm(own, base.dtype));
  if (rms <= MARGIN * unchanged) return none(base);
  return { signs, floor: Math.hypot(computing, roundingNorm(own)) };
}

/** How much of each change is in the other. */
export interface Overlap {
  /** ⟨Δ_of, Δ_in⟩ / |Δ_of|²: how much of `of` is in `in`. */
  readonly share: Interval;
  /** ⟨Δ_of, Δ_in⟩ / |Δ_in|² */
  readonly reverse: Interval;
  /** ⟨Δ_of, Δ_in⟩ / (|Δ_of||Δ_in|) */
  readonly cosine: number;
  /** Σ tr((Δ'Δ)²) / Σ|Δ|⁴ over weights: 1 at rank 1, small where a change is spread over many directions; rounding taken off. */
  readonly spread: { readonly of: number; readonly in: number };
}

/**
 * How much of a change is in another.
 * @param c sign probes on each side
 * @returns null where either is nothing, or where they have no weight in common
 */
export function overlap(of: Change, within: Change, c: number): Overlap | null {
  const forward: Equations[] = [];
  const backward: Equations[] = [];
  for (const [name, a] of of.weights) {
    const b = within.weights.get(name);
    if (b === undefined || (isZero(a) && isZero(b))) continue;
    forward.push({ y: b.signs, x: [a.signs], noise: [a.floor ** 2] });
    backward.push({ y: a.signs, x: [b.signs], noise: [b.floor ** 2] });
  }
  const share = leastSquares(forward, c)?.coefficients[0];
  const reverse = leastSquares(backward, c)?.coefficients[0];
  if (share === undefined || reverse === undefined) return null;
  const cosine = Math.sign(share.value) * Math.sqrt(Math.max(0, share.value * reverse.value));
  return { share, reverse, cosine, spread: { of: spreadOf(of, within, c), in: spreadOf(within, of, c) } };
}

/** Over the weights that both changed. */
function spreadOf(change: Change, other: Change, c: number): number {
  let fourth = 0;
  let squares = 0;
  for (const [name, weight] of change.weights) {
    const counterpart = other.weights.get(name);
    if (counterpart === undefined || isZero(weight) || isZero(counterpart)) continue;
    const found = concentration(weight.signs, c);
    fourth += found.fourth;
    squares += Math.max(0, found.square - weight.floor ** 2) ** 2;
  }
  return fourth / squares;
}

export function isZero({ signs }: Pick<WeightChange, 'signs'>): boolean {
  return signs.every((v) => v === 0);
}
