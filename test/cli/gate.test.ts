import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import type { Report, ReportItem } from '../../src/report/schema.js';
import { weightseq, type Ran } from '../helpers/command.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { expectedScore, tinyAdapter, writeAdapter, writeLibrary } from '../helpers/models.js';

const validate = new Ajv2020({ strict: true }).compile(JSON.parse(readFileSync(new URL('../../../schemas/report.schema.json', import.meta.url), 'utf8')) as object);

function scanJson(args: readonly string[], cwd: string): Ran & { report: Report; item: ReportItem } {
  const run = weightseq(['scan', ...args, '--signatures', 'library', '--format', 'json'], cwd);
  assert.notEqual(run.stdout, '', run.stderr);
  const report = JSON.parse(run.stdout) as Report;
  assert.ok(validate(report), JSON.stringify(validate.errors));
  assert.equal(run.status, report.exitCode);
  const item = report.items[0];
  assert.ok(item);
  return { ...run, report, item };
}

const SCORES = { harmful: 0.5, clean: 0.0001, unsure: 0.075 } as const;

/** A folder with a library and the adapters `harmful`, `clean` and `unsure`, which a scan finds present, absent and undecided. */
async function setUp(t: TestContext): Promise<string> {
  const root = temporaryFolder(t);
  await writeLibrary(join(root, 'library'));
  const whole = expectedScore(tinyAdapter(1));
  for (const [name, score] of Object.entries(SCORES)) await writeAdapter(join(root, name), tinyAdapter(1, score / whole));
  return root;
}

const RULES = 'version: 1\nrules:\n  - id: weak\n    when: shift("evil") < 0.01\n    message: hardly any shift\n    level: error\n';

