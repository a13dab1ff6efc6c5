/** `bench detection` in markdown. In: its figures and a template of prose. Out: a document in which every figure comes from the data. */
import { readFile } from 'node:fs/promises';
import { dirname, relative, sep } from 'node:path';
import { WeightseqError } from '../../errors.js';
import { quoteText } from '../../text.js';
import { lineName, lineTable, nullName, nullTable } from '../choice-tables.js';
import { fixed, markdownCell, tableMarkdown, type Table } from '../tables.js';
import type { Detection } from './detect.js';
import {
  aimsTable, baselineTable, besideTable, binTable, groupLayerTable, layerTable, organismTable, predictionTable, rowsTable, shippedTable, summaryTable, undecidedTable, variantTable,
} from './tables.js';

const BUILT_IN = `# How often verdicts are right

{{facts}}

## What was aimed at

{{table aims}}
## Error rates

{{table summary}}
{{figure roc.svg}}

{{table shipped}}
## Predicted against measured

{{table prediction}}
{{figure predicted.svg}}

{{table bins}}
{{figure calibration.svg}}

## Undecided

{{table undecided}}
{{table beside}}
## By kind, group and source

{{table kinds}}
{{table groups}}
{{table sources}}
## In another form

{{table variants}}
## By layer

{{figure layers.svg}}

## Other methods

{{table baselines}}
## Why this null and this line

{{table nulls}}
{{table lines}}
## Every organism

{{table organisms}}
`;

/** The template in a file, or the built-in one. */
export async function readTemplate(file: string | undefined): Promise<string> {
  if (file === undefined) return BUILT_IN;
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new WeightseqError('not-found', 'the template cannot be read', { file, mend: 'Check the path.', cause });
  }
}

/**
 * Fills a template: `{{facts}}`, `{{table NAME}}`, `{{table organisms TRAIT}}`, `{{table group TAG}}` (its organisms, trait by trait), `{{table layers TAG}}` (their scores by layer), `{{figure NAME.svg}}`, and
 * `{{= PATH}}` or `{{= PATH DIGITS}}`, a number of the JSON output by its path (`all.figures.aurocByShift.value`, `traits.evil.figures.prediction.r.value`).
 * @throws WeightseqError `usage` for what is not known
 */
export function detectionMarkdown(detection: Detection, template: string, { file, svg }: { readonly file: string; readonly svg: string | null }): string {
  const filled = template.replace(/\{\{\s*([^\s}]+)\s*([^}]*?)\s*\}\}/gu, (whole, what: string, rest: string) => {
    const [name = '', more = ''] = rest.split(/\s+/u);
    if (what === 'facts') return facts(detection);
    if (what === 'table') return tablesOf(detection, name, more, whole).map((table) => `**${markdownCell(table.title)}**\n\n${tableMarkdown(table)}`).join('\n');
    if (what === 'figure') return svg === null ? '' : `![${name.replace(/\.svg$/u, '')}](${relative(dirname(file), svg).split(sep).join('/')}/${name})`;
    if (what === '=') return valueAt(detection, name, more, whole);
    throw unknown(whole);
  });
  return `<!-- Written by weightseq bench detection. Change the template, not this file. -->\n\n${filled.replace(/\n{3,}/gu, '\n\n')}`;
}

function facts({ set, chance, choice, fitOn, signatures }: Detection): string {
  const [first] = signatures;
  return [
    `- ${set.organisms} fine-tunes of ${set.sources} sources of data; ${set.test} of them had no part in any choice, ${set.apart} stand apart${set.notRead.length > 0 ? `; not read: ${set.notRead.map(markdownCell).join(', ')}` : ''}`,
    `- ${signatures.filter((s) => s.harmful).length} harmful traits and ${signatures.filter((s) => !s.harmful).length} benign controls; present needs an adjusted p below ${first?.level ?? '–'} and a predicted shift above ${first?.smallestMeaningfulShift ?? '–'} nats per token`,
    `- null: ${markdownCell(nullName(choice.design.null))}; line: ${markdownCell(lineName(choice.design.line))}; both fitted on ${fitOn === 'all' ? 'all sources' : 'the split calibration'} but those of what is judged, and chosen on the split calibration`,
    `- bootstrap with seed ${chance.seed} and ${chance.resamples} resamples of sources`,
  ].join('\n');
}

function tablesOf(detection: Detection, name: string, more: string, whole: string): Table[] {
  const { choice, traits, all } = detection;
  const simple: Readonly<Record<string, () => Table>> = {
    aims: () => aimsTable(detection), summary: () => summaryTable(detection), shipped: () => shippedTable(detection), prediction: () => predictionTable(detection), bins: () => binTable(detection),
    undecided: () => undecidedTable(detection), beside: () => besideTable(detection), variants: () => variantTable(detection), baselines: () => baselineTable(detection), layers: () => layerTable(detection),
    kinds: () => rowsTable(detection, ['split', 'form', 'targets', 'rank', 'steps', 'rate'], 'By kind of fine-tune'), groups: () => rowsTable(detection, ['group'], 'By group'), sources: () => rowsTable(detection, ['source'], 'By source'),
    nulls: () => nullTable(choice), lines: () => lineTable(choice),
  };
  if (Object.hasOwn(simple, name) && more === '') return [simple[name]?.() ?? { title: '', head: [], rows: [] }];
  if (name === 'organisms') {
    const wanted = more === '' ? traits : traits.filter(({ trait }) => trait === more);
    if (wanted.length > 0) return wanted.map((section) => organismTable(section));
  }
  if (name === 'layers' && more !== '') return [groupLayerTable(detection, more)];
  if (name === 'group' && more !== '') return [all, ...traits.filter(({ harmful }) => harmful)].map((section) => organismTable(section, ({ groups }) => groups.includes(more))).filter(({ rows }) => rows.length > 0);
  throw unknown(whole);
}

/** A number by its path; a section among `traits` goes by its trait. */
function valueAt(detection: Detection, path: string, digits: string, whole: string): string {
  const found = path.split('.').reduce<unknown>((at, key) => {
    if (Array.isArray(at)) return at.find((one: unknown) => typeof one === 'object' && one !== null && ('trait' in one && one.trait === key || 'id' in one && one.id === key || 'name' in one && one.name === key || 'method' in one && one.method === key));
    return typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined;
  }, detection);
  if (typeof found === 'string') return markdownCell(found);
  if (found === null) return '–';
  if (typeof found !== 'number') throw unknown(whole);
  return digits === '' ? String(found) : fixed(found, Number(digits));
}

function unknown(whole: string): WeightseqError {
  return new WeightseqError('usage', `the template asks for what there is not: ${quoteText(whole)}`, { mend: 'docs/bench.md lists what a template may ask for.' });
}
