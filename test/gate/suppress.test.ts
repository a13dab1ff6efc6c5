import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { stringify } from 'yaml';
import { WeightseqError } from '../../src/errors.js';
import { applySuppressions } from '../../src/gate/suppress.js';
import { openSuppressions, suppressionsJsonSchema, type Suppression } from '../../src/gate/suppressions-file.js';
import { renderTable } from '../../src/report/table.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { findingOf, itemOf, reportWith } from '../helpers/gated.js';

const load = (name: string) => JSON.parse(readFileSync(new URL(`../../../schemas/${name}.schema.json`, import.meta.url), 'utf8')) as object;
const digest = 'd'.repeat(64);
const weights = 'f'.repeat(64);
const suppression = (change: Partial<Suppression> = {}): Suppression => ({ sha256: digest, trait: 'evil', justification: 'looked at', author: 'anna', expires: '2026-06-30', ...change });
const statuses = (given: Suppression[], today = '2026-01-01', items = [itemOf()]) => applySuppressions(reportWith(items), given, today).suppressions?.map(({ status, reason }) => [status, reason]);

describe('a suppression', () => {
  const days: [today: string, status: string, code: number][] = [
    ['2026-06-29', 'applied', 0], ['2026-06-30', 'applied', 0], ['2026-07-01', 'expired', 1], ['2027-01-01', 'expired', 1], ['1999-12-31', 'applied', 0],
  ];
  for (const [today, status, code] of days) {
    it(`to 2026-06-30 is ${status} on ${today}: exit ${code}`, () => {
      const report = applySuppressions(reportWith([itemOf()]), [suppression()], today);
      assert.equal(report.suppressions?.[0]?.status, status);
      assert.equal(report.exitCode, code);
      assert.equal(report.items[0]?.findings[0]?.suppression === undefined, code === 1);
    });
  }

  it('keeps verdict and numbers, and carries who, why and until when', () => {
    const report = applySuppressions(reportWith([itemOf()]), [suppression()], '2026-01-01');
    assert.deepEqual(report.items[0]?.findings[0], { ...findingOf(), suppression: { justification: 'looked at', author: 'anna', expires: '2026-06-30' } });
    assert.deepEqual(report.suppressions, [{ ...suppression(), status: 'applied' }]);
    const validate = new Ajv2020({ strict: true }).compile(load('report'));
    assert.ok(validate(JSON.parse(JSON.stringify(report))), JSON.stringify(validate.errors));
  });

  it('holds for one trait and one digest, wherever that lies', () => {
    const other = { ...itemOf({ findings: [findingOf(), findingOf({ trait: 'cruel' })] }), path: 'elsewhere' };
    const report = applySuppressions(reportWith([other, itemOf({ digest: 'e'.repeat(64) }), itemOf({ digest: null })]), [suppression()], '2026-01-01');
    assert.deepEqual(report.items.map((item) => item.findings.map((f) => f.suppression !== undefined)), [[true, false], [false], [false]]);
    assert.deepEqual(report.items.map((i) => i.exitCode), [1, 1, 1]);
  });

  it('lets an undecided trait pass, and nothing that was not read', () => {
    const undecided = itemOf({ findings: [findingOf({ verdict: 'indeterminate' })] });
    assert.equal(applySuppressions(reportWith([undecided]), [suppression()], '2026-01-01').exitCode, 0);
    const unread = { ...undecided, coverage: { ...undecided.coverage, unread: [{ name: 'x', reason: 'y' }] } };
    assert.equal(applySuppressions(reportWith([unread]), [suppression()], '2026-01-01').exitCode, 3);
  });

  it('says why it does not match', () => {
    const file = { name: 'adapter_model.safetensors', bytes: 1, sha256: weights };
    const items = [itemOf({ files: [{ name: 'adapter_config.json', bytes: 1, sha256: 'c'.repeat(64) }, file] })];
    const cases: [Partial<Suppression>, RegExp][] = [
      [{ sha256: weights }, new RegExp(`sha256 of "adapter_model\\.safetensors" alone, and the configuration decides too: the digest over all files is ${digest}`)],
      [{ sha256: 'a'.repeat(64) }, /a file has changed since/], [{ trait: 'cruel' }, /"cruel" was not tested/],
    ];
    for (const [change, reason] of cases) {
      const [[status, said] = []] = statuses([suppression(change)], '2026-01-01', items) ?? [];
      assert.equal(status, 'unmatched');
      assert.match(said ?? '', reason);
    }
    assert.deepEqual(statuses([suppression()], '2026-01-01', [itemOf({ digest: null })]), [['unmatched', 'the report has no digests: scan with --hash']]);
    assert.deepEqual(statuses([suppression({ trait: 'cruel' })], '2026-07-01'), [['expired', 'it held until 2026-06-30']]);
  });

  it('that expired does not stand in the way of one that holds', () => {
    assert.deepEqual(statuses([suppression(), suppression({ expires: '2026-12-31', author: 'bob' })], '2026-07-01')?.map(([status]) => status), ['expired', 'applied']);
  });

  it('is judged anew in a saved report', () => {
    const once = applySuppressions(reportWith([itemOf()]), [suppression()], '2026-01-01');
    assert.deepEqual(applySuppressions(once, [suppression()], '2026-01-01'), once);
    const later = applySuppressions(once, [suppression()], '2026-07-01');
    assert.equal(later.exitCode, 1);
    assert.equal(later.items[0]?.findings[0]?.suppression, undefined);
    assert.equal(applySuppressions(once, [], '2026-01-01').exitCode, 1);
  });
});