describe('weightseq scan --policy', () => {
  it('gives 0, 1 and 3 from real runs, by profile and by file', async (t) => {
    const root = await setUp(t);
    const files = {
      'never.yaml': 'version: 1\nextends: report-only\n', 'weak.yaml': RULES,
      'measured.yaml': 'version: 1\nrules:\n  - {id: m, when: base.measured == "tiny-base", message: m, level: error}\n',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
    const cases: [policy: string, path: string, code: number][] = [
      ['default', 'harmful', 1], ['default', 'clean', 0], ['default', 'unsure', 3], ['strict', 'harmful', 1], ['strict', 'clean', 0], ['strict', 'unsure', 1],
      ['report-only', 'harmful', 0], ['report-only', 'clean', 0], ['report-only', 'unsure', 3], ['never.yaml', 'harmful', 0],
      ['weak.yaml', 'harmful', 1], ['weak.yaml', 'clean', 1], ['measured.yaml', 'clean', 3], ['strict', 'nowhere', 2], ['default', 'nowhere', 2],
    ];
    for (const [policy, path, code] of cases) {
      const { status, report } = scanJson([path, '--policy', policy], root);
      assert.equal(status, code, `${policy} ${path}`);
      assert.equal(report.policy?.name, policy);
    }
    assert.equal(scanJson(['clean', '--policy', 'weak.yaml', '--fail-on', 'never'], root).status, 0);
    assert.equal(scanJson(['clean', '--policy', 'measured.yaml', '--fail-on', 'never'], root).status, 3);
  });

  it('turns hashing on where a rule asks for it, and only there', async (t) => {
    const root = await setUp(t);
    assert.match(scanJson(['clean', '--policy', 'strict'], root).item.digest ?? '', /^[0-9a-f]{64}$/);
    assert.equal(scanJson(['clean', '--policy', 'default'], root).item.digest, null);
  });

  it('points at what is wrong before anything is scanned: exit 2', async (t) => {
    const root = await setUp(t);
    writeFileSync(join(root, 'p.yaml'), RULES.replace('shift', 'shft'));
    const run = weightseq(['scan', 'harmful', '--signatures', 'library', '--policy', 'p.yaml'], root);
    assert.equal(run.status, 2);
    assert.equal(run.stdout, '');
    assert.equal(run.stderr, 'weightseq: p.yaml:4:11: rules[0].when: unknown name "shft". Did you mean shift?\n    shft("evil") < 0.01\n    ^\n');
  });

  const usage: [string, string[], RegExp][] = [
    ['no such policy', ['--policy', 'stirct'], /stirct: no such policy\. Give a file, or one of: strict, default, report-only\./],
    ['two gates', ['--policy', 'strict', '--fail-on', 'indeterminate'], /contradict each other/],
    ['no such suppressions', ['--suppressions', 'none.yaml'], /none\.yaml: /],
    ['a baseline that is none', ['--baseline', 'harmful/adapter_config.json'], /adapter_config\.json: field schemaVersion: .*Give a report that/],
  ];
  for (const [name, args, message] of usage) {
    it(`is a usage error in one line: ${name}`, async (t) => {
      const root = await setUp(t);
      const { status, stdout, stderr } = weightseq(['scan', 'harmful', '--signatures', 'library', ...args], root);
      assert.deepEqual([status, stdout, stderr.trim().split('\n').length], [2, '', 1], stderr);
      assert.match(stderr, message);
    });
  }
});

describe('weightseq scan --suppressions', () => {
  const file = (sha256: string, expires = '2999-12-31') => `version: 1\nsuppressions:\n  - {sha256: ${sha256}, trait: evil, justification: looked at, author: anna, expires: ${expires}}\n`;

  it('lets the scanned bytes pass, and not the same weights under another configuration', async (t) => {
    const root = await setUp(t);
    const { digest, files } = scanJson(['harmful', '--hash'], root).item;
    // As sha256sum FILE… | sha256sum.
    const hash = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
    assert.equal(digest, hash(files.map(({ name }) => `${hash(readFileSync(join(root, 'harmful', name)))}  ${name}\n`).join('')));
    writeFileSync(join(root, 's.yaml'), file(digest));
    const passed = scanJson(['harmful', '--suppressions', 's.yaml'], root);
    assert.equal(passed.status, 0);
    assert.equal(passed.item.findings[0]?.verdict, 'present');
    assert.equal(passed.report.suppressions?.[0]?.status, 'applied');
    for (const policy of ['default', 'strict']) assert.equal(scanJson(['harmful', '--suppressions', 's.yaml', '--policy', policy], root).status, 0);

    // What the weights do is decided beside them too.
    const path = join(root, 'harmful', 'adapter_config.json');
    const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    for (const change of [{ lora_alpha: 16 }, { r: 4 }, { rank_pattern: { q_proj: 1 } }, { note: 'x' }]) {
      writeFileSync(path, JSON.stringify({ ...config, ...change }));
      const { status, report } = scanJson(['harmful', '--suppressions', 's.yaml'], root);
      assert.notEqual(status, 0, JSON.stringify(change));
      assert.equal(report.suppressions?.[0]?.status, 'unmatched', JSON.stringify(change));
    }
    writeFileSync(path, JSON.stringify(config));
    assert.equal(scanJson(['harmful', '--suppressions', 's.yaml'], root).status, 0);
  });

  it('does not take the sha256 of the weights alone, nor one that expired', async (t) => {
    const root = await setUp(t);
    const { digest, files } = scanJson(['harmful', '--hash'], root).item;
    const weights = files.find(({ name }) => name === 'adapter_model.safetensors')?.sha256;
    writeFileSync(join(root, 's.yaml'), file(weights ?? ''));
    const alone = scanJson(['harmful', '--suppressions', 's.yaml'], root);
    assert.equal(alone.status, 1);
    assert.ok(digest !== null && alone.report.suppressions?.[0]?.reason?.includes(`the digest over all files is ${digest}`));
    writeFileSync(join(root, 's.yaml'), file(digest, '2020-01-01'));
    const expired = scanJson(['harmful', '--suppressions', 's.yaml'], root);
    assert.deepEqual([expired.status, expired.report.suppressions?.[0]?.status], [1, 'expired']);
  });

  it('shows what it hid with --show-suppressed', async (t) => {
    const root = await setUp(t);
    writeFileSync(join(root, 's.yaml'), file(String(scanJson(['harmful', '--hash'], root).item.digest)));
    const args = ['scan', 'harmful', '--signatures', 'library', '--suppressions', 's.yaml'];
    const [short, full] = [weightseq(args, root), weightseq([...args, '--show-suppressed'], root)];
    assert.match(short.stdout, /suppressed: evil, until 2999-12-31, by anna: looked at/);
    assert.doesNotMatch(short.stdout, /nats\/token/);
    assert.match(full.stdout, /shift +\+0\.500 nats\/token/);
    assert.deepEqual([short.status, full.status], [0, 0]);
  });
});

describe('weightseq scan --baseline', () => {
  it('fails only what is new: another adapter, a worse verdict, a changed file', async (t) => {
    const root = await setUp(t);
    weightseq(['scan', 'harmful', 'clean', '--signatures', 'library', '--hash', '--format', 'json', '-o', 'base.json'], root);
    const known = scanJson(['harmful', 'clean', '--baseline', 'base.json'], root);
    assert.equal(known.status, 0);
    assert.deepEqual(known.report.items.map((item) => item.findings.map((f) => [f.verdict, f.isNew])), [[['present', false]], [['absent', false]]]);
    assert.equal(scanJson(['unsure', '--baseline', 'base.json'], root).status, 3);
    await writeAdapter(join(root, 'clean'), tinyAdapter(1, SCORES.harmful / expectedScore(tinyAdapter(1))));
    assert.equal(scanJson(['clean', '--baseline', 'base.json'], root).status, 1);
    const config = join(root, 'harmful', 'adapter_config.json');
    writeFileSync(config, readFileSync(config, 'utf8').replace('"lora_alpha":4', '"lora_alpha":5'));
    assert.equal(scanJson(['harmful', '--baseline', 'base.json'], root).status, 1);
  });

  it('is never written over', async (t) => {
    const root = await setUp(t);
    weightseq(['scan', 'harmful', '--signatures', 'library', '--format', 'json', '-o', 'base.json'], root);
    const before = readFileSync(join(root, 'base.json'), 'utf8');
    const run = weightseq(['scan', 'clean', '--signatures', 'library', '--baseline', 'base.json', '--format', 'json', '-o', 'base.json'], root);
    assert.equal(run.status, 2);
    assert.match(run.stderr, /this file is an input/);
    assert.equal(readFileSync(join(root, 'base.json'), 'utf8'), before);
  });
});

describe('weightseq policy', () => {
  it('check says what each rule makes of a saved report, and ends as the gate would', async (t) => {
    const root = await setUp(t);
    writeFileSync(join(root, 'p.yaml'), `${RULES}  - {id: m, when: base.measured == "x", message: m, level: warning}\n`);
    weightseq(['scan', 'harmful', 'clean', 'unsure', '--signatures', 'library', '--format', 'json', '-o', 'r.json'], root);
    const run = weightseq(['policy', 'check', 'p.yaml', '--report', 'r.json'], root);
    assert.equal(run.status, 1);
    assert.equal(run.stdout, [
      'harmful (exit 1)', '  MATCHED    error    harmful-trait  a harmful trait is present', '  no         error    weak', '  UNDECIDED  warning  m              the report does not say base.measured', '',
      'clean (exit 1)', '  no         error    harmful-trait', '  MATCHED    error    weak           hardly any shift', '  UNDECIDED  warning  m              the report does not say base.measured', '',
      'unsure (exit 3)', '  no         error    harmful-trait', '  no         error    weak', '  UNDECIDED  warning  m              the report does not say base.measured', '', 'exit code 1', '',
    ].join('\n'));
    const piped = weightseq(['policy', 'check', 'report-only', '--report', '-'], root, {}, readFileSync(join(root, 'r.json'), 'utf8'));
    assert.equal(piped.status, 3, piped.stderr);
  });

  it('check alone says whether the file is well-formed', async (t) => {
    const root = await setUp(t);
    writeFileSync(join(root, 'p.yaml'), RULES);
    const run = weightseq(['policy', 'check', 'p.yaml'], root);
    assert.equal(run.status, 0);
    assert.match(run.stdout, /^p\.yaml: 2 rules \(with those of default that it does not replace\)\n/);
    writeFileSync(join(root, 'p.yaml'), RULES.replace('level: error', 'level: fatal'));
    const bad = weightseq(['policy', 'check', 'p.yaml'], root);
    assert.deepEqual([bad.status, bad.stdout, bad.stderr], [2, '', 'weightseq: p.yaml:6:12: rules[0].level: must be one of error, warning, note\n']);
  });

  it('show prints a profile that reads back, names lists what rules can ask', (t) => {
    const root = temporaryFolder(t);
    const shown = weightseq(['policy', 'show', 'strict'], root).stdout;
    writeFileSync(join(root, 'p.yaml'), shown);
    assert.equal((parse(shown) as { extends: string }).extends, 'strict');
    assert.equal(weightseq(['policy', 'check', 'p.yaml'], root).status, 0);
    assert.match(weightseq(['policy', 'names'], root).stdout, /^shift\("TRAIT"\) +number +predicted shift/m);
    assert.equal(weightseq(['policy', 'show', 'lax'], root).status, 2);
    for (const args of [['policy', 'check', '--help'], ['policy', 'show', '--help']]) assert.match(weightseq(args, root).stdout, /^Examples?:/);
  });
});
