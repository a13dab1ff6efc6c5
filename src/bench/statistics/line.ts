/** Lines through points. In: scores and measured shifts. Out: the calibration of docs/signature-format.md, and correlations. Pure. */
import type { Calibration } from '../../signature/document.js';

export interface Point {
  readonly score: number;
  readonly shift: number;
}

/** How a line is fitted. */
export interface LineDesign {
  readonly interceptFixed: boolean;
  /** How the residual variance grows: ∝ 1 + (growth · score)²; 0 where it does not. */
  readonly growth: number;
}

/** Fewer points than this make no line. */
export const FEWEST_POINTS = 3;

/**
 * The line of ordinary least squares, whatever its spread: weights that shrink with the score would leave the slope to fine-tunes that
 * hardly moved, whose scores are mostly noise. residualSd is that of residual / √(1 + (growth · score)²); the variance of the line is that
 * of least squares under such errors. Null with fewer than three points, where the scores do not differ, or where the
 * line does not rise: a signature that does not predict is not calibrated.
 * Source: Draper & Smith, Applied Regression Analysis, 3rd ed., §1.4; White, Econometrica 48 (1980) 817.
 */
export function fitLine(points: readonly Point[], { interceptFixed, growth }: LineDesign, confidence: number): Calibration | null {
  const n = points.length;
  if (n < FEWEST_POINTS) return null;
  const sum = (of: (p: Point) => number): number => points.reduce((total, p) => total + of(p), 0);
  const meanScore = sum((p) => p.score) / n;
  const [x0, y0] = interceptFixed ? [0, 0] : [meanScore, sum((p) => p.shift) / n];
  const sumSquares = sum((p) => (p.score - x0) ** 2);
  const slope = sum((p) => (p.score - x0) * (p.shift - y0)) / sumSquares;
  if (!(slope > 0) || !(sumSquares > 0)) return null;
  const intercept = y0 - slope * x0;
  const grown = ({ score }: Point): number => 1 + (growth * score) ** 2;
  const residualSd = Math.sqrt(sum((p) => (p.shift - intercept - slope * p.score) ** 2 / grown(p)) / (n - (interceptFixed ? 1 : 2)));
  const line = { slope, intercept, interceptFixed, residualSd, n, meanScore, sumSquares, confidence };
  if (growth === 0) return line;
  // A point adds 1/n + (x − x0)(x_i − x0)/S to the line at x, and its variance times the square of that to the line's.
  const c = sum((p) => (p.score - x0) ** 2 * grown(p)) / sumSquares ** 2;
  const [a, b] = interceptFixed ? [0, 0] : [sum(grown) / n ** 2, sum((p) => (p.score - x0) * grown(p)) / (n * sumSquares)];
  return { ...line, growth, lineVariance: [a, b, c] };
}

/** Pearson's r, each point counting `weight` times (1 when absent); NaN where either side does not vary. */
export function pearson(points: readonly { readonly x: number; readonly y: number; readonly weight?: number }[]): number {
  const sum = (of: (p: (typeof points)[number]) => number): number => points.reduce((total, p) => total + (p.weight ?? 1) * of(p), 0);
  const total = sum(() => 1);
  const [mx, my] = [sum((p) => p.x) / total, sum((p) => p.y) / total];
  return sum((p) => (p.x - mx) * (p.y - my)) / Math.sqrt(sum((p) => (p.x - mx) ** 2) * sum((p) => (p.y - my) ** 2));
}

/**
 * The most that r can reach where y is measured with errors: √(1 − mean s.e.²/var y), var with n − 1; 0 where the errors are all there is.
 * Source: Spearman's attenuation, with a predictor free of error.
 */
export function correlationCeiling(measured: readonly { readonly shift: number; readonly standardError: number }[]): number {
  const n = measured.length;
  const mean = measured.reduce((total, m) => total + m.shift, 0) / n;
  const variance = measured.reduce((total, m) => total + (m.shift - mean) ** 2, 0) / (n - 1);
  const noise = measured.reduce((total, m) => total + m.standardError ** 2, 0) / n;
  return Math.sqrt(Math.max(0, 1 - noise / variance));
}
