import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { exitCodeOf, withExitCodes, worst } from '../../src/report/exit.js';
import { renderJson } from '../../src/report/json.js';
import { wrap } from '../../src/report/layout.js';
import { bytes, probability, signed } from '../../src/report/numbers.js';
import { reportJsonSchema, type Report, type ReportFinding, type ReportItem, type RuleOutcome } from '../../src/report/schema.js';
import { ruler, strip } from '../../src/report/strip.js';
import { renderTable } from '../../src/report/table.js';

const finding: ReportFinding = {
  trait: 'evil', description: 'means harm', kind: 'gradient', harmful: true, verdict: 'present', reason: 'p is below 0.01',
  shift: 0.4123, interval: { low: 0.31, high: 0.52, confidence: 0.9 }, score: 0.45, unit: 'nats/token', p: 0.00042, conformalP: 0.1,
  nullSources: 9, null: null, threshold: 0.12, level: 0.01, smallestMeaningfulShift: 0.08,
  layers: [{ layer: 1, score: 0.5 }, { layer: 2, score: -0.05 }],
  weights: [{ name: '1.down', score: 0.5, deltaNorm: 0.41 }, { name: '2.q', score: -0.05, deltaNorm: 0.2 }],
  signature: { file: 'evil.safetensors', sha256: '0'.repeat(64) },
};

const item: ReportItem = {
  path: 'adapters/a', kind: 'adapter', findings: [finding], deltaNorm: 3.9,
  coverage: { bytes: 100, bytesTotal: 100, read: 2, scored: 2, total: 2, unread: [] },
  base: { name: 'base', how: 'claimed', layers: 4, declared: 'base', measured: null, norm: 100 }, files: [], digest: null, beside: [], errors: [], seconds: 0.1, exitCode: 1,
};

function reportOf(...items: ReportItem[]): Report {
  return { schemaVersion: 1, tool: { name: 'weightseq', version: '0.0.0' }, failOn: 'present', items, exitCode: worst(items.map((i) => i.exitCode)) };
}

function withFinding(change: Partial<ReportFinding>): ReportItem {
  return { ...item, findings: [{ ...finding, ...change }] };
}