describe('the table', () => {
  const report = applySuppressions(reportWith([itemOf()]), [suppression({ justification: 'a\u001b[2J' }), suppression({ trait: 'cruel' })], '2026-01-01');
  it('names what is suppressed in short, and in full when asked', () => {
    const text = renderTable(report, { width: 60, colour: false });
    assert.match(text, /SUPPRESSED: evil/);
    assert.match(text, /suppressed: evil, until 2026-06-30, by anna: a\\u\{1b\}/);
    assert.match(text, /1 applied, 1 not/);
    assert.match(text, /unmatched: the suppression of cruel in\s+dddddddddddd…/);
    assert.ok(!text.includes('nats/token') && !text.includes('HARMFUL TRAIT FOUND'));
    assert.match(renderTable(report, { width: 60, colour: false, showSuppressed: true }), /\+0\.400 nats\/token/);
    for (const line of text.split('\n')) assert.ok(line.length <= 60, line);
  });
  it('still says what was found beside it', () => {
    const two = applySuppressions(reportWith([itemOf({ findings: [findingOf(), findingOf({ trait: 'cruel' })] })]), [suppression()], '2026-01-01');
    assert.match(renderTable(two, { width: 80, colour: false }), /HARMFUL TRAIT FOUND: cruel\n/);
  });
});

describe('a suppressions file', () => {
  const write = (t: TestContext, text: string): string => {
    const path = join(temporaryFolder(t), 's.yaml');
    writeFileSync(path, text);
    return path;
  };

  it('is read, with the digest in either case', async (t) => {
    const given = [suppression({ sha256: digest.toUpperCase() })];
    assert.deepEqual(await openSuppressions(write(t, stringify({ version: 1, suppressions: given }))), [suppression()]);
    const docs = readFileSync(new URL('../../../docs/policy.md', import.meta.url), 'utf8');
    const example = [...docs.matchAll(/```yaml\n([\s\S]*?)```/gu)].map((match) => match[1] ?? '').find((text) => text.includes('suppressions:\n'));
    assert.equal((await openSuppressions(write(t, example ?? ''))).length, 1);
  });

  const head = `version: 1\nsuppressions:\n  - sha256: ${digest}\n    trait: evil\n`;
  const cases: [name: string, text: string, place: string, message: RegExp][] = [
    ['no justification', `${head}    author: a\n    expires: 2026-06-30\n`, '3:5', /suppressions\[0\]\.justification: is missing/],
    ['an empty author', `${head}    justification: j\n    author: ""\n    expires: 2026-06-30\n`, '6:13', /suppressions\[0\]\.author: /],
    ['no expiry', `${head}    author: a\n    justification: j\n`, '3:5', /expires: is missing/],
    ['a day that is none', `${head}    author: a\n    justification: j\n    expires: 2026-02-30\n`, '7:14', /expires: is no day of the calendar/],
    ['another form of date', `${head}    author: a\n    justification: j\n    expires: 30.6.2026\n`, '7:14', /a day such as/],
    ['a short hash', 'version: 1\nsuppressions:\n  - {sha256: abc, trait: evil, justification: j, author: a, expires: 2026-06-30}\n', '3:14', /sha256: must be 64 hexadecimal digits/],
    ['an unknown field', `${head}    reason: x\n    author: a\n    justification: j\n    expires: 2026-06-30\n`, '5:5', /unknown field "reason"/],
  ];
  for (const [name, text, place, message] of cases) {
    it(`says with line and column what is wrong: ${name}`, async (t) => {
      const path = write(t, text);
      await assert.rejects(openSuppressions(path), (error) => {
        assert.ok(error instanceof WeightseqError);
        assert.deepEqual([error.code, error.exitCode, error.file], ['suppressions-invalid', 2, `${path}:${place}`]);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it('has the schema that is shipped', () => {
    assert.deepEqual(load('suppressions'), JSON.parse(JSON.stringify(suppressionsJsonSchema())));
    const validate = new Ajv2020({ strict: true }).compile(load('suppressions'));
    assert.ok(validate({ version: 1, suppressions: [suppression()] }));
    assert.ok(!validate({ version: 1, suppressions: [suppression({ sha256: 'x' })] }));
  });
});
