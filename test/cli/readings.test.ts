import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openReading } from '../../src/reading/reading-file.js';
import type { Report, ReportItem } from '../../src/report/schema.js';
import { weightseq } from '../helpers/command.js';
import { fixture, temporaryFolder } from '../helpers/fixtures.js';
import { document, expectedScore, tinyAdapter, writeAdapter, writeLibrary } from '../helpers/models.js';
import { merged, tinyBase, writeModel, writeModelLibrary } from '../helpers/tiny-models.js';

interface Scanned {
  readonly item: ReportItem;
  readonly status: number | null;
  readonly stderr: string;
}

function scan(...args: string[]): Scanned {
  const { stdout, stderr, status } = weightseq(['scan', ...args, '--format', 'json']);
  const item = (JSON.parse(stdout) as Report).items[0];
  assert.ok(item, stderr);
  return { item, status, stderr };
}

function run(...args: string[]): string {
  const { status, stdout, stderr } = weightseq(args);
  assert.equal(status, 0, stderr);
  return stdout;
}

/** What differs between a scan of weights and one of their reading, and may. */
const plain = (item: ReportItem) => ({ ...item, path: '', seconds: 0, source: undefined });

async function adapterAt(t: TestContext): Promise<{ root: string; adapter: string; library: string }> {
  const root = temporaryFolder(t);
  const tiny = tinyAdapter(267, 0.5 / expectedScore(tinyAdapter(267)));
  const [adapter, library] = [join(root, 'adapter'), join(root, 'library')];
  await writeAdapter(adapter, tiny);
  await writeLibrary(library);
  return { root, adapter, library };
}

describe('a kept reading of an adapter', () => {
  it('gives the report of the adapter itself', async (t) => {
    const { root, adapter, library } = await adapterAt(t);
    const file = join(root, 'kept');
    run('read', adapter, '-o', file, '--signatures', library);
    const [direct, kept] = [scan(adapter, '--signatures', library, '--hash'), scan(file, '--signatures', library)];
    assert.deepEqual(plain(kept.item), plain(direct.item));
    assert.deepEqual([kept.item.source, kept.status], ['reading', direct.status]);
    run('read', adapter, '-o', file, '--signatures', library, '--no-hash', '--spectrum', '--sketch');
    assert.equal(scan(file, '--signatures', library).item.source, 'unhashed reading');
    const { of, reading: { weights } } = await openReading(file);
    assert.equal(of, 'delta');
    for (const { invariants, shape: [outputs, inputs], signs } of weights) {
      assert.deepEqual([invariants?.lines?.rows.length, invariants?.lines?.columns.length, invariants?.sketch?.range.length, invariants?.sketch?.corange.length, signs.length], [outputs, inputs, outputs * 16, inputs * 16, 256]);
      assert.ok(invariants?.spectrum !== undefined && invariants.spectrum.length > 0);
    }
  });

  it('names what the adapter does not hold, claims another base, or needs a newer signature, as the adapter does', async (t) => {
    const { root, adapter, library } = await adapterAt(t);
    const file = join(root, 'kept');
    run('read', adapter, '-o', file, '--signatures', library);
    const config = JSON.parse(readFileSync(join(adapter, 'adapter_config.json'), 'utf8')) as Record<string, unknown>;
    writeFileSync(join(adapter, 'adapter_config.json'), JSON.stringify({ ...config, use_dora: true, base_model_name_or_path: 'somebody/else' }));
    const other = join(root, 'other');
    assert.equal(weightseq(['read', adapter, '-o', other, '--signatures', library]).status, 3);
    const [direct, kept] = [scan(adapter, '--signatures', library, '--hash'), scan(other, '--signatures', library)];
    assert.deepEqual({ ...plain(kept.item), errors: kept.item.errors.map(({ code }) => code) }, { ...plain(direct.item), errors: direct.item.errors.map(({ code }) => code) });
    assert.equal(kept.status, 3);
    await writeLibrary(library, [document({ level: 0.02 })]);
    assert.deepEqual(scan(file, '--signatures', library).item.errors.map(({ code }) => code), ['reading-outdated']);
  });
});

