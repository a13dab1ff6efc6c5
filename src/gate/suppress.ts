/** Suppressions held against a report. Pure. */
import { withExitCodes } from '../report/exit.js';
import type { Report, ReportFinding, ReportItem } from '../report/schema.js';
import { quoteText } from '../text.js';
import type { Suppression } from './suppressions-file.js';

type Status = NonNullable<Report['suppressions']>[number];

/**
 * The report with what is suppressed marked, what became of each suppression, and the exit codes that follow. A suppressed finding
 * keeps its verdict and numbers. A suppression holds for one digest (`item.digest`) and one trait, to the end of its last day.
 * @param today YYYY-MM-DD
 */
export function applySuppressions(report: Report, suppressions: readonly Suppression[], today: string): Report {
  const holding = suppressions.filter((s) => today <= s.expires);
  const items = report.items.map((item) => ({ ...item, findings: item.findings.map((finding) => marked(item, finding, holding)) }));
  return withExitCodes({ ...report, items, suppressions: suppressions.map((s) => statusOf(s, report.items, today)) });
}

function marked({ digest }: ReportItem, finding: ReportFinding, holding: readonly Suppression[]): ReportFinding {
  // What an earlier gate marked in a saved report is judged anew.
  const { suppression: earlier, ...plain } = finding;
  const found = holding.find((s) => s.sha256 === digest && s.trait === finding.trait);
  if (!found) return earlier ? plain : finding;
  return { ...plain, suppression: { justification: found.justification, author: found.author, expires: found.expires } };
}

function statusOf(suppression: Suppression, items: readonly ReportItem[], today: string): Status {
  const { sha256, trait, justification, author, expires } = suppression;
  const about = { sha256, trait, justification, author, expires };
  const unmatched = whyUnmatched(suppression, items);
  if (today > expires) return { ...about, status: 'expired', reason: `it held until ${expires}` };
  return unmatched === null ? { ...about, status: 'applied' } : { ...about, status: 'unmatched', reason: unmatched };
}

function whyUnmatched({ sha256, trait }: Suppression, items: readonly ReportItem[]): string | null {
  const same = items.filter(({ digest }) => digest === sha256);
  if (same.some(({ findings }) => findings.some((f) => f.trait === trait))) return null;
  if (same.length > 0) return `${quoteText(trait)} was not tested in the files with this digest`;
  for (const { files, digest } of items) {
    const file = files.find((f) => f.sha256 === sha256);
    if (file) return `this is the sha256 of ${quoteText(file.name)} alone, and the configuration decides too: the digest over all files is ${digest ?? 'not known'}`;
  }
  return items.some(({ digest }) => digest !== null) ? 'nothing with this digest was scanned, or a file has changed since' : 'the report has no digests: scan with --hash';
}
