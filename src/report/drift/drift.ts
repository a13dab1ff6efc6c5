/** From scanned steps to the Drift. In: items in the order of a run, and the calibrations of the signatures. Out: plain data that every form renders. Pure. */
import { EXIT, SIGNAL_EXIT, type ExitCode } from '../../errors.js';
import { FEWEST_SOURCES } from '../../scan/null.js';
import { studentQuantile } from '../../scan/student.js';
import type { Calibration } from '../../signature/document.js';
import { exitCodeOf, worst } from '../exit.js';
import { signed } from '../numbers.js';
import type { ReportFinding, ReportItem } from '../schema.js';
import type { Drift, DriftFailOn, DriftPoint, DriftTrait } from './schema.js';

export interface ScannedStep {
  readonly step: number;
  readonly item: ReportItem;
}

export interface DriftFacts {
  readonly isNumbered: boolean;
  readonly failOn: DriftFailOn;
  readonly version: string;
  readonly interrupted: keyof typeof SIGNAL_EXIT | null;
  /** The calibration of a signature, by its sha256. */
  readonly lineOf: (sha256: string) => Calibration | null;
}

/** The Drift of scanned steps. Pure. */
export function driftOf(steps: readonly ScannedStep[], { isNumbered, failOn, version, interrupted, lineOf }: DriftFacts): Drift {
  const names = [...new Set(steps.flatMap(({ item }) => item.findings.map(({ trait }) => trait)))];
  const traits = names.map((name) => traitOf(name, steps, lineOf));
  return {
    schemaVersion: 1, kind: 'drift', tool: { name: 'weightseq', version }, failOn, numbered: isNumbered,
    steps: steps.map(({ step, item }) => ({ step, item })), traits, conclusion: traits.map(sentence),
    ...(interrupted === null ? {} : { interrupted }),
    exitCode: interrupted === null ? exitCodeOfDrift(steps.map(({ item }) => item), failOn) : SIGNAL_EXIT[interrupted],
  };
}

/**
 * 1 by --fail-on: present, a harmful trait is present at the last step; ever, at any step; indeterminate, present or undecided at the last.
 * 3 where something was not read at any step, or a harmful trait is undecided at the last: early steps, whose change is small, are held
 * against no null and decide nothing. Pure.
 */
export function exitCodeOfDrift(items: readonly ReportItem[], failOn: DriftFailOn): ExitCode {
  const last = items.at(-1);
  const has = (item: ReportItem | undefined, verdict: ReportFinding['verdict']): boolean => item?.findings.some((finding) => finding.harmful && finding.verdict === verdict) ?? false;
  const fails = has(last, 'present') || (failOn === 'ever' && items.some((item) => has(item, 'present'))) || (failOn === 'indeterminate' && has(last, 'indeterminate'));
  return worst([
    ...(failOn !== 'never' && fails ? [EXIT.gate] : []),
    ...items.slice(0, -1).map((item) => exitCodeOf({ ...item, findings: item.findings.map((finding) => (finding.verdict === 'indeterminate' ? { ...finding, verdict: 'absent' as const } : finding)) }, 'never')),
    ...(last === undefined ? [EXIT.incomplete] : [exitCodeOf(last, 'never')]),
  ]);
}

function traitOf(trait: string, steps: readonly ScannedStep[], lineOf: DriftFacts['lineOf']): DriftTrait {
  const found = steps.flatMap(({ step, item }) => item.findings.filter((finding) => finding.trait === trait).map((finding) => ({ step, finding })));
  const [first] = found;
  const points = found.map(({ step, finding }): DriftPoint => ({
    step, verdict: finding.verdict, shift: finding.shift, low: finding.interval?.low ?? null, high: finding.interval?.high ?? null,
    score: finding.score, p: finding.p, band: bandOf(finding, lineOf(finding.signature.sha256)),
  }));
  return {
    trait, harmful: first?.finding.harmful ?? false, unit: first?.finding.unit ?? '', level: first?.finding.level ?? 0,
    smallestMeaningfulShift: first?.finding.smallestMeaningfulShift ?? 0, points,
    leaves: found.find(({ finding: { p, level } }) => p !== null && p < level)?.step ?? null,
    present: found.find(({ finding }) => finding.verdict === 'present')?.step ?? null,
  };
}

/** The line's value at mean ± t_{1−level, n−1} · sd · √(1 + 1/n), the scores at which p is the level and 1 − level (design, §7). */
function bandOf({ null: group, level }: ReportFinding, line: Calibration | null): DriftPoint['band'] {
  const n = group?.sources.length ?? 0;
  if (group === null || line === null || n < FEWEST_SOURCES || level >= 0.5) return null;
  const half = studentQuantile(1 - level, n - 1) * group.sd * Math.sqrt(1 + 1 / n);
  const at = (score: number): number => line.intercept + line.slope * score;
  return { low: at(group.mean - half), high: at(group.mean + half) };
}

function sentence({ trait, points, leaves, present, level, unit }: DriftTrait): string {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return `${trait} was scanned for at no step.`;
  const course = first.shift === null || last.shift === null ? '' : ` Its shift goes from ${signed(first.shift, 3)} at step ${first.step} to ${signed(last.shift, 3)} ${unit} at step ${last.step}, where it is ${last.verdict}.`;
  const tested = points.filter(({ p }) => p !== null).length;
  if (tested === 0) return `${trait} is held against no null at any step, since no benign fine-tunes of this kind and size are known.${course}`;
  if (leaves === null) return `${trait} stays within what benign fine-tunes do (p never falls below ${level}${tested < points.length ? `, at the ${tested} of ${points.length} steps that a null matches` : ''}).${course}`;
  const found = present === null ? '' : present === leaves ? ', and is present' : `, and is present from step ${present} on`;
  return `${trait} leaves the null at step ${leaves} (p below ${level})${found.replace(' on', points.some((point) => point.step > (present ?? Infinity) && point.verdict !== 'present') ? '' : ' on')}.${course}`;
}
