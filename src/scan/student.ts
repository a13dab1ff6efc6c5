/**
 * Student's t distribution. The upper tail is computed directly, never as 1 − CDF, so that small p-values keep their digits.
 */
import { regularisedBeta } from './beta.js';

/**
 * P(T > t) for Student's t with `df` degrees of freedom.
 * Source: DLMF 8.17 — P(|T| > |t|) = I_x(df/2, 1/2), x = df / (df + t²).
 */
export function studentUpperTail(t: number, df: number): number {
  if (Number.isNaN(t) || !(df > 0)) return Number.NaN;
  const square = t * t;
  // Near 0 the tail is close to 1/2, and the beta function's complement keeps the digits.
  const tail =
    square < 1
      ? 0.5 - 0.5 * regularisedBeta(square / (df + square), 0.5, df / 2)
      : 0.5 * regularisedBeta(df / (df + square), df / 2, 0.5);
  return t >= 0 ? tail : 1 - tail;
}

/**
 * The t with P(T ≤ t) = probability, for probability in [1/2, 1), by bisection to the last bit.
 */
export function studentQuantile(probability: number, df: number): number {
  if (!(probability >= 0.5 && probability < 1) || !(df > 0)) return Number.NaN;
  const tail = 1 - probability;
  let low = 0;
  let high = 1;
  while (studentUpperTail(high, df) > tail) high *= 2;
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (studentUpperTail(middle, df) > tail) low = middle;
    else high = middle;
  }
}
