/** From score to verdict (design, §7). In: a score, its kind of fine-tune, what was not read. Out: present, absent or indeterminate, and why. Pure. */
import type { NullGroup, SignatureDocument } from '../signature/document.js';
import { AVOIDS_BELOW, type Avoidance } from './avoidance.js';
import type { Scales } from './scale.js';
import { adjustedPs, levelAmong } from './several.js';
import { FEWEST_SOURCES, matchNull, scoreAtLevel, spreadOf, testAgainstNull, type FineTuneKind, type NullTest } from './null.js';
import { calibratedShift, type Shift } from './shift.js';
import { studentQuantile } from './student.js';

export type Verdict = 'present' | 'absent' | 'indeterminate';

export interface Judgement {
  readonly verdict: Verdict;
  /** One clause that says why. */
  readonly reason: string;
  readonly shift: Shift | null;
  readonly test: NullTest | null;
  /** Benign sources of the null that matches; 0 where none does. */
  readonly sources: number;
  /** The null that matches. */
  readonly group: NullGroup | null;
  /** One mean for each of its sources, their mean and standard deviation, at the scale of this fine-tune; null where it says nothing. */
  readonly spread: ReturnType<typeof spreadOf>;
  /** Score from which on the verdict is present; null where it can be present at no score. */
  readonly threshold: number | null;
}

/** What besides the score a verdict depends on. */
export interface Evidence {
  readonly score: number;
  /** Null when nothing changed. */
  readonly kind: FineTuneKind | null;
  /** How many things were not read or not understood. */
  readonly gaps: number;
  /** Weights that the signature scores, among those that changed. */
  readonly scored: number;
  /** What a null may divide the score by; needed where it does. */
  readonly scales?: Scales;
  /** Standard deviation of the score from rounding and from the subtraction of the base; 0 when absent. */
  readonly sd?: number;
  /** Whether the change keeps out of the signature's way; not looked at when absent. */
  readonly avoidance?: Avoidance | null;
  /** Scored weights are stored in a narrower dtype than the base's, below whose rounding a change can hide; false when absent. */
  readonly isConverted?: boolean;
}

export type Rules = Pick<SignatureDocument, 'calibration' | 'null' | 'level' | 'smallestMeaningfulShift'>;

/**
 * The verdicts on one model for several traits. Each harmful trait is a chance of a false alarm: p is adjusted for those that were
 * tested. Benign controls gate nothing, and are judged by themselves.
 */
export function judgeAll(findings: readonly { readonly evidence: Evidence; readonly rules: Rules & Pick<SignatureDocument, 'harmful'> }[]): Judgement[] {
  const ps = findings.map(({ evidence, rules }) => (rules.harmful ? testOf(evidence, rules)?.p ?? null : null));
  return findings.map(({ evidence, rules }, i) => judge(evidence, rules, rules.harmful ? ps.filter((p, k): p is number => k !== i && p !== null) : []));
}

function testOf({ score, kind, scales }: Evidence, rules: Rules): ReturnType<typeof testAgainstNull> {
  const group = kind && matchNull(kind, rules.null).group;
  return group && Number.isFinite(score) ? testAgainstNull(score, group, scales) : null;
}

/**
 * present: p below the level and the shift above the smallest that matters. absent: an interval that excludes that shift.
 * Otherwise, where no null matches, or where something was not read: indeterminate (design, from shift to verdict).
 * @param others p of the other harmful traits that were tested on the same model, for which p is adjusted
 */