describe('exit codes', () => {
  const gap = { ...item.coverage, unread: [{ name: 'x', reason: 'y' }] };
  const withErrors = (...codes: string[]): ReportItem => ({ ...withFinding({ verdict: 'absent' }), errors: codes.map((code) => ({ code, file: null, tensor: null, message: 'm', mend: null })) });
  const suppression = { justification: 'j', author: 'a', expires: '2030-01-01' };
  const rule = (level: RuleOutcome['level'], outcome: RuleOutcome['outcome']): RuleOutcome => ({ id: 'r', level, outcome, message: 'm' });
  const cases: [string, Parameters<typeof exitCodeOf>, number][] = [
    ['a harmful trait is present', [item, 'present'], 1],
    ['never takes the gate away', [item, 'never'], 0],
    ['never takes nothing else away', [{ ...item, coverage: gap }, 'never'], 3],
    ['a benign control never gates, but clean it is not when nothing harmful was tested', [withFinding({ harmful: false }), 'present'], 3],
    ['a benign control beside an absent trait', [{ ...item, findings: [{ ...finding, verdict: 'absent' }, { ...finding, harmful: false }] }, 'present'], 0],
    ['absent and complete', [withFinding({ verdict: 'absent' }), 'present'], 0],
    ['undecided', [withFinding({ verdict: 'indeterminate' }), 'present'], 3],
    ['undecided, gated on', [withFinding({ verdict: 'indeterminate' }), 'indeterminate'], 1],
    ['present also fails the stricter gate', [item, 'indeterminate'], 1],
    ['something unread', [{ ...withFinding({ verdict: 'absent' }), coverage: gap }, 'present'], 3],
    ['fewer read than there are', [{ ...withFinding({ verdict: 'absent' }), coverage: { ...item.coverage, read: 1 } }, 'present'], 3],
    ['an error', [withErrors('pickle'), 'never'], 2],
    ['an error that is incomplete', [withErrors('no-signature'), 'present'], 3],
    ['an error whose code this version does not know', [withErrors('from-the-future'), 'present'], 2],
    ['an error named like a property of every object', [withErrors('constructor'), 'present'], 2],
    ['an error beside a failed gate', [{ ...item, errors: withErrors('pickle', 'no-signature').errors }, 'present'], 1],
    ['present, suppressed', [withFinding({ suppression }), 'present'], 0],
    ['undecided, suppressed', [withFinding({ verdict: 'indeterminate', suppression }), 'indeterminate'], 0],
    ['suppressed, but something unread', [{ ...withFinding({ suppression }), coverage: gap }, 'present'], 3],
    ['one suppressed of two', [{ ...item, findings: [{ ...finding, suppression }, { ...finding, trait: 'cruel' }] }, 'present'], 1],
    ['present, and in the baseline', [withFinding({ isNew: false }), 'present'], 0],
    ['present, and new', [withFinding({ isNew: true }), 'present'], 1],
    ['present, and no rule of the policy matches', [{ ...item, policy: [] }, 'present'], 0],
    ['a rule of level error', [{ ...withErrors(), policy: [rule('error', 'matched')] }, 'present'], 1],
    ['a rule of level error, never', [{ ...withErrors(), policy: [rule('error', 'matched')] }, 'never'], 0],
    ['rules of level warning and note', [{ ...withErrors(), policy: [rule('warning', 'matched'), rule('note', 'matched')] }, 'present'], 0],
    ['an undecided rule', [{ ...withErrors(), policy: [rule('error', 'undecided')] }, 'never'], 3],
    ['an undecided warning', [{ ...withErrors(), policy: [rule('warning', 'undecided')] }, 'present'], 0],
    ['a policy hides nothing unread', [{ ...withErrors(), coverage: gap, policy: [] }, 'present'], 3],
    ['a policy hides no error', [{ ...withErrors('pickle'), policy: [] }, 'present'], 2],
    ['a policy hides no undecided trait', [{ ...withFinding({ verdict: 'indeterminate' }), policy: [] }, 'present'], 3],
  ];
  for (const [name, given, code] of cases) it(`${name}: ${code}`, () => { assert.equal(exitCodeOf(...given), code); });

  it('1 wins over 2 over 3 over 0', () => {
    assert.equal(worst([0, 3, 2, 1]), 1);
    assert.equal(worst([0, 3, 2]), 2);
    assert.equal(worst([3, 0]), 3);
    assert.equal(worst([]), 0);
  });

  it('are those of the items again after a filter, unless a signal ended the run', () => {
    const clean = { ...withFinding({ verdict: 'absent' }), exitCode: 1 as const };
    assert.equal(withExitCodes(reportOf(clean)).exitCode, 0);
    assert.deepEqual(withExitCodes(reportOf(clean, item)).items.map((i) => i.exitCode), [0, 1]);
    assert.equal(withExitCodes({ ...reportOf(item), interrupted: 'SIGINT' }).exitCode, 130);
    assert.equal(withExitCodes({ ...reportOf(item), interrupted: 'SIGTERM' }).exitCode, 143);
  });
});

describe('the JSON report', () => {
  const shipped: unknown = JSON.parse(readFileSync(new URL('../../../schemas/report.schema.json', import.meta.url), 'utf8'));
  const validate = new Ajv2020({ strict: true }).compile(shipped as object);

  it('has the schema that is shipped', () => {
    assert.deepEqual(shipped, JSON.parse(JSON.stringify(reportJsonSchema())));
  });

  it('is valid against it, and an item with a field too many is not', () => {
    assert.ok(validate(JSON.parse(renderJson(reportOf(item)))), JSON.stringify(validate.errors));
    assert.ok(!validate({ ...reportOf(item), extra: 1 }));
    assert.ok(!validate(reportOf({ ...item, exitCode: 4 } as unknown as ReportItem)));
  });

  it('holds no character that a terminal obeys, and parses back to the same report', () => {
    const hostile = { ...item, path: 'a\u001b[2J\u202e\u0085\u{e0041}b ##[error] ##vso[x]' };
    const text = renderJson(reportOf(hostile));
    assert.doesNotMatch(text, /[^\n\P{Cc}]|\p{Cf}|##\[|##vso\[/u);
    assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(reportOf(hostile))));
  });
});

