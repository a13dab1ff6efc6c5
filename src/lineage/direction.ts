/** Who descends from whom. Pure. In: how much of each change is in the other. Out: a direction, and why there is none. */
import type { Overlap } from './change.js';
import type { Direction } from './schema.js';

export interface Decided {
  readonly direction: Direction;
  /** One clause. */
  readonly because: string;
}

/** What is there whole up to this counts as whole: later training takes a little of it away. */
const WHOLE = 0.9;
/** A common part below this says nothing of a common ancestor beside the base: fine-tunes on like data share as much. */
const COMMON = 0.5;
/** The earlier change may be spread over more directions than the later one by this factor, which is how well the spread is known. */
const SPREAD_MARGIN = 1.5;

/**
 * The direction of descent, from the share of the candidate's ΔW in the path's (`share`) and the other way round (`reverse`).
 *
 * A descendant of A has Δ = Δ_A + δ with δ nearly orthogonal to Δ_A: all of Δ_A is in it (share 1), and it is more than that
 * (reverse below 1). Siblings hold nothing of each other, or only what they have in common, so that neither share is 1. The mean
 * of two fine-tunes of like size holds each by half, and is whole in each: by these two numbers it looks like an ancestor of both. It
 * betrays itself in that it is spread over more directions than each of them.
 */
export function directionOf({ share, reverse, spread }: Overlap): Decided {
  const told = `${part(share.value)} of the candidate's ΔW is in the path's, ${part(reverse.value)} of the path's in the candidate's`;
  const isWhole = share.high >= WHOLE;
  const isReverse = reverse.high >= WHOLE;
  if (isWhole && isReverse) return { direction: 'undecided', because: `${told}: each may hold all of the other` };
  if (isWhole && share.low > reverse.high) return later('descends', told, spread.of, spread.in);
  if (isReverse && reverse.low > share.high) return later('ancestor', told, spread.in, spread.of);
  if (share.high < WHOLE && reverse.high < WHOLE && Math.min(share.value, reverse.value) < COMMON) return { direction: 'siblings', because: `${told}: neither holds the other` };
  return { direction: 'undecided', because: `${told}: more in common than fine-tunes of one base usually have, and neither holds the other whole` };
}

/** @param earlier how concentrated the ancestor's change is */
function later(direction: 'descends' | 'ancestor', told: string, earlier: number, late: number): Decided {
  if (earlier * SPREAD_MARGIN < late) {
    return { direction: 'undecided', because: `${told}, as of an ancestor and its descendant; but the smaller change is spread over more directions than the larger, as the mean of two fine-tunes is: give what else it may be made of` };
  }
  return { direction, because: told };
}

function part(value: number): string {
  return value.toFixed(2);
}
