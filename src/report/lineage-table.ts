/** The terminal form of a lineage. In: its document. Out: text of 40 to 80 columns. Pure. */
import { createColors } from 'picocolors';
import type { Lineage, Relation } from '../lineage/schema.js';
import { paragraph } from './layout.js';
import { bytes, probability } from './numbers.js';
import { printed } from './printed.js';
import type { TableOptions } from './table.js';

/** How many gaps and disguises are named; the JSON form names all. */
const NAMED = 6;
/** Eighths of a full block, for similarity by layer. */
const BLOCKS = '·▁▂▃▄▅▆▇█';

/** Renders a lineage for a terminal. Every text that comes from a file is escaped. */
export function renderLineage(lineage: Lineage, { width: columns, colour }: Pick<TableOptions, 'width' | 'colour'>): string {
  const { bold, red } = createColors(colour);
  const width = Math.max(40, Math.min(80, columns));
  const { path, sentence, base, contamination, coverage, seconds, registry } = lineage;
  const parts = [
    paragraph('', printed(path), width),
    bold(paragraph('  ', `${capital(printed(sentence))}.`, width)),
    ...(contamination.length === 0 ? [] : [contamination.map((one) => red(paragraph('  CONTAMINATED: ', `${printed(one.sentence)}. Source: ${printed(one.source)}`, width))).join('\n')]),
    ...mergeLines(lineage, width),
    ...lineage.relations.map((relation) => relationLines(relation, width)),
    [
      paragraph('  base      ', `${base.name === null ? 'not known' : printed(base.name)} (${printed(base.how)})`, width),
      ...(registry === null ? [] : [paragraph('  registry  ', `${printed(registry.file)}: ${registry.compared} of ${registry.entries} entries compared, ${contamination.length === 0 ? 'none is an ancestor' : `${contamination.length} found`}`, width)]),
      ...(registry?.not ?? []).map(({ name, reason }) => paragraph('  missing   ', `${printed(name)}: ${printed(reason)}`, width)),
      paragraph('  read      ', `${coverage.read} of ${coverage.total} weights; ${bytes(coverage.bytes)} of weights and readings`, width),
      ...gaps(coverage.unread, width),
      ...lineage.errors.map(({ file, message, mend }) => paragraph('  error     ', `${file === null ? '' : `${printed(file)}: `}${printed(message)}.${mend === null ? '' : ` ${printed(mend)}`}`, width)),
      paragraph('  time      ', `${seconds.toFixed(2)} s`, width),
    ].join('\n'),
  ];
  return `${parts.join('\n\n')}\n`;
}

function mergeLines({ merge }: Lineage, width: number): string[] {
  if (merge === null) return [];
  const rows = [...merge.parents.map(({ candidate, weight }) => ({ name: candidate, weight })), ...(merge.base === null ? [] : [{ name: merge.base.name ?? 'the base', weight: merge.base.weight }])];
  return [[
    ...rows.map(({ name, weight: { value, low, high } }) => paragraph('  ', `${value.toFixed(3)} (95 % interval ${low.toFixed(3)} to ${high.toFixed(3)})  ${printed(name)}`, width)),
    paragraph('  ', `${(100 * merge.unexplained).toPrecision(2)} % of |ΔW|² is not explained by it, beyond rounding`, width),
  ].join('\n')];
}

function relationLines(relation: Relation, width: number): string {
  const { candidate, kind, direction, evidence, undecided, p, share, disguises, compared, layers } = relation;
  const strip = layers.filter(({ similarity, layer }) => similarity !== null && layer !== null).map(({ similarity }) => BLOCKS[Math.round(Math.max(0, Math.min(1, similarity ?? 0)) * 8)] ?? ' ').join('');
  return [
    paragraph('  ', `${printed(candidate)}: ${kind.replaceAll('-', ' ')}${WORDS[direction]}`, width),
    paragraph('    ', `${capital(printed(relation.sentence))}.`, width),
    ...(evidence.length === 0 ? [] : [paragraph('    because   ', evidence.map(printed).join('; '), width)]),
    ...disguises.slice(0, NAMED).map((one) => paragraph('    disguise  ', `${one.what.replaceAll('-', ' ')}: ${printed(one.evidence)} (p ${probability(one.p)})`, width)),
    ...(undecided === null ? [] : [paragraph('    undecided ', printed(undecided), width)]),
    ...(share === null ? [] : [paragraph('    share     ', `${share.value.toFixed(3)} (95 % interval ${share.low.toFixed(3)} to ${share.high.toFixed(3)}) of the candidate's ΔW`, width)]),
    ...(strip === '' ? [] : [paragraph('    by layer  ', strip, width)]),
    paragraph('    compared  ', `${compared.weights} of ${compared.total} weights, ${compared.vectors} norms and biases${p === null ? '' : `; p ${probability(p)}`}${compared.not.length === 0 ? '' : `; ${compared.not.length} without a counterpart, such as ${compared.not.slice(0, 2).map(({ name }) => printed(name)).join(', ')}`}`, width),
  ].join('\n');
}

const WORDS: Readonly<Record<Relation['direction'], string>> = {
  same: '', none: '', undecided: ', direction undecided', descends: ', from it', ancestor: ', the candidate is the later one', siblings: '',
};

function gaps(unread: Lineage['coverage']['unread'], width: number): string[] {
  const shown = unread.slice(0, NAMED).map(({ name, reason }) => paragraph('  missing   ', `${printed(name)}: ${printed(reason)}`, width));
  return unread.length > NAMED ? [...shown, paragraph('  missing   ', `… and ${unread.length - NAMED} more (--format json names all)`, width)] : shown;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
