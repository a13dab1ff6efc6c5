/** |ΔW| without the base. In: sign coordinates X'ΔWY. Out: the Frobenius norm, and how far off it may be. Pure. */

export interface NormEstimate {
  /** Its square is an unbiased estimate of |ΔW|². */
  readonly value: number;
  /** An interval that holds |ΔW| in about 90 of 100 draws of the signs (87 to 98, by the spectrum of ΔW; c = 16). */
  readonly low: number;
  readonly high: number;
}

/** 5 % of a normal distribution lie above. */
const Z = 1.6449;

/**
 * The norm from S = X'ΔWY, where the c columns of X and of Y hold independent signs.
 *
 * E[S_ij²] = |ΔW|², so m = mean S_ij² estimates it. Its relative variance for normal probes (signs are no worse) is
 * `4ρ/c + 2(1 + ρ)/c²` with ρ = tr((ΔW'ΔW)²)/|ΔW|⁴, which is 1 at rank 1 and near 0 for a flat spectrum. The same S gives
 * the numerator without bias: E[S_ij S_kj S_il S_kl] = tr((ΔW'ΔW)²) for i ≠ k, j ≠ l. The interval takes m as lognormal;
 * its width is stretched by 1 + 2/c, because ρ is itself estimated. Coverage: test/reading/norms.test.ts.
 * @param signs S, c × c
 * @returns NaN throughout when S holds a NaN or infinity
 */
export function estimateNorm(signs: Float64Array, c: number): NormEstimate {
  const largest = signs.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (!(largest > 0 && largest < Infinity)) {
    const value = largest === 0 ? 0 : NaN;
    return { value, low: value, high: value };
  }
  // Divided by the largest, so that fourth powers stay in range.
  const S = signs.map((value) => value / largest);
  const mean = S.reduce((sum, value) => sum + value * value, 0) / S.length;
  const share = (variance: number): number => Math.min(1, Math.max(0, (fourthMoment(S, c) / mean ** 2) * (1 + variance)));
  // E[m²] = |ΔW|⁴ (1 + variance): two rounds suffice.
  const variance = relativeVariance(share(relativeVariance(share(0), c)), c);
  const deviation = Math.sqrt(Math.log1p(variance));
  const middle = deviation ** 2 / 2;
  const reach = Z * deviation * (1 + 2 / c);
  const norm = (logarithm: number): number => largest * Math.sqrt(mean * Math.exp(logarithm));
  return { value: norm(0), low: norm(Math.min(0, middle - reach)), high: norm(middle + reach) };
}

const relativeVariance = (rho: number, c: number): number => (4 * rho) / c + (2 * (1 + rho)) / c ** 2;

/** The mean of S_ij S_kj S_il S_kl over i ≠ k and j ≠ l; for one probe m² itself, as if the rank were 1. */
function fourthMoment(S: Float64Array, c: number): number {
  if (c === 1) return (S[0] ?? 0) ** 4;
  let sum = 0;
  for (let i = 0; i < c; i++) {
    for (let k = 0; k < c; k++) {
      if (i === k) continue;
      let product = 0;
      let squares = 0;
      for (let j = 0; j < c; j++) {
        const term = (S[i * c + j] ?? 0) * (S[k * c + j] ?? 0);
        product += term;
        squares += term * term;
      }
      sum += product * product - squares;
    }
  }
  return sum / (c * (c - 1)) ** 2;
}
