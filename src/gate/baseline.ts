/** A report held against an earlier one. Pure. */
import { normalize, sep } from 'node:path';
import { withExitCodes } from '../report/exit.js';
import type { Report, ReportFinding, ReportItem } from '../report/schema.js';

const BADNESS: Readonly<Record<ReportFinding['verdict'], number>> = { absent: 0, indeterminate: 1, present: 2 };

/**
 * The report with each finding marked as new or not, and the exit codes that follow. A finding is known when the baseline has the
 * same path and trait with a verdict at least as bad, unless the files have changed: then it is new, as far as both reports have
 * digests. What was suppressed in the baseline is not known by it, or a suppression would outlive its last day.
 * @param name of the baseline, for the report
 */
export function applyBaseline(report: Report, baseline: Report, name: string): Report {
  const items = report.items.map((item) => {
    const earlier = baseline.items.filter((other) => isSame(other, item));
    return { ...item, findings: item.findings.map((finding) => ({ ...finding, isNew: !earlier.some(({ findings }) => findings.some((other) => covers(other, finding))) })) };
  });
  return withExitCodes({ ...report, items, baseline: name });
}

function isSame(a: ReportItem, b: ReportItem): boolean {
  return pathOf(a) === pathOf(b) && (a.digest === null || b.digest === null || a.digest === b.digest);
}

function covers(earlier: ReportFinding, now: ReportFinding): boolean {
  return earlier.trait === now.trait && earlier.suppression === undefined && BADNESS[earlier.verdict] >= BADNESS[now.verdict];
}

/** `./a/b/` and `a/b` are one. */
function pathOf({ path }: ReportItem): string {
  const plain = normalize(path);
  return plain.length > 1 && plain.endsWith(sep) ? plain.slice(0, -1) : plain;
}
