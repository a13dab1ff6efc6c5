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
 * value ± t_{(1 + confidence)/2, df} · residualSd · √(1 + 1/n + (score − mean)²/Σ(score − mean)²), df = n − 2;
 * through the origin √(1 + score²/Σ score²), df = n − 1. Source: Draper & Smith, Applied Regression Analysis, 3rd ed., §1.4 and §2.9.
 */
export function calibratedShift(score: number, line: Calibration): Shift {
  const value = line.intercept + line.slope * score;
  const df = line.n - (line.interceptFixed ? 1 : 2);
  const spread = line.interceptFixed
    ? Math.sqrt(1 + score ** 2 / line.sumSquares)
    : Math.sqrt(1 + 1 / line.n + (score - line.meanScore) ** 2 / line.sumSquares);
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
