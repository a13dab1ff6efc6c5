import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse, stringify } from 'yaml';
import { WeightseqError } from '../../src/errors.js';
import { NAMES, writtenAs } from '../../src/gate/names.js';
import { excerpt, openPolicy } from '../../src/gate/policy-file.js';
import { policyJsonSchema, PROFILE_NAMES, type Rule } from '../../src/gate/policy-schema.js';
import { applyPolicy, judgeItem } from '../../src/gate/policy.js';
import { PROFILES } from '../../src/gate/profiles.js';
import type { ReportItem } from '../../src/report/schema.js';
import { renderTable } from '../../src/report/table.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { findingOf, itemOf, reportWith } from '../helpers/gated.js';

const shipped = JSON.parse(readFileSync(new URL('../../../schemas/policy.schema.json', import.meta.url), 'utf8')) as object;
const validate = new Ajv2020({ strict: true }).compile(shipped);
const reportSchema = JSON.parse(readFileSync(new URL('../../../schemas/report.schema.json', import.meta.url), 'utf8')) as object;
const validateReport = new Ajv2020({ strict: true }).compile(reportSchema);

function file(t: TestContext, text: string): string {
  const path = join(temporaryFolder(t), 'policy.yaml');
  writeFileSync(path, text);
  return path;
}

const rule = (change: Partial<Rule> = {}): Rule => ({ id: 'r', when: 'hashed', message: 'a message', level: 'error', ...change });
const withRules = (t: TestContext, rules: Rule[], from = 'default') => openPolicy(file(t, stringify({ version: 1, extends: from, rules })));

const clean = itemOf({ findings: [findingOf({ verdict: 'absent', shift: 0.01, p: 0.5 })], unexplained: [], base: { ...itemOf().base, measured: 'tiny-base' } });
const gap = { ...clean.coverage, unread: [{ name: 'x', reason: 'y' }] };
const lies = (what: ReportItem['beside'][number]['what']): ReportItem => ({ ...clean, beside: [{ name: 'f', what, reason: 'r', bytes: 1 }] });

describe('the profiles', () => {
  // What matches in strict, at which level, by hand; then the exit codes under default, strict and report-only.
  const cases: [name: string, item: ReportItem, matched: string[], codes: [number, number, number]][] = [
    ['clean', clean, [], [0, 0, 0]],
    ['a harmful trait', { ...clean, findings: [findingOf()] }, ['error harmful-trait'], [1, 1, 0]],
    ['a benign trait beside one that is absent', { ...clean, findings: [...clean.findings, findingOf({ trait: 'funny', harmful: false })] }, [], [0, 0, 0]],
    ['an undecided trait', { ...clean, findings: [findingOf({ verdict: 'indeterminate' })] }, ['error undecided-trait'], [3, 1, 3]],
    ['nothing tested', { ...clean, findings: [] }, ['error nothing-tested'], [3, 1, 3]],
    ['something unread', { ...clean, coverage: gap }, ['error not-all-read'], [3, 1, 3]],
    ['half of the weights', { ...clean, coverage: { ...clean.coverage, read: 1 } }, ['error not-all-read'], [3, 1, 3]],
    ['another base', { ...clean, base: { ...clean.base, measured: 'other' } }, ['error other-base'], [0, 1, 0]],
    ['a base that the weights do not tell', { ...clean, base: { ...clean.base, measured: null } }, ['note base-as-claimed'], [0, 0, 0]],
    ['a base that nobody names', { ...clean, base: { ...clean.base, how: 'shape', declared: null } }, [], [0, 0, 0]],
    ['a pickle', lies('pickle'), ['error code-beside'], [0, 1, 0]],
    ['a script', lies('script'), ['error code-beside'], [0, 1, 0]],
    ['remote code', lies('remote-code'), ['error code-beside'], [0, 1, 0]],
    ['other weights', lies('weights'), ['error other-weights'], [0, 1, 0]],
    ['an archive', lies('archive'), ['warning opaque-beside'], [0, 0, 0]],
    ['a binary', lies('binary'), ['warning opaque-beside'], [0, 0, 0]],
    ['a template', lies('template'), ['warning opaque-beside'], [0, 0, 0]],
    ['no digest', { ...clean, digest: null }, ['error not-hashed'], [0, 1, 0]],
    ['unexplained change', { ...clean, unexplained: [{ name: '2.q', deltaNorm: 1 }] }, ['warning unexplained'], [0, 0, 0]],
  ];
  for (const [name, item, matched, codes] of cases) {
    it(`${name}: ${codes.join(' ')}`, async () => {
      const outcomes = judgeItem(item, await openPolicy('strict')).filter(({ outcome }) => outcome !== 'unmatched');
      assert.deepEqual(outcomes.map(({ rule: { level, id } }) => `${level} ${id}`), matched);
      assert.ok(outcomes.every(({ outcome }) => outcome === 'matched'));
      const given = await Promise.all((['default', 'strict', 'report-only'] as const).map(async (profile) => applyPolicy(reportWith([item]), await openPolicy(profile)).exitCode));
      assert.deepEqual(given, codes);
      assert.equal(given[0], reportWith([item]).exitCode, 'default is what the gate does without a policy');
    });
  }

  it('leave what can\'t be opened the error that it is, exit 2', async () => {
    const broken = itemOf({ kind: 'unknown', findings: [], deltaNorm: null, digest: null, coverage: { bytes: 0, bytesTotal: 0, read: 0, scored: 0, total: 0, unread: [] }, errors: [{ code: 'pickle', file: 'f', tensor: null, message: 'm', mend: null }] });
    for (const profile of PROFILE_NAMES) assert.equal(applyPolicy(reportWith([broken]), await openPolicy(profile)).exitCode, 2);
    const [item] = applyPolicy(reportWith([broken]), await openPolicy('strict')).items;
    assert.deepEqual(item?.policy?.filter((r) => r.level === 'error').map((r) => `${r.outcome} ${r.id}`), ['undecided not-all-read']);
  });

  it('are what policy show prints', async (t) => {
    for (const profile of PROFILE_NAMES) {
      const policy = await openPolicy(file(t, stringify({ version: 1, extends: profile, rules: PROFILES[profile] })));
      assert.deepEqual(policy.rules.map(({ id, when, message, level }) => ({ id, when, message, level })), PROFILES[profile]);
      assert.ok(validate({ version: 1, rules: PROFILES[profile] }));
    }
  });
});

