/** What a report found besides traits, in plain words. In: a report and the id of a rule, as SARIF names it. Out: paragraphs. Pure. */
import { paragraph } from './layout.js';
import { printed } from './printed.js';
import { CONTAMINATED, rulesOf } from './sarif-rules.js';
import type { Report, ReportItem } from './schema.js';

/** How many things are named of one item. */
const NAMED = 8;

/** The ids that `explainRule` knows in this report: `scan-incomplete`, `scan-error`, `beside-pickle`, `policy-ID`… */
export function ruleIds(report: Report): string[] {
  return rulesOf(report).map(({ id }) => id).filter((id) => !id.startsWith('trait-') && report.items.some((item) => placesOf(item, id).length > 0));
}

/** What the rule means, where it holds, and what to do; null where the report has nothing of it. */
export function explainRule(report: Report, id: string, columns: number): string | null {
  const rule = rulesOf(report).find((r) => r.id === id);
  const items = report.items.map((item) => ({ item, places: placesOf(item, id) })).filter(({ places }) => places.length > 0);
  if (rule === undefined || items.length === 0) return null;
  const width = Math.max(40, Math.min(80, columns));
  const say = (text: string): string => paragraph('', printed(text), width);
  const found = items.map(({ item, places }) => {
    const more = places.length - NAMED;
    const lines = [...places.slice(0, NAMED), ...(more > 0 ? [`… and ${more} more (--format json names all)`] : [])];
    return [say(item.path), ...lines.map((line) => paragraph('  ', printed(line), width))].join('\n');
  });
  // The help repeats the description before the mend.
  const mend = (rule.help?.text ?? '').slice((rule.fullDescription?.text ?? '').length).trim();
  return `${[say(id), say(rule.fullDescription?.text ?? ''), ...found, say(mend)].join('\n\n')}\n`;
}

/** What of an item the rule speaks of, a line each. */
function placesOf({ coverage, errors, beside, contamination, policy = [] }: ReportItem, id: string): string[] {
  if (id === CONTAMINATED) return contamination?.ancestors.map(({ sentence, source }) => `${sentence}. Source: ${source}`) ?? [];
  if (id === 'scan-incomplete') return coverage.unread.map(({ name, reason }) => `${name}: ${reason}`);
  if (id === 'scan-error') return errors.map(({ code, message, mend }) => `${code}: ${message}${mend === null ? '' : `. ${mend}`}`);
  if (id.startsWith('beside-')) return beside.filter(({ what }) => id === `beside-${what}`).map(({ name, reason }) => `${name}: ${reason}`);
  return policy.filter((rule) => id === `policy-${rule.id}`).map(({ level, outcome, message }) => `${level}, ${outcome}: ${message}`);
}
