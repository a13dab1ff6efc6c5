import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import draft04 from 'ajv-draft-04';
import formats from 'ajv-formats';
import type { Log, Result, Run } from 'sarif';
import { MOST_RESULTS, renderSarif } from '../../src/report/sarif.js';
import type { Report, ReportItem } from '../../src/report/schema.js';
import { fixture } from '../helpers/fixtures.js';
import { ABSENT, BROKEN, FINDING, HOSTILE, hostileReport, ITEM, reportOf, SUPPRESSION, UNDECIDED, withFinding } from '../helpers/reports.js';

const ajv = new draft04.default({ strict: false, allErrors: true, unicodeRegExp: false });
formats.default(ajv);
const validate = ajv.compile(JSON.parse(readFileSync(fixture('sarif/sarif-2.1.0-rtm.5.json'), 'utf8')) as object);

/** Renders, checks against the official schema and what it can't say, gives the run. */
function runOf(report: Report, showSuppressed = false): Run & { results: Result[] } {
  const text = renderSarif(report, { showSuppressed });
  const log = JSON.parse(text) as Log;
  assert.ok(validate(log), JSON.stringify(validate.errors?.slice(0, 3)));
  const [run] = log.runs;
  assert.ok(run?.results);
  const rules = run.tool.driver.rules ?? [];
  assert.equal(new Set(rules.map((r) => r.id)).size, rules.length, 'each rule once');
  for (const result of run.results) {
    assert.equal(rules[result.ruleIndex ?? -1]?.id, result.ruleId);
    const location = result.locations?.[0]?.physicalLocation?.artifactLocation;
    assert.equal(result.locations?.length, 1, 'GitHub refuses a result without a location, the standard advises one');
    assert.deepEqual(run.artifacts?.[location?.index ?? -1]?.location, { uri: location?.uri, uriBaseId: location?.uriBaseId });
    assert.ok(run.originalUriBaseIds?.[location?.uriBaseId ?? ''], 'the base is named');
    assert.doesNotMatch(location?.uri ?? '', /^[a-z][a-z0-9+.-]*:|^\/|(?:^|\/)\.\.(?:\/|$)/i, 'relative, and does not climb');
    // §3.27.10: what is no failure has no level.
    if (result.kind !== 'fail') assert.equal(result.level, 'none');
  }
  // §3.27.23, §3.27.24: on all results or on none.
  for (const key of ['suppressions', 'baselineState'] as const) assert.equal(new Set(run.results.map((r) => r[key] === undefined)).size <= 1, true, key);
  return { ...run, results: run.results };
}

const brief = ({ ruleId, kind, level }: Result): unknown[] => [ruleId, kind, level];
const prints = (run: { results: Result[] }): unknown[] => run.results.map((r) => r.partialFingerprints);