describe('a policy file', () => {
  it('extends default when it does not say: a line forgotten lets nothing pass', async (t) => {
    const policy = await openPolicy(file(t, 'version: 1\nrules:\n  - {id: r, when: coverage < 1, message: m, level: error}\n'));
    assert.equal(applyPolicy(reportWith([itemOf()]), policy).exitCode, 1);
    assert.equal(applyPolicy(reportWith([itemOf()]), await openPolicy(file(t, 'version: 1\n'))).exitCode, 1);
  });

  it('puts a rule in the place of one with its id', async (t) => {
    const policy = await withRules(t, [rule({ id: 'harmful-trait', when: 'shift("evil") > 0.5' })]);
    assert.deepEqual(policy.rules.map(({ when }) => when), ['shift("evil") > 0.5']);
    // The finding is present with a shift of .4: the rule alone decides.
    assert.equal(applyPolicy(reportWith([itemOf()]), policy).exitCode, 0);
  });

  it('gives outcomes and exit codes by level', async (t) => {
    const unknown = 'base.measured == "x"';
    const policy = await withRules(t, [
      rule({ id: 'a', when: 'hashed', level: 'warning' }), rule({ id: 'b', when: 'not hashed' }), rule({ id: 'c', when: unknown, level: 'note' }), rule({ id: 'd', when: 'hashed', level: 'note' }),
    ]);
    const item = itemOf({ findings: [findingOf({ verdict: 'absent' })] });
    const gated = applyPolicy(reportWith([item]), policy);
    assert.deepEqual(gated.items[0]?.policy, [
      { id: 'a', level: 'warning', outcome: 'matched', message: 'a message' },
      { id: 'c', level: 'note', outcome: 'undecided', message: 'a message: not decided, the report does not say base.measured' },
      { id: 'd', level: 'note', outcome: 'matched', message: 'a message' },
    ]);
    assert.deepEqual(gated.policy, { name: policy.name, rules: 5 });
    assert.equal(gated.exitCode, 0);
    assert.ok(validateReport(JSON.parse(JSON.stringify(gated))), JSON.stringify(validateReport.errors));
    assert.equal(applyPolicy(reportWith([item]), await withRules(t, [rule({ when: unknown })])).exitCode, 3);
    assert.equal(applyPolicy(reportWith([item]), await withRules(t, [rule({ when: unknown }), rule({ id: 's' })])).exitCode, 1);
    assert.equal(applyPolicy(reportWith([item], { failOn: 'never' }), await withRules(t, [rule()])).exitCode, 0);
    assert.equal(applyPolicy(reportWith([item], { failOn: 'never' }), await withRules(t, [rule({ when: unknown })])).exitCode, 3);
  });

  it('does not match by what is suppressed or known, and says so', async (t) => {
    const suppression = { justification: 'j', author: 'a', expires: '2030-01-01' };
    const policy = await withRules(t, [rule({ when: 'not (verdict("evil") == "absent")' })]);
    for (const change of [{ suppression }, { isNew: false }]) {
      const item = itemOf({ findings: [findingOf(change)] });
      assert.equal(applyPolicy(reportWith([item]), policy).exitCode, 0);
      assert.equal(judgeItem(item, policy)[1]?.outcome, 'excused');
    }
    assert.equal(applyPolicy(reportWith([itemOf({ findings: [findingOf({ suppression })], coverage: gap })]), policy).exitCode, 3);
  });

  it('judges each item alone; the worst decides', async () => {
    const gated = applyPolicy(reportWith([clean, itemOf(), { ...clean, coverage: gap }]), await openPolicy('default'));
    assert.deepEqual([...gated.items.map((i) => i.exitCode), gated.exitCode], [0, 1, 3, 1]);
  });

  it('has the schema that is shipped', () => {
    assert.deepEqual(shipped, JSON.parse(JSON.stringify(policyJsonSchema())));
    assert.ok(validate({ version: 1, extends: 'strict', rules: [rule()] }));
    assert.ok(!validate({ version: 2 }));
    assert.ok(!validate({ version: 1, rules: [{ ...rule(), level: 'fatal' }] }));
  });
});

