/** Where this model's score lies among those of benign fine-tunes. In: a finding with its null. Out: SVG and the table behind it. */
import type { ReportFinding } from '../schema.js';
import { axis, range, tickText, ticks, type Axis } from './axis.js';
import { brief, counted, exact, px } from './figures.js';
import { html, type Markup } from './markup.js';
import { folded, scroller } from './tables.js';

const WIDTH = 340;
const MARGIN = 14;
/** Two lines of labels above the dots. */
const HEAD = 40;
const FOOT = 42;
/** Radius of a dot, and how many levels of them are drawn before they grow smaller. */
const RADIUS = 4.5;
const LEVELS = 8;

type Null = NonNullable<ReportFinding['null']>;

/** The plot and its table, which `id` names. */
export function nullPlot(finding: ReportFinding, distribution: Null, id: string): Markup {
  const { score, threshold, trait } = finding;
  const { mean, sd } = distribution;
  const sources = [...distribution.sources].sort((a, b) => a.mean - b.mean);
  const known = [score, threshold].filter((value) => value !== null);
  const scale = axis(range([mean - sd, mean + sd, ...sources.map((s) => s.mean), ...known], 0.05), MARGIN, WIDTH - MARGIN);
  const { dots, radius, levels } = stack(sources.map((s) => scale.at(s.mean)));
  const floor = HEAD + Math.max(3, levels) * 2 * radius + 6;
  const height = floor + FOOT;
  const where = score === null ? 'This model has no score.' : `This model scores ${exact(score)}${threshold === null ? '' : `, the threshold is ${exact(threshold)}`}.`;
  const label = `Scores of ${counted(sources.length, 'benign source')} for ${trait}: mean ${exact(mean)}, standard deviation ${exact(sd).slice(1)}. ${where}`;
  return html`<svg class="plot" role="img" aria-label="${label}" viewBox="0 0 ${WIDTH} ${height}" data-table="${id}">
<g aria-hidden="true"><rect class="band" x="${scale.at(mean - sd)}" y="${HEAD - 4}" width="${px(scale.at(mean + sd) - scale.at(mean - sd))}" height="${px(floor - HEAD + 4)}"/>
<path class="mean" d="M${scale.at(mean)} ${HEAD - 4}V${floor}"/>${axisOf(scale, floor, 'raw score')}
${threshold === null ? null : html`<path class="threshold" d="M${scale.at(threshold)} 20V${floor}"/>${labelBeside(scale.at(threshold), 29, `present from ${brief(threshold)}`, score !== null && score < threshold)}`}
${score === null ? null : html`<path class="line" d="M${scale.at(score)} 17V${floor}"/><path class="model" d="M${scale.at(score)} ${floor - 7}l6 7l-6 7l-6 -7z"/>${labelAt(scale.at(score), 12, `this model ${brief(score)}`, 'strong')}`}</g>
<g class="r" transform="translate(0 0)">${dots.map(({ x, level }) => html`<circle class="dot" cx="${px(x)}" cy="${px(floor - radius - 1 - level * 2 * radius)}" r="${radius}"/>`)}</g>
</svg>
<p class="fine">Each dot is a source of harmless fine-tunes${distribution.form === 'lora' ? ' (adapters)' : ''}; the band is their mean ± one standard deviation.</p>
${folded('Benign sources as a table', scroller(`Table: benign sources for ${trait}`, html`<table class="numbers"><caption>Mean score of each source of harmless fine-tunes. All together: mean ${exact(mean)}, standard deviation ${exact(sd).slice(1)}.</caption>
<thead><tr><th scope="col">source</th><th scope="col">mean score</th><th scope="col">fine-tunes</th></tr></thead><tbody id="${id}">
${sources.map(({ source, mean: value, fineTunes }) => html`<tr><th scope="row">${source}</th><td>${exact(value)}</td><td>${fineTunes}</td></tr>
`)}</tbody></table>`))}`;
}

/** The lowest level for each of some sorted positions on which it touches no other; more levels than fit make smaller dots. */
export function stack(positions: readonly number[]): { dots: { x: number; level: number }[]; radius: number; levels: number } {
  for (let radius = RADIUS; ; radius *= 0.75) {
    const last: number[] = [];
    const dots = positions.map((x) => {
      const free = last.findIndex((before) => x - before >= 2 * radius);
      const level = free < 0 ? last.length : free;
      last[level] = x;
      return { x, level };
    });
    if (last.length <= LEVELS * (RADIUS / radius) || radius < 1) return { dots, radius: px(radius), levels: last.length };
  }
}

/** A rule with round ticks and what they count. */
export function axisOf(scale: Axis, y: number, unit: string): Markup {
  const marks = ticks(scale, 5);
  return html`<path class="axis" d="M${MARGIN} ${y}H${WIDTH - MARGIN}${marks.map((tick) => `M${scale.at(tick)} ${y}v4`).join('')}"/>
${marks.map((tick) => html`<text x="${scale.at(tick)}" y="${y + 17}" text-anchor="middle">${tickText(tick)}</text>`)}<text class="unit" x="${WIDTH / 2}" y="${y + 34}" text-anchor="middle">${unit}</text>`;
}

/** A label beside the line of the threshold, on the side that this model is not on, where there is room. */
function labelBeside(x: number, y: number, text: string, wantsRight: boolean): Markup {
  const room = text.length * 6;
  const isRight = wantsRight ? x + room < WIDTH : x - room < 0;
  return html`<text class="limit" x="${px(x + (isRight ? 5 : -5))}" y="${y}" text-anchor="${isRight ? 'start' : 'end'}">${text}</text>`;
}

/** A label over a position, kept within the plot. */
export function labelAt(x: number, y: number, text: string, tone: string): Markup {
  const anchor = x < WIDTH * 0.3 ? 'start' : x > WIDTH * 0.7 ? 'end' : 'middle';
  const from = anchor === 'start' ? Math.max(2, x - 4) : anchor === 'end' ? Math.min(WIDTH - 2, x + 4) : x;
  return html`<text class="${tone}" x="${px(from)}" y="${y}" text-anchor="${anchor}">${text}</text>`;
}
