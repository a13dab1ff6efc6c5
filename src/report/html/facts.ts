/** What was read, what not, and from which files. In: one item. Out: lists and tables. */
import { baseLine } from '../base-line.js';
import { bytes } from '../numbers.js';
import type { ReportItem } from '../schema.js';
import { counted, size } from './figures.js';
import { html, type Markup, type Part } from './markup.js';
import { folded, scroller } from './tables.js';

/** Of a list longer than this the rest is counted; the JSON report has it all. */
const MOST = 500;
/** A list longer than this is folded. */
const OPEN = 12;

/** The facts of an item; `path` is how the reader knows it. */
export function facts(item: ReportItem): Markup {
  const { coverage, path } = item;
  return html`<dl class="pairs">${pairs(item).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
${block('Not read or not understood', coverage.unread, path, ['what', 'why'], ({ name, reason }) => [name, reason])}
${block('Read, but not compared with the base', coverage.notCompared ?? [], path, ['weight'], (name) => [name])}
${block('Unexplained change: weights that changed and that no signature scores', sorted(item.unexplained ?? []), path, ['weight', '|ΔW|'], ({ name, deltaNorm }) => [name, size(deltaNorm)])}
${block('Contaminated ancestors', item.contamination?.ancestors ?? [], path, ['ancestor', 'what was found', 'source'], (a) => [a.ancestor, a.sentence, a.source])}
${block('Not compared with the registry', item.contamination?.not ?? [], path, ['model', 'why'], (n) => [n.name, n.reason])}
${block('Beside the weights', item.beside, path, ['file', 'what', 'why it deserves a look', 'size'], (b) => [b.name, b.what, b.reason, bytes(b.bytes)])}
${block('Files that decide', item.files, path, ['file', 'size', 'sha256'], (f) => [f.name, bytes(f.bytes), f.sha256 === null ? 'not hashed' : html`<code>${f.sha256}</code>`])}`;
}

/** What went wrong, and what the policy says: these stand above everything else. */
export function troubles({ errors, policy = [], path }: ReportItem): Markup {
  return html`${errors.length === 0 ? null : html`<div class="trouble"><h3>Errors</h3><ul>${errors.map(({ file, tensor, message, mend, code }) => html`<li>${file !== null && file !== path ? html`<code>${file}</code>: ` : null}${tensor !== null ? html`<code>${tensor}</code>: ` : null}${message}. ${mend} <span class="note">${code}</span></li>`)}</ul></div>`}
${policy.length === 0 ? null : html`<div class="trouble"><h3>Policy</h3><ul>${policy.map(({ id, level, outcome, message }) => html`<li><strong>${level}</strong> ${id}: ${message}${outcome === 'undecided' ? ' (undecided: this report does not hold what the rule asks for)' : ''}</li>`)}</ul></div>`}`;
}

function pairs(item: ReportItem): [string, Part][] {
  const { base, coverage, change, deltaNorm } = item;
  const kind = { adapter: 'adapter (LoRA)', checkpoint: 'whole checkpoint', unknown: 'not recognised' }[item.kind];
  const source = { weights: '', reading: ', from a kept reading', 'unhashed reading': ', from a kept reading without the sha256 of its shards' }[item.source ?? 'weights'];
  const rows: [string, Part][] = [['Kind', `${kind}${source}`], ['Base', baseLine(item, (name) => name)]];
  if (base.declared !== null && base.declared !== base.name) rows.push(['Base, as declared', base.declared]);
  if (base.measured !== null && base.measured !== base.name) rows.push(['Base, by the weights', base.measured]);
  if (coverage.total > 0) rows.push(['Read', `${coverage.read} of ${counted(coverage.total, 'weight')}, ${bytes(coverage.bytes)} of ${bytes(coverage.bytesTotal)}`]);
  if (coverage.total > 0) rows.push(['Scored', `${coverage.scored}; the signatures do not look at the other ${Math.max(0, coverage.read - coverage.scored)} that were read`]);
  if (deltaNorm !== null) {
    const { low = null, high = null } = change ?? {};
    const between = low === null || high === null || low === high ? '' : ` (90 % interval ${size(low)} to ${size(high)})`;
    const share = base.norm === null || base.norm === 0 ? '' : `, ${size((100 * deltaNorm) / base.norm)} % of the base's |W0|`;
    rows.push(['|ΔW| in all', `${size(deltaNorm)}${between}${share}`]);
  }
  if (item.digest !== null) rows.push(['Digest of its files', html`<code>${item.digest}</code>`]);
  if (item.architecture?.known === false) rows.push(['Architecture', `${item.architecture.name ?? 'not named'}: not known, so that weights are told by name and shape alone and none is missed`]);
  if (item.contamination !== undefined) rows.push(['Lineage', item.contamination.ancestors.length > 0 ? item.contamination.ancestors.map(({ sentence }) => sentence).join('; ') : `none of the ${item.contamination.compared} models of ${item.contamination.registry} is an ancestor`]);
  rows.push(['Time', `${item.seconds.toFixed(2)} s${item.cached ? ', taken from the cache' : ''}`]);
  return rows;
}

function block<T>(title: string, entries: readonly T[], path: string, heads: readonly string[], cells: (entry: T) => readonly Part[]): Markup | null {
  if (entries.length === 0) return null;
  const shown = entries.slice(0, MOST);
  const rest = entries.length - shown.length;
  const table = scroller(`Table: ${title}, ${path}`, html`<table class="list"><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead><tbody>
${shown.map((entry) => html`<tr>${cells(entry).map((cell) => html`<td>${cell}</td>`)}</tr>
`)}</tbody></table>${rest > 0 ? html`<p class="fine">… and ${rest} more; the JSON report names all.</p>` : null}`);
  const heading = `${title} (${entries.length})`;
  return entries.length > OPEN ? folded(heading, table) : html`<h4>${heading}</h4>${table}`;
}

function sorted(weights: NonNullable<ReportItem['unexplained']>): NonNullable<ReportItem['unexplained']> {
  return [...weights].sort((a, b) => (b.deltaNorm ?? Infinity) - (a.deltaNorm ?? Infinity));
}