describe('what is wrong with a policy file', () => {
  const head = 'version: 1\nrules:\n  - id: r\n    message: m\n    level: error\n';
  const cases: [name: string, text: string, place: string, message: RegExp, mend?: RegExp][] = [
    ['an expression', `${head}    when: shft("evil") > 1\n`, '6:11', /^rules\[0\]\.when: unknown name "shft"$/, /Did you mean shift\?/],
    ['an expression, further in', `${head}    when: hashed and shft("evil") > 1\n`, '6:22', /unknown name/],
    ['an expression in quotes', `${head}    when: 'hashed and shft > 1'\n`, '6:23', /unknown name/],
    ['an expression in quotes with escapes: its beginning', `${head}    when: "hashed and kind == \\"x\\""\n`, '6:11', /none of its values/],
    ['an expression in a block', `${head}    when: |\n      hashed and\n      shft > 1\n`, '6:11', /unknown name/],
    ['an expression in a block of one line', `${head}    when: |-\n      hashed and shft > 1\n`, '7:18', /unknown name/],
    ['a level', 'version: 1\nrules:\n  - id: r\n    message: m\n    level: fatal\n    when: hashed\n', '5:12', /^rules\[0\]\.level: must be one of error, warning, note$/],
    ['an unknown field', 'version: 1\nrules:\n  - id: r\n    mesage: m\n    level: error\n    when: hashed\n    message: m\n', '4:5', /^rules\[0\]: unknown field "mesage"$/, /Did you mean message\?/],
    ['an unknown field at the top', 'version: 1\nextend: strict\n', '2:1', /^unknown field "extend"$/, /Did you mean extends\?/],
    ['a missing field', 'version: 1\nrules:\n  - id: r\n    message: m\n    when: hashed\n', '3:5', /^rules\[0\]\.level: is missing$/, /one of: error, warning, note/],
    ['no version', 'rules: []\n', '1:1', /^version: is missing$/],
    ['another version', 'version: 2\n', '1:10', /^version: must be 1$/],
    ['another profile', 'version: 1\nextends: lax\n', '2:10', /^extends: must be one of strict, default, report-only$/],
    ['a number for a text', `${head}    when: 1\n`, '6:11', /^rules\[0\]\.when: must be text$/, /quotes/],
    ['a list for the whole', '- 1\n', '1:1', /must be of type object/],
    ['an id', 'version: 1\nrules:\n  - {id: "A b", when: hashed, message: m, level: note}\n', '3:10', /^rules\[0\]\.id: must be small letters/],
    ['one id twice', 'version: 1\nrules:\n  - {id: r, when: hashed, message: m, level: note}\n  - {id: r, when: hashed, message: m, level: note}\n', '4:10', /^rules\[1\]\.id: r is the id of an earlier rule$/],
    ['one key twice', 'version: 1\nversion: 1\n', '2:1', /not valid YAML: map keys must be unique/],
    ['broken YAML', 'version: 1\nrules: [\n', '3:1', /^not valid YAML: /],
    ['a text that YAML takes for a map', `${head}    when: hashed ? 1 : 2\n`, '6:11', /^not valid YAML: /, /quotes/],
    ['a tag', 'version: !!js/function 1\n', '1:10', /^not valid YAML: /],
    ['two documents', 'version: 1\n---\nversion: 1\n', '2:1', /^not valid YAML: /],
    ['an empty file', '', '1:1', /must be of type object/],
    ['a prototype', '__proto__: {version: 1}\nversion: 1\n', '1:1', /unknown field "__proto__"/],
  ];
  for (const [name, text, place, message, mend] of cases) {
    it(`is said with line and column: ${name}`, async (t) => {
      const path = file(t, text);
      await assert.rejects(openPolicy(path), (error) => {
        assert.ok(error instanceof WeightseqError, String(error));
        assert.equal(error.code, 'policy-invalid');
        assert.equal(error.exitCode, 2);
        assert.match(error.message, message);
        assert.equal(error.file, `${path}:${place}`);
        if (mend) assert.match(error.mend ?? '', mend);
        return true;
      });
    });
  }

  it('is an error for a bomb of aliases, a file of binary, a large one, a folder and none', async (t) => {
    const bomb = ['version: 1', 'a: &a [x, x, x, x, x, x, x, x, x]', ...'bcdefgh'.split('').map((c, i) => `${c}: &${c} [${Array.from({ length: 9 }, () => `*${'abcdefgh'.charAt(i)}`).join(', ')}]`)].join('\n');
    for (const text of [bomb, '\ufffd'.repeat(10), `version: 1 #${'x'.repeat(1_000_001)}`]) await assert.rejects(openPolicy(file(t, text)), WeightseqError);
    const binary = file(t, '');
    writeFileSync(binary, Buffer.from([0xff, 0xfe, 0x00]));
    await assert.rejects(openPolicy(binary), /not UTF-8/);
    await assert.rejects(openPolicy(temporaryFolder(t)), WeightseqError);
    await assert.rejects(openPolicy(join(temporaryFolder(t), 'stict')), (error) => error instanceof WeightseqError && error.code === 'not-found' && error.mend === 'Give a file, or one of: strict, default, report-only.');
  });

  it('shows the expression, and a caret under the place', () => {
    assert.deepEqual(excerpt('a + b', 4), ['a + b', '    ^']);
    assert.deepEqual(excerpt('a +\n  b', 6), ['  b', '  ^']);
    assert.deepEqual(excerpt('a\u202e +', 3), ['a\\u{202e} +', '          ^']);
    const long = excerpt(`${'a'.repeat(200)}!${'b'.repeat(200)}`, 200);
    assert.deepEqual(long, [`…${'a'.repeat(30)}!${'b'.repeat(29)}…`, `${' '.repeat(31)}^`]);
  });
});

