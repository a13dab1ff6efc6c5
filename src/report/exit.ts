import { EXIT, type ExitCode } from '../errors.js';
import type { FailOn, ReportItem } from './schema.js';

/** Worst first: a failed gate wins over what could not be read, that over what is incomplete. */
const WORST_FIRST: readonly ExitCode[] = [EXIT.gate, EXIT.unreadable, EXIT.incomplete];

/**
 * The exit code of one item (design, exit codes).
 * `never` takes away the gate's 1 and nothing else: what is unreadable or incomplete stays so.
 */
export function exitCodeOf(item: Pick<ReportItem, 'findings' | 'coverage'>, errors: readonly ExitCode[], failOn: FailOn): ExitCode {
  const harmful = item.findings.filter((f) => f.harmful);
  const some = (verdict: ReportItem['findings'][number]['verdict']) => harmful.some((f) => f.verdict === verdict);
  const gate = failOn !== 'never' && (some('present') || (failOn === 'indeterminate' && some('indeterminate')));
  const { read, total, unread } = item.coverage;
  // Where no harmful trait was tested nothing is known to be clean.
  const incomplete = unread.length > 0 || read < total || harmful.length === 0 || some('indeterminate');
  return worst([...(gate ? [EXIT.gate] : []), ...errors, ...(incomplete ? [EXIT.incomplete] : [])]);
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
