/** From score to shift. In: a score and a calibration line. Out: nats per token with a prediction interval. Pure. */
import type { Calibration } from '../signature/document.js';
import { studentQuantile } from './student.js';

/** The calibrated log-odds shift, in nats per token, with its prediction interval. */
export interface Shift {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Two-sided coverage of the interval, for example .9. */
  readonly confidence: number;
}

/**
 * From score to shift on the calibration line, with the prediction interval of ordinary least squares:
 * value ± t_{(1 + confidence)/2, df} · residualSd · √(v + 1/n + (score − mean)²/Σ(score − mean)²), df = n − 2;
 * through the origin √(v + score²/Σ score²), df = n − 1. v is 1, or 1 + (growth · score)² where the spread of the residuals grows with the
 * score; what the line itself adds is then kept in `lineVariance`.
 * Source: Draper & Smith, Applied Regression Analysis, 3rd ed., §1.4 and §2.9; White, Econometrica 48 (1980) 817, for a spread that grows.
 */
export function calibratedShift(score: number, line: Calibration): Shift {
  const value = line.intercept + line.slope * score;
  const df = line.n - (line.interceptFixed ? 1 : 2);
  const grown = 1 + ((line.growth ?? 0) * score) ** 2;
  const [a, b, c] = line.lineVariance ?? [line.interceptFixed ? 0 : 1 / line.n, 0, 1 / line.sumSquares];
  const from = score - (line.interceptFixed ? 0 : line.meanScore);
  const spread = Math.sqrt(grown + a + 2 * b * from + c * from ** 2);
  const half = studentQuantile((1 + line.confidence) / 2, df) * line.residualSd * spread;
  return { value, low: value - half, high: value + half, confidence: line.confidence };
}

/**
 * How far the shift of one model lies from another's, from their scores on the same line. The intercept cancels; each model has a residual of
 * its own, so that the difference of two new observations has the variance residualSd² (2 + (after − before)²/Σ(score − mean)²), through
 * the origin with Σ score² (Draper & Smith, as above). Where one model was made from the other their residuals are alike, and the interval is wide.
 * @returns half of the interval, in nats per token
 */
export function differenceHalf(before: number, after: number, line: Calibration): number {
  const df = line.n - (line.interceptFixed ? 1 : 2);
  return studentQuantile((1 + line.confidence) / 2, df) * line.residualSd * Math.sqrt(2 + (after - before) ** 2 / line.sumSquares);
}
