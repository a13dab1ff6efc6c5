/** One weight of two models side by side: the noun that passes from reading to summary. Pure. */
import { norm } from '../scan/null.js';
import type { FlooredNorm } from '../scan/change.js';
import type { Role } from '../types.js';
import type { Inner } from './inner.js';
import type { Angles } from './subspaces.js';

/** Δ_A and Δ_B are the updates of A and B against their base, D = W_B − W_A. */
export interface WeightPair {
  readonly name: string;
  readonly role: Role;
  readonly layer: number | null;
  readonly shape: readonly [outputs: number, inputs: number];
  /** |Δ_A| and |Δ_B|; null where the base is not known. */
  readonly a: FlooredNorm | null;
  readonly b: FlooredNorm | null;
  /** |D| */
  readonly change: FlooredNorm;
  readonly inner: Inner | null;
  /** Effective ranks of Δ_A, Δ_B and D; null where neither factors nor sketches tell. */
  readonly rank: { readonly a: number | null; readonly b: number | null; readonly change: number | null };
  /** Principal angles between what Δ_A and Δ_B write (column spaces) and read (row spaces); null where one of them is 0, or not known. */
  readonly outputs: Angles | null;
  readonly inputs: Angles | null;
}

/** A norm that is known exactly. */
export function exactly(value: number, floor = 0): FlooredNorm {
  return { value, low: value, high: value, floor };
}

/** The norm over several weights: squares add up, and so do the squares of the errors of these, which are independent. */
export function together(norms: readonly FlooredNorm[]): FlooredNorm {
  const square = (values: readonly number[]): number => norm(values) ** 2;
  const value = square(norms.map((n) => n.value));
  const below = norm(norms.map((n) => n.value ** 2 - n.low ** 2));
  const above = norm(norms.map((n) => n.high ** 2 - n.value ** 2));
  return { value: Math.sqrt(value), low: Math.sqrt(Math.max(0, value - below)), high: Math.sqrt(value + above), floor: norm(norms.map((n) => n.floor)) };
}
