/** The terminal form. In: a report. Out: text of 40 to 80 columns. Pure. */
import { createColors } from 'picocolors';
import { headlineOf, headlineText, type Headline } from './headline.js';
import { paragraph } from './layout.js';
import { probability, signed } from './numbers.js';
import { printed } from './printed.js';
import { byRelevance } from './relevance.js';
import type { Report, ReportFinding, ReportItem } from './schema.js';
import { ruler, strip } from './strip.js';
import { renderFacts, renderRun } from './table-facts.js';

export interface TableOptions {
  /** Columns of the terminal; at most 80 are used. */
  readonly width: number;
  readonly colour: boolean;
  /** Whether suppressed findings are shown in full; in one line when absent. */
  readonly showSuppressed?: boolean;
}

type Colours = ReturnType<typeof createColors>;

/** How many of a trait's weights are named. */
const STRONGEST = 5;
/** No model has more; a report that says so is not drawn further. */
const MOST_LAYERS = 1000;

/** Renders a report for a terminal. Every text that comes from a file is escaped. */
export function renderTable(report: Report, options: TableOptions): string {
  const colours = createColors(options.colour);
  const width = Math.max(40, Math.min(80, options.width));
  const items = report.items.map((item) => renderItem(item, report, width, colours, options.showSuppressed ?? false));
  const summary = report.items.length === 1 ? [] : [renderSummary(report, width, colours)];
  const run = renderRun(report, width);
  return [...items, ...summary, ...(run === '' ? [] : [run])].join(`\n${'─'.repeat(width)}\n\n`);
}

