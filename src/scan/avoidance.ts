/** Whether a change keeps out of a signature's way. In: scores by weight and what random changes of their size would score. Out: a ratio and a bound on p. Pure. */
import type { WeightScore } from './score.js';
import { isotropicVariance, type ScoredWeight } from './scale.js';

/** How near to nothing the scores of a change's weights are, beside those of random changes. */
export interface Avoidance {
  /** Mean over the weights of (score / its standard deviation under isotropy)²: 1 of random changes; fine-tunes have more, as they are not random. */
  readonly ratio: number;
  /** Weights that changed and are scored. */
  readonly weights: number;
  /** At most this share of random changes lies so exactly across the signature's directions. */
  readonly p: number;
}

/** Below this p a change is taken to avoid the signature: among all models ever scanned hardly one does so by chance. */
export const AVOIDS_BELOW = 1e-6;

/**
 * A change that points anywhere with the same probability scores u'ΔWv with standard deviation |ΔW| |G| / √(out · in) in each weight, nearly
 * normal and independent, so that the sum of squares is χ² with n degrees of freedom. One that was made to hide has the signature's
 * directions taken out and scores nothing anywhere. p ≤ (R e^(1−R))^(n/2) for a mean square R < 1 (Dasgupta & Gupta 2003, lemma 2.2).
 * @returns null where no weight that changed is scored
 */
export function avoidanceOf(scored: readonly Pick<WeightScore, 'name' | 'score' | 'deltaNorm'>[], signature: ReadonlyMap<string, ScoredWeight>): Avoidance | null {
  const squares = scored.flatMap(({ name, score, deltaNorm }) => {
    const weight = signature.get(name);
    const variance = weight === undefined ? 0 : isotropicVariance(weight, deltaNorm);
    return variance > 0 ? [score ** 2 / variance] : [];
  });
  if (squares.length === 0) return null;
  const ratio = squares.reduce((sum, v) => sum + v, 0) / squares.length;
  return { ratio, weights: squares.length, p: ratio < 1 ? Math.exp((squares.length / 2) * (Math.log(ratio) + 1 - ratio)) : 1 };
}
