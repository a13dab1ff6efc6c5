/** The terminal form of a comparison. In: a Comparison. Out: text of 40 to 80 columns. Pure. */
import { createColors } from 'picocolors';
import { paragraph } from '../layout.js';
import { probability, signed } from '../numbers.js';
import { printed } from '../printed.js';
import type { ReportItem } from '../schema.js';
import { percent } from './conclusion.js';
import type { ComparedGroup, ComparedTrait, Comparison } from './schema.js';

export interface ComparisonTableOptions {
  readonly width: number;
  readonly colour: boolean;
}

type Colours = ReturnType<typeof createColors>;

/** How many weights and gaps are named; the JSON form names all. */
const STRONGEST = 5;
const NAMED = 8;
/** Columns from which on ranks and angles stand beside the norms. */
const WIDE = 76;
/** …and |B| beside the others. */
const ROOMY = 48;

export function renderComparison(comparison: Comparison, options: ComparisonTableOptions): string {
  const colours = createColors(options.colour);
  const width = Math.max(40, Math.min(80, options.width));
  const [first = '', ...sentences] = comparison.conclusion;
  const parts = [
    [paragraph('A  ', printed(comparison.a.path), width), paragraph('B  ', printed(comparison.b.path), width)].join('\n'),
    colours.bold(paragraph('  ', printed(first), width)),
    ...comparison.traits.map((trait, i) => renderTrait(trait, sentences[i] ?? '', comparison, width, colours)),
    facts(comparison, width).join('\n'),
    ...(comparison.concentration === null ? [] : [
      table('layer', comparison.layers.map((group) => [String(group.layer), group]), width, false),
      table('role', comparison.roles.map((group) => [printed(group.role), group]), width, width >= WIDE),
      strongest(comparison, width),
    ]),
    [...missing(comparison, width), `  time      ${comparison.seconds.toFixed(2)} s`].join('\n'),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function renderTrait({ trait, harmful, became }: ComparedTrait, sentence: string, { a, b }: Comparison, width: number, { bold, red, green, yellow }: Colours): string {
  const tone = { 'present': red, 'still present': red, 'gone': green, 'not present': green, 'undecided': yellow }[became];
  const head = { 'present': 'NOW PRESENT', 'still present': 'STILL PRESENT', 'gone': 'GONE', 'not present': 'NOT PRESENT', 'undecided': 'UNDECIDED' }[became];
  const lines = (label: string, item: ReportItem): string[] => item.findings.filter((finding) => finding.trait === trait).map((finding) => {
    const interval = finding.interval ? ` (${signed(finding.interval.low, 3)} to ${signed(finding.interval.high, 3)})` : '';
    return paragraph(`    ${label} `, `${finding.verdict}, ${signed(finding.shift, 3)} ${printed(finding.unit)}${interval}, p ${probability(finding.p)}${finding.verdict === 'indeterminate' ? `; ${printed(finding.reason)}` : ''}`, width);
  });
  return [
    `  ${bold(printed(trait))}${harmful ? '' : ' (benign control)'}: ${tone(head)}`,
    paragraph('    ', printed(sentence), width),
    ...lines('in A', a), ...lines('in B', b),
  ].join('\n');
}

function facts({ total: { a, b, change }, concentration: spread, how, vectors, cosine }: Comparison, width: number): string[] {
  const method = { factors: 'exact, from the factors of both', weights: 'exact, from the weights of both', signs: 'estimated from sign probes, with 90 % intervals' }[how];
  const known = a === null || b === null ? '' : `, where |A| is ${norm(a)} and |B| is ${norm(b)} against the base`;
  const named = vectors.slice(0, NAMED).map(({ name, changed, of }) => `${printed(name)} (${changed} of ${of})`).join(', ');
  return [
    paragraph('  change    ', `|B − A| ${norm(change)} (${method})${known}`, width),
    ...(cosine === null ? [] : [paragraph('  cosine    ', `${signed(cosine.value, 3)}${cosine.low === cosine.high ? '' : ` (${signed(cosine.low, 3)} to ${signed(cosine.high, 3)})`} between the updates of A and B`, width)]),
    ...(spread === null ? [] : [paragraph('  spread    ', `half of |B − A|² lies in ${spread.half} of ${spread.weights} weights, ${percent(spread.top.share)} in the ${spread.top.weights} that changed most; effective number of weights ${spread.effective.toPrecision(3)}, Gini ${spread.gini.toFixed(2)}`, width)]),
    ...(vectors.length === 0 ? [] : [paragraph('  vectors   ', `${vectors.length} norms and biases differ, numbers of theirs: ${named}${vectors.length > NAMED ? ', …' : ''}`, width)]),
  ];
}

/** A norm, with its interval where it is an estimate. */
function norm({ value, low, high }: ComparedGroup['change']): string {
  if (value === null || (value === 0 && high === 0)) return value === null ? 'n/a' : '0';
  return `${value.toPrecision(3)}${low === null || high === null || low === high ? '' : ` (${low.toPrecision(3)} to ${high.toPrecision(3)})`}`;
}

const short = (value: number | null | undefined): string => (value == null ? 'n/a' : value === 0 ? '0' : value.toPrecision(3));
const back = (group: Pick<ComparedGroup, 'undone'>): string => (group.undone === null ? 'n/a' : percent(-group.undone.value));

function table(title: string, groups: readonly (readonly [string, ComparedGroup])[], width: number, withAngles: boolean): string {
  if (groups.length === 0) return '';
  const label = Math.max(title.length, ...groups.map(([name]) => name.length));
  const row = (name: string, cells: readonly string[]): string => `    ${name.padEnd(label)}${cells.map((cell) => cell.padStart(8)).join('')}`.trimEnd();
  const angles = withAngles && groups.some(([, { outputs, inputs }]) => outputs !== null || inputs !== null);
  const ranks = withAngles && groups.some(([, { rank }]) => rank.change !== null);
  const overlap = (side: ComparedGroup['outputs']): string => (side === null ? 'n/a' : `${hundredths(side.overlap)} ${hundredths(side.randomOverlap)}`);
  const wide = (cell: string): string => cell.padStart(11);
  const cells = <Cell>(a: Cell, b: Cell, ...rest: readonly Cell[]): Cell[] => (width >= ROOMY ? [a, b, ...rest] : [a, ...rest]);
  const lines = groups.map(([name, group]) => `${row(name, cells(short(group.a?.value), short(group.b?.value), short(group.change.value), back(group)))}${ranks ? short(group.rank.change).padStart(7) : ''}${angles ? wide(overlap(group.outputs)) + wide(overlap(group.inputs)) : ''}`);
  const header = `${row(title, cells('|A|', '|B|', '|B − A|', 'undone'))}${ranks ? 'rank'.padStart(7) : ''}${angles ? wide('outputs') + wide('inputs') : ''}`;
  const note = angles ? [paragraph('    ', `${ranks ? 'rank: effective rank of B − A. ' : ''}outputs, inputs: how far A and B write, and read, the same directions (mean cos² of the principal angles), and beside it what random directions would give; all medians over weights`, width)] : [];
  return [header, ...lines, ...note].join('\n');
}

function hundredths(value: number): string {
  return value.toFixed(2).replace(/^0/u, '');
}

const TITLE = 'changed most';

function strongest({ weights }: Comparison, width: number): string {
  const sorted = [...weights].sort((x, y) => (y.change.value ?? Infinity) - (x.change.value ?? Infinity)).slice(0, STRONGEST).filter(({ change }) => change.value !== 0);
  // Four columns of numbers where the names leave room for them, else two.
  const room = width - 4 - 4 * 8;
  const fits = room >= TITLE.length && sorted.every(({ name }) => printed(name).length <= room);
  const names = sorted.map(({ name }) => cut(printed(name), fits ? room : width - 4 - 2 * 8));
  const label = Math.max(TITLE.length, ...names.map((name) => name.length));
  const row = (name: string, cells: readonly string[]): string => `    ${name.padEnd(label)}${cells.map((cell) => cell.padStart(8)).join('')}`.trimEnd();
  const cells = (group: Pick<ComparedGroup, 'a' | 'b' | 'change' | 'undone'>): string[] => (fits ? [short(group.a?.value), short(group.b?.value), short(group.change.value), back(group)] : [short(group.change.value), back(group)]);
  return [row(TITLE, fits ? ['|A|', '|B|', '|B − A|', 'undone'] : ['|B − A|', 'undone']), ...sorted.map((weight, i) => row(names[i] ?? '', cells(weight)))].join('\n');
}

function cut(text: string, columns: number): string {
  return text.length > columns ? `${text.slice(0, columns - 1)}…` : text;
}

function missing(comparison: Comparison, width: number): string[] {
  const own = comparison.missing.map(({ name, reason }) => `${printed(name)}: ${printed(reason)}`);
  const of = (side: string, item: ReportItem): string[] => [
    ...item.coverage.unread.map(({ name, reason }) => `in ${side}, ${printed(name)}: ${printed(reason)}`),
    ...item.errors.map(({ message, mend }) => `in ${side}: ${printed(message)}${mend === null ? '' : `. ${printed(mend)}`}`),
  ];
  const all = [...own, ...of('A', comparison.a), ...of('B', comparison.b)];
  const lines = all.slice(0, NAMED).map((text) => paragraph('  missing   ', text, width));
  return all.length > NAMED ? [...lines, paragraph('  missing   ', `… and ${all.length - NAMED} more (--format json names all)`, width)] : lines;
}
