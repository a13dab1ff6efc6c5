/** What scores of fine-tunes of several sizes and kinds are divided by before they are compared. In: |ΔW| by weight and a signature. Out: numbers. Pure. */
import type { Scale } from '../signature/document.js';
import type { SignatureWeight } from '../signature/format.js';

/** One number for each way to scale a score. */
export type Scales = Readonly<Record<Scale, number>>;

/** Of a signature's weight: its shape, and the length of its coefficients. */
export interface ScoredWeight {
  readonly shape: readonly [outputs: number, inputs: number];
  /** Σ s_i², which is |G|² of the kept directions. */
  readonly energy: number;
}

/** Variance of a weight's score if its change, of size |ΔW|, pointed anywhere with the same probability: |ΔW|² |G|² / (out · in). */
export function isotropicVariance({ shape: [outputs, inputs], energy }: ScoredWeight, deltaNorm: number): number {
  return (deltaNorm ** 2 * energy) / (outputs * inputs);
}

/** What the scales need of a signature. */
export function scoredWeights(weights: ReadonlyMap<string, Pick<SignatureWeight, 'U' | 'V' | 's'>>): Map<string, ScoredWeight> {
  return new Map([...weights].map(([name, { U, V, s }]) => [name, { shape: [U.shape[0] ?? 0, V.shape[0] ?? 0], energy: s.reduce((sum, v) => sum + v * v, 0) }]));
}

/**
 * none: 1. deltaNorm: |ΔW| over all weights. scoredNorm: |ΔW| over the weights that the signature scores. isotropic: the standard
 * deviation of the score if each ΔW pointed anywhere with the same probability, √Σ_w |ΔW_w|² |G_w|² / (out · in).
 * @param deltaNorm |ΔW| over all weights
 * @param changed |ΔW| by weight
 */
export function scalesOf(deltaNorm: number, changed: readonly { readonly name: string; readonly deltaNorm: number }[], signature: ReadonlyMap<string, ScoredWeight>): Scales {
  let [scored, isotropic] = [0, 0];
  for (const { name, deltaNorm: size } of changed) {
    const weight = signature.get(name);
    if (weight === undefined) continue;
    scored += size ** 2;
    isotropic += isotropicVariance(weight, size);
  }
  return { none: 1, deltaNorm, scoredNorm: Math.sqrt(scored), isotropic: Math.sqrt(isotropic) };
}
