import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { marked } from 'marked';
import { renderMarkdown } from '../../src/report/markdown.js';
import { code, prose } from '../../src/report/markdown-text.js';
import type { Report, ReportItem } from '../../src/report/schema.js';
import { ABSENT, BROKEN, HOSTILE, hostileReport, ITEM, reportOf, SUPPRESSION, UNDECIDED, withFinding } from '../helpers/reports.js';

/** What GitHub refuses: a comment of more characters. */
const LIMIT = 65_536;
const render = (report: Report, showSuppressed = false): string => renderMarkdown(report, { showSuppressed });

/** A parser of GitHub's Markdown, as a consumer. */
function html(markdown: string): string {
  return marked.parse(markdown, { gfm: true, async: false });
}

function tags(text: string): Set<string> {
  return new Set([...text.matchAll(/<\/?([a-z][^\s/>]*)/giu)].map((m) => m[1]?.toLowerCase() ?? ''));
}

/** The text that a reader sees. */
function seen(text: string): string {
  const names: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"' };
  return text.replace(/<[^>]*>/gu, '').replace(/&(?:#(\d+)|(\w+));/gu, (whole, number: string | undefined, name: string | undefined) => (number ? String.fromCodePoint(Number(number)) : (names[name ?? ''] ?? whole)));
}

const OWN_TAGS = ['h2', 'p', 'strong', 'code', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'details', 'summary', 'ul', 'li', 'pre'];

describe('Markdown', () => {
  it('has a table of all items, worst first, and folded details', () => {
    const text = render(reportOf(ABSENT, UNDECIDED, BROKEN, ITEM));
    const page = html(text);
    const rows = [...page.matchAll(/<tr>\s*<td>(.*?)<\/td>/gsu)].map((m) => seen(m[1] ?? ''));
    assert.deepEqual(rows, ['adapters/a', 'adapters/broken', 'adapters/c', 'adapters/b']);
    assert.equal([...page.matchAll(/<details>/gu)].length, 4);
    for (const part of ['3 of 4 items need a look', 'HARMFUL TRAIT FOUND: evil', 'NOT SCANNED: pickle', 'UNDECIDED: evil', 'NOT FOUND: evil', '+0.412', '0.0004', 'a pickle. Convert it.']) assert.ok(seen(page).includes(part), part);
  });

  it('draws the strip of each layer', () => {
    // 3: +.5 the largest; 5: −.05 and 8: −.1 are a tenth and a fifth of it, of eight steps the first and the second.
    assert.match(render(reportOf(ITEM)), /```text\ntowards {2}···█· ··\n?.*\naway {5}··· ·▁··▂\nlayer {4}0\n```/u);
  });

  it('says in the title what became of one item, and that none was scanned', () => {
    assert.match(render(reportOf(ITEM)), /^## weightseq: HARMFUL TRAIT FOUND: <code>evil<\/code>\n/u);
    assert.match(render(reportOf()), /^## weightseq: nothing was scanned\n/u);
  });

  it('has suppressed findings in one line unless asked, with who, until when and why', () => {
    const report = reportOf({ ...withFinding({ suppression: SUPPRESSION }), exitCode: 0 });
    assert.ok(seen(html(render(report))).includes('evil: present, suppressed until 2031-01-31 by A. Author: red team material'));
    assert.ok(!render(report).includes('towards'));
    assert.ok(render(report, true).includes('towards'));
  });

  it('names what is beside the weights, the policy, the baseline and idle suppressions', () => {
    const item: ReportItem = {
      ...withFinding({ isNew: false }), policy: [{ id: 'big', level: 'error', outcome: 'matched', message: 'too large' }], beside: [{ name: 'run.py', what: 'script', reason: 'runs', bytes: 1 }],
    };
    const page = seen(html(render({ ...reportOf(item), policy: { name: 'strict', rules: 1 }, baseline: 'old.json', interrupted: 'SIGINT', suppressions: [{ ...SUPPRESSION, trait: 'evil', sha256: 'dd', status: 'unmatched' }] })));
    for (const part of ['policy strict with 1 rule', 'against the baseline old.json', 'ended by SIGINT', 'suppression of evil in dd by A. Author matches nothing', 'evil: present, known from the baseline', 'policy, error, matched: big: too large', 'beside the weights: script run.py: runs']) assert.ok(page.includes(part), part);
  });

  it('makes nothing of what files say: no tag, link, mention, reference, cell or heading of theirs', () => {
    for (const text of HOSTILE) {
      const markdown = render(hostileReport(text), true);
      assert.doesNotMatch(markdown, /[^\n\P{Cc}]|\p{Cf}|\p{Cs}/u);
      for (const line of markdown.split('\n')) assert.doesNotMatch(line.trim(), /^::|##\[|##vso\[/i);
      const page = html(markdown);
      for (const tag of tags(page)) assert.ok(OWN_TAGS.includes(tag), `${tag} from ${text}`);
      // GitHub looks for @ and # outside of code.
      assert.doesNotMatch(seen(page.replace(/<code>.*?<\/code>/gsu, '')), /@|#/u);
      assert.equal([...page.matchAll(/<details>/gu)].length, 2);
      assert.ok([...page.matchAll(/<tr>.*?<\/tr>/gsu)].every((row) => [...row[0].matchAll(/<t[dh]/gu)].length === 5));
    }
  });

  it('shows a name as it is', () => {
    for (const text of ['a|b`c*_~[x](y)<z>&amp;\\', 'www.example.org', 'x $a$ "quoted" - 1.', 'é層😀']) {
      assert.equal(seen(html(`| a |\n|---|\n| ${code(text)} |`)).trim().split('\n').at(-1), text);
      assert.equal(seen(html(`because ${prose(text)}`)).trim(), `because ${text}`);
    }
  });

  it('fits a comment, keeps the worst, and says what was cut', () => {
    const clean = Array.from({ length: 3000 }, (_, i) => ({ ...ABSENT, path: `clean/${i}` }));
    const text = render(reportOf(...clean, { ...ITEM, path: 'the/bad/one' }));
    assert.ok(text.length <= LIMIT && text.length > LIMIT / 2, String(text.length));
    const page = html(text);
    const rows = [...page.matchAll(/<tr>/gu)].length - 1;
    const details = [...page.matchAll(/<details>/gu)].length;
    assert.match(seen(page), new RegExp(`Cut to fit a comment: ${3001 - rows} of 3001 items have no row above; the details of ${3001 - details} of 3001 items are left out`, 'u'));
    assert.equal([...page.matchAll(/<\/details>/gu)].length, details);
    assert.ok(page.indexOf('the/bad/one') < page.indexOf('clean/0'));
  });

  it('fits a comment when single texts are long', () => {
    const long = '|'.repeat(100_000);
    const text = render(hostileReport(long), true);
    assert.ok(text.length <= LIMIT, String(text.length));
    assert.match(text, /…/u);
  });

  it('does not say that it cut what it did not', () => {
    assert.doesNotMatch(render(reportOf(ITEM, ABSENT)), /Cut to fit/u);
  });
});
