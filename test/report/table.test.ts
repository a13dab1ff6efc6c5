import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderTable } from '../../src/report/table.js';
import type { Report, ReportItem } from '../../src/report/schema.js';
import { ABSENT, HOSTILE, hostileReport, ITEM, reportOf, SUPPRESSION, UNDECIDED, withFinding } from '../helpers/reports.js';

const render = (report: Report, showSuppressed = false, width = 80): string => renderTable(report, { width, colour: false, showSuppressed });
/** The text without its line breaks. */
const flat = (text: string): string => text.replace(/\s+/gu, ' ');

describe('the table', () => {
  const suppressed = { ...withFinding({ suppression: SUPPRESSION }), exitCode: 0 as const };

  it('has one line for a suppressed finding, and all of it when asked', () => {
    const text = render(reportOf(suppressed));
    assert.match(flat(text), /SUPPRESSED: evil .*suppressed: evil, until 2031-01-31, by A\. Author: red team material/u);
    assert.ok(!text.includes('shift'));
    const all = render(reportOf(suppressed), true);
    assert.match(flat(all), /suppressed: evil, until 2031-01-31, by A\. Author: red team material evil: present because .* shift \+0\.412/u);
  });

  it('never shows a suppressed trait as clean, nor one from the baseline', () => {
    for (const item of [suppressed, { ...withFinding({ isNew: false }), exitCode: 0 as const }]) assert.doesNotMatch(render(reportOf(item)), /NOT FOUND/u);
    assert.match(flat(render(reportOf({ ...withFinding({ isNew: false }), exitCode: 0 }))), /KNOWN FROM THE BASELINE: evil .*evil: present \(known from the baseline\)/u);
  });

  it('shows many traits by what matters: the harmful ones that are present first and in full, the rest in a line each', () => {
    const [evil] = ITEM.findings;
    assert.ok(evil);
    const one = (trait: string, change: Partial<typeof evil>): typeof evil => ({ ...evil, trait, ...change });
    const findings = [
      one('absent-one', { verdict: 'absent', shift: -0.012, adjustedP: 0.5 }), one('control', { harmful: false }), one('unsure', { verdict: 'indeterminate', reason: 'no null of this kind' }), one('found', {}),
      one('passed', { suppression: SUPPRESSION }),
    ];
    for (const width of [40, 80]) {
      const text = render(reportOf({ ...ITEM, findings }), false, width);
      const at = ['found: present', 'unsure: indeterminate', 'suppressed: passed', 'absent-one: absent', 'control (benign control): present'].map((part) => text.indexOf(part));
      assert.ok(at[0] !== -1 && at.every((place, i) => i === 0 || place > (at[i - 1] ?? 0)), at.join());
      assert.equal(text.split('score by layer').length, 2);
      assert.match(flat(text), /unsure: indeterminate because no null of this kind shift/u);
      assert.match(flat(text), /absent-one: absent, −0\.012 \([^)]*\), p 0\.5/u);
      for (const line of text.split('\n')) assert.ok(line.length <= width, line);
    }
  });

  it('does not call clean what was not all read', () => {
    assert.match(render(reportOf({ ...ABSENT, coverage: { ...ABSENT.coverage, read: 1 }, exitCode: 3 })), /INCOMPLETE/u);
  });

  it('names the policy, its rules, and what lies beside the weights', () => {
    const item: ReportItem = {
      ...ABSENT, exitCode: 1, policy: [{ id: 'big', level: 'error', outcome: 'matched', message: 'too large' }, { id: 'odd', level: 'warning', outcome: 'undecided', message: 'who knows' }],
      beside: Array.from({ length: 10 }, (_, i) => ({ name: `s${i}.py`, what: 'script' as const, reason: 'runs', bytes: 1 })),
    };
    const text = flat(render({ ...reportOf(item), policy: { name: 'strict', rules: 2 } }));
    for (const part of ['AGAINST THE POLICY: big', 'policy error big: too large', 'policy warning odd: cannot be decided here; who knows', 'beside script s0.py: runs', 'beside … and 2 more']) assert.ok(text.includes(part), part);
    assert.match(flat(render({ ...reportOf(ABSENT), policy: { name: 'strict', rules: 2 } })), /policy no rule of strict matched/u);
  });

  it('names suppressions that suppress nothing, the baseline and what ended the run', () => {
    const text = flat(render({
      ...reportOf(ABSENT), baseline: 'old.json', interrupted: 'SIGTERM',
      suppressions: [{ ...SUPPRESSION, trait: 'evil', sha256: 'e'.repeat(64), status: 'expired' }, { ...SUPPRESSION, trait: 'greedy', sha256: 'f'.repeat(64), status: 'unmatched' }, { ...SUPPRESSION, trait: 'vain', sha256: '', status: 'applied' }],
    }));
    for (const part of ['expired: the suppression of evil in eeeeeeeeeeee… by A. Author expired on 2031-01-31; it suppresses nothing', 'unmatched: the suppression of greedy in ffffffffffff… by A. Author matches nothing in this run; it suppresses nothing', 'baseline: old.json', 'INTERRUPTED (SIGTERM): what is not listed here was not scanned.']) assert.ok(text.includes(part), part);
    assert.ok(!text.includes('vain'));
  });

  it('fits its columns and obeys nobody, whatever files say', () => {
    for (const text of [...HOSTILE, 'w'.repeat(300)]) {
      for (const width of [40, 80]) {
        const lines = render(hostileReport(text), true, width).split('\n');
        for (const line of lines) {
          assert.ok(line.length <= width, `${line.length}: ${line}`);
          assert.doesNotMatch(line, /\p{Cc}|\p{Cf}|\p{Cs}/u);
          assert.doesNotMatch(line.trim(), /^::|##\[|##vso\[/iu);
        }
      }
    }
  });

  it('colours after wrapping: what is painted fits too', () => {
    const many = { ...ITEM, findings: Array.from({ length: 30 }, (_, i) => ({ ...withFinding({ trait: `trait-${i}` }).findings[0] ?? assert.fail() })) };
    const text = renderTable(reportOf(many, UNDECIDED), { width: 60, colour: true });
    assert.ok(text.includes('\u001b[31m'));
    // eslint-disable-next-line no-control-regex
    for (const line of text.replace(/\u001b\[\d+m/gu, '').split('\n')) assert.ok(line.length <= 60, line);
  });

  it('says that nothing was scanned', () => {
    assert.match(render(reportOf()), /^0 items, exit code 0\n/u);
  });
});
