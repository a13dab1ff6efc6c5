/** What became of each trait. In: the findings of A and of B. Out: the change of its shift, and the share that went back. Pure. */
import type { Finding } from '../scan/finding.js';
import { differenceHalf, type Shift } from '../scan/shift.js';
import { studentQuantile } from '../scan/student.js';
import type { Calibration } from '../signature/document.js';
import type { Estimate } from './inner.js';

/** A finding of either kind of scan; a whole checkpoint's knows what rounding does to its score. */
export type ScoredFinding = Finding & { readonly scoreSd?: number };

export interface TraitChange {
  readonly trait: string;
  readonly harmful: boolean;
  readonly before: ScoredFinding;
  readonly after: ScoredFinding;
  /** Shift of B less that of A; null where one of them has none. */
  readonly change: Shift | null;
  /**
   * 1 − score_B/score_A: 1 where all of A's score went back, 0 where none did, below 0 where it grew. Of the raw scores, which decide, so that
   * the interval holds rounding alone. Null where the interval of A's shift holds 0: there was nothing to go back.
   */
  readonly back: Estimate | null;
}

/** 5 % of a normal distribution lie above. */
const Z = 1.6449;

/**
 * Traits that both were scanned for with the same signature.
 * @param lineOf the calibration of a signature, by its sha256
 */
export function traitChanges(before: readonly ScoredFinding[], after: readonly ScoredFinding[], lineOf: (sha256: string) => Calibration | null): TraitChange[] {
  return before.flatMap((a): TraitChange[] => {
    const b = after.find((finding) => finding.trait === a.trait && finding.signature.sha256 === a.signature.sha256);
    return b === undefined ? [] : [{ trait: a.trait, harmful: a.harmful, before: a, after: b, change: changeOf(a, b, lineOf(a.signature.sha256)), back: backOf(a, b) }];
  });
}

function changeOf(a: ScoredFinding, b: ScoredFinding, line: Calibration | null): Shift | null {
  if (a.shift === null || b.shift === null || line === null) return null;
  const value = b.shift.value - a.shift.value;
  const { confidence } = line;
  const rounding = normalQuantile(confidence) * Math.abs(line.slope) * Math.hypot(a.scoreSd ?? 0, b.scoreSd ?? 0);
  const half = a.score === b.score ? 0 : Math.hypot(differenceHalf(a.score, b.score, line), rounding);
  return { value, low: value - half, high: value + half, confidence };
}

function backOf(a: ScoredFinding, b: ScoredFinding): Estimate | null {
  if (a.shift === null || (a.shift.low <= 0 && a.shift.high >= 0) || !(Math.abs(a.score) > 0) || !Number.isFinite(b.score)) return null;
  const ratio = b.score / a.score;
  const half = a.score === b.score ? 0 : (Z * Math.hypot(b.scoreSd ?? 0, ratio * (a.scoreSd ?? 0))) / Math.abs(a.score);
  return { value: 1 - ratio, low: 1 - ratio - half, high: 1 - ratio + half };
}

/** Student's t at so many degrees of freedom is the normal distribution. */
function normalQuantile(confidence: number): number {
  return studentQuantile((1 + confidence) / 2, 1e6);
}
