/** Exit codes (design, §1). In: what a report says. Out: one code for an item, and the worst of several. Pure. */
import { ERROR_CODES, EXIT, SIGNAL_EXIT, type ExitCode, type RunExitCode } from '../errors.js';
import type { FailOn, Report, ReportFinding, ReportItem } from './schema.js';

/** Worst first: a failed gate wins over what could not be read, that over what is incomplete. */
const WORST_FIRST: readonly ExitCode[] = [EXIT.gate, EXIT.unreadable, EXIT.incomplete];

/** Whether a finding counts for the exit code: not one that is suppressed, or that stands in the baseline. */
export function counts({ suppression, isNew }: Pick<ReportFinding, 'suppression' | 'isNew'>): boolean {
  return suppression === undefined && isNew !== false;
}

/**
 * The exit code of one item (design, exit codes), from what its report says and nothing else.
 * Where it was held against a policy, the policy's error rules are the gate in place of `present` and `indeterminate`.
 * `never` takes away the gate's 1 and nothing else: what is unreadable or incomplete stays so.
 */
export function exitCodeOf(item: Pick<ReportItem, 'findings' | 'coverage' | 'errors' | 'policy' | 'contamination'>, failOn: FailOn): ExitCode {
  const harmful = item.findings.filter((f) => f.harmful);
  const some = (verdict: ReportFinding['verdict']) => harmful.some((f) => f.verdict === verdict && counts(f));
  const rules = item.policy?.filter(({ level }) => level === 'error');
  const fails = rules ? rules.some(({ outcome }) => outcome === 'matched') : some('present') || (failOn === 'indeterminate' && some('indeterminate')) || (failOn === 'contaminated' && (item.contamination?.ancestors.length ?? 0) > 0);
  const { read, total, unread } = item.coverage;
  // Where no harmful trait was tested nothing is known to be clean.
  const incomplete = unread.length > 0 || (item.contamination?.not.length ?? 0) > 0 || read < total || harmful.length === 0 || some('indeterminate') || rules?.some(({ outcome }) => outcome === 'undecided');
  return worst([...(failOn !== 'never' && fails ? [EXIT.gate] : []), ...item.errors.map(({ code }) => exitCodeOfError(code)), ...(incomplete ? [EXIT.incomplete] : [])]);
}

/** The exit code that an error leads to; one of a report that another version wrote may have a code that this one does not know. */
export function exitCodeOfError(code: string): ExitCode {
  return Object.entries(ERROR_CODES).find(([known]) => known === code)?.[1] ?? EXIT.unreadable;
}

/** The one exit code for several. */
export function worst(codes: readonly ExitCode[]): ExitCode {
  return WORST_FIRST.find((code) => codes.includes(code)) ?? EXIT.clean;
}

/** Items by how much they need a look: a failed gate, what could not be read, what is incomplete, what is clean. */
export function worstFirst(items: readonly ReportItem[]): ReportItem[] {
  const order = [...WORST_FIRST, EXIT.clean];
  return [...items].sort((a, b) => order.indexOf(a.exitCode) - order.indexOf(b.exitCode));
}

/** A report with all its exit codes as they follow from the rest of it. */
export function withExitCodes(report: Report): Report {
  const items = report.items.map((item) => ({ ...item, exitCode: exitCodeOf(item, report.failOn) }));
  const exitCode: RunExitCode = report.interrupted === undefined ? worst(items.map((item) => item.exitCode)) : SIGNAL_EXIT[report.interrupted];
  return { ...report, items, exitCode };
}
