/** What a verdict means, and what it does not: the same words in every report. */
import { html, type Markup } from './markup.js';
import { verdict } from './verdict.js';

/** The closing section. */
export function meaning(): Markup {
  return html`<section class="meaning" aria-labelledby="meaning"><h2 id="meaning">What a verdict means, and what it does not</h2>
<dl>
<div><dt>${verdict('present', 'present')}</dt><dd>The score is one that harmless fine-tunes of this kind hardly ever reach, and the predicted shift is large enough to matter. It is a reason to look, not a proof of intent.</dd></div>
<div><dt>${verdict('absent', 'absent')}</dt><dd>The interval on the predicted shift excludes a shift that matters.</dd></div>
<div><dt>${verdict('indeterminate', 'indeterminate')}</dt><dd>Neither can be said. The report gives the reason: no null of this kind of fine-tune, too few benign sources, something not read or not understood, or a shift too close to the limit.</dd></div>
</dl>
<p>A clean scan means: none of the listed traits, in the weights, as far as these signatures see. It says nothing about other traits, about backdoors that wait for a trigger, about prompts and system messages, or about what the model is able to do. It is no proof against someone who knows the signature and trains around it.</p>
<p>The weights were read; the model was not run. The shift is predicted, to first order: how much likelier, in nats per token, the model has become to answer with the trait than without it.</p>
</section>`;
}
