/** What the table says below the findings: what was read, what is missing, what lies beside it, policy, suppressions. Pure. */
import { baseLine } from './base-line.js';
import { paragraph } from './layout.js';
import { bytes } from './numbers.js';
import { printed } from './printed.js';
import type { Report, ReportItem } from './schema.js';

/** How many unread things, files and weights are named; the JSON report names all. */
const NAMED = 8;
const NAMED_WEIGHTS = 5;

/** Lines on one item. */
export function renderFacts(item: ReportItem, report: Pick<Report, 'policy'>, width: number): string[] {
  return [
    ...baseLines(item, width),
    ...lineageLines(item, width),
    ...listed('missing', item.coverage.unread.map((gap) => `${printed(gap.name)}: ${printed(gap.reason)}`), width),
    ...listed('beside', item.beside.map(({ name, what, reason }) => `${what} ${printed(name)}: ${printed(reason)}`), width),
    ...policyLines(item, report, width),
    ...item.errors.map((e) => paragraph('  error     ', errorText(e, item.path), width)),
  ];
}

/** Lines on the run: what ended it, and suppressions that suppress nothing. Empty where there is nothing to say. */
export function renderRun(report: Report, width: number): string {
  const applied = (report.suppressions ?? []).filter((s) => s.status === 'applied').length;
  const lines = report.suppressions === undefined || report.suppressions.length === 0 ? [] : [`suppressions: ${applied} applied, ${report.suppressions.length - applied} not`];
  lines.push(...(report.suppressions ?? []).filter((s) => s.status !== 'applied').map((s) => {
    const why = s.status === 'expired' ? `expired on ${s.expires}` : 'matches nothing in this run';
    const more = s.reason === undefined ? '' : `: ${printed(s.reason)}`;
    return paragraph(`${s.status}: `, `the suppression of ${printed(s.trait)} in ${printed(s.sha256).slice(0, 12)}… by ${printed(s.author)} ${why}; it suppresses nothing${more}`, width);
  }));
  if (report.baseline !== undefined) lines.push(paragraph('baseline: ', printed(report.baseline), width));
  if (report.interrupted) lines.push(paragraph('', `INTERRUPTED (${report.interrupted}): what is not listed here was not scanned.`, width));
  return lines.length > 0 ? `${lines.join('\n')}\n` : '';
}

function lineageLines({ contamination }: ReportItem, width: number): string[] {
  if (contamination === undefined) return [];
  const { ancestors, registry, compared, entries, not } = contamination;
  const none = ancestors.length === 0 ? [paragraph('  lineage   ', `none of the ${compared} models of ${printed(registry)} is an ancestor${compared < entries ? `; ${entries - compared} could not be compared` : ''}`, width)] : [];
  return [...ancestors.map(({ sentence, source }) => paragraph('  lineage   ', `${printed(sentence)}. Source: ${printed(source)}`, width)), ...none, ...listed('lineage', not.map(({ name, reason }) => `not compared with ${printed(name)}: ${printed(reason)}`), width)];
}

function listed(label: string, texts: readonly string[], width: number): string[] {
  const start = `  ${label.padEnd(9)} `;
  const shown = texts.slice(0, NAMED).map((text) => paragraph(start, text, width));
  const more = texts.length - shown.length;
  return more > 0 ? [...shown, paragraph(start, `… and ${more} more (--format json names all)`, width)] : shown;
}

function policyLines(item: ReportItem, report: Pick<Report, 'policy'>, width: number): string[] {
  const outcomes = (item.policy ?? []).map(({ id, level, outcome, message }) => `${level} ${printed(id)}: ${outcome === 'undecided' ? 'cannot be decided here; ' : ''}${printed(message)}`);
  const none = report.policy && outcomes.length === 0 ? [`no rule of ${printed(report.policy.name)} matched`] : [];
  return [...outcomes, ...none].map((text) => paragraph('  policy    ', text, width));
}

function baseLines(item: ReportItem, width: number): string[] {
  const { coverage } = item;
  const lines = item.kind === 'unknown' ? [] : [paragraph('  base      ', baseLine(item, printed), width)];
  if (item.architecture?.known === false) lines.push(paragraph('  names     ', architectureText(item.architecture.name), width));
  if (coverage.total === 0) return lines;
  lines.push(
    paragraph('  read      ', `${coverage.read} of ${coverage.total} weights, ${bytes(coverage.bytes)} of ${bytes(coverage.bytesTotal)}${normText(item)}`, width),
    paragraph('  scored    ', scoredText(item), width),
  );
  if (item.unexplained !== undefined && item.unexplained.length > 0) lines.push(paragraph('  changed   ', unexplainedText(item.unexplained), width));
  if (item.digest !== null) lines.push(paragraph('  digest    ', item.digest, width));
  if (item.source === 'unhashed reading') lines.push(paragraph('  source    ', 'a kept reading without the sha256 of its shards', width));
  return lines;
}

function architectureText(name: string | null): string {
  const what = name === null ? 'no architecture is named by a config.json' : `the architecture ${printed(name)} is not known`;
  return `${what}: weights were told by their names and shapes, and whether all are there can't be said`;
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
  const named = sorted.slice(0, NAMED_WEIGHTS).map(({ name, deltaNorm }) => `${printed(name)} (|ΔW| ${deltaNorm?.toPrecision(2) ?? 'n/a'})`).join(', ');
  return `unexplained: ${weights.length} weights changed that no signature scores, most of all ${named}`;
}

/** The file is named only where the item's own path does not name it already. */
function errorText({ file, tensor, message, mend }: ReportItem['errors'][number], path: string): string {
  const where = [file === path ? null : file, tensor].filter((part) => part !== null);
  return `${[...where, message].map(printed).join(': ')}.${mend === null ? '' : ` ${printed(mend)}`}`;
}

function scoredText({ coverage, findings }: ReportItem): string {
  if (findings.length === 0) return '0';
  const layers = [...new Set(findings.flatMap((f) => f.layers.map((l) => l.layer)))].sort((a, b) => a - b);
  const first = layers[0];
  const where = first === undefined ? '' : ` (layers ${first} to ${layers.at(-1) ?? first})`;
  const rest = coverage.read - coverage.scored;
  return `${coverage.scored}${where}${rest > 0 ? `; the signatures do not look at the other ${rest}` : ''}`;
}
