import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyBaseline } from '../../src/gate/baseline.js';
import { applyGate } from '../../src/gate/gate.js';
import { openPolicy } from '../../src/gate/policy-file.js';
import { openReport } from '../../src/report/open.js';
import { renderJson } from '../../src/report/json.js';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WeightseqError } from '../../src/errors.js';
import { renderTable } from '../../src/report/table.js';
import type { ReportFinding, ReportItem } from '../../src/report/schema.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { findingOf, itemOf, reportWith } from '../helpers/gated.js';

const withVerdict = (verdict: ReportFinding['verdict'], change: Partial<ReportItem> = {}) => itemOf({ findings: [findingOf({ verdict })], ...change });
const other = 'e'.repeat(64);

describe('against a baseline', () => {
  const cases: [name: string, baseline: ReportItem[], now: ReportItem, isNew: boolean, code: number][] = [
    ['the same', [withVerdict('present')], withVerdict('present'), false, 0],
    ['not there', [], withVerdict('present'), true, 1],
    ['another path', [withVerdict('present', { path: 'adapters/b' })], withVerdict('present'), true, 1],
    ['the same path, written otherwise', [withVerdict('present', { path: './adapters//a/' })], withVerdict('present'), false, 0],
    ['another trait', [itemOf({ findings: [findingOf({ trait: 'cruel' })] })], withVerdict('present'), true, 1],
    ['worse than it was', [withVerdict('indeterminate')], withVerdict('present'), true, 1],
    ['worse than absent', [withVerdict('absent')], withVerdict('indeterminate'), true, 3],
    ['better than it was', [withVerdict('present')], withVerdict('indeterminate'), false, 0],
    ['undecided as before', [withVerdict('indeterminate')], withVerdict('indeterminate'), false, 0],
    ['changed files', [withVerdict('present', { digest: other })], withVerdict('present'), true, 1],
    ['files whose digest the baseline does not have', [withVerdict('present', { digest: null })], withVerdict('present'), false, 0],
    ['files whose digest is not known now', [withVerdict('present')], withVerdict('present', { digest: null }), false, 0],
    ['suppressed then', [itemOf({ findings: [findingOf({ suppression: { justification: 'j', author: 'a', expires: '2020-01-01' } })] })], withVerdict('present'), true, 1],
    ['known already then', [itemOf({ findings: [findingOf({ isNew: false })] })], withVerdict('present'), false, 0],
    ['the second of two with this path', [withVerdict('present', { digest: other }), withVerdict('present')], withVerdict('present'), false, 0],
  ];
  for (const [name, before, now, isNew, code] of cases) {
    it(`${name}: ${isNew ? 'new' : 'known'}, exit ${code}`, () => {
      const report = applyBaseline(reportWith([now]), reportWith(before), 'base.json');
      assert.equal(report.baseline, 'base.json');
      assert.equal(report.items[0]?.findings[0]?.isNew, isNew);
      assert.equal(report.exitCode, code);
    });
  }

  it('hides nothing that was not read', () => {
    const gap = withVerdict('present', { coverage: { ...itemOf().coverage, unread: [{ name: 'x', reason: 'y' }] } });
    assert.equal(applyBaseline(reportWith([gap]), reportWith([gap]), 'b').exitCode, 3);
  });

  it('is named in the table', () => {
    const text = renderTable(applyBaseline(reportWith([itemOf()]), reportWith([itemOf()]), 'base.json'), { width: 80, colour: false });
    assert.match(text, /KNOWN FROM THE BASELINE: evil/);
    assert.match(text, /baseline: base\.json/);
  });
});

describe('the gate', () => {
  it('takes baseline, suppressions and policy in this order, and gives the same again on what it gave', async () => {
    const items = [itemOf(), itemOf({ path: 'b', digest: other }), itemOf({ path: 'c', digest: 'a'.repeat(64) })];
    const gate = {
      baseline: { name: 'base.json', report: reportWith([itemOf()]) },
      suppressions: [{ sha256: other, trait: 'evil', justification: 'j', author: 'a', expires: '2026-06-30' }],
      policy: await openPolicy('default'), today: '2026-06-30',
    };
    const gated = applyGate(reportWith(items), gate);
    assert.deepEqual(gated.items.map((i) => [i.exitCode, i.policy?.length]), [[0, 0], [0, 0], [1, 1]]);
    assert.equal(gated.exitCode, 1);
    assert.deepEqual(applyGate(gated, gate), gated);
    assert.equal(applyGate(reportWith(items), { ...gate, today: '2026-07-01' }).items[1]?.exitCode, 1);
  });

  it('changes nothing without anything', () => {
    const report = reportWith([itemOf()]);
    assert.equal(applyGate(report, { today: '2026-01-01' }), report);
  });
});

describe('a saved report', () => {
  it('is read again as it was', async (t) => {
    const path = join(temporaryFolder(t), 'r.json');
    writeFileSync(path, renderJson(reportWith([itemOf({ path: 'a\u202e' })])));
    assert.deepEqual(await openReport(path), reportWith([itemOf({ path: 'a\u202e' })]));
  });

  const cases: [string, string, RegExp][] = [
    ['not JSON', '{', /not JSON/], ['another object', '{}', /field schemaVersion/], ['another version', JSON.stringify({ ...reportWith([]), schemaVersion: 2 }), /schema version 2, this program reads version 1/],
    ['a field too many', JSON.stringify({ ...reportWith([]), extra: 1 }), /extra/], ['a verdict that there is not', JSON.stringify(reportWith([withVerdict('maybe' as 'absent')])), /field items\.0\.findings\.0\.verdict/],
  ];
  for (const [name, text, message] of cases) {
    it(`is refused: ${name}`, async (t) => {
      const path = join(temporaryFolder(t), 'r.json');
      writeFileSync(path, text);
      await assert.rejects(openReport(path), (error) => error instanceof WeightseqError && error.code === 'report-invalid' && error.file === path && message.test(error.message));
    });
  }
});
