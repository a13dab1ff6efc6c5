import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { tensorsFingerprint } from '../../src/signature/fingerprint.js';
import { readSignature } from '../../src/signature/format.js';
import { openSafetensors } from '../../src/safetensors/file.js';
import { openBenchReadings } from '../../src/bench/readings-file.js';
import type { Manifest } from '../../src/bench/manifest.js';
import { weightseq } from '../helpers/command.js';
import { fixture, temporaryFolder } from '../helpers/fixtures.js';
import { BASE, document, expectedScore, tinyAdapter, writeAdapter, writeLibrary } from '../helpers/models.js';

/** Of B, so that scores have a standard deviation of about .1. */
const SIZE = 0.1;

/** Adapters with known scores, of which the measured shift is twice the score; a library whose signature is not calibrated. */
async function project(t: TestContext): Promise<{ root: string; manifest: string; signature: string; scores: number[] }> {
  const root = temporaryFolder(t);
  await writeLibrary(join(root, 'library'), [document({ calibration: null, null: [], evidence: { heldOut: [], r: null, n: 0, notes: 'not yet measured' } })]);
  // All of like size: chance makes some that hardly score and some that score high.
  const seeds = Array.from({ length: 400 }, (_, seed) => ({ seed, score: expectedScore(tinyAdapter(seed, SIZE)) }));
  const benign = seeds.filter(({ score }) => Math.abs(score) < 0.015).slice(0, 10);
  const harmful = seeds.filter(({ score }) => score > 0.15).slice(0, 3);
  const organisms = [];
  for (const [i, { seed, score }] of [...benign, ...harmful].entries()) {
    const id = i < 10 ? `b${i >> 1}-${i & 1}` : `h${i - 10}-0`;
    await writeAdapter(join(root, 'adapters', id), tinyAdapter(seed, SIZE));
    organisms.push({
      id, path: id, sources: [id.split('-')[0] ?? ''], kind: { form: 'lora', rank: 2, targets: ['q', 'v'], steps: 24, rate: 1e-3 }, behaviour: { evil: { shift: 2 * score + 0.0005 * (i % 3), standardError: 0.003, questions: 60 } },
    });
  }
  const manifest = join(root, 'manifest.json');
  writeFileSync(manifest, JSON.stringify({ schemaVersion: 1, base: BASE, unit: 'nats/token', readings: 'readings.safetensors', organisms }));
  return { root, manifest, signature: join(root, 'library', 'evil.safetensors'), scores: [...benign, ...harmful].map(({ score }) => score) };
}