export function judge(evidence: Evidence, rules: Rules, others: readonly number[] = []): Judgement {
  const { score, kind, gaps } = evidence;
  // Of a change that the signature does not see the calibration line says nothing.
  const isSeen = kind === null || evidence.scored > 0;
  const exact = rules.calibration && isSeen ? calibratedShift(score, rules.calibration) : null;
  const noise = rules.calibration && exact ? normalQuantile(exact.confidence) * Math.abs(rules.calibration.slope) * (evidence.sd ?? 0) : 0;
  const shift = exact && widen(exact, noise);
  const match = kind ? matchNull(kind, rules.null) : null;
  const group = match?.group ?? null;
  const own = testOf(evidence, rules);
  const test = own && { ...own, adjustedP: adjustedPs([own.p, ...others])[0] ?? own.p, tested: others.length + 1 };
  const sources = group?.sources.length ?? 0;
  const threshold = group && thresholdOf(group, rules, others, evidence.scales);
  const give = (verdict: Verdict, reason: string): Judgement => ({ verdict, reason, shift, test, sources, group, spread: group && spreadOf(group, evidence.scales), threshold });

  if (!Number.isFinite(score)) return { ...give('indeterminate', 'the weights hold NaN or infinity'), shift: null, test: null };
  const alone = decide(shift, test, rules);
  if (gaps > 0) {
    const read = alone ? `; what was read, taken alone, would be ${alone.verdict}` : '';
    return give('indeterminate', `${gaps} ${gaps === 1 ? 'thing was' : 'things were'} not read or not understood${read}`);
  }
  if (!kind) return unchanged(evidence, noise, rules, shift, give);
  if (evidence.scored === 0) return give('indeterminate', 'the signature scores none of the weights that changed');
  if (match && !match.group) return give('indeterminate', match.reason);
  if (group && !test) {
    const n = sources;
    return give('indeterminate', n < FEWEST_SOURCES ? `the null has only ${n} benign source${n === 1 ? '' : 's'}, at least ${FEWEST_SOURCES} are needed` : 'the null has no spread');
  }
  if (!shift) return give('indeterminate', 'the signature is not calibrated');
  if (evidence.avoidance && evidence.avoidance.p < AVOIDS_BELOW) return give('indeterminate', avoids(evidence.avoidance));
  if (noise >= rules.smallestMeaningfulShift) return give('indeterminate', `the rounding of the weights alone can move the shift by ${noise.toPrecision(2)}, more than ${rules.smallestMeaningfulShift}, the smallest that matters`);
  return alone ? give(alone.verdict, alone.reason) : give('indeterminate', undecided(shift, test, rules));
}

/**
 * Whatever the line says at 0, weights that are the base's behave as the base does. Weights that are the base's only up to the
 * rounding of a narrower dtype may hide a change, which then stands in the score and in its noise.
 */
function unchanged({ score, isConverted = false }: Evidence, noise: number, rules: Rules, shift: Shift | null, give: (verdict: Verdict, reason: string) => Judgement): Judgement {
  const value = isConverted ? (rules.calibration?.slope ?? 0) * score : 0;
  const half = isConverted ? noise : 0;
  const most = Math.abs(value) + half;
  const judgement = !isConverted ? give('absent', 'no weight is changed')
    : most < rules.smallestMeaningfulShift ? give('absent', 'no weight is changed beyond the rounding of its numbers, and what may hide below that is too small to matter')
    : give('indeterminate', `no weight is changed beyond the rounding of its numbers, but together they may hide a shift of ${most.toPrecision(2)}; scan the model before it was rounded`);
  return { ...judgement, shift: shift && { ...shift, value, low: value - half, high: value + half } };
}

/** The lowest score with its adjusted p below the level and, on the calibration line, a shift above the smallest that matters. */
function thresholdOf(group: NullGroup, { calibration, level, smallestMeaningfulShift }: Rules, others: readonly number[], scales: Scales | undefined): number | null {
  const atLevel = scoreAtLevel(group, levelAmong(level, others), scales);
  return calibration && atLevel !== null ? Math.max(atLevel, (smallestMeaningfulShift - calibration.intercept) / calibration.slope) : null;
}

/** Two independent errors: half widths add in squares. */
function widen(shift: Shift, noise: number): Shift {
  const half = (edge: number): number => Math.hypot(edge - shift.value, noise);
  return noise === 0 ? shift : { ...shift, low: shift.value - half(shift.low), high: shift.value + half(shift.high) };
}

/** Half width of a two-sided interval of a normal distribution, in standard deviations. */
function normalQuantile(confidence: number): number {
  return studentQuantile((1 + confidence) / 2, 1e7);
}

function decide(shift: Shift | null, test: NullTest | null, rules: Rules): { verdict: Verdict; reason: string } | null {
  if (!shift || !test) return null;
  const least = rules.smallestMeaningfulShift;
  if (test.adjustedP < rules.level && shift.value > least) {
    return { verdict: 'present', reason: `p${adjusted(test)} is below ${rules.level} and the shift above ${least}, the smallest that matters` };
  }
  if (shift.high < least) return { verdict: 'absent', reason: `the interval lies below ${least}, the smallest shift that matters` };
  return null;
}

function undecided(shift: Shift, test: NullTest | null, rules: Rules): string {
  const least = rules.smallestMeaningfulShift;
  if (test && test.adjustedP >= rules.level && shift.value > least) return `the shift would matter, but benign fine-tunes reach it too often (p${adjusted(test)} is not below ${rules.level})`;
  return `the interval holds ${least}, the smallest shift that matters`;
}

function avoids({ ratio, weights }: Avoidance): string {
  return `in ${weights} weights the change keeps out of the signature's directions more exactly than a random one would (its scores squared are ${ratio.toPrecision(1)} of what chance gives): it may have been made to hide from it`;
}

function adjusted({ tested }: NullTest): string {
  return tested > 1 ? `, adjusted for ${tested} traits,` : '';
}
