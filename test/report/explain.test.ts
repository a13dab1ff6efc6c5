import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explain } from '../../src/report/explain.js';
import { explainRule, ruleIds } from '../../src/report/explain-rule.js';
import type { ReportFinding, ReportItem } from '../../src/report/schema.js';
import type { SignatureDocument } from '../../src/signature/document.js';
import { document } from '../helpers/models.js';
import { ABSENT, FINDING, HOSTILE, hostileReport, ITEM, reportOf, SUPPRESSION, UNDECIDED } from '../helpers/reports.js';

const plain = document();
const proven = document({ method: { ...plain.method, pairs: 70, questions: 14 }, evidence: { heldOut: [], r: 0.9869, n: 12, notes: '' } });

function explained(change: Partial<ReportFinding> = {}, item: ReportItem = ITEM, signature: SignatureDocument | null = proven, width = 80): string {
  return explain({ ...FINDING, ...change }, item, reportOf(item), signature, width);
}
const flat = (text: string): string => text.replace(/\s+/gu, ' ');
function says(text: string, ...parts: string[]): void {
  for (const part of parts) assert.ok(flat(text).includes(part), part);
}

describe('explain', () => {
  it('says what was measured, on what evidence, what it means with the numbers of the report, where, and what next', () => {
    says(
      explained(),
      'evil in adapters/a: present', 'Means harm.', "score = Σ_W Σ_i s_i u_i' ΔW v_i", 'nats/token',
      'from 70 pairs of answers to 14 questions', 'Held against 12 fine-tunes', 'r = 0.99', '5 (s0, s1, s2, s3, s4; lora)',
      'The shift is +0.412 nats/token, and with 90 % confidence between +0.310 and +0.520; from 0.08 on it matters.',
      'known from 9 benign sources', 'p = 0.0004; present needs less than 0.01', 'score +0.004 on average, with a standard deviation of 0.036; this one scores +0.350', 'present begins at a score of +0.120',
      'The base has 9 layers', 'middle layers 3 to 5: +0.450; late layer 8: −0.100', '3.down (+0.500)', 'Do not put these weights to use.',
    );
  });

  const advice: [string, Partial<ReportFinding>, ReportItem, string[]][] = [
    ['absent', { verdict: 'absent' }, ABSENT, ['absent: a change of behaviour that matters is excluded', 'Nothing more for this trait.']],
    ['undecided', { verdict: 'indeterminate' }, UNDECIDED, ['That is no clean result.', 'Read the rule that decided above']],
    ['undecided for a gap', { verdict: 'indeterminate' }, { ...UNDECIDED, coverage: { ...ITEM.coverage, unread: [{ name: 'use_dora', reason: 'not scored' }] } }, ['First give what was not read or understood: use_dora (not scored)']],
    ['suppressed', { suppression: SUPPRESSION }, ITEM, ['let pass until 2031-01-31 by A. Author: red team material']],
    ['known', { isNew: false }, ITEM, ['It stands in the baseline report too']],
    ['a control', { harmful: false }, ITEM, ['benign control']],
    ['without a null', { p: null, null: null, nullSources: 0, threshold: null }, ITEM, ['no set of harmless fine-tunes of this kind']],
    ['without a shift', { shift: null, interval: null }, ITEM, ['The signature gives no shift here.']],
    ['without layers', { layers: [], weights: [] }, ITEM, ['No layer was scored.']],
  ];
  for (const [name, change, item, parts] of advice) it(`has its own words: ${name}`, () => { says(explained(change, item), ...parts); });

  it('says that a signature is unproven, or not at hand', () => {
    says(explained({}, ITEM, plain), 'treat its verdicts as a hint');
    const unknown = explained({}, ITEM, null);
    says(unknown, 'does not hold a signature with this hash', '--signatures');
    assert.doesNotMatch(unknown, /r = /u);
  });

  it('fits the terminal and obeys nobody, whatever the report says', () => {
    for (const text of HOSTILE) {
      for (const width of [40, 80, 200]) {
        const [item] = hostileReport(text).items;
        const [finding] = item?.findings ?? [];
        assert.ok(item && finding);
        const lines = explain(finding, item, hostileReport(text), proven, width).split('\n');
        for (const line of lines) {
          assert.ok(line.length <= Math.min(80, width), line);
          assert.doesNotMatch(line, /\p{Cc}|\p{Cf}|\p{Cs}/u);
          assert.doesNotMatch(line.trim(), /^::|##\[|##vso\[/iu);
        }
      }
    }
  });
});

describe('explainRule', () => {
  const gap: ReportItem = { ...UNDECIDED, path: 'adapters/gap', coverage: { ...ITEM.coverage, unread: [{ name: 'use_dora', reason: 'not scored' }] } };

  it('knows the rules that hold somewhere in the report, and no others', () => {
    assert.deepEqual(ruleIds(reportOf(ITEM, gap)), ['scan-incomplete']);
    assert.deepEqual(ruleIds(reportOf(ITEM)), []);
    assert.equal(explainRule(reportOf(ITEM), 'scan-incomplete', 80), null);
    assert.equal(explainRule(reportOf(gap), 'scan-error', 80), null);
  });

  it('names where the rule holds and why, within the width', () => {
    const text = explainRule(reportOf(ITEM, gap), 'scan-incomplete', 60) ?? '';
    says(text, 'scan-incomplete', 'adapters/gap', 'use_dora: not scored');
    assert.ok(!text.includes(ITEM.path));
    for (const line of text.split('\n')) assert.ok(line.length <= 60, line);
  });

  it('prints nothing of a hostile report that steers a terminal', () => {
    for (const text of HOSTILE) {
      const report = hostileReport(text);
      for (const id of ruleIds(report)) assert.doesNotMatch((explainRule(report, id, 80) ?? '').replaceAll('\n', ''), /[\p{Cc}\p{Bidi_Control}]/u);
    }
  });
});
