/** Markdown for a pull-request comment. In: a Report. Out: GitHub's Markdown, no longer than a comment may be. Pure. */
import { baseLine } from './base-line.js';
import { headlineOf, headlineText } from './headline.js';
import { bytes, probability, signed } from './numbers.js';
import { layerRange } from './layers.js';
import { code, prose } from './markdown-text.js';
import { byRelevance } from './relevance.js';
import type { RenderOptions } from './render.js';
import { worstFirst } from './exit.js';
import type { Report, ReportFinding, ReportItem } from './schema.js';
import { ruler, strip } from './strip.js';

/** GitHub refuses a comment of more characters (65,536); some room is left for what a pipeline puts around it. */
export const LONGEST_COMMENT = 65_000;
/** Kept free for the lines that say what was cut. */
const CLOSING = 1000;
/** Rows of the table of items leave room for details. */
const LONGEST_TABLE = 40_000;
const STRONGEST = 5;
const NAMED = 8;
/** Columns of one line of a strip: what a phone shows without scrolling. */
const STRIP = 60;
const MOST_LAYERS = 1000;

/**
 * A report as Markdown: one table of all items, worst first, then the details of each, folded. What does not fit is cut, the
 * cleanest first, and a line says so. Names from files are inert: no markup, link, mention or reference of theirs is one.
 */
export function renderMarkdown(report: Report, { showSuppressed }: Pick<RenderOptions, 'showSuppressed'>): string {
  const items = worstFirst(report.items);
  const head = [`## weightseq: ${titleOf(report)}`, '', ...runLines(report)].join('\n');
  const table = items.length === 0 ? [] : ['| item | result | shift | p | exit code |', '|---|---|---|---|---|', ...items.map(row)];
  const rows = fitting(table, LONGEST_TABLE);
  const left = LONGEST_COMMENT - CLOSING - head.length - rows.reduce((sum, r) => sum + r.length + 1, 0);
  const details = fitting(items.map((item) => detailsOf(item, showSuppressed)), left);
  const cut = [
    ...(rows.length < table.length ? [`${table.length - rows.length} of ${items.length} items have no row above`] : []),
    ...(details.length < items.length ? [`the details of ${items.length - details.length} of ${items.length} items are left out`] : []),
  ];
  const closing = cut.length > 0 ? `**Cut to fit a comment:** ${cut.join('; ')}. The worst stand first; the JSON report holds everything.` : '';
  return [head, rows.join('\n'), ...details, closing].filter((part) => part !== '').join('\n\n') + '\n';
}

/** As many of the first parts as fit, each followed by two line ends. */
function fitting(parts: readonly string[], limit: number): string[] {
  let length = 0;
  const end = parts.findIndex((part) => (length += part.length + 2) > limit);
  return parts.slice(0, end < 0 ? parts.length : end);
}

function titleOf(report: Report): string {
  const [item, ...others] = worstFirst(report.items);
  if (item === undefined) return 'nothing was scanned';
  const failed = report.items.filter((i) => i.exitCode !== 0).length;
  return others.length === 0 ? headlineText(headlineOf(item), code) : `${failed} of ${report.items.length} items need a look`;
}

function runLines(report: Report): string[] {
  const { exitCode, failOn, policy, baseline, tool, interrupted } = report;
  const idle = (report.suppressions ?? []).filter((s) => s.status !== 'applied');
  const rules = policy ? `, policy ${code(policy.name)} with ${policy.rules} ${policy.rules === 1 ? 'rule' : 'rules'}` : '';
  return [
    `Exit code **${exitCode}** with \`--fail-on ${failOn}\`${rules}${baseline === undefined ? '' : `, against the baseline ${code(baseline)}`}; weightseq ${code(tool.version)}.`,
    ...(interrupted ? ['', `**The run was ended by ${interrupted} before all items were scanned.**`] : []),
    ...(idle.length > 0 ? ['', ...idle.slice(0, NAMED).map((s) => `- suppression of ${code(s.trait)} in ${code(s.sha256)} by ${code(s.author)} ${s.status === 'expired' ? `expired on ${s.expires}` : 'matches nothing in this run'}: it suppresses nothing`)] : []),
    ...(idle.length > NAMED ? [`- and ${idle.length - NAMED} more suppressions that suppress nothing`] : []),
  ];
}

function row(item: ReportItem): string {
  const strongest = [...item.findings].filter((f) => f.harmful).sort((a, b) => (b.shift ?? -Infinity) - (a.shift ?? -Infinity))[0];
  const numbers = strongest ? `${signed(strongest.shift, 3)} | ${probability(strongest.p)}` : 'n/a | n/a';
  return `| ${code(item.path)} | ${headlineText(headlineOf(item), code)} | ${numbers.replace('<', '&lt;')} | ${item.exitCode} |`;
}

