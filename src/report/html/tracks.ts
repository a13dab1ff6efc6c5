/** The tracks below the cells of a karyogram: sums of layers, the running sum against the threshold, |ΔW|. SVG without colour. */
import { axis } from './axis.js';
import { brief, px, size } from './figures.js';
import type { Grid } from './grid.js';
import { NORM_HEIGHT, RUNNING_HEIGHT, TOTAL_HEIGHT, type Frame } from './layout.js';
import { html, type Markup } from './markup.js';
import type { Scales } from './scales.js';

/** Labels closer than this would touch. */
const LINE = 12;

/** Sums of layers as bars, up for towards. */
export function totalTrack({ totals }: Grid, { total: [low, high] }: Scales, frame: Frame, top: number): Markup {
  const { at } = axis([low, high], top + TOTAL_HEIGHT, top);
  const zero = at(0);
  const bars = (sign: 1 | -1): string => totals.map((value, i) => value === null || value * sign <= 0 ? '' : bar(frame, i, at(value), zero)).join('');
  return html`<g aria-hidden="true">${name('sum by layer', zero)}<path class="t" d="${bars(1)}"/><path class="a" d="${bars(-1)}"/>${rule(frame, zero)}
${high > 0 ? valueAt(frame, brief(high), top + 4) : null}${low < 0 ? valueAt(frame, brief(low), top + TOTAL_HEIGHT + 4) : null}</g>`;
}

/** The sum of all layers up to each, as steps, with the score at which the trait counts as present. */
export function runningTrack({ running, start }: Grid, threshold: number | null, { running: extent }: Scales, frame: Frame, top: number): Markup {
  const { at } = axis(extent, top + RUNNING_HEIGHT, top);
  const zero = at(0);
  const known = running.filter((value) => value !== null);
  const line = `M${frame.left} ${at(start)}${known.map((value, i) => `V${at(value)}H${px(frame.left + (i + 1) * frame.step)}`).join('')}`;
  // What comes after a sum that is no number is none either.
  const end = known.length === running.length ? (running.at(-1) ?? start) : null;
  const labels: [text: string, y: number, tone: string][] = end === null ? [] : [[brief(end), at(end), 'strong']];
  const limit = threshold === null ? null : at(threshold);
  if (limit !== null) labels.push([brief(threshold), limit, 'limit']);
  return html`<g aria-hidden="true">${name('running sum', zero)}${rule(frame, zero)}<path class="line" d="${line}"/>
${end === null ? null : html`<circle class="end" cx="${frame.right}" cy="${at(end)}" r="3"/>`}
${limit === null ? null : html`<path class="threshold" d="M${frame.left} ${limit}H${frame.right}"/>${name('threshold', apart(limit, zero), 'limit')}`}
${spread(labels).map(([text, y, tone]) => valueAt(frame, text, y + 4, tone))}</g>`;
}

/** |ΔW| of each layer as bars. */
export function normTrack({ norms }: Grid, { norm }: Scales, frame: Frame, top: number): Markup {
  const { at } = axis([0, norm], top + NORM_HEIGHT, top);
  const zero = at(0);
  const bars = norms.byLayer.map((value, i) => value === null || norm === 0 ? '' : bar(frame, i, at(value), zero)).join('');
  return html`<g aria-hidden="true">${name('|ΔW|', zero - NORM_HEIGHT / 2)}<path class="n" d="${bars}"/>${rule(frame, zero)}${norm > 0 ? valueAt(frame, size(norm), top + 4) : null}</g>`;
}

function bar({ left, step, cell }: Frame, column: number, end: number, zero: number): string {
  return `M${px(left + column * step)} ${zero}h${cell}V${end}h${-cell}z`;
}

function rule({ left, right }: Frame, y: number): Markup {
  return html`<path class="rule" d="M${left} ${y}H${right}"/>`;
}

function name(text: string, y: number, tone = 'name'): Markup {
  return html`<text class="${tone}" x="74" y="${px(y + 4)}" text-anchor="end">${text}</text>`;
}

function valueAt({ right }: Frame, text: string, y: number, tone = 'value'): Markup {
  return html`<text class="${tone}" x="${right + 7}" y="${px(y)}">${text}</text>`;
}

/** A place for a label that keeps clear of another. */
function apart(y: number, other: number): number {
  return Math.abs(y - other) >= LINE ? y : y <= other ? other - LINE : other + LINE;
}

/** Two labels at most, moved away from each other until they do not touch. */
function spread(labels: readonly [string, number, string][]): readonly [string, number, string][] {
  const [first, second] = labels;
  return first !== undefined && second !== undefined ? [first, [second[0], apart(second[1], first[1]), second[2]]] : labels;
}
