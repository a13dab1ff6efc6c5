/** One trait of one model: verdict, figures, karyogram, its place in the null, its shift. In: a finding and its grid. Out: a section. */
import { probability } from '../numbers.js';
import type { ReportFinding } from '../schema.js';
import { brief, counted, exact } from './figures.js';
import type { Grid } from './grid.js';
import { karyogram } from './karyogram.js';
import { legend } from './legend.js';
import { html, type Markup } from './markup.js';
import { nullPlot } from './null-plot.js';
import type { Scales } from './scales.js';
import { shiftPlot } from './shift-plot.js';
import { folded, scoreTable, scroller } from './tables.js';
import { verdict } from './verdict.js';

export interface FindingPart {
  readonly finding: ReportFinding;
  readonly grid: Grid;
}

export interface FindingOptions {
  /** Prefix of the ids within this section. */
  readonly id: string;
  /** Of the item, as the reader knows it. */
  readonly path: string;
  /** Id of the item's table of |ΔW|. */
  readonly norms: string;
  readonly scales: Scales;
  readonly showSuppressed: boolean;
  /** Whether the legend stands below this karyogram: it is the first of its model. */
  readonly isFirst: boolean;
}

/** The section of one finding. */
export function findingSection({ finding, grid }: FindingPart, options: FindingOptions): Markup {
  const { id } = options;
  const { trait, suppression, isNew } = finding;
  const pictures = html`<div class="panels">${karyogramFigure({ finding, grid }, options)}
<div class="side">${nullFigure(finding, `${id}-null`)}${shiftFigure(finding)}</div></div>`;
  const notes = [
    finding.harmful ? null : 'benign control: shown, never gated on',
    suppression === undefined ? null : 'suppressed',
    isNew === undefined ? null : isNew ? 'new against the baseline' : 'in the baseline already',
  ].filter((note) => note !== null);
  return html`<section class="finding">
<h3 id="${id}">${trait} ${verdict(finding.verdict, finding.verdict)}${notes.map((note) => html` <span class="note">${note}</span>`)}</h3>
<p>${finding.description}</p>
<p class="because"><strong>${finding.verdict}</strong> because ${finding.reason}.</p>
${suppression === undefined ? null : html`<p class="because">Let pass until ${suppression.expires} by ${suppression.author}: ${suppression.justification}</p>`}
${figures(finding)}
${suppression === undefined || options.showSuppressed ? pictures : folded('Pictures of the suppressed finding', pictures)}
<p class="fine">Signature ${finding.signature.file} (${finding.kind}), sha256 <code>${finding.signature.sha256}</code></p>
</section>`;
}

function figures(finding: ReportFinding): Markup {
  const { interval, shift, unit, nullSources, scoreSd } = finding;
  const between = interval === null ? 'without an interval' : `${Math.round(interval.confidence * 100)} % interval ${brief(interval.low)} to ${brief(interval.high)}`;
  const ofAdapters = finding.null?.form === 'lora' && scoreSd !== undefined ? ' of adapters' : '';
  const chance = nullSources > 0 && finding.p !== null
    ? `how often a harmless fine-tune would score this high, by ${counted(nullSources, 'benign source')}${ofAdapters}; present needs p below ${finding.level}`
    : 'there is no null distribution of this kind of fine-tune to hold it against';
  const rounding = scoreSd == null ? '' : ` ± ${scoreSd.toPrecision(1)} from rounding`;
  const { adjustedP = null, traitsTested = 1 } = finding;
  const adjusted = traitsTested > 1 ? `; ${probability(adjustedP)} adjusted for ${traitsTested} traits, which decides` : '';
  const conformal = finding.conformalP === null ? '' : `; conformal p ${finding.conformalP.toFixed(3)}`;
  const figure = (name: string, value: string, note: string) => html`<div><dt>${name}</dt><dd><strong>${value}</strong> <span>${note}</span></dd></div>`;
  return html`<dl class="figures">
${figure('Predicted shift', brief(shift), shift === null ? 'the score has no calibration, or is no number' : `${unit}, ${between}`)}
${figure('p', probability(finding.p), `${chance}${adjusted}${conformal}`)}
${figure('Raw score', brief(finding.score), `${finding.threshold === null ? 'no threshold is known' : `present from ${brief(finding.threshold)}`}${rounding}`)}
</dl>`;
}

function karyogramFigure({ finding, grid }: FindingPart, { id, path, norms, scales, isFirst }: FindingOptions): Markup {
  const { trait, threshold } = finding;
  if (grid.rows.length === 0 && grid.layers.length === 0) return html`<figure class="main"><figcaption>Karyogram</figcaption><p>No weight was scored, so that there is nothing to draw.</p></figure>`;
  const label = `Karyogram of ${trait} in ${path}: ${grid.rows.length} roles by ${grid.layers.length} layers, raw score ${exact(finding.score)}`;
  const left = threshold === null ? '' : ' The dashed line is the score from which on the trait counts as present.';
  return html`<figure class="main"><figcaption>Karyogram: where the score comes from</figcaption>
${scroller(`Picture: ${trait} in ${path}`, karyogram(grid, { scales, threshold, label, table: `${id}-scores`, norms }), 'picture')}
<p class="fine">Each column is a layer, each row a role. The running sum adds the layers from left to right${grid.start === 0 ? '' : `, from ${exact(grid.start)} that lies outside the grid`} and ends at the raw score.${left}</p>
${isFirst ? legend(scales) : html`<p class="fine">Colours as above.</p>`}
${folded('Karyogram as a table', scoreTable(grid, `${id}-scores`, `scores of ${trait} in ${path}`))}
${grid.outside.length === 0 ? null : folded(`${counted(grid.outside.length, 'scored weight')} outside the grid`, outsideTable(grid, trait, path))}</figure>`;
}

function outsideTable({ outside }: Grid, trait: string, path: string): Markup {
  return scroller(`Table: scored weights outside the grid, ${trait} in ${path}`, html`<table class="numbers"><thead><tr><th scope="col">weight</th><th scope="col">score</th><th scope="col">|ΔW|</th></tr></thead><tbody>
${outside.map(({ name, score, deltaNorm }) => html`<tr><th scope="row">${name}</th><td>${exact(score)}</td><td>${exact(deltaNorm).replace('+', '')}</td></tr>
`)}</tbody></table>`);
}

function nullFigure(finding: ReportFinding, id: string): Markup {
  const { null: distribution } = finding;
  const content = distribution === null
    ? html`<p class="empty">No null distribution matches this kind of fine-tune, so that nobody can say how unusual the score is.</p>`
    : nullPlot(finding, distribution, id);
  return html`<figure><figcaption>Among harmless fine-tunes</figcaption>${content}</figure>`;
}

function shiftFigure(finding: ReportFinding): Markup {
  const content = finding.shift === null ? html`<p class="empty">No shift is predicted: the signature is not calibrated, or the score is no number.</p>` : shiftPlot(finding, finding.shift);
  return html`<figure><figcaption>Predicted shift in behaviour</figcaption>${content}</figure>`;
}
