/** The raw score. In: coordinates and coefficients. Out: a sum that decomposes over layers and weights. Pure. */
import type { Signature } from '../signature/format.js';
import type { WeightReading } from '../types.js';

export interface WeightScore {
  readonly name: string;
  readonly layer: number | null;
  readonly score: number;
  /** |ΔW| */
  readonly deltaNorm: number;
}

/** The raw sum that decides, and its exact decomposition over layers and weights. */
export interface Score {
  readonly score: number;
  readonly layers: readonly { readonly layer: number; readonly score: number }[];
  /** Largest |score| first. */
  readonly weights: readonly WeightScore[];
}

/**
 * score = Σ_w Σ_i s_i u_i' ΔW v_i over the weights that the signature holds (docs/signature-format.md), in float64.
 * @param key the probe key under which the reading keeps this signature's coordinates
 */
export function score(reading: { readonly weights: readonly Pick<WeightReading, 'name' | 'layer' | 'deltaNorm' | 'coordinates'>[] }, signature: Pick<Signature, 'weights'>, key: string): Score {
  const weights: WeightScore[] = [];
  for (const weight of reading.weights) {
    const s = signature.weights.get(weight.name)?.s;
    const coordinates = weight.coordinates.get(key);
    if (!s || !coordinates) continue;
    const sum = s.reduce((total, coefficient, i) => total + coefficient * (coordinates[i] ?? Number.NaN), 0);
    weights.push({ name: weight.name, layer: weight.layer, score: sum, deltaNorm: weight.deltaNorm });
  }
  const byLayer = new Map<number, number>();
  for (const w of weights) if (w.layer !== null) byLayer.set(w.layer, (byLayer.get(w.layer) ?? 0) + w.score);
  return {
    score: weights.reduce((total, w) => total + w.score, 0),
    layers: [...byLayer].map(([layer, value]) => ({ layer, score: value })).sort((a, b) => a.layer - b.layer),
    weights: weights.sort((a, b) => Math.abs(b.score) - Math.abs(a.score) || a.name.localeCompare(b.name)),
  };
}
