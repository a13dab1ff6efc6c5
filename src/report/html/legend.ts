/** What colours and marks mean. In: the scales of the page. Out: markup that stands once below the first karyogram of a model. */
import { brief } from './figures.js';
import { html, type Markup } from './markup.js';
import { STEPS, stepClass, type Scales } from './scales.js';

const SWATCH = 15;

/** The legend of the karyograms. */
export function legend({ cell }: Scales): Markup {
  const steps = Array.from({ length: 2 * STEPS + 1 }, (_, i) => i - STEPS);
  const width = steps.length * SWATCH;
  const half = width / 2;
  const scale = html`<svg role="img" aria-label="Colour scale from ${brief(-cell)}, away from the trait, over 0 to ${brief(cell)}, towards it" width="${width}" height="46" viewBox="0 0 ${width} 46">
<g aria-hidden="true">${steps.map((step, i) => html`<rect x="${i * SWATCH}" width="${SWATCH - 1}" height="14" class="${stepClass(step)}"/>`)}
<path class="minus strong" d="${steps.slice(0, 3).map((_, i) => `M${i * SWATCH + 4} 7h6`).join('')}"/><path class="minus" d="${steps.slice(3, STEPS).map((_, i) => `M${(i + 3) * SWATCH + 4} 7h6`).join('')}"/>
<text x="0" y="30">${brief(-cell)}</text><text x="${half}" y="30" text-anchor="middle">0</text><text x="${width}" y="30" text-anchor="end">${brief(cell)}</text>
<text x="0" y="43">away from the trait</text><text x="${width}" y="43" text-anchor="end">towards the trait</text></g></svg>`;
  const swatch = (className: string) => html`<svg class="swatch" aria-hidden="true" width="15" height="15"><rect width="15" height="15" class="${className}"/></svg>`;
  return html`<div class="legend">
${cell > 0 ? scale : html`<p>No cell has a score.</p>`}
<ul><li>${swatch('u')}read, not scored: no signature looks there</li><li>${swatch('x')}no number came out (NaN)</li><li>${swatch('b')}no change of such a weight was read</li></ul>
<p>Colour is what a weight adds to the raw score; the cells of a picture add up to it. Only the whole is calibrated to a shift, so a cell is not in nats per token. It tells where the score comes from, not what causes the behaviour.</p>
</div>`;
}