describe('parts of a reading', () => {
  const parts = (path: string, count: number, root: string, ...more: string[]): string[] => Array.from({ length: count }, (_, i) => {
    const file = join(root, `part-${i + 1}-of-${count}`);
    run('read', path, '--part', `${i + 1}/${count}`, '-o', file, ...more);
    return file;
  });

  it('of a checkpoint in shards and of an adapter are, merged, the reading itself, bit for bit', async (t) => {
    const { root, adapter, library } = await adapterAt(t);
    const model = join(root, 'model');
    await writeModel(model, merged(tinyBase(), tinyAdapter(267)), 'BF16', { shards: 2 });
    const models = await writeModelLibrary(join(root, 'models'), tinyBase());
    for (const [path, count, ...more] of [[model, 2, '--signatures', models], [model, 5, '--signatures', models, '--spectrum', '--sketch'], [adapter, 3, '--signatures', library]] as const) {
      const [whole, together] = [join(root, 'whole'), join(root, 'together')];
      run('read', path, '-o', whole, ...more);
      run('merge', ...parts(path, count, root, ...more).reverse(), '-o', together);
      assert.ok(readFileSync(together).equals(readFileSync(whole)), `${path} in ${count}`);
    }
  });

  it('are refused where they do not belong together, each for its reason', async (t) => {
    const root = temporaryFolder(t);
    const [model, other] = [join(root, 'model'), join(root, 'other')];
    await writeModel(model, tinyBase(), 'BF16');
    await writeModel(other, tinyBase(77), 'BF16');
    const [one = '', two = ''] = parts(model, 2, root);
    const whole = join(root, 'whole');
    run('read', model, '-o', whole);
    const alien = (name: string, ...args: string[]): string => {
      run('read', ...args, '-o', join(root, name));
      return join(root, name);
    };
    const cases: [string, string[], RegExp][] = [
      ['one missing', [two], /of 2 parts part 1 is missing.*--part 1\/2/],
      ['one twice', [one, two, one], /part 1 of 2 is given twice/],
      ['a whole one', [one, whole], /whole: this reading is no part/],
      ['another number of parts', [one, alien('of-3', model, '--part', '2/3')], /they differ in the number of parts/],
      ['other numbers taken', [one, alien('sketch', model, '--part', '2/2', '--sketch')], /they differ in the list of weights/],
      ['other weights of the same shapes', [one, alien('other-2', other, '--part', '2/2')], /another model\.safetensors than the parts before it/],
      ['hashed and not', [one, alien('unhashed', model, '--part', '2/2', '--no-hash')], /unhashed: it was read with --no-hash, and another part was not/],
      ['an adapter', [one, alien('adapter', fixture('peft/plain'), '--part', '2/2')], /they differ in the kind of reading/],
    ];
    for (const [name, files, message] of cases) {
      const { status, stdout, stderr } = weightseq(['merge', ...files, '-o', join(root, 'out')]);
      assert.deepEqual([status, stdout, stderr.trim().split('\n').length], [2, '', 1], `${name}: ${stderr}`);
      assert.match(stderr, message, name);
      assert.ok(!existsSync(join(root, 'out')), name);
    }
    for (const text of ['0/2', '3/2', '1', 'a/b', '-1/2']) assert.equal(weightseq(['read', model, '--part', text, '-o', join(root, 'x')]).status, 2);
  });

  it('are not judged alone: incomplete, exit 3', async (t) => {
    const { root, adapter, library } = await adapterAt(t);
    const model = join(root, 'model');
    await writeModel(model, tinyBase(), 'BF16');
    for (const path of [adapter, model]) {
      const [, file = ''] = parts(path, 2, root, '--signatures', library);
      const { item, status, stderr } = scan(file, '--signatures', library);
      assert.deepEqual([status, item.findings, item.errors.map(({ code }) => code)], [3, [], ['reading-part']]);
      assert.match(stderr, /part 2 of 2 of a reading: only the whole can be judged.*weightseq merge/);
      assert.ok(item.coverage.read > 0 && item.coverage.read < item.coverage.total && item.coverage.bytes < item.coverage.bytesTotal);
    }
  });
});