describe('docs/policy.md', () => {
  const text = readFileSync(fileURLToPath(new URL('../../../docs/policy.md', import.meta.url)), 'utf8');
  const examples = [...text.matchAll(/```yaml\n([\s\S]*?)```/gu)].map((match) => match[1] ?? '');
  const policies = examples.filter((example) => !example.includes('suppressions:'));

  it('lists every name with its type and meaning', () => {
    for (const name of NAMES) {
      const type = name.type === 'number' || name.type === 'boolean' ? name.type : 'text';
      assert.ok(text.includes(`| \`${writtenAs(name)}\` | ${type} | ${name.means} |`), name.name);
    }
  });

  it('has policies that are valid, and give what they say', async (t) => {
    assert.equal(policies.length, 3);
    const [first, replacing, strict] = await Promise.all(policies.map((example) => openPolicy(file(t, example))));
    assert.ok(first && replacing && strict);
    for (const example of policies) assert.ok(validate(parse(example)), JSON.stringify(validate.errors));
    const rules = (item: ReportItem, policy: typeof first) => judgeItem(item, policy).filter(({ outcome }) => outcome === 'matched').map((j) => j.rule.id);
    assert.deepEqual(rules(itemOf(), first), ['harmful-trait', 'strong-evil']);
    // 3 of 60 is 5 %, and no more.
    assert.deepEqual(rules(itemOf({ deltaNorm: 3.1, findings: [], coverage: { ...itemOf().coverage, read: 2 } }), first), ['not-all-read', 'large-change']);
    assert.deepEqual(rules({ ...clean, base: { ...clean.base, measured: 'other' } }, first), ['other-base']);
    assert.deepEqual(rules(itemOf(), replacing), ['harmful-trait']);
    assert.deepEqual(rules(itemOf({ findings: [findingOf({ shift: 0.2 })] }), replacing), []);
    assert.deepEqual(rules({ ...clean, findings: [findingOf({ suppression: { justification: 'j', author: 'a', expires: '2030-01-01' } })] }, strict), ['no-suppressions']);
  });
});

describe('the table of a gated report', () => {
  it('says which rules failed, and escapes what a file says', async (t) => {
    const policy = await withRules(t, [rule({ when: 'hashed', message: 'a\u001b[2J\u202e' })]);
    const text = renderTable(applyPolicy(reportWith([{ ...clean, findings: [findingOf({ verdict: 'absent' })] }]), { ...policy, name: 'p\u001b' }), { width: 60, colour: false });
    assert.match(text, /AGAINST THE POLICY: r/);
    assert.match(text, /policy {4}error r: a/);
    for (const character of ['\u001b', '\u202e']) assert.ok(!text.includes(character));
    for (const line of text.split('\n')) assert.ok(line.length <= 60, line);
  });
});
