import { createColors } from 'picocolors';
import { escapeText } from '../text.js';
import { counts } from './exit.js';
import { excuseLines, gatedHeadline, gateLines, policyLines } from './gated.js';
import { bytes, paragraph, probability, signed } from './layout.js';
import type { Report, ReportFinding, ReportItem } from './schema.js';
import { ruler, strip } from './strip.js';

export interface TableOptions {
  /** Columns of the terminal; at most 80 are used. */
  readonly width: number;
  readonly colour: boolean;
  /** Whether findings that do not count are shown in full; no when absent. */
  readonly showSuppressed?: boolean;
}

type Colours = ReturnType<typeof createColors>;

/** How many of a trait's weights are named. */
const STRONGEST = 5;
/** How many unread things are named; the JSON report names all. */
const NAMED_GAPS = 8;

/** Renders a report for a terminal. Every text that comes from a file is escaped. */
export function renderTable(report: Report, options: TableOptions): string {
  const colours = createColors(options.colour);
  const width = Math.max(40, Math.min(80, options.width));
  const items = report.items.map((item) => renderItem(item, width, colours, options.showSuppressed ?? false));
  const summary = report.items.length > 1 ? [renderSummary(report, width, colours)] : [];
  const gate = gateLines(report, width);
  return [...items, ...summary, ...(gate.length > 0 ? [`${gate.join('\n')}\n`] : [])].join(`\n${'─'.repeat(width)}\n\n`);
}

