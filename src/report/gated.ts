/** What a policy, suppressions and a baseline made of a report, as text for a terminal. */
import { escapeText } from '../text.js';
import { counts } from './exit.js';
import { paragraph } from './layout.js';
import type { Report, ReportFinding, ReportItem } from './schema.js';

/** Headline and explanation where findings were let pass or a rule failed; null where neither is so. */
export function gatedHeadline(item: ReportItem): { readonly fails: boolean; readonly headline: string; readonly explanation: string } | null {
  const failed = item.policy?.filter((r) => r.level === 'error' && r.outcome === 'matched') ?? [];
  if (failed.length > 0) return { fails: true, headline: `POLICY FAILED: ${failed.map(({ id }) => escapeText(id)).join(', ')}`, explanation: 'What the rules say stands below.' };
  const excused = item.findings.filter((f) => f.harmful && !counts(f) && f.verdict !== 'absent');
  if (excused.length === 0) return null;
  const named = excused.map((f) => `${escapeText(f.trait)} (${f.verdict}, ${f.suppression ? 'suppressed' : 'in the baseline'})`).join(', ');
  return { fails: false, headline: `LET PASS: ${named}`, explanation: 'It was found and does not count for the exit code.' };
}

/** Why a finding does not count for the exit code; empty for one that does. */
export function excuseLines({ suppression, isNew }: ReportFinding, width: number): string[] {
  if (suppression) {
    const { author, expires, justification } = suppression;
    return [paragraph('    suppressed ', `by ${escapeText(author)} until ${expires}: ${escapeText(justification)}`, width)];
  }
  return isNew === false ? ['    known, in the baseline'] : [];
}

/** The digest that a suppression asks for, and the rules that matched or could not be decided. */
export function policyLines({ digest, policy = [] }: ReportItem, width: number): string[] {
  const said = { error: 'FAILED', warning: 'warning', note: 'note' } as const;
  return [
    ...(digest === null ? [] : [paragraph('  digest    ', digest, width)]),
    ...policy.map(({ id, level, outcome, message }) =>
      paragraph('  policy    ', `${outcome === 'undecided' ? `undecided (${level})` : said[level]} ${escapeText(id)}: ${escapeText(message)}`, width)),
  ];
}

/** What the whole report was held against, and every suppression that does not hold; empty where it was held against nothing. */
export function gateLines({ policy, suppressions = [], baseline }: Report, width: number): string[] {
  const idle = suppressions.filter(({ status }) => status !== 'applied');
  const applied = suppressions.length - idle.length;
  return [
    ...(policy ? [paragraph('  policy    ', `${escapeText(policy.name)}, ${policy.rules} rule${policy.rules === 1 ? '' : 's'}`, width)] : []),
    ...(baseline === undefined ? [] : [paragraph('  baseline  ', `${escapeText(baseline)}: what stands there does not count`, width)]),
    ...(suppressions.length > 0 ? [`  suppressions  ${applied} applied, ${idle.length} not`] : []),
    ...idle.map(({ status, trait, sha256, author, reason = '' }) =>
      paragraph(`  ${status.padEnd(9)} `, `${escapeText(trait)} of ${sha256.slice(0, 12)}… by ${escapeText(author)} does not suppress: ${escapeText(reason)}`, width)),
  ];
}