describe('known bases', () => {
  it('are added, found, listed and removed', (t) => {
    const root = temporaryFolder(t);
    const bases = ['--library', join(root, 'bases')];
    const before = scan(fixture('family/tuned'), ...bases);
    assert.deepEqual([before.item.base.name, before.status], [null, 3]);
    assert.match(run('base', 'add', fixture('family/base'), '--name', 'family', ...bases), /^family: 22 weights, \d+\.\d kB in /);
    const { item, status, stderr } = scan(fixture('family/tuned'), ...bases);
    assert.deepEqual([item.base.name, item.base.how, item.base.measured, status], ['family', 'measured', 'family', 3]);
    assert.match(stderr, /no signature for family/);
    assert.ok((item.deltaNorm ?? 0) > 1);
    const stranger = scan(fixture('family/stranger'), ...bases);
    assert.deepEqual([stranger.item.base.name, stranger.item.base.how, stranger.status], [null, 'unknown', 3]);
    for (const format of ['table', 'markdown', 'html'] as const) {
      const text = weightseq(['scan', fixture('family/tuned'), ...bases, '--format', format]).stdout.replaceAll(/\s+/gu, ' ');
      assert.match(text, /family.{0,20} \(found from the weights: its own, changed by 7\.\d %; 21 matrices/, format);
    }
    assert.match(run('base', 'list', ...bases), /^gemma-3-270m-q4km +127 weights.*\nfamily +22 weights.*llama/m);
    const listed = JSON.parse(run('base', 'list', '--format', 'json', ...bases)) as { name: string; weights: number }[];
    assert.deepEqual(listed.map(({ name, weights }) => [name, weights]), [['gemma-3-270m-q4km', 127], ['family', 22]]);
    run('base', 'remove', 'family', ...bases);
    assert.deepEqual(readdirSync(join(root, 'bases')), ['bases.json']);
    assert.equal(scan(fixture('family/tuned'), ...bases).item.base.name, null);
  });

  it('are taken from the folder of signatures too, and from a setting', (t) => {
    const root = temporaryFolder(t);
    const library = join(root, 'signatures');
    cpSync(fixture('../../signatures'), library, { recursive: true, filter: (path) => !path.includes('build') });
    run('base', 'add', fixture('family/base'), '--name', 'family', '--library', library);
    assert.equal(scan(fixture('family/tuned'), '--signatures', library).item.base.name, 'family');
    const { stdout } = weightseq(['scan', fixture('family/tuned'), '--format', 'json'], undefined, { WEIGHTSEQ_LIBRARY: library });
    assert.equal((JSON.parse(stdout) as Report).items[0]?.base.name, 'family');
    writeFileSync(join(root, 'weightseq.yaml'), 'library: signatures\n');
    const inYaml = weightseq(['scan', fixture('family/tuned'), '--format', 'json'], root);
    assert.equal((JSON.parse(inYaml.stdout) as Report).items[0]?.base.name, 'family');
  });

  it('are refused: an adapter, a part, a name that is taken, a damaged reading', (t) => {
    const root = temporaryFolder(t);
    const bases = ['--library', join(root, 'bases')];
    const refused = (message: RegExp, ...args: string[]): void => {
      const { status, stderr } = weightseq(['base', ...args, ...bases]);
      assert.ok(status === 2 || status === 3, stderr);
      assert.match(stderr, message);
    };
    refused(/an adapter is no base/, 'add', fixture('peft/plain'), '--name', 'x');
    run('read', fixture('family/base'), '--part', '1/2', '-o', join(root, 'part'));
    refused(/part 1 of 2 of a reading/, 'add', join(root, 'part'), '--name', 'x');
    run('read', fixture('family/base'), '-o', join(root, 'whole'));
    run('base', 'add', join(root, 'whole'), '--name', 'family', ...bases);
    refused(/there is a base family already/, 'add', join(root, 'whole'), '--name', 'family');
    refused(/there is a base gemma-3-270m-q4km already/, 'add', join(root, 'whole'), '--name', 'gemma-3-270m-q4km');
    refused(/there is no base other/, 'remove', 'other');
    const file = join(root, 'bases', 'family.base-reading');
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const { item, status } = scan(fixture('family/tuned'), ...bases);
    assert.deepEqual([status, item.errors.map(({ code }) => code)], [2, ['signature-hash']]);
  });
});
