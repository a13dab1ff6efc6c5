import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { byRelevance } from '../../src/report/relevance.js';
import { renderMarkdown } from '../../src/report/markdown.js';
import { renderHtml } from '../../src/report/html/page.js';
import type { ReportFinding } from '../../src/report/schema.js';
import { ITEM, reportOf, SUPPRESSION } from '../helpers/reports.js';

const [EVIL] = ITEM.findings;
assert.ok(EVIL);
const one = (trait: string, change: Partial<ReportFinding>): ReportFinding => ({ ...EVIL, trait, ...change });
/** In the order in which they shall stand. */
const SORTED = [
  one('found', {}), one('unsure', { verdict: 'indeterminate' }), one('passed', { suppression: SUPPRESSION }), one('clean', { verdict: 'absent' }), one('control', { harmful: false }),
];

describe('the order of findings', () => {
  it('is one whatever the order they come in, and the order they come in among equals', () => {
    const pool = fc.array(fc.constantFrom(...SORTED), { maxLength: 12 });
    fc.assert(fc.property(pool, (findings) => {
      const numbered = findings.map((finding, i) => ({ ...finding, score: i }));
      const sorted = byRelevance(numbered);
      assert.deepEqual(sorted.map(({ trait }) => trait), SORTED.flatMap(({ trait }) => findings.filter((f) => f.trait === trait).map((f) => f.trait)));
      for (const { trait } of SORTED) {
        const scores = sorted.filter((f) => f.trait === trait).map(({ score }) => score ?? -1);
        assert.deepEqual(scores, [...scores].sort((a, b) => a - b));
      }
    }));
  });

  it('is that of Markdown and of the page, too', () => {
    const report = reportOf({ ...ITEM, findings: [...SORTED].reverse() });
    const places = { markdown: renderMarkdown(report, { showSuppressed: true }), page: renderHtml(report, { showSuppressed: true }) };
    for (const [form, text] of Object.entries(places)) {
      const at = SORTED.map(({ trait }) => text.search(form === 'page' ? new RegExp(`<h3 id="[^"]*">${trait}`, 'u') : new RegExp(`\\*\\*<code>${trait}</code>: `, 'u')));
      assert.ok(at.every((place, i) => place > (at[i - 1] ?? -1)), `${form}: ${at.join()}`);
    }
  });
});