function renderItem(item: ReportItem, width: number, colours: Colours, inFull: boolean): string {
  const [headline, explanation] = headlineOf(item, colours);
  const parts = [
    paragraph('', escapeText(item.path), width),
    paragraph('  ', headline, width) + (explanation ? `\n${paragraph('  ', explanation, width)}` : ''),
    ...item.findings.map((finding) => renderFinding(finding, item.base.layers ?? 0, width, colours, inFull)),
    [...renderFacts(item, width), ...policyLines(item, width), `  time      ${item.seconds.toFixed(2)} s`].join('\n'),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** One sentence that a non-expert understands, and one that says what it rests on. */
function headlineOf(item: ReportItem, colours: Colours): [string, string] {
  const harmful = item.findings.filter((f) => f.harmful && counts(f));
  const gated = gatedHeadline(item);
  const named = (verdict: ReportFinding['verdict']) => harmful.filter((f) => f.verdict === verdict).map((f) => escapeText(f.trait));
  const present = named('present');
  const undecided = named('indeterminate');
  const absent = named('absent');
  const error = item.errors[0];
  if (present.length > 0) {
    return [
      colours.bold(colours.red(`HARMFUL TRAIT FOUND: ${present.join(', ')}`)),
      'These weights make the model more likely to answer that way than harmless fine-tuning does.',
    ];
  }
  if (error && error.code !== 'no-signature') return [colours.bold(colours.yellow(`NOT SCANNED: ${escapeText(error.code)}`)), 'Nothing is known about these weights.'];
  if (error) return [colours.bold(colours.yellow('NOT JUDGED: no signature for this base')), 'The weights were read, but nothing is known about their traits.'];
  if (gated?.fails) return [colours.bold(colours.red(gated.headline)), gated.explanation];
  if (undecided.length > 0) return [colours.bold(colours.yellow(`UNDECIDED: ${undecided.join(', ')}`)), 'The scan can neither find nor exclude it; the reason stands below.'];
  if (gated) return [colours.bold(colours.yellow(gated.headline)), gated.explanation];
  if (absent.length === 0) return [colours.bold('NO HARMFUL TRAIT WAS TESTED'), ''];
  return [
    colours.bold(colours.green(`NOT FOUND: ${absent.join(', ')}`)),
    'That is all that was tested: no word on other traits, backdoors or capabilities.',
  ];
}

function renderFinding(finding: ReportFinding, layers: number, width: number, colours: Colours, inFull: boolean): string {
  const paint = { present: colours.red, absent: colours.green, indeterminate: colours.yellow }[finding.verdict];
  const control = finding.harmful ? '' : ' (benign control)';
  const percent = finding.interval ? `${Math.round(finding.interval.confidence * 100)} % interval ` : '';
  const interval = finding.interval ? ` (${percent}${signed(finding.interval.low, 3)} to ${signed(finding.interval.high, 3)})` : '';
  const sources = `${finding.nullSources} benign source${finding.nullSources === 1 ? '' : 's'}`;
  const title = `  ${colours.bold(escapeText(finding.trait))}${control}: ${paint(finding.verdict)}`;
  const excuse = excuseLines(finding, width);
  if (!counts(finding) && finding.verdict !== 'absent' && !inFull) return [title, ...excuse, paragraph('    ', '--show-suppressed shows it in full', width)].join('\n');
  const lines = [
    title, ...excuse,
    paragraph('    because ', escapeText(finding.reason), width),
    paragraph('    shift   ', `${signed(finding.shift, 3)} nats/token${interval}`, width),
    paragraph('    p       ', finding.nullSources > 0 ? `${probability(finding.p)}, against ${sources}${finding.null?.form === 'lora' && finding.scoreSd !== undefined ? ' of adapters, as this change has their roles, layers and size' : ''}` : 'n/a, no null of this kind of fine-tune', width),
    paragraph('    score   ', `${signed(finding.score, 3)}${finding.scoreSd == null ? '' : ` ± ${finding.scoreSd.toPrecision(1)} (rounding)`}, the sum over layers and weights below`, width),
    '',
    ...renderStrip(finding, layers, width),
    '',
    ...renderWeights(finding),
  ];
  return lines.join('\n');
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

function renderWeights(finding: ReportFinding): string[] {
  if (finding.weights.length === 0) return ['    no weight was scored'];
  const shown = finding.weights.slice(0, STRONGEST);
  const longest = Math.max(17, ...shown.map((w) => escapeText(w.name).length));
  return [
    `    ${'strongest weights'.padEnd(longest)}     score     |ΔW|`,
    ...shown.map((w) => {
      const norm = w.deltaNorm === null ? 'n/a' : w.deltaNorm.toPrecision(3);
      return `    ${escapeText(w.name).padEnd(longest)}  ${signed(w.score, 4).padStart(8)} ${norm.padStart(8)}`;
    }),
  ];
}

function renderFacts(item: ReportItem, width: number): string[] {
  const { base, coverage } = item;
  const how = {
    claimed: `as the ${item.kind} claims; not verified`,
    assumed: 'as --assume-base says; not verified',
    shape: 'by its shapes; no other known base has them',
    unknown: 'no signature for it',
  }[base.how];
  const name = base.name === null ? (item.kind === 'checkpoint' ? 'not known' : 'not named by the adapter') : `${escapeText(base.name)} (${how})`;
  const lines = item.kind === 'unknown' ? [] : [paragraph('  base      ', name, width)];
  if (coverage.total > 0) {
    const norm = normText(item);
    lines.push(
      paragraph('  read      ', `${coverage.read} of ${coverage.total} weights, ${bytes(coverage.bytes)} of ${bytes(coverage.bytesTotal)}${norm}`, width),
      paragraph('  scored    ', scoredText(item), width),
    );
    if (item.unexplained !== undefined && item.unexplained.length > 0) lines.push(paragraph('  changed   ', unexplainedText(item.unexplained), width));
    if (item.source === 'unhashed reading') lines.push(paragraph('  source    ', 'a kept reading without the sha256 of its shards', width));
  }
  const gaps = coverage.unread.slice(0, NAMED_GAPS).map((gap) => paragraph('  missing   ', `${escapeText(gap.name)}: ${escapeText(gap.reason)}`, width));
  const more = coverage.unread.length - gaps.length;
  if (more > 0) gaps.push(`  missing   … and ${more} more (--format json names all)`);
  return [...lines, ...gaps, ...item.errors.map((e) => paragraph('  error     ', errorText(e, item.path), width))];
}

function normText({ deltaNorm, change }: ReportItem): string {
  if (deltaNorm === null) return '';
  const { low = null, high = null } = change ?? {};
  const interval = low === null || high === null || low === high ? '' : ` (${low.toPrecision(3)} to ${high.toPrecision(3)})`;
  return `, |ΔW| ${deltaNorm.toPrecision(3)}${interval} in all`;
}

/** Weights that changed and that nothing scores, largest first. */
function unexplainedText(weights: NonNullable<ReportItem['unexplained']>): string {
  const sorted = [...weights].sort((a, b) => (b.deltaNorm ?? Infinity) - (a.deltaNorm ?? Infinity));
  const named = sorted.slice(0, STRONGEST).map(({ name, deltaNorm }) => `${escapeText(name)} (|ΔW| ${deltaNorm?.toPrecision(2) ?? 'n/a'})`).join(', ');
  return `unexplained: ${weights.length} weights changed that no signature scores, most of all ${named}`;
}

/** The file is named only where the item's own path does not name it already. */
function errorText({ file, tensor, message, mend }: ReportItem['errors'][number], path: string): string {
  const where = [file === path ? null : file, tensor].filter((part) => part !== null);
  return `${[...where, message].map(escapeText).join(': ')}.${mend === null ? '' : ` ${escapeText(mend)}`}`;
}

function scoredText({ coverage, findings }: ReportItem): string {
  if (findings.length === 0) return '0';
  const layers = [...new Set(findings.flatMap((f) => f.layers.map((l) => l.layer)))].sort((a, b) => a - b);
  const first = layers[0];
  const where = first === undefined ? '' : ` (layers ${first} to ${layers.at(-1) ?? first})`;
  const rest = coverage.read - coverage.scored;
  return `${coverage.scored}${where}${rest > 0 ? `; the signatures do not look at the other ${rest}` : ''}`;
}

function renderSummary(report: Report, width: number, colours: Colours): string {
  const lines = report.items.map((item) => {
    const verdict = headlineOf(item, colours)[0];
    return paragraph('  ', `${verdict}  ${escapeText(item.path)}  (exit ${item.exitCode})`, width);
  });
  return `${report.items.length} items, exit code ${report.exitCode}\n${lines.join('\n')}\n`;
}