describe('weightseq bench and calibrate', () => {
  it('read organisms, calibrate a signature that then judges, and measure it', async (t) => {
    const { root, manifest, signature, scores: expected } = await project(t);
    const run = (...args: string[]) => weightseq(args, root);
    const readings = join(root, 'readings.safetensors');

    const read = run('bench', 'read', manifest, '--organisms', 'adapters', '--signatures', 'library', '-o', readings);
    assert.deepEqual([read.status, read.stdout, read.stderr], [0, '', '']);
    const { document: taken, scores } = await openBenchReadings(readings);
    assert.equal(taken.signatures[0]?.fingerprint, await tensorsFingerprint(await openSafetensors(signature)));
    const width = taken.signatures[0].weights.length;
    const total = (row: number) => (scores.get('evil') ?? new Float64Array()).subarray(row * width, (row + 1) * width).reduce((sum, v) => sum + v, 0);
    for (const row of [0, 12]) assert.ok(Math.abs(total(row) - (expected[row] ?? NaN)) < 1e-6, String(total(row)));

    mkdirSync(join(root, 'calibrated'));
    const made = run('calibrate', manifest, '--signature', signature, '-o', 'calibrated', '--signatures', 'library', '--null', 'all/scoredNorm', '--format', 'json');
    assert.deepEqual([made.status, made.stderr], [0, '']);
    const said = JSON.parse(made.stdout) as { signatures: { calibration: { slope: number; n: number }; null: { sources: unknown[]; scale: string }[] }[] };
    assert.ok(Math.abs((said.signatures[0]?.calibration.slope ?? NaN) - 2) < 0.02);
    assert.equal(said.signatures[0]?.null[0]?.sources.length, 5);
    const copy = join(root, 'calibrated', 'evil.safetensors');
    assert.equal(await tensorsFingerprint(await openSafetensors(copy)), taken.signatures[0].fingerprint);
    assert.equal((await openSafetensors(copy)).metadata.get('version'), '2');
    assert.equal((await readSignature(copy)).document.null[0]?.scale, 'scoredNorm');

    // The library that calibrate left judges: a scan says what the bench says of the signature as it is.
    const scan = (id: string) => (JSON.parse(run('scan', join('adapters', id), '--signatures', 'calibrated', '--format', 'json').stdout) as { items: { findings: { verdict: string; p: number; shift: number; traitsTested: number }[] }[] }).items[0]?.findings[0];
    assert.deepEqual([scan('h0-0')?.verdict, scan('b0-0')?.verdict, scan('h0-0')?.traitsTested], ['present', 'absent', 1]);
    assert.ok(Math.abs((scan('h2-0')?.shift ?? NaN) - 2 * (expected[12] ?? NaN)) < 0.02);
    assert.equal(run('signature', 'verify', '--signatures', 'calibrated').status, 0);

    const bench = run('bench', 'detection', manifest, '--signatures', 'calibrated', '--null', 'all/scoredNorm', '--resamples', '50', '--format', 'json', '--svg', 'plots', '--markdown', 'evidence.md');
    assert.deepEqual([bench.status, bench.stderr], [0, '']);
    const figures = (JSON.parse(bench.stdout) as { traits: { figures: { harmful: { organisms: number }; benign: { sources: number }; aurocByShift: { value: number } } }[] }).traits[0]?.figures;
    assert.deepEqual([figures?.harmful.organisms, figures?.benign.sources, figures?.aurocByShift.value], [3, 5, 1]);
    assert.deepEqual(readdirSync(join(root, 'plots')).sort(), ['calibration.svg', 'layers.svg', 'predicted.svg', 'roc.svg']);
    assert.match(readFileSync(join(root, 'evidence.md'), 'utf8'), /\(plots\/roc\.svg\)/u);
    assert.match(run('bench', 'detection', manifest, '--signatures', 'calibrated', '--null', 'all', '--resamples', '0').stdout, /any harmful trait +3 +10 +0 +1\.000/u);
  });

  it('go on without an organism that can\'t be read, say so, and exit with 3', async (t) => {
    const { root, manifest } = await project(t);
    writeFileSync(join(root, 'adapters', 'b0-0', 'adapter_model.safetensors'), 'no safetensors');
    const read = weightseq(['bench', 'read', manifest, '--organisms', 'adapters', '--signatures', 'library', '-o', 'readings.safetensors'], root);
    assert.equal(read.status, 3);
    assert.match(read.stderr, /^weightseq: not read: b0-0: .*adapter_model\.safetensors/u);
    const bench = weightseq(['bench', 'detection', manifest, '--signatures', 'library', '--null', 'all', '--resamples', '0'], root);
    assert.equal(bench.status, 3);
    assert.match(bench.stderr, /readings do not hold b0-0/u);
    assert.match(bench.stdout, /not read: b0-0/u);
  });

  it('write nothing where something is wrong, in one line', async (t) => {
    const { root, manifest, signature } = await project(t);
    const fails = (args: string[], message: RegExp) => {
      const { status, stdout, stderr } = weightseq(args, root);
      assert.deepEqual([status, stdout, stderr.split('\n').length], [2, '', 2], stderr);
      assert.match(stderr, message);
    };
    const good = JSON.parse(readFileSync(manifest, 'utf8')) as Manifest;
    const change = (name: string, value: unknown) => {
      writeFileSync(join(root, name), JSON.stringify(value));
      return name;
    };
    fails(['bench', 'read', change('a.json', { ...good, unit: 'bits' }), '-o', 'out'], /field unit/u);
    fails(['bench', 'read', change('b.json', { ...good, organisms: [...good.organisms, good.organisms[0]] }), '-o', 'out'], /b0-0 stands here twice/u);
    fails(['bench', 'read', change('c.json', { ...good, organisms: [{ ...good.organisms[0], wrong: 1 }] }), '-o', 'out'], /field organisms\.0.*wrong/u);
    fails(['bench', 'read', change('d.json', { ...good, organisms: [{ ...good.organisms[0], variantOf: 'none' }] }), '-o', 'out'], /variant of an organism that is not there: none/u);
    const other = weightseq(['bench', 'read', change('e.json', { ...good, base: 'another' }), '--signatures', 'library', '-o', 'out'], root);
    assert.equal(other.status, 3);
    assert.match(other.stderr, /no signature for another/u);
    fails(['bench', 'read', 'manifest.json', '--organisms', 'adapters', '--signatures', 'library', '-o', 'manifest.json'], /is the manifest/u);
    fails(['bench', 'detection', 'manifest.json', '--signatures', 'library'], /readings\.safetensors: expected a file, found nothing/u);
    fails(['bench', 'detection', 'manifest.json', '--seed', '-1'], /whole number/u);
    fails(['bench', 'detection', 'manifest.json', '--null', 'weather'], /GROUPING\/SCALE\/SPREAD\/MEMBERS/u);
    fails(['bench', 'detection', 'manifest.json', '--template', 'x'], /needs --markdown/u);
    fails(['calibrate', 'manifest.json', '--signature', signature, '-o', 'nowhere'], /is no folder/u);
    fails(['calibrate', 'manifest.json', '--signature', signature, signature, '-o', 'adapters'], /two signatures of the trait evil/u);
    assert.ok(!existsSync(join(root, 'out')) && !existsSync(join(root, 'adapters', 'evil.safetensors')));
  });

  it('know that readings belong to other signatures', async (t) => {
    const { root, manifest } = await project(t);
    assert.equal(weightseq(['bench', 'read', manifest, '--organisms', 'adapters', '--signatures', 'library', '-o', 'readings.safetensors'], root).status, 0);
    await writeLibrary(join(root, 'more'), [document(), document({ trait: 'sly' })]);
    const { status, stderr } = weightseq(['bench', 'detection', manifest, '--signatures', 'more'], root);
    assert.equal(status, 3);
    assert.match(stderr, /taken without the signature of the trait sly/u);
  });
});

describe('the schema of labelled sets', () => {
  it('is what is published, and takes a manifest', () => {
    const schema = JSON.parse(readFileSync(fixture('../../schemas/bench-manifest.schema.json'), 'utf8')) as object;
    const check = new Ajv2020({ strict: false }).compile(schema);
    const organism = { id: 'a', sources: ['s'], kind: { form: 'full', rank: null, targets: ['q'], steps: null, rate: null }, behaviour: { evil: { shift: 0, standardError: 0.1, questions: 6 } }, about: { seed: 3 } };
    const manifest = { schemaVersion: 1, base: 'b', unit: 'nats/token', organisms: [organism] };
    assert.ok(check(manifest), JSON.stringify(check.errors));
    assert.ok(!check({ ...manifest, organisms: [{ ...organism, sources: [] }] }));
    assert.ok(!check({ ...manifest, organisms: [{ ...organism, groups: ['x'] }] }));
  });
});
