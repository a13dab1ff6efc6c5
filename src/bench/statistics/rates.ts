/** Rates and their exact bounds. In: counts. Out: bounds. Pure. */
import { betaQuantile } from '../../scan/beta.js';

/** A rate with one-sided bounds: each holds with the probability `confidence` by itself. */
export interface Rate {
  readonly count: number;
  readonly of: number;
  /** count / of; NaN of nothing. */
  readonly rate: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Exact bounds of Clopper and Pearson: `high` is the rate at which as few would be seen with probability 1 − confidence, `low` the one
 * at which as many would be. Of 0 of n, high = 1 − (1 − confidence)^(1/n): 0 of 149 bounds 2 %, 0 of 299 bounds 1 %.
 * Source: Biometrika 26 (1934) 404, in the form of beta quantiles.
 */
export function rateOf(count: number, of: number, confidence = 0.95): Rate {
  const low = count === 0 ? 0 : betaQuantile(1 - confidence, count, of - count + 1);
  const high = count >= of ? 1 : betaQuantile(confidence, count + 1, of - count);
  return { count, of, rate: count / of, low, high };
}
