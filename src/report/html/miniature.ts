/** The karyogram of one model, small, without numbers: for comparing many. In: its grids. Out: SVG, one path for each colour. */
import { classOf } from './karyogram.js';
import type { Grid } from './grid.js';
import { html, type Markup } from './markup.js';
import type { Scales } from './scales.js';

const LABEL = 12;
const GAP = 7;
/** What the strips of a model share out among their columns, in pixels; a cell is never wider or narrower than so much. */
const WIDTH = 240;
const [NARROWEST, WIDEST] = [2, 10];

/** Strips of all traits, one under the other. */
export function miniature(strips: readonly { readonly trait: string; readonly grid: Grid }[], scales: Scales, label: string): Markup {
  const columns = strips.reduce((most, { grid }) => Math.max(most, grid.layers.length), 0);
  const cell = Math.min(WIDEST, Math.max(NARROWEST, Math.floor(WIDTH / Math.max(1, columns))));
  const tall = Math.min(8, Math.max(4, cell));
  let y = 0;
  const parts = strips.map(({ trait, grid }) => {
    const top = y + LABEL;
    y = top + grid.rows.length * tall + GAP;
    return html`<text x="0" y="${top - 3}">${trait}</text>${paths(grid, scales, cell, tall, top)}`;
  });
  const width = Math.max(60, columns * cell);
  return html`<svg class="miniature" role="img" aria-label="${label}" width="${width}" height="${Math.max(1, y)}" viewBox="0 0 ${width} ${Math.max(1, y)}"><g aria-hidden="true">${parts}</g></svg>`;
}

function paths({ rows }: Grid, scales: Scales, width: number, tall: number, top: number): Markup[] {
  const byClass = new Map<string, string>();
  rows.forEach(({ cells }, row) => {
    // Neighbours of one colour are one box.
    for (let from = 0, to: number; from < cells.length; from = to) {
      const cell = cells[from];
      if (cell === undefined) return;
      const name = classOf(cell, scales);
      for (to = from + 1; to < cells.length && sameClass(cells[to], name, scales);) to++;
      byClass.set(name, `${byClass.get(name) ?? ''}M${from * width} ${top + row * tall}h${(to - from) * width}v${tall}H${from * width}z`);
    }
  });
  return [...byClass].map(([name, d]) => html`<path class="${name}" d="${d}"/>`);
}

function sameClass(cell: Grid['rows'][number]['cells'][number] | undefined, name: string, scales: Scales): boolean {
  return cell !== undefined && classOf(cell, scales) === name;
}
