/** The predicted shift with its interval, against the smallest that matters. In: a finding with a shift. Out: SVG and the table behind it. */
import type { ReportFinding } from '../schema.js';
import { axis, range, tickText } from './axis.js';
import { brief, exact, px } from './figures.js';
import { html, type Markup } from './markup.js';
import { axisOf, labelAt } from './null-plot.js';
import { folded, scroller } from './tables.js';

const WIDTH = 340;
const MARGIN = 14;
const FLOOR = 74;
const HEIGHT = 116;
const MIDDLE = 56;

/** The plot of a finding whose shift is known. */
export function shiftPlot(finding: ReportFinding, shift: number): Markup {
  const { interval, smallestMeaningfulShift: least, unit, trait } = finding;
  const ends = interval === null ? [] : [interval.low, interval.high];
  const scale = axis(range([0, least * 1.5, shift, ...ends], 0.06), MARGIN, WIDTH - MARGIN);
  const percent = interval === null ? '' : `${Math.round(interval.confidence * 100)} % interval`;
  const between = interval === null ? 'no interval' : `${percent} ${exact(interval.low)} to ${exact(interval.high)}`;
  const label = `Predicted shift towards ${trait}: ${exact(shift)} ${unit}, ${between}. The smallest shift that matters is ${tickText(least)}.`;
  const [from, to] = [scale.at(least), WIDTH - MARGIN];
  return html`<svg class="plot" role="img" aria-label="${label}" viewBox="0 0 ${WIDTH} ${HEIGHT}">
<g aria-hidden="true"><rect class="matters" x="${from}" y="18" width="${px(to - from)}" height="${FLOOR - 18}"/><path class="threshold" d="M${from} 18V${FLOOR}"/>
<path class="mean" d="M${scale.at(0)} 24V${FLOOR}"/>${axisOf(scale, FLOOR, unit)}
${labelAt(from, 12, `matters from ${tickText(least)}`, 'limit')}
${interval === null ? null : html`<path class="interval" d="M${scale.at(interval.low)} ${MIDDLE}H${scale.at(interval.high)}"/><path class="line" d="M${scale.at(interval.low)} ${MIDDLE - 6}v12M${scale.at(interval.high)} ${MIDDLE - 6}v12"/>`}
<circle class="end" cx="${scale.at(shift)}" cy="${MIDDLE}" r="5"/>${labelAt(scale.at(shift), MIDDLE - 14, brief(shift), 'strong')}</g>
</svg>
${folded('Shift as a table', scroller(`Table: predicted shift towards ${trait}`, html`<table class="numbers"><caption>In ${unit}: how much likelier an answer with the trait has become.</caption>
<tbody><tr><th scope="row">predicted shift</th><td>${exact(shift)}</td></tr>
${interval === null ? null : html`<tr><th scope="row">${percent}, low</th><td>${exact(interval.low)}</td></tr>
<tr><th scope="row">${percent}, high</th><td>${exact(interval.high)}</td></tr>
`}<tr><th scope="row">smallest that matters</th><td>${tickText(least)}</td></tr></tbody></table>`))}`;
}