describe('the table', () => {
  const options = { width: 80, colour: false };

  it('fits its columns, wide or narrow, for a base of many layers too', () => {
    const many = { ...item, base: { ...item.base, layers: 126 }, path: 'x'.repeat(200) };
    for (const width of [40, 61, 80, 300]) {
      const text = renderTable(reportOf(many, item), { ...options, width });
      for (const line of text.split('\n')) assert.ok(line.length <= Math.min(80, width), `${line.length}: ${line}`);
    }
  });

  it('states verdict, shift, interval, p, null size, layers and weights', () => {
    const text = renderTable(reportOf(item), options);
    for (const part of ['HARMFUL TRAIT FOUND: evil', '+0.412 nats/token', '+0.310 to +0.520', '0.0004', '9 benign sources', '1.down', '+0.5000', 'as the adapter claims']) {
      assert.ok(text.includes(part), part);
    }
  });

  const headlines: [string, ReportItem, RegExp][] = [
    ['absent', withFinding({ verdict: 'absent' }), /NOT FOUND: evil/],
    ['undecided', withFinding({ verdict: 'indeterminate' }), /UNDECIDED: evil/],
    ['without a signature', { ...item, findings: [], errors: [{ code: 'no-signature', file: null, tensor: null, message: 'm', mend: null }] }, /NOT JUDGED/],
    ['unreadable', { ...item, findings: [], errors: [{ code: 'pickle', file: 'f', tensor: null, message: 'm', mend: 'M.' }] }, /NOT SCANNED: pickle/],
    ['only a control', withFinding({ harmful: false }), /NO HARMFUL TRAIT WAS TESTED/],
  ];
  for (const [name, given, headline] of headlines) it(`has a headline: ${name}`, () => { assert.match(renderTable(reportOf(given), options), headline); });

  it('escapes what files say, and colours only when told to', () => {
    const hostile = { ...item, path: 'a\u001b[31mb', coverage: { ...item.coverage, unread: [{ name: 'n\u202e', reason: 'r\n' }] } };
    const text = renderTable(reportOf(hostile), options);
    for (const character of ['\u001b', '\u202e']) assert.ok(!text.includes(character));
    assert.ok(renderTable(reportOf(item), { ...options, colour: true }).includes('\u001b[31m'));
  });

  it('says that a run was interrupted, whatever it had finished', () => {
    for (const items of [[], [item], [item, item]]) {
      const text = renderTable({ ...reportOf(...items), interrupted: 'SIGTERM', exitCode: 143 }, options);
      assert.match(text, /INTERRUPTED \(SIGTERM\): what is not listed here was not scanned\.\n$/);
    }
  });

  it('says that an item was taken from the cache', () => {
    assert.match(renderTable(reportOf({ ...item, cached: true }), options), /time {6}0\.10 s, taken from the cache/);
    assert.doesNotMatch(renderTable(reportOf(item), options), /cache/);
  });

  it('lists several items with one exit code', () => {
    assert.match(renderTable(reportOf(item, { ...withFinding({ verdict: 'absent' }), exitCode: 0 }), options), /2 items, exit code 1/);
  });
});

describe('layout', () => {
  it('draws a strip scaled to the largest, dots where nothing was scored', () => {
    assert.deepEqual(strip([{ layer: 1, score: 8 }, { layer: 2, score: -1 }, { layer: 3, score: 4 }], 5), { more: '·█ ▄·', less: '· ▁ ·' });
    assert.deepEqual(strip([{ layer: 0, score: 0 }], 2), { more: ' ·', less: ' ·' });
  });

  it('rules layers by ten', () => {
    assert.equal(ruler(0, 22), '0         10        20');
    assert.equal(ruler(95, 112), '     100       110');
  });

  it('wraps at the width and cuts what is longer', () => {
    assert.deepEqual(wrap('aa bb cccccc', 5), ['aa bb', 'ccccc', 'c']);
    // A colour takes no column and is not cut, an ideogram takes two, an emoji stays whole.
    assert.deepEqual(wrap('\u001b[31maa bb\u001b[39m', 5), ['\u001b[31maa bb\u001b[39m']);
    assert.deepEqual(wrap('漢字漢字', 4), ['漢字', '漢字']);
    assert.ok(wrap('😀'.repeat(7), 5).every((line) => !line.includes('\ufffd') && /^(?:😀)+$/u.test(line)));
  });

  it('writes numbers as people read them', () => {
    assert.deepEqual([signed(0.1234, 2), signed(-0.5, 1), signed(-0.0001, 2), signed(null, 2)], ['+0.12', '−0.5', '0.00', 'n/a']);
    assert.deepEqual([probability(0.5), probability(0.00002), probability(0)], ['0.5000', '2e-5', '<1e-300']);
    assert.deepEqual([bytes(0), bytes(999), bytes(999_950), bytes(1_660_000_000)], ['0 B', '999 B', '1.00 MB', '1.66 GB']);
  });
});
