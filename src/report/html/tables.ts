/** The tables behind the pictures: every figure as text, for readers, for paper and for the readout. */
import { exact, size } from './figures.js';
import type { Cell, Grid, NormGrid } from './grid.js';
import { html, type Markup, type Part } from './markup.js';

/** A wide thing that scrolls by itself, by keyboard too. */
export function scroller(label: string, content: Part, className = ''): Markup {
  return html`<div class="scroll${className === '' ? '' : ` ${className}`}" tabindex="0" role="group" aria-label="${label}">${content}</div>`;
}

/** A table in a fold below its picture. */
export function folded(summary: string, content: Part): Markup {
  return html`<details><summary>${summary}</summary>${content}</details>`;
}

/** One row a layer, one column a role, then the tracks: the karyogram turned by 90°. Without the end tags that HTML lets out. */
export function scoreTable({ layers, rows, totals, running, norms }: Grid, id: string, label: string): Markup {
  const heads = [...rows.map(({ role, experts }) => (experts > 0 ? `${role} (${experts} experts)` : role)), 'sum by layer', 'running sum', '|ΔW|'];
  const body = layers.map((layer, i) => html`<tr><th scope=row>${layer}${rows.map(({ cells }) => html`<td>${cellText(cells[i])}`)}<td>${totals[i] == null ? 'n/s' : exact(totals[i])}<td>${exact(running[i] ?? null)}<td>${sizeOr(norms.byLayer[i])}`);
  return scroller(`Table: ${label}`, html`<table class="numbers"><caption>What each weight adds to the score. n/s: not scored by this signature; n/c: no change of such a weight was read; NaN: no number came out.</caption>
<thead><tr><th scope="col">layer</th>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead><tbody id="${id}">${body}</tbody></table>`);
}

/** |ΔW| by layer and role. */
export function normTable({ layers, rows }: NormGrid, id: string, label: string): Markup {
  const body = layers.map((layer, i) => html`<tr><th scope=row>${layer}${rows.map(({ norms }) => html`<td>${sizeOr(norms[i])}`)}`);
  return scroller(`Table: ${label}`, html`<table class="numbers"><caption>|ΔW|, how far each weight was moved (Frobenius norm). n/c: no change of such a weight was read.</caption>
<thead><tr><th scope="col">layer</th>${rows.map(({ role }) => html`<th scope="col">${role}</th>`)}</tr></thead><tbody id="${id}">${body}</tbody></table>`);
}

function cellText(cell: Cell | undefined): string {
  switch (cell?.state) {
    case 'scored': return exact(cell.score);
    case 'unscored': return 'n/s';
    case 'unread': return 'NaN';
    case 'unchanged': case undefined: return 'n/c';
  }
}

function sizeOr(norm: number | null | undefined): string {
  return norm == null ? 'n/c' : size(norm, 4);
}
