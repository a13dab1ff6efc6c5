/** What 16 × 16 sign coordinates tell of a spectrum. Pure. In: X'ΔWY and how much of it rounding makes. Out: rank and evenness. */
import { singularValues } from '../engine/small.js';

/** A weight's difference: X'ΔWY, and |E| of what rounding can make of it. */
export interface Rounded {
  readonly signs: Float64Array;
  readonly floor: number;
}

export interface RankEstimate {
  /** Singular values of X'ΔWY that stand above what rounding makes: a lower bound of the rank. */
  readonly value: number;
  /** Whether what lies below is no more than rounding: then the rank is this one, as far as it is not hidden in rounding. */
  readonly isLow: boolean;
}

/** c × c numbers of standard deviation s have a largest singular value of about 2√c·s; it hardly ever is greater than this many times that. */
const ABOVE_NOISE = 1.15;
/** Singular values below this share of the first are lost in rounding of their own. */
const LOST = 1e-6;
/** Noise left below the rank may be so many times what is expected of it. */
const NOISE_MARGIN = 2;

/**
 * X'ΔWY has at most the rank of ΔW: its singular values above rounding count it, up to c. Where what is left is as small as rounding
 * makes it, the change has low rank; a change of full rank leaves more.
 * @returns null where nothing stands above rounding
 */
export function rankOf({ signs, floor }: Rounded, c: number): RankEstimate | null {
  const s = singularValues(signs, c);
  const limit = ABOVE_NOISE * 2 * Math.sqrt(c) * floor;
  const value = s.filter((one) => one > Math.max(limit, LOST * (s[0] ?? 0))).length;
  if (value === 0) return null;
  const rest = s.slice(value).reduce((sum, one) => sum + one * one, 0);
  return { value, isLow: value <= (3 * c) / 4 && rest <= NOISE_MARGIN * (c - value) ** 2 * Math.max(floor, LOST * (s[0] ?? 0)) ** 2 };
}

/**
 * tr((ΔW'ΔW)²) / |ΔW|⁴, which is 1 at rank 1 and 1/r for r equal singular values, without bias in the numerator:
 * E[S_ij S_kj S_il S_kl] = tr((ΔW'ΔW)²) for i ≠ k, j ≠ l (src/reading/norms.ts).
 * @returns numerator and denominator, to be added up over weights
 */
export function concentration(S: Float64Array, c: number): { readonly fourth: number; readonly square: number } {
  let squares = 0;
  for (const value of S) squares += value * value;
  const square = squares / S.length;
  let fourth = 0;
  for (let i = 0; i < c; i++) {
    for (let k = 0; k < c; k++) {
      if (i === k) continue;
      let [sum, same] = [0, 0];
      for (let j = 0; j < c; j++) {
        const term = (S[i * c + j] ?? 0) * (S[k * c + j] ?? 0);
        sum += term;
        same += term * term;
      }
      fourth += sum * sum - same;
    }
  }
  return { fourth: fourth / (c * (c - 1)) ** 2, square };
}