function renderItem(item: ReportItem, report: Report, width: number, colours: Colours, showSuppressed: boolean): string {
  const headline = headlineOf(item);
  const norms: Norms = new Map(item.weights?.map(({ name, norm }) => [name, norm]));
  const parts = [
    paragraph('', printed(item.path), width),
    paragraph('  ', headlineText(headline, printed), width).split('\n').map((line) => paint(line, headline, colours)).join('\n') + (headline.explanation ? `\n${paragraph('  ', headline.explanation, width)}` : ''),
    ...renderFindings(item, norms, width, colours, showSuppressed),
    [...renderFacts(item, report, width), `  time      ${item.seconds.toFixed(2)} s${item.cached ? ', taken from the cache' : ''}`].join('\n'),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** Painted after wrapping, which counts columns. */
function paint(text: string, headline: Headline, { bold, red, yellow, green }: Colours): string {
  const tones = { bad: red, unsure: yellow, good: green, plain: (s: string) => s };
  return bold(tones[headline.tone](text));
}

/** Up to this many are all shown in full. */
const FEW = 2;

/**
 * Harmful traits that are present in full, first; then those that are undecided, without their layers and weights; then the others and
 * the controls, a line each. Of a few traits all are in full, in their order.
 */
function renderFindings({ findings, base }: ReportItem, norms: Norms, width: number, colours: Colours, showSuppressed: boolean): string[] {
  const full = (finding: ReportFinding): string => renderFinding(finding, norms, base.layers ?? 0, width, colours, showSuppressed);
  if (findings.length <= FEW) return findings.map(full);
  const isBrief = ({ harmful, suppression, verdict }: ReportFinding): boolean => !suppression && (!harmful || verdict === 'absent');
  const sorted = byRelevance(findings);
  const detailed = sorted.filter((finding) => !isBrief(finding)).map((finding) => (finding.verdict === 'indeterminate' && !finding.suppression ? renderHead(finding, width, colours).join('\n') : full(finding)));
  const brief = sorted.filter(isBrief).map((finding) => renderBrief(finding, width, colours));
  return [...detailed, ...(brief.length === 0 ? [] : [brief.join('\n')])];
}

/** Verdict, shift and p of a trait in one line. */
function renderBrief(finding: ReportFinding, width: number, colours: Colours): string {
  const { interval, nullSources, p, harmful, adjustedP = null } = finding;
  const range = interval ? ` (${signed(interval.low, 3)} to ${signed(interval.high, 3)})` : '';
  const text = `: ${finding.verdict}, ${signed(finding.shift, 3)}${range}, p ${nullSources > 0 ? probability(adjustedP ?? p) : 'n/a'}`;
  const trait = printed(finding.trait);
  return paragraph('  ', `${trait}${harmful ? '' : ' (benign control)'}${text}`, width).replace(trait, () => colours.bold(trait)).replace(`: ${finding.verdict}`, () => `: ${toneOf(finding, colours)(finding.verdict)}`);
}

function toneOf({ verdict }: ReportFinding, { red, green, yellow }: Colours): (text: string) => string {
  return { present: red, absent: green, indeterminate: yellow }[verdict];
}

function renderFinding(finding: ReportFinding, norms: Norms, layers: number, width: number, colours: Colours, showSuppressed: boolean): string {
  const { suppression } = finding;
  const trait = printed(finding.trait);
  const passed = suppression ? paragraph('  suppressed: ', `${trait}, until ${suppression.expires}, by ${printed(suppression.author)}: ${printed(suppression.justification)}`, width) : '';
  if (suppression && !showSuppressed) return `${passed}\n${paragraph('    ', '--show-suppressed shows it in full', width)}`;
  return [
    ...(passed === '' ? [] : [passed, '']), ...renderHead(finding, width, colours),
    '', ...renderStrip(finding, Math.min(MOST_LAYERS, layers), width),
    '', ...renderWeights(finding, norms, width),
  ].join('\n');
}

/** What was found of a trait, without layers and weights. */
function renderHead(finding: ReportFinding, width: number, colours: Colours): string[] {
  const trait = printed(finding.trait);
  const tone = toneOf(finding, colours);
  const control = finding.harmful ? '' : ' (benign control)';
  const known = finding.isNew === false ? ' (known from the baseline)' : '';
  const percent = finding.interval ? `${Math.round(finding.interval.confidence * 100)} % interval ` : '';
  const interval = finding.interval ? ` (${percent}${signed(finding.interval.low, 3)} to ${signed(finding.interval.high, 3)})` : '';
  const sources = `${finding.nullSources} benign source${finding.nullSources === 1 ? '' : 's'}`;
  return [
    paragraph('  ', `${trait}${control}: ${finding.verdict}${known}`, width).replace(trait, () => colours.bold(trait)).replace(`: ${finding.verdict}`, () => `: ${tone(finding.verdict)}`),
    paragraph('    because ', printed(finding.reason), width),
    paragraph('    shift   ', `${signed(finding.shift, 3)} ${printed(finding.unit)}${interval}`, width),
    paragraph('    p       ', finding.nullSources > 0 ? `${probability(finding.p)}${adjusted(finding)}, against ${sources}${finding.null?.form === 'lora' && finding.scoreSd !== undefined ? ' of adapters, as this change has their roles, layers and size' : ''}` : 'n/a, no null of this kind of fine-tune', width),
    paragraph('    score   ', `${signed(finding.score, 3)}${finding.scoreSd == null ? '' : ` ± ${finding.scoreSd.toPrecision(1)} (rounding)`}, the sum over layers and weights`, width),
  ];
}

/** p for all the traits that were tested, where they are several. */
function adjusted({ adjustedP = null, traitsTested = 1 }: ReportFinding): string {
  return traitsTested > 1 ? ` (${probability(adjustedP)} adjusted for ${traitsTested} traits)` : '';
}

function renderStrip(finding: ReportFinding, layers: number, width: number): string[] {
  const { more, less } = strip(finding.layers, layers);
  const label = '    ';
  // The last number of the ruler may stand out by two.
  const columns = width - label.length - 9 - 2;
  const largest = Math.max(0, ...finding.layers.map((l) => Math.abs(l.score ?? 0)));
  const lines = [paragraph(label, `score by layer: full height ${largest.toPrecision(2)}, · not scored`, width)];
  for (let from = 0; from < layers; from += columns) {
    const to = Math.min(layers, from + columns);
    lines.push(`${label}towards  ${more.slice(from, to)}`.trimEnd(), `${label}away     ${less.slice(from, to)}`.trimEnd(), `${label}layer    ${ruler(from, to)}`);
  }
  return lines;
}

type Norms = ReadonlyMap<string, NonNullable<ReportItem['change']>>;

function renderWeights(finding: ReportFinding, norms: Norms, width: number): string[] {
  if (finding.weights.length === 0) return ['    no weight was scored'];
  const shown = finding.weights.slice(0, STRONGEST).map((w) => ({ ...w, estimate: norms.get(w.name), name: cut(printed(w.name), width - 24) }));
  const longest = Math.max(17, ...shown.map((w) => w.name.length));
  return [
    `    ${'strongest weights'.padEnd(longest)}     score     |ΔW|`,
    ...shown.map((w) => {
      return `    ${w.name.padEnd(longest)}  ${signed(w.score, 4).padStart(8)} ${normOf(w, w.estimate)}`.trimEnd();
    }),
  ];
}

/** |ΔW| of a weight, with its interval where it is an estimate. */
function normOf({ deltaNorm }: ReportFinding['weights'][number], estimate: NonNullable<ReportItem['change']> | undefined): string {
  const { low = null, high = null } = estimate ?? {};
  const value = deltaNorm === null ? 'n/a' : deltaNorm.toPrecision(3);
  return `${value.padStart(8)}${low === null || high === null || low === high ? '' : ` (${low.toPrecision(2)} to ${high.toPrecision(2)})`}`;
}

function cut(text: string, columns: number): string {
  return text.length > columns ? `${text.slice(0, columns - 1)}…` : text;
}

function renderSummary(report: Report, width: number, colours: Colours): string {
  const lines = report.items.map((item) => {
    const headline = headlineOf(item);
    const text = headlineText(headline, printed);
    return paragraph('  ', `${text}  ${printed(item.path)}  (exit ${item.exitCode})`, width).replace(text, () => paint(text, headline, colours));
  });
  return [`${report.items.length} items, exit code ${report.exitCode}`, ...lines, ''].join('\n');
}
