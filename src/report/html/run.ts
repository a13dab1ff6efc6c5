/** What holds for the whole run: the gate, the policy, suppressions, an early end. In: the report. Out: markup. */
import type { Report } from '../schema.js';
import { exitText } from './headline.js';
import { html, type Markup } from './markup.js';
import { scroller } from './tables.js';

const GATES: Readonly<Record<Report['failOn'], string>> = {
  contaminated: 'a harmful trait is present, or an ancestor is listed as contaminated', present: 'a harmful trait is present', indeterminate: 'a harmful trait is present or undecided', never: 'never: findings do not change the exit code',
};

/** The line below the headline. */
export function runLine({ exitCode, failOn, policy, baseline, interrupted }: Report): Markup {
  return html`<p class="fine">Exit code ${exitCode}: ${exitText(exitCode)}. The gate fails when: ${GATES[failOn]}${policy === undefined ? null : html`; policy ${policy.name}, ${policy.rules} rules`}${baseline === undefined ? null : html`; only what is new against ${baseline} counts`}.</p>
${interrupted === undefined ? null : html`<p class="trouble"><strong>Incomplete:</strong> the run was ended (${interrupted}) before all models were scanned.</p>`}`;
}

/** Every suppression and what became of it; nothing when none was given. */
export function suppressions({ suppressions: given = [] }: Report): Markup | null {
  if (given.length === 0) return null;
  const words = { applied: 'applied', expired: 'expired: does not suppress', unmatched: 'matches nothing: does not suppress' } as const;
  return html`<section aria-labelledby="suppressions"><h2 id="suppressions">Suppressions</h2>
${scroller('Table: suppressions', html`<table class="list"><thead><tr>${['trait', 'status', 'expires', 'author', 'justification', 'sha256'].map((head) => html`<th scope="col">${head}</th>`)}</tr></thead><tbody>
${given.map((s) => html`<tr><td>${s.trait}</td><td>${words[s.status]}${s.reason === undefined ? null : ` (${s.reason})`}</td><td>${s.expires}</td><td>${s.author}</td><td>${s.justification}</td><td><code>${s.sha256}</code></td></tr>
`)}</tbody></table>`)}</section>`;
}