describe('SARIF', () => {
  it('is valid without items, and with every kind of item', () => {
    assert.deepEqual(runOf(reportOf()).results, []);
    runOf(reportOf(ITEM, ABSENT, UNDECIDED, BROKEN));
    runOf(reportOf(ITEM, ABSENT, UNDECIDED, BROKEN), true);
  });

  it('has one result for each group of layers that pushes towards a present trait', () => {
    const { results } = runOf(reportOf(ITEM));
    assert.deepEqual(results.map(brief), [['trait-evil', 'fail', 'error']]);
    const [result] = results;
    const [location] = result?.locations ?? [];
    assert.ok(location);
    assert.match(result?.message.text ?? '', /^evil is present: middle layers 3 to 5 of 9\. These layers add \+0\.450 to the score of \+0\.350\. /);
    assert.deepEqual(location.physicalLocation?.artifactLocation?.uri, 'adapters/a/adapter_model.safetensors');
    assert.deepEqual(location.logicalLocations?.map((l) => [l.kind, l.fullyQualifiedName]), [['layer', '3'], ['layer', '5'], ['weight', '3.down'], ['weight', '5.q']]);
  });

  it('gives all groups when everything is asked for: those that push away carry nothing', () => {
    const { results } = runOf(reportOf(ITEM), true);
    assert.deepEqual(results.map((r): unknown[] => [r.kind, r.level, r.properties?.['layerGroup']]), [['fail', 'error', 'middle'], ['informational', 'none', 'late']]);
  });

  it('has levels by verdict and by what fails the gate', () => {
    const level = (item: ReportItem, failOn: Report['failOn']): unknown[] => runOf({ ...reportOf(item), failOn }).results.map((r) => r.level);
    assert.deepEqual(level(ITEM, 'present'), ['error']);
    assert.deepEqual(level(ITEM, 'never'), ['warning']);
    assert.deepEqual(level(UNDECIDED, 'present'), ['warning']);
    assert.deepEqual(level(UNDECIDED, 'indeterminate'), ['error']);
    assert.deepEqual(level(withFinding({ harmful: false }), 'present'), ['note']);
  });

  it('says what was not found in a notice, and as a pass only when asked: GitHub takes any result for an alert', () => {
    const run = runOf(reportOf(ABSENT, ITEM));
    assert.deepEqual(run.results.map((r) => r.level), ['error']);
    assert.deepEqual(run.invocations?.[0]?.toolExecutionNotifications?.map((n) => [n.level, n.message.text]), [['note', 'evil was tested in 2 items and not found in 1.']]);
    assert.deepEqual(runOf(reportOf(ABSENT), true).results.map(brief), [['trait-evil', 'pass', 'none'], ['trait-evil', 'pass', 'none']]);
  });

  it('names suppressed findings in a notice, and has them as suppressed results when asked', () => {
    const report = reportOf(withFinding({ suppression: SUPPRESSION }), UNDECIDED);
    const run = runOf(report);
    assert.equal(run.results.length, 1);
    assert.match(JSON.stringify(run.invocations), /evil \(present\): suppressed until 2031-01-31 by A\. Author: red team material/);
    const all = runOf(report, true).results;
    assert.deepEqual(all[0]?.suppressions, [{ kind: 'external', status: 'accepted', justification: 'red team material (A. Author, until 2031-01-31)' }]);
    assert.deepEqual(all.at(-1)?.suppressions, []);
  });

  it('has the state against a baseline', () => {
    const known = runOf({ ...reportOf(withFinding({ isNew: false }), { ...BROKEN }), baseline: 'old.json' });
    assert.deepEqual(known.results.map((r) => r.baselineState), ['unchanged', 'new']);
  });

  it('has results for errors, gaps, rules and files beside the weights', () => {
    const item: ReportItem = {
      ...ABSENT, coverage: { ...ABSENT.coverage, unread: [{ name: 'x', reason: 'unknown' }] }, exitCode: 3,
      policy: [{ id: 'big', level: 'warning', outcome: 'matched', message: 'too large' }],
      beside: [{ name: 'sub/model.pkl', what: 'pickle', reason: 'runs code', bytes: 3 }],
    };
    const run = runOf({ ...reportOf(item, BROKEN), policy: { name: 'strict', rules: 3 } });
    assert.deepEqual(run.results.map(brief), [
      ['policy-big', 'fail', 'warning'], ['scan-incomplete', 'fail', 'warning'], ['beside-pickle', 'fail', 'warning'], ['scan-error', 'fail', 'error'],
    ]);
    assert.equal(run.results[2]?.locations?.[0]?.physicalLocation?.artifactLocation?.uri, 'adapters/b/sub/model.pkl');
    const [invocation] = run.invocations ?? [];
    assert.deepEqual([invocation?.executionSuccessful, invocation?.exitCode], [false, 2]);
    assert.deepEqual(invocation?.toolExecutionNotifications?.map((n) => [n.descriptor?.id, n.level]), [['notice-incomplete', 'warning'], ['notice-error', 'error'], ['notice-not-found', 'note']]);
    assert.equal(runOf(reportOf(ITEM)).invocations?.[0]?.executionSuccessful, true);
  });

  it('says that a run was interrupted, and by which signal', () => {
    const [invocation] = runOf({ ...reportOf(ITEM), interrupted: 'SIGTERM', exitCode: 143 }).invocations ?? [];
    assert.deepEqual([invocation?.executionSuccessful, invocation?.exitCode, invocation?.exitSignalName, invocation?.exitSignalNumber], [false, 143, 'SIGTERM', 15]);
  });

  it('has fingerprints that stay when numbers, order, digest and machine change', () => {
    const moved: ReportItem = { ...withFinding({ shift: 0.2, p: 0.001, score: 0.1, layers: [{ layer: 4, score: 0.01 }], weights: [] }), digest: null, files: [{ name: 'adapter_model.safetensors', bytes: 3, sha256: null }] };
    const [before] = prints(runOf(reportOf(ITEM)));
    assert.deepEqual(prints(runOf(reportOf(ABSENT, moved))), [before]);
    assert.deepEqual(prints(runOf(reportOf({ ...ITEM, path: './adapters//a/' }))), [before]);
    const elsewhere = (folder: string): unknown => prints(runOf(reportOf({ ...ITEM, path: `${folder}/a` })))[0];
    assert.deepEqual(elsewhere('/home/x'), elsewhere('/mnt/y'));
    assert.deepEqual(elsewhere('/home/x'), elsewhere('C:\\models'));
  });

  it('has other fingerprints for another item, trait, layer group or rule', () => {
    const others = [
      ITEM, { ...ITEM, path: 'adapters/z' }, withFinding({ trait: 'greedy' }), withFinding({ layers: [{ layer: 8, score: 1 }] }), { ...ITEM, path: '/x/same' }, { ...ITEM, path: '/y/same' },
    ];
    const found = prints(runOf(reportOf(...others))).map((p) => JSON.stringify(p));
    assert.equal(new Set(found).size, others.length);
  });

  const places: [path: string, uri: string, base: string][] = [
    ['adapters/a', 'adapters/a/adapter_model.safetensors', '%SRCROOT%'],
    ['.', 'adapter_model.safetensors', '%SRCROOT%'],
    ['adapters/a/adapter_config.json', 'adapters/a/adapter_model.safetensors', '%SRCROOT%'],
    ['../b c/d', 'b%20c/d/adapter_model.safetensors', 'ABOVE_1'],
    ['/mnt/x', 'mnt/x/adapter_model.safetensors', 'FILESYSTEM'],
    ['C:\\m\\x', 'C%3A/m/x/adapter_model.safetensors', 'FILESYSTEM'],
    ['a/../../x:y', 'x%3Ay/adapter_model.safetensors', 'ABOVE_1'],
  ];
  for (const [path, uri, base] of places) {
    it(`places ${path}`, () => {
      const location = runOf(reportOf({ ...ITEM, path })).results[0]?.locations?.[0]?.physicalLocation?.artifactLocation;
      assert.deepEqual([location?.uri, location?.uriBaseId], [uri, base]);
    });
  }

  it('points at the path itself where no file is known, and at a reading', () => {
    const uriOf = (item: ReportItem): unknown => runOf(reportOf(item)).results[0]?.locations?.[0]?.physicalLocation?.artifactLocation?.uri;
    assert.equal(uriOf(BROKEN), 'adapters/broken');
    assert.equal(uriOf({ ...BROKEN, path: '.' }), './');
    assert.equal(uriOf({ ...ITEM, path: 'kept.reading', source: 'reading' }), 'kept.reading');
  });

  it('lists 5,000 results at most, the most severe, and says how many are left out', () => {
    const rule = (i: number) => ({ id: 'r', level: 'note' as const, outcome: 'matched' as const, message: String(i) });
    const run = runOf(reportOf({ ...ABSENT, policy: Array.from({ length: MOST_RESULTS }, (_, i) => rule(i)) }, ...Array.from({ length: 20 }, (_, i) => ({ ...ITEM, path: `bad/${i}` }))));
    assert.equal(run.results.length, 5000);
    assert.equal(run.results.filter((r) => r.level === 'error').length, 20);
    assert.match(JSON.stringify(run.invocations?.[0]?.toolExecutionNotifications?.[0]), /20 more results are left out/);
  });

  it('is valid and inert whatever files say', () => {
    for (const text of HOSTILE) {
      for (const all of [false, true]) {
        const run = runOf(hostileReport(text), all);
        const json = renderSarif(hostileReport(text), { showSuppressed: all });
        assert.doesNotMatch(json, /[^\n\P{Cc}]|\p{Cf}|\p{Cs}|##\[|##vso\[/iu);
        for (const line of json.split('\n')) assert.doesNotMatch(line.trim(), /^::/);
        const messages = [...run.results, ...(run.invocations?.[0]?.toolExecutionNotifications ?? [])].map((r) => r.message.text ?? '');
        for (const message of messages) {
          assert.doesNotMatch(message, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
          // §3.11.6: an unescaped bracket pair followed by ( is a link. §3.11.5: a brace that is not doubled opens a placeholder.
          assert.doesNotMatch(message, /(?<!\\)\]\(/);
          assert.doesNotMatch(message.replaceAll('{{', '').replaceAll('}}', ''), /[{}]/);
        }
      }
    }
  });

  it('keeps a finding without layers', () => {
    const { results } = runOf(reportOf(withFinding({ layers: [], weights: [], score: 0, verdict: 'indeterminate' })));
    assert.deepEqual(results.map((r): unknown[] => [r.level, r.properties?.['layerGroup']]), [['warning', 'all']]);
    assert.equal(runOf(reportOf(withFinding({ ...FINDING, score: null, layers: [{ layer: 3, score: null }] }))).results.length, 1);
  });
});
