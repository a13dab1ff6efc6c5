/** Several models beside each other: a table, and a small karyogram of each. In: the parts of the page. Out: a section. */
import type { ReportFinding } from '../schema.js';
import { brief } from './figures.js';
import { headlineOf } from './headline.js';
import type { ItemPart } from './item.js';
import { html, type Markup } from './markup.js';
import { miniature } from './miniature.js';
import type { Scales } from './scales.js';
import { scroller } from './tables.js';
import { verdict } from './verdict.js';

const ORDER = { present: 0, indeterminate: 1, none: 2, absent: 3 } as const;

/** The comparison, for two models or more. */
export function summary(parts: readonly ItemPart[], scales: Scales): Markup {
  const traits = [...new Set(parts.flatMap(({ item }) => item.findings.map(({ trait }) => trait)))];
  const heads = ['model', 'result', ...traits, 'weights read', 'exit code'];
  const rows = parts.map(({ item, id }) => {
    const { state, title } = headlineOf(item);
    const { read, total } = item.coverage;
    return html`<tr><th scope="row"><a href="#${id}">${item.path}</a></th><td class="result" data-sort="${ORDER[state]}">${verdict(state, title)}</td>${traits.map((trait) => traitCell(item.findings.find((f) => f.trait === trait)))}<td data-sort="${total === 0 ? 0 : read / total}">${read} of ${total}</td><td>${item.exitCode}</td></tr>
`;
  });
  const drawn = parts.filter(({ findings }) => findings.length > 0);
  return html`<section aria-labelledby="summary"><h2 id="summary">All models</h2>
${scroller('Table: all models', html`<table class="summary sortable"><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead><tbody>
${rows}</tbody></table>`)}
${drawn.length === 0 ? null : html`<h3>Side by side</h3><p class="fine">One small karyogram for each model, all on one colour scale: layers from left to right, roles from top to bottom. The figures stand in the section that each leads to.</p>
<ul class="multiples">${drawn.map((part) => multiple(part, scales))}</ul>`}</section>`;
}

function traitCell(finding: ReportFinding | undefined): Markup {
  if (finding === undefined) return html`<td class="missing" data-sort="9">not tested</td>`;
  const marks = [finding.suppression === undefined ? null : 'suppressed', finding.isNew === false ? 'in the baseline' : null].filter((m) => m !== null);
  return html`<td data-sort="${ORDER[finding.verdict] - 1 / (1 + Math.exp(-(finding.shift ?? 0)))}">${verdict(finding.verdict, finding.verdict)} <span class="value">${brief(finding.shift)}</span>${marks.map((m) => html` <span class="note">${m}</span>`)}</td>`;
}

function multiple({ item, id, findings }: ItemPart, scales: Scales): Markup {
  const { state, title } = headlineOf(item);
  const strips = findings.map(({ finding, grid }) => ({ trait: finding.trait, grid }));
  return html`<li><a href="#${id}">${item.path}</a>${verdict(state, title)}${scroller(`Picture: small karyogram of ${item.path}`, miniature(strips, scales, `Small karyogram of ${item.path}`))}</li>
`;
}
