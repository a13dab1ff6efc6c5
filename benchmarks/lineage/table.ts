/** The tables of the lineage benchmark. In: what was told of each pair. Out: Markdown. Pure. */
import type { Contested } from './contest.js';
import type { Merge, Relation } from '../../src/lineage/schema.js';

export interface Pair {
  readonly id: string;
  readonly path: string;
  readonly against: readonly string[];
  readonly base: string | null;
  readonly truth: { readonly kind: string; readonly direction: string; readonly weights?: readonly number[] };
}

export interface Told {
  readonly pair: Pair;
  readonly kind: string;
  readonly direction: string;
  readonly relation: Relation;
  readonly merge: Merge | null;
  readonly seconds: number;
  /** Of the readings that were compared. */
  readonly bytes: number;
}

/** Relations that any of these is right for: a truth may be told in another word without being wrong. */
const isRight = ({ pair: { truth }, kind, direction }: Told): boolean => kind === truth.kind && direction === truth.direction;

/** Everything that the run found, beside what the kit said of the same pairs. */
export function report(told: readonly Told[], kit: readonly Contested[], about: Readonly<Record<string, unknown>>): string {
  const kinds = [...new Set([...told.map(({ pair }) => pair.truth.kind), ...told.map(({ kind }) => kind)])].sort();
  const truths = kinds.filter((kind) => told.some(({ pair }) => pair.truth.kind === kind));
  const count = (truth: string, kind: string): number => told.filter((one) => one.pair.truth.kind === truth && one.kind === kind).length;
  const independent = told.filter(({ pair }) => pair.truth.kind === 'unrelated');
  const wrong = told.filter((one) => !isRight(one));
  const seconds = told.map((one) => one.seconds).sort((a, b) => a - b);
  const bytes = told.map((one) => one.bytes).sort((a, b) => a - b);
  return [
    '# The lineage benchmark: what came out', '',
    'Written by `npm run bench:lineage`; see [lineage.md](lineage.md) and [benchmarks/lineage](../benchmarks/lineage/README.md).', '',
    `${told.length} pairs of known relation: ${told.length - wrong.length} told right in kind and direction, ${wrong.length} not. Of ${independent.length} pairs of independent seeds ${independent.filter(({ kind }) => kind !== 'unrelated').length} got a relation.`,
    '', '## Kind', '', 'Rows: what is true. Columns: what was told.', '',
    `| | ${kinds.join(' | ')} | direction right |`, `|---|${kinds.map(() => '---').join('|')}|---|`,
    ...truths.map((truth) => {
      const own = told.filter(({ pair }) => pair.truth.kind === truth);
      return `| **${truth}** | ${kinds.map((kind) => count(truth, kind) || '').join(' | ')} | ${own.filter((one) => one.direction === one.pair.truth.direction).length} of ${own.length} |`;
    }),
    '', '## Weights of mixtures', '', '| pair | true | told (95 % interval) | unexplained |', '|---|---|---|---|',
    ...told.filter(({ pair }) => pair.truth.weights !== undefined).map(({ pair, merge }) => `| ${cell(pair.id)} | ${pair.truth.weights?.join(', ') ?? ''} | ${merge?.parents.map(({ candidate, weight }) => `${cell(candidate.split('/').at(-1) ?? '')} ${weight.value.toFixed(3)} (${weight.low.toFixed(3)} to ${weight.high.toFixed(3)})`).join(', ') ?? 'none'} | ${merge === null ? '' : `${(100 * merge.unexplained).toPrecision(2)} %`} |`),
    '', '## Shares of an ancestor\'s ΔW', '', '| pair | share (95 % interval) | reverse |', '|---|---|---|',
    ...told.filter(({ relation }) => relation.share !== null).map(({ pair, relation: { share, reverse } }) => `| ${cell(pair.id)} | ${interval(share)} | ${interval(reverse)} |`),
    '', '## What was told wrong', '',
    ...(wrong.length === 0 ? ['Nothing.'] : ['| pair | true | told | because |', '|---|---|---|---|', ...wrong.map(({ pair, kind, direction, relation }) => `| ${cell(pair.id)} | ${pair.truth.kind}, ${pair.truth.direction} | ${kind}, ${direction} | ${cell([...relation.evidence, relation.undecided ?? ''].join('; '))} |`)]),
    '', '## Cost', '', `A comparison from kept readings takes ${(1000 * median(seconds)).toFixed(0)} ms (median; ${(1000 * (seconds.at(-1) ?? 0)).toFixed(0)} ms at most) and reads ${(median(bytes) / 1e6).toFixed(2)} MB (median; ${((bytes.at(-1) ?? 0) / 1e6).toFixed(1)} MB at most), in one process that was started before.`, '',
    `${Object.values(about).join(', ')}.`, '',
    ...kitTable(told, kit),
  ].join('\n');
}

function kitTable(told: readonly Told[], kit: readonly Contested[]): string[] {
  if (kit.length === 0) return [];
  const middle = (of: (one: Contested) => number): number => median(kit.map(of).sort((a, b) => a - b));
  const cost = (name: string, of: (one: Contested) => { seconds: number; bytes: number }): string => `| ${name} | ${middle((one) => of(one).seconds).toFixed(2)} | ${(middle((one) => of(one).bytes) / 1e6).toFixed(2)} | ${middle((one) => one.kit.seconds / of(one).seconds).toFixed(1)} |`;
  return [
    '## Beside Cisco\'s model-provenance-kit 1.0.0', '',
    `${kit.length} of these pairs (\`--kit PYTHON\`, kept in \`benchmarks/results/lineage-kit.json\`). \`pipeline score\` is what its decision rests on; \`identity score\` is of the weights alone.`, '',
    '| pair | kit: decision | pipeline score | identity score | lineage |', '|---|---|---|---|---|',
    ...kit.flatMap(({ id, kit: { scores, error } }) => {
      const mine = told.find(({ pair }) => pair.id.split(' on ')[0] === id);
      return [`| ${cell(id)} | ${scores?.provenance_decision ?? cell(error ?? 'nothing')} | ${scores?.pipeline_score ?? ''} | ${scores?.identity_score ?? ''} | ${mine === undefined ? 'another pair' : `${mine.kind}, ${mine.direction}`} |`];
    }),
    '', 'What a comparison costs, in a process of its own, start included; medians over these pairs. Bytes: the files of weights, or the readings, that it needs.', '',
    '| | seconds | MB | kit ÷ it |', '|---|--:|--:|--:|',
    cost('kit, two checkpoints', ({ kit: { seconds }, checkpoints: { bytes } }) => ({ seconds, bytes })),
    cost('`lineage`, two checkpoints', ({ checkpoints }) => checkpoints), cost('`lineage`, two kept readings', ({ readings }) => readings), '',
  ];
}

/** Of sorted values; the upper of the two in the middle. */
function median(values: readonly number[]): number {
  return values[values.length >> 1] ?? NaN;
}

function interval(value: Relation['share']): string {
  return value === null ? '' : `${value.value.toFixed(3)} (${value.low.toFixed(3)} to ${value.high.toFixed(3)})`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
