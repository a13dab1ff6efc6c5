/** Where a change is concentrated. In: |ΔW| by weight. Out: shares, Gini coefficient, effective number of weights. Pure. */

/** How |ΔW|² is spread over the weights that were compared. */
export interface Concentration {
  /** Weights that were compared, the unchanged ones included. */
  readonly weights: number;
  /** The tenth of the weights (rounded up) that changed most, and their share of |ΔW|². */
  readonly top: { readonly weights: number; readonly share: number };
  /** The fewest weights that hold half of |ΔW|². */
  readonly half: number;
  /** (Σ|ΔW|²)² / Σ|ΔW|⁴: n for n weights that changed alike, 1 for a single one. */
  readonly effective: number;
  /** Gini coefficient of |ΔW|²: 0 where all changed alike, near 1 where few did. */
  readonly gini: number;
}

/** Null where nothing changed, or a norm is not finite. */
export function concentration(norms: readonly number[]): Concentration | null {
  const largest = norms.reduce((most, v) => Math.max(most, v), 0);
  if (!(largest > 0) || !norms.every(Number.isFinite)) return null;
  const squares = norms.map((v) => (v / largest) ** 2).sort((a, b) => b - a);
  const total = squares.reduce((sum, v) => sum + v, 0);
  const n = squares.length;
  const top = Math.ceil(n / 10);
  let half = 0;
  for (let held = 0; held < total / 2 && half < n; half++) held += squares[half] ?? 0;
  // Σ_i (2i − n − 1) x_i / (n Σ x) over x in ascending order.
  const weighted = squares.reduce((sum, v, i) => sum + (n - 1 - 2 * i) * v, 0);
  return {
    weights: n,
    top: { weights: top, share: squares.slice(0, top).reduce((sum, v) => sum + v, 0) / total },
    half,
    effective: total ** 2 / squares.reduce((sum, v) => sum + v ** 2, 0),
    gini: weighted / (n * total),
  };
}