function detailsOf(item: ReportItem, showSuppressed: boolean): string {
  const headline = headlineOf(item);
  const { coverage, base } = item;
  const gaps = coverage.unread.slice(0, NAMED).map((gap) => `missing: ${code(gap.name)}: ${prose(gap.reason)}`);
  const policy = (item.policy ?? []).map((r) => `policy, ${r.level}, ${r.outcome}: ${code(r.id)}: ${prose(r.message)}`);
  const beside = item.beside.slice(0, NAMED).map((b) => `beside the weights: ${b.what} ${code(b.name)}: ${prose(b.reason)}`);
  const facts = [
    ...item.errors.map((e) => `error ${code(e.code)}: ${code([e.file, e.tensor].filter((part) => part !== null).join(': '))} ${prose(e.message)}. ${prose(e.mend ?? '')}`.trim()),
    ...policy, ...gaps, ...more(coverage.unread.length - gaps.length, 'missing'),
    ...beside, ...more(item.beside.length - beside.length, 'beside the weights'),
    ...(item.kind === 'unknown' ? [] : [`base: ${baseLine(item, code)}`]),
    ...contaminationFacts(item),
    ...(coverage.total > 0 ? [`read: ${coverage.read} of ${coverage.total} weights, ${bytes(coverage.bytes)} of ${bytes(coverage.bytesTotal)}; scored: ${coverage.scored}`] : []),
    ...(item.digest === null ? [] : [`digest: ${code(item.digest)}`]),
  ];
  return [
    '<details>', `<summary>${code(item.path)}: ${headlineText(headline, code)}</summary>`, '',
    ...(headline.explanation === '' ? [] : [headline.explanation, '']),
    ...byRelevance(item.findings).flatMap((finding) => findingLines(finding, base.layers ?? 0, showSuppressed)),
    ...facts.map((fact) => `- ${fact}`), '', '</details>',
  ].join('\n');
}

function contaminationFacts({ contamination }: ReportItem): string[] {
  if (contamination === undefined) return [];
  const { ancestors, not, registry, compared } = contamination;
  return [
    ...ancestors.map(({ sentence, source }) => `**lineage**: ${prose(sentence)}; source: ${prose(source)}`),
    ...(ancestors.length === 0 ? [`lineage: none of the ${compared} models of ${code(registry)} is an ancestor`] : []),
    ...not.slice(0, NAMED).map(({ name, reason }) => `lineage, not compared with ${code(name)}: ${prose(reason)}`), ...more(not.length - NAMED, 'lineage, not compared'),
  ];
}

function more(count: number, what: string): string[] {
  return count > 0 ? [`${what}: and ${count} more`] : [];
}

function findingLines(finding: ReportFinding, layers: number, showSuppressed: boolean): string[] {
  const { trait, verdict, harmful, suppression, isNew, reason, shift, unit, interval, p, nullSources, score, signature } = finding;
  const notes = `${harmful ? '' : ', a benign control'}${isNew === false ? ', known from the baseline' : ''}`;
  const passed = suppression ? [`**${code(trait)}: ${verdict}, suppressed** until ${suppression.expires} by ${code(suppression.author)}: ${prose(suppression.justification)}`, ''] : [];
  if (suppression && !showSuppressed) return passed;
  const range = interval ? ` (${Math.round(interval.confidence * 100)} % interval ${signed(interval.low, 3)} to ${signed(interval.high, 3)})` : '';
  const weights = finding.weights.slice(0, STRONGEST).map((w) => `${code(w.name)} ${signed(w.score, 4)}`).join(', ');
  const scored = finding.layers.map((l) => l.layer);
  return [
    ...(suppression ? passed : [`**${code(trait)}: ${verdict}**${notes}, because ${prose(reason)}`, '']),
    `shift ${signed(shift, 3)} ${code(unit)}${range}; p ${probability(p).replace('<', '&lt;')}${nullSources > 0 ? ` against ${nullSources} benign sources` : ', no null of this kind of fine-tune'}; score ${signed(score, 3)} over ${layerRange(scored)}`, '',
    ...stripBlock(finding, Math.min(MOST_LAYERS, layers)),
    ...(weights === '' ? [] : [`Strongest weights by score: ${weights}`, '']),
    `Signature ${code(signature.file)}, sha256 ${code(signature.sha256.slice(0, 12))}`, '',
  ];
}

function stripBlock(finding: ReportFinding, layers: number): string[] {
  if (layers === 0 || finding.layers.length === 0) return [];
  const { more: towards, less: away } = strip(finding.layers, layers);
  const lines: string[] = [];
  for (let from = 0; from < layers; from += STRIP) {
    const to = Math.min(layers, from + STRIP);
    lines.push(`towards  ${towards.slice(from, to)}`.trimEnd(), `away     ${away.slice(from, to)}`.trimEnd(), `layer    ${ruler(from, to)}`);
  }
  return ['```text', ...lines, '```', ''];
}
