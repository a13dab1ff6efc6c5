/** One model. In: an item of the report and the grids of its findings. Out: an article. */
import type { ReportItem } from '../schema.js';
import { facts, troubles } from './facts.js';
import { findingSection, type FindingPart } from './finding.js';
import { normGridOf } from './grid.js';
import { exitText, headlineOf } from './headline.js';
import { html, type Markup } from './markup.js';
import type { Scales } from './scales.js';
import { folded, normTable } from './tables.js';
import { verdict } from './verdict.js';

export interface ItemPart {
  readonly item: ReportItem;
  /** Anchor of the article. */
  readonly id: string;
  readonly findings: readonly FindingPart[];
}

export interface ItemOptions {
  readonly scales: Scales;
  readonly showSuppressed: boolean;
  /** Whether the headline of the page is this item's already. */
  readonly isOnly: boolean;
}

/** The article of one model. */
export function article({ item, id, findings }: ItemPart, { scales, showSuppressed, isOnly }: ItemOptions): Markup {
  const { state, title, text } = headlineOf(item);
  const norms = normGridOf(item);
  const { path } = item;
  const sections = findings.map((part, i) => findingSection(part, { id: `${id}-${i + 1}`, path, norms: `${id}-norms`, scales, showSuppressed, isFirst: i === 0 }));
  return html`<article id="${id}" aria-labelledby="${id}-title">
<header><h2 id="${id}-title">${path}</h2>${isOnly ? null : html`<p class="outcome">${verdict(state, title)} <span class="fine">${text}</span></p>
<p class="fine">Exit code ${item.exitCode}: ${exitText(item.exitCode)}.</p>`}</header>
${troubles(item)}
${sections}
<section class="facts"><h3>What was read</h3>
${facts(item)}
${norms.rows.length === 0 ? null : folded('|ΔW| of every weight as a table', normTable(norms, `${id}-norms`, `change of every weight of ${path}`))}
</section>
</article>`;
}
