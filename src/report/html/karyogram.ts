/**
 * The karyogram: layers as columns, roles as rows, each cell coloured by what it adds to the score.
 * In: a grid and the scales of the page. Out: SVG; what a cell says stands in the table behind it, at the same row and column.
 */
import type { Cell, Grid } from './grid.js';
import { HEAD, NORM_HEIGHT, ROW_HEIGHT, ROW_STEP, RUNNING_HEIGHT, TOTAL_HEIGHT, TRACK_GAP, frameOf, labelEvery, type Frame } from './layout.js';
import { html, type Markup } from './markup.js';
import { STEPS, stepClass, stepOf, type Scales } from './scales.js';
import { normTrack, runningTrack, totalTrack } from './tracks.js';

/** From this step on a cell is so strong that the mark on it has the colour of the paper. */
const STRONG = 6;

export interface KaryogramOptions {
  readonly scales: Scales;
  readonly threshold: number | null;
  /** What the picture shows, in a sentence. */
  readonly label: string;
  /** Id of the table behind it. */
  readonly table: string;
  /** Id of the table of |ΔW|. */
  readonly norms: string;
}

/** The picture of one finding. */
export function karyogram(grid: Grid, { scales, threshold, label, table, norms }: KaryogramOptions): Markup {
  const frame = frameOf(grid.layers.length);
  const total = HEAD + grid.rows.length * ROW_STEP + TRACK_GAP;
  const running = total + TOTAL_HEIGHT + TRACK_GAP + 4;
  const norm = running + RUNNING_HEIGHT + TRACK_GAP + 4;
  const height = norm + NORM_HEIGHT + 8;
  return html`<svg class="karyogram w${frame.step}" role="img" aria-label="${label}" width="${frame.width}" height="${height}" viewBox="0 0 ${frame.width} ${height}" data-table="${table}" data-norms="${norms}">
${layerNumbers(grid, frame)}
${grid.rows.map(({ cells }, i) => heatRow(cells, frame, HEAD + i * ROW_STEP, scales))}
<g aria-hidden="true">${grid.rows.map(({ role, experts }, i) => html`<text class="name" x="74" y="${HEAD + i * ROW_STEP + 12}" text-anchor="end">${role}${experts > 0 ? ` ×${experts}` : ''}</text>`)}${grid.rows.map(({ cells }, i) => minusMarks(cells, frame, HEAD + i * ROW_STEP, scales))}</g>
${totalTrack(grid, scales, frame, total)}
${runningTrack(grid, threshold, scales, frame, running)}
${normTrack(grid, scales, frame, norm)}
${hitRow(frame, total, 'total')}${hitRow(frame, running, 'running')}${hitRow(frame, norm, 'norm')}
</svg>`;
}

function layerNumbers({ layers }: Grid, frame: Frame): Markup {
  const every = labelEvery(frame);
  const numbers = layers.map((layer, i) => (i % every === 0 ? html`<text x="${frame.left + i * frame.step + frame.cell / 2}" y="13" text-anchor="middle">${layer}</text>` : null));
  return html`<g aria-hidden="true"><text class="name" x="74" y="13" text-anchor="end">layer</text>${numbers}</g>`;
}

function heatRow(cells: readonly Cell[], { left, step }: Frame, top: number, scales: Scales): Markup {
  const rects = cells.map((cell, i) => html`<rect x=${i * step} class=${classOf(cell, scales)} />`);
  return html`<g class="r heat" transform="translate(${left} ${top})">${rects}</g>`;
}

/** Unseen cells over a track, so that its figures can be pointed at and focused like the others. */
function hitRow({ left, step, columns }: Frame, top: number, track: string): Markup {
  const rects = Array.from({ length: columns }, (_, i) => html`<rect x=${i * step} />`);
  return html`<g class="r hit ${track}" transform="translate(${left} ${top})">${rects}</g>`;
}

/** The class of a cell: a colour, or why it has none. */
export function classOf(cell: Cell, { cell: largest }: Scales): string {
  switch (cell.state) {
    case 'scored': return stepClass(stepOf(cell.score, largest));
    case 'unscored': return 'u';
    case 'unread': return 'x';
    case 'unchanged': return 'b';
  }
}

/** A minus on what points away from the trait: the sign can be told without the colour. */
function minusMarks(cells: readonly Cell[], { left, step, cell: width }: Frame, top: number, scales: Scales): Markup {
  const half = Math.min(3, width / 3);
  const marks = (strong: boolean) => cells.map((cell, i) => {
    const size = cell.state === 'scored' ? -stepOf(cell.score, scales.cell) : 0;
    if (size <= 0 || (size >= Math.min(STRONG, STEPS)) !== strong) return '';
    return `M${left + i * step + width / 2 - half} ${top + ROW_HEIGHT / 2}h${2 * half}`;
  }).join('');
  const [weak, strong] = [marks(false), marks(true)];
  return html`${weak === '' ? null : html`<path class="minus" d="${weak}"/>`}${strong === '' ? null : html`<path class="minus strong" d="${strong}"/>`}`;
}
