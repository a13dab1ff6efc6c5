import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Log } from 'sarif';
import type { Report } from '../../src/report/schema.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { expectedScore, tinyAdapter, writeAdapter, writeLibrary } from '../helpers/models.js';
import { FINDING, ITEM, reportOf } from '../helpers/reports.js';

const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url));

function weightseq(args: readonly string[], options: { input?: string; cwd?: string } = {}): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', input: options.input ?? '', cwd: options.cwd, env: { ...process.env, NO_COLOR: '1' } });
}

/** A saved report in a folder of its own. */
function saved(t: TestContext, report: Report): string {
  const file = join(temporaryFolder(t), 'report.json');
  writeFileSync(file, JSON.stringify(report));
  return file;
}

describe('weightseq convert', () => {
  it('gives what scan gives, for every form, without the weights', async (t) => {
    const root = temporaryFolder(t);
    const library = await writeLibrary(join(root, 'library'));
    await writeAdapter(join(root, 'adapter'), tinyAdapter(1, 0.5 / expectedScore(tinyAdapter(1))));
    const scan = (...args: string[]) => weightseq(['scan', 'adapter', '--signatures', library, ...args], { cwd: root });
    assert.equal(scan('--format', 'json', '-o', 'report.json').status, 1);
    const markup = (text: string): string => text.replace(/\d+\.\d+ s|time="[\d.]+"/gu, 'TIME');
    const direct = Object.fromEntries(['table', 'json', 'sarif', 'junit', 'markdown'].map((format) => [format, scan('--format', format)]));
    rmSync(join(root, 'adapter'), { recursive: true });
    for (const [format, { status, stdout }] of Object.entries(direct)) {
      assert.equal(status, 1, format);
      const converted = weightseq(['convert', 'report.json', '--format', format], { cwd: root });
      assert.equal(converted.status, 0, converted.stderr);
      // The order of the fields of a JSON object is free.
      const read = (text: string): unknown => (format === 'json' ? JSON.parse(text.replace(/"seconds": [\d.e-]+/gu, '"seconds": 0')) : markup(text));
      assert.deepEqual(read(converted.stdout), read(stdout), format);
    }
    const sarif = JSON.parse(direct['sarif']?.stdout ?? '') as Log;
    assert.equal(sarif.runs[0]?.invocations?.[0]?.exitCode, 1);
    assert.equal(sarif.runs[0].results?.[0]?.locations?.[0]?.physicalLocation?.artifactLocation?.uri, 'adapter/adapter_model.safetensors');
  });

  it('reads standard input, and writes -o whole and nothing to stdout', (t) => {
    const folder = temporaryFolder(t);
    const run = weightseq(['convert', '-', '--format', 'junit', '-o', 'out.xml'], { input: JSON.stringify(reportOf(ITEM)), cwd: folder });
    assert.deepEqual([run.status, run.stdout, run.stderr], [0, '', '']);
    assert.match(readFileSync(join(folder, 'out.xml'), 'utf8'), /failures="1"/);
  });

  it('shows suppressed findings when asked', (t) => {
    const suppression = { justification: 'seen', author: 'me', expires: '2031-01-31' };
    const file = saved(t, reportOf({ ...ITEM, findings: [{ ...FINDING, suppression }] }));
    assert.doesNotMatch(weightseq(['convert', file]).stdout, /strongest weights/);
    assert.match(weightseq(['convert', file, '--show-suppressed']).stdout, /strongest weights/);
  });

  it('never writes over the report', (t) => {
    const file = saved(t, reportOf(ITEM));
    const before = readFileSync(file);
    const run = weightseq(['convert', file, '--format', 'sarif', '-o', file]);
    assert.equal(run.status, 2);
    assert.deepEqual(readFileSync(file), before);
  });

  const wrong: [string, string[], string, RegExp][] = [
    ['no report', ['convert', 'nowhere.json'], '', /^weightseq: nowhere\.json: no such file\. Give a report/],
    ['a report with a wrong field', ['convert', '-', '--format', 'sarif'], JSON.stringify({ ...reportOf(), failOn: 'maybe' }), /^weightseq: standard input: field failOn: /],
    ['an unknown form', ['convert', '-', '--format', 'pdf'], '', /Allowed choices are table, json, sarif, junit, markdown/],
    ['no JSON', ['convert', '-'], 'no JSON', /^weightseq: standard input: the report is not JSON/],
  ];
  for (const [name, args, input, message] of wrong) {
    it(`says in one line what is wrong: ${name}`, () => {
      const run = weightseq(args, { input });
      assert.deepEqual([run.status, run.stdout], [2, '']);
      assert.match(run.stderr, message);
      assert.doesNotMatch(run.stderr, /\n\s+at /);
    });
  }

  it('opens its help with an example and says why its exit code is not the report’s', () => {
    const { stdout } = weightseq(['convert', '--help']);
    assert.match(stdout, /^Examples:\n {2}weightseq convert report\.json --format sarif/);
    assert.match(stdout, /the scan gave its own exit code/);
  });
});

describe('weightseq explain', () => {
  it('explains a finding with the evidence of its signature, found by sha256', async (t) => {
    const root = temporaryFolder(t);
    const library = await writeLibrary(join(root, 'library'));
    await writeAdapter(join(root, 'adapter'), tinyAdapter(1, 0.5 / expectedScore(tinyAdapter(1))));
    const json = weightseq(['scan', 'adapter', '--signatures', library, '--format', 'json'], { cwd: root }).stdout;
    const { status, stdout } = weightseq(['explain', 'evil', '--report', '-', '--signatures', library], { input: json });
    assert.equal(status, 0);
    for (const part of ['evil in adapter: present', 'tiny-base', 'never held against fine-tunes', 's0, s1, s2, s3, s4']) assert.ok(stdout.replace(/\s+/gu, ' ').includes(part), part);
    const other = weightseq(['explain', 'evil', '--report', '-'], { input: json });
    assert.match(other.stdout.replace(/\s+/gu, ' '), /does not hold a signature with this hash/);
  });

  it('wants the item where several have the trait, and says which there are', (t) => {
    const file = saved(t, reportOf(ITEM, { ...ITEM, path: 'adapters/b' }));
    const run = weightseq(['explain', 'evil', '--report', file]);
    assert.equal(run.status, 2);
    assert.match(run.stderr, /2 items have the trait evil\. Choose one with --item: adapters\/a, adapters\/b\./);
    assert.match(weightseq(['explain', 'evil', '--report', file, '--item', './adapters/b/']).stdout, /^evil in adapters\/b: present\n/);
    assert.match(weightseq(['explain', 'evil', '--report', file, '--item', 'x']).stderr, /no item x\. Name one of: adapters\/a, adapters\/b\./);
    assert.match(weightseq(['explain', 'vain', '--report', file]).stderr, /no finding of the trait vain\. Name one of: evil\./);
  });
});

describe('weightseq scan --dry-run', () => {
  it('has no form for pipelines, and says which it has', (t) => {
    const folder = temporaryFolder(t);
    for (const format of ['sarif', 'junit', 'markdown']) {
      const run = weightseq(['scan', folder, '--dry-run', '--format', format, '-o', join(folder, 'out')]);
      assert.equal(run.status, 2);
      assert.match(run.stderr, new RegExp(`^weightseq: --dry-run has no ${format} form\\. Give --format table or json\\.\n$`));
      assert.equal(existsSync(join(folder, 'out')), false);
    }
  });
});
