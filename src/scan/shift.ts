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
 * value ± t_{(1 + confidence)/2, df} · residualSd · √(v + 1/Σw + (score − mean)²/Σw(score − mean)²), df = n − 2;
 * through the origin √(v + score²/Σw score²), df = n − 1. v = 1 + (growth · score)² is how far the variance has grown, w = 1/v the
 * weight of a point; both are 1 without growth. Source: Draper & Smith, Applied Regression Analysis, 3rd ed., §1.4 and §2.9.
 */
export function calibratedShift(score: number, line: Calibration): Shift {
  const value = line.intercept + line.slope * score;
  const df = line.n - (line.interceptFixed ? 1 : 2);
  const grown = 1 + ((line.growth ?? 0) * score) ** 2;
  const spread = line.interceptFixed
    ? Math.sqrt(grown + score ** 2 / line.sumSquares)
    : Math.sqrt(grown + 1 / (line.sumWeights ?? line.n) + (score - line.meanScore) ** 2 / line.sumSquares);
  const half = studentQuantile((1 + line.confidence) / 2, df) * line.residualSd * spread;
  return { value, low: value - half, high: value + half, confidence: line.confidence };
}
