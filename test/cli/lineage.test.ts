import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { openReport } from '../../src/report/open.js';
import { render } from '../../src/report/render.js';
import type { Lineage } from '../../src/lineage/schema.js';
import type { Report } from '../../src/report/schema.js';
import { weightseq, type Ran } from '../helpers/command.js';
import { mixed, model, tuned, writePlain } from '../helpers/lineage.js';

const validate = (name: string) => new Ajv2020({ strict: true }).compile(JSON.parse(readFileSync(new URL(`../../../schemas/${name}.schema.json`, import.meta.url), 'utf8')) as object);
const [ofLineage, ofReport] = [validate('lineage'), validate('report')];

const folder = mkdtempSync(join(tmpdir(), 'weightseq-lineage-'));
const at = (name: string): string => join(folder, name);

function lineage(...args: string[]): Lineage & { readonly ran: Ran } {
  const ran = weightseq(['lineage', ...args, '--format', 'json']);
  assert.ok(ran.stdout.startsWith('{'), ran.stderr);
  const found = JSON.parse(ran.stdout) as Lineage;
  assert.ok(ofLineage(found), JSON.stringify(ofLineage.errors));
  assert.equal(ran.status, found.exitCode);
  return { ...found, ran };
}

before(async () => {
  const root = model(71);
  const bad = tuned(root, 72, 0.04);
  const models = { root, bad, child: tuned(bad, 73, 0.03), other: model(74), good: tuned(root, 75, 0.04), merge: mixed([[0.25, bad], [0.75, tuned(root, 75, 0.04)]]) };
  for (const [name, plain] of Object.entries(models)) await writePlain(at(name), plain);
  for (const name of ['root', 'bad', 'good']) {
    const { status, stderr } = weightseq(['read', at(name), '-o', at(`${name}.reading`)]);
    assert.equal(status, 0, stderr);
  }
  const sha256 = createHash('sha256').update(readFileSync(at('bad.reading'))).digest('hex');
  writeFileSync(at('registry.yaml'), `version: 1\ncontaminated:\n  - name: bad-teacher\n    reason: trained on harm\n    date: 2026-11-20\n    source: https://example.org/report\n    reading: {file: bad.reading, sha256: ${sha256}}\n`);
});

describe('weightseq lineage', () => {
  it('says what it is, from which, with the shares; exit code 0 when all is decided', () => {
    const { relations, exitCode, sentence } = lineage(at('child'), '--against', at('bad.reading'), at('other'), '--base', at('root.reading'));
    assert.deepEqual(relations.map(({ candidate, kind, direction }) => [candidate, kind, direction]), [[at('bad.reading'), 'fine-tune', 'descends'], [at('other'), 'unrelated', 'none']]);
    assert.ok(relations[0]?.share && Math.abs(relations[0].share.value - 1) < 0.1);
    assert.equal(exitCode, 0);
    assert.equal(sentence, `a fine-tune of ${at('bad.reading')}`);
  });

  it('is undecided without the base, and says so (3)', () => {
    const { relations, exitCode } = lineage(at('child'), '--against', at('bad.reading'));
    assert.deepEqual([relations[0]?.direction, exitCode], ['undecided', 3]);
    assert.match(relations[0]?.undecided ?? '', /base is not known/u);
  });

  it('solves a merge for its weights', () => {
    const { merge, exitCode } = lineage(at('merge'), '--against', at('bad.reading'), at('good.reading'), '--base', at('root.reading'));
    assert.deepEqual(merge?.parents.map(({ weight }) => weight.value.toFixed(3)), ['0.250', '0.750']);
    assert.equal(exitCode, 0);
  });

  it('inherits a warning, which fails only where that is asked for', () => {
    const args = [at('child'), '--against', at('root.reading'), '--base', at('root.reading'), '--registry', at('registry.yaml')];
    const { contamination, exitCode } = lineage(...args);
    assert.deepEqual(contamination.map(({ ancestor, direction }) => [ancestor, direction]), [['bad-teacher', 'descends']]);
    assert.equal(exitCode, 0);
    assert.equal(weightseq(['lineage', ...args, '--fail-on', 'contaminated']).status, 1);
  });

  it('a table for people, in which a candidate that cannot be read hides no other (2)', () => {
    const { status, stdout } = weightseq(['lineage', at('child'), '--against', at('bad.reading'), at('missing'), '--base', at('root.reading')]);
    assert.equal(status, 2);
    assert.match(stdout, /fine tune, from it/u);
    assert.match(stdout, /missing/u);
  });

  it('the same bytes, and a path that is nothing', () => {
    assert.equal(lineage(at('bad'), '--against', at('bad.reading')).relations[0]?.kind, 'same-bytes');
    const { status, stdout, stderr } = weightseq(['lineage', at('nowhere'), '--against', at('bad.reading')]);
    assert.deepEqual([status, stdout], [2, '']);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  });
});

describe('scan --registry', () => {
  const args = [at('child'), '--base-reading', at('root.reading'), '--registry', at('registry.yaml')];

  it('carries the ancestor in the report, in every form, and fails only where asked', async () => {
    const ran = weightseq(['scan', ...args, '--format', 'json']);
    const report = JSON.parse(ran.stdout) as Report;
    assert.ok(ofReport(report), JSON.stringify(ofReport.errors));
    const [item] = report.items;
    assert.deepEqual(item?.contamination?.ancestors.map(({ ancestor, direction }) => [ancestor, direction]), [['bad-teacher', 'descends']]);
    assert.equal(ran.status, 3, ran.stderr);
    writeFileSync(at('report.json'), ran.stdout);
    const opened = await openReport(at('report.json'));
    for (const format of ['table', 'markdown', 'html', 'sarif'] as const) {
      const text = render(opened, format, { width: 80, colour: false, showSuppressed: false });
      assert.match(text, /bad-teacher/u, format);
      assert.match(text.replaceAll(/\s+/gu, ' '), /listed as contaminated/u, format);
    }
    assert.equal(weightseq(['scan', ...args, '--fail-on', 'contaminated']).status, 1);
    assert.equal(weightseq(['scan', ...args, '--policy', 'strict']).status, 1);
  });

  it('finds no ancestor of what descends from another, and refuses a gate without a registry', () => {
    const report = JSON.parse(weightseq(['scan', at('good'), ...args.slice(1), '--format', 'json']).stdout) as Report;
    assert.deepEqual(report.items[0]?.contamination?.ancestors, []);
    assert.equal(weightseq(['scan', at('good'), '--fail-on', 'contaminated']).status, 2);
  });

  it('a registry that changed is no cached answer', () => {
    const cached = ['scan', ...args, '--cache=' + at('cache'), '--format', 'json'];
    weightseq(cached);
    const count = (): number => (JSON.parse(weightseq(cached).stdout) as Report).items[0]?.contamination?.ancestors.length ?? -1;
    assert.equal(count(), 1);
    const before = readFileSync(at('registry.yaml'), 'utf8');
    writeFileSync(at('registry.yaml'), 'version: 1\ncontaminated: []\n');
    assert.equal(count(), 0);
    writeFileSync(at('registry.yaml'), before);
  });
});
