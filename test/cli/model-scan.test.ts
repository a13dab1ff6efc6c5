import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { progressText } from '../../cli/progress.js';
import { removeHalfWritten, writeFileAtomic } from '../../src/files.js';
import type { Report, ReportItem } from '../../src/report/schema.js';
import { writeIndex, writeShard } from '../helpers/checkpoints.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { expected, expectedScore, tinyAdapter, writeAdapter, type TinyAdapter } from '../helpers/models.js';
import type { FloatDtype } from '../helpers/reference.js';
import { merged, modelDocument, pathOf, tinyBase, writeModel, writeModelLibrary, type TinyModel } from '../helpers/tiny-models.js';

const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const schema = JSON.parse(readFileSync(new URL('../../../schemas/report.schema.json', import.meta.url), 'utf8')) as object;
const validate = new Ajv2020({ strict: true }).compile(schema);

function weightseq(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } });
}

function scanJson(...args: string[]): { item: ReportItem; status: number | null; stderr: string } {
  const run = weightseq('scan', ...args, '--format', 'json');
  const report = JSON.parse(run.stdout) as Report;
  assert.ok(validate(report), JSON.stringify(validate.errors));
  assert.equal(run.status, report.exitCode);
  const item = report.items[0];
  assert.ok(item);
  return { item, status: run.status, stderr: run.stderr };
}

const base = tinyBase();
/** An adapter of this seed lies along the probes: a score of .5 takes a tenth of the norm of the base. */
const SEED = 267;

/** The base, a library with the base's reading in it, and a merged fine-tune that a test may alter. */
async function setUp(t: TestContext, options: { dtype?: FloatDtype; alter?: (model: TinyModel) => void; config?: Record<string, unknown>; withReading?: boolean } = {}): Promise<{ root: string; folder: string; baseFolder: string; library: string; adapter: TinyAdapter }> {
  const { dtype = 'BF16', alter, config = {}, withReading = true } = options;
  const root = temporaryFolder(t);
  const adapter = tinyAdapter(SEED, 0.5 / expectedScore(tinyAdapter(SEED)));
  const model = merged(base, adapter);
  alter?.(model);
  const [folder, baseFolder, library] = [join(root, 'model'), join(root, 'base'), join(root, 'library')];
  await writeModel(folder, model, dtype, { config });
  await writeModel(baseFolder, base, 'BF16');
  await writeModelLibrary(library, base);
  if (withReading) {
    const kept = weightseq('read', baseFolder, '-o', join(library, 'base.reading.safetensors'), '--signatures', library);
    assert.equal(kept.status, 0, kept.stderr);
    await writeModelLibrary(library, base, [modelDocument()], 'base.reading.safetensors');
  }
  return { root, folder, baseFolder, library, adapter };
}

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');

function scoreOf(item: ReportItem): number {
  return item.findings[0]?.score ?? Number.NaN;
}

describe('a whole checkpoint', () => {
  // |E| is .21 · 2^-7 (2^-10, 2^-23) of numbers of about .6, over six weights with coefficients .5 and .25: 1.4e-3 in bf16; five of these.
  for (const [dtype, tolerance] of [['F32', 5e-6], ['F16', 1e-3], ['BF16', 7e-3]] as const) {
    it(`merged and saved as ${dtype} gives its adapter's score without the base, and the same with it`, async (t) => {
      const { root, folder, baseFolder, library, adapter } = await setUp(t, { dtype });
      const without = scanJson(folder, '--signatures', library);
      assert.ok(Math.abs(scoreOf(without.item) - 0.5) < tolerance, String(scoreOf(without.item)));
      assert.equal(without.item.findings[0]?.verdict, 'present', without.item.findings[0]?.reason);
      assert.equal(without.status, 1);
      assert.equal(without.item.findings[0].null?.form, 'lora');
      assert.ok((without.item.findings[0].scoreSd ?? NaN) < tolerance);
      const held = scanJson(folder, '--signatures', library, '--base', baseFolder);
      assert.ok(Math.abs(scoreOf(held.item) - scoreOf(without.item)) < 5e-6);
      assert.equal(held.item.findings[0]?.verdict, 'present', held.item.findings[0]?.reason);
      await writeAdapter(join(root, 'adapter'), adapter);
      const own = scanJson(join(root, 'adapter'), '--signatures', library);
      assert.equal(own.item.findings[0]?.verdict, without.item.findings[0].verdict);
      assert.equal(own.status, without.status);
      // |ΔW| of one weight, exact with the base at hand, within its interval without.
      const { norm } = expected(adapter, '1.q');
      const ofWeight = (item: ReportItem) => item.weights?.find(({ name }) => name === '1.q')?.norm;
      assert.ok(Math.abs((ofWeight(held.item)?.value ?? NaN) - norm) < norm * 2e-2);
      assert.ok((ofWeight(without.item)?.floor ?? NaN) > 0);
      const { norm: baseNorm, evidence = [], ...ofBase } = without.item.base;
      assert.deepEqual(ofBase, { name: 'tiny-base', how: 'measured', layers: 3, declared: null, declaredAs: null, measured: 'tiny-base' });
      assert.deepEqual(evidence.map(({ name, weights, fits }) => [name, weights, fits]), [['tiny-base', 21, true]]);
      const matrices = [...base.values()].filter(({ shape }) => shape.length === 2).flatMap(({ values }) => values);
      assert.ok(Math.abs((baseNorm ?? NaN) - Math.hypot(...matrices)) < 1e-5);
      assert.deepEqual(without.item.coverage.unread, []);
    });
  }

  it('of which nothing changed is clean', async (t) => {
    const { baseFolder, library } = await setUp(t);
    const { item, status } = scanJson(baseFolder, '--signatures', library);
    assert.equal(item.findings[0]?.verdict, 'absent', item.findings[0]?.reason);
    assert.equal(item.deltaNorm, 0);
    assert.equal(status, 0);
  });

  it('is incomplete without numbers of the base for every tensor, and names them', async (t) => {
    const { folder, library } = await setUp(t, { withReading: false });
    const { item, status } = scanJson(folder, '--signatures', library);
    assert.equal(status, 3);
    assert.ok(Math.abs(scoreOf(item) - 0.5) < 1e-2);
    assert.equal(item.findings[0]?.verdict, 'indeterminate');
    assert.ok(item.coverage.notCompared?.includes('0.down') && item.coverage.notCompared.includes('embed'));
    assert.match(item.coverage.unread[0]?.reason ?? '', /--base PATH, or --base-reading FILE/);
  });

  it('names the changes that no signature scores', async (t) => {
    const { folder, library } = await setUp(t, {
      alter: (model) => {
        for (const name of [pathOf('1.down'), 'model.embed_tokens.weight', 'model.norm.weight']) {
          const tensor = model.get(name);
          if (tensor) tensor.values = tensor.values.map((v) => v * 1.5);
        }
        model.set('model.layers.0.self_attn.q_proj.bias', { shape: [8], values: [1, 0, 0, 0, 0, 0, 0, 0] });
      },
    });
    const { item, status } = scanJson(folder, '--signatures', library);
    assert.equal(status, 3);
    assert.deepEqual(item.unexplained?.map(({ name }) => name), ['1.down', 'embed']);
    const unread = new Map(item.coverage.unread.map(({ name, reason }) => [name, reason]));
    assert.match(unread.get('embed') ?? '', /unexplained change/);
    assert.match(unread.get('norm') ?? '', /6 of 6 numbers are not the base's/);
    assert.match(unread.get('0.q.bias') ?? '', /a bias that the base does not have/);
  });

  it('is incomplete for NaN, and names the weight', async (t) => {
    const { folder, library } = await setUp(t, { alter: (model) => { model.get(pathOf('2.v'))?.values.fill(Number.NaN, 0, 1); } });
    const { item, status } = scanJson(folder, '--signatures', library);
    assert.equal(status, 3);
    assert.match(item.coverage.unread.map(({ name, reason }) => `${name}: ${reason}`).join('\n'), /2\.v: holds 1 NaN/);
    assert.equal(item.findings[0]?.score, null);
  });

  it('of an unknown base has no verdict, and still names NaN', async (t) => {
    const { root, library } = await setUp(t);
    const model = tinyBase(7000);
    model.delete('model.embed_tokens.weight');
    model.get(pathOf('0.q'))?.values.fill(Infinity, 0, 2);
    await writeModel(join(root, 'stranger'), model, 'BF16');
    const { item, status } = scanJson(join(root, 'stranger'), '--signatures', library);
    assert.equal(status, 3);
    assert.equal(item.base.how, 'unknown');
    assert.equal(item.errors[0]?.code, 'no-signature');
    assert.ok(item.coverage.unread.some(({ name, reason }) => name === '0.q' && /2 infinite/.test(reason)));
  });

  it('of another model with the same shapes has an unknown base; whoever claims the known one is refused', async (t) => {
    const { root, library } = await setUp(t);
    const other = join(root, 'other');
    await writeModel(other, tinyBase(5000), 'BF16');
    const { item, status, stderr } = scanJson(other, '--signatures', library);
    assert.equal(status, 3);
    assert.deepEqual([item.base.name, item.base.how, item.base.measured, item.errors[0]?.code], [null, 'unknown', null, 'no-signature']);
    assert.match(stderr, /the weights are those of no known base \(the nearest, tiny-base, correlates by -?0\.\d\d\)/);
    const assumed = scanJson(other, '--signatures', library, '--assume-base', 'tiny-base');
    await writeModel(other, tinyBase(5000), 'BF16', { config: { _name_or_path: 'owner/tiny-base' } });
    const claimed = scanJson(other, '--signatures', library);
    for (const one of [assumed, claimed]) assert.deepEqual([one.status, one.item.errors[0]?.code], [2, 'base-mismatch']);
  });

  it('held against a base that is none, such as itself, is refused', async (t) => {
    const { folder, library } = await setUp(t);
    const { item, status } = scanJson(folder, '--signatures', library, '--base', folder);
    assert.equal(status, 2);
    assert.equal(item.errors[0]?.code, 'base-mismatch');
    assert.match(item.errors[0].message, /given with --base are not those of tiny-base: \d\.[qv] differs by/);
  });

  it('with its tied head stored beside the embedding is the same; with another head it is not', async (t) => {
    const store = (factor: number) => (model: TinyModel): void => {
      const embed = model.get('model.embed_tokens.weight');
      if (embed) model.set('lm_head.weight', { shape: embed.shape, values: embed.values.map((v) => v * factor) });
    };
    const same = await setUp(t, { alter: store(1) });
    for (const base of [[], ['--base', same.baseFolder]]) {
      const { item } = scanJson(same.folder, '--signatures', same.library, ...base);
      assert.deepEqual([item.coverage.unread, item.findings[0]?.verdict], [[], 'present']);
    }
    const other = await setUp(t, { alter: store(1.5) });
    const { item, status } = scanJson(other.folder, '--signatures', other.library, '--fail-on', 'never');
    assert.equal(status, 3);
    assert.match(item.coverage.unread.map(({ name, reason }) => `${name}: ${reason}`).join(), /^head: unexplained change/);
  });

  it('of an unknown architecture says so, in every form', async (t) => {
    const { folder, library } = await setUp(t, { config: { model_type: 'novel' } });
    const { item } = scanJson(folder, '--signatures', library);
    assert.deepEqual([item.architecture, item.findings[0]?.verdict], [{ name: 'novel', known: false }, 'present']);
    assert.match(weightseq('scan', folder, '--signatures', library).stdout, /the architecture novel is not known: weights were told/);
    assert.match(weightseq('read', folder, '-o', `${folder}.reading`, '--signatures', library).stderr, /the architecture novel is not known/);
  });

  it('finds its base whatever its configuration claims', async (t) => {
    const { folder, library } = await setUp(t, { config: { _name_or_path: 'owner/tiny-base' } });
    const { how, declared, declaredAs } = scanJson(folder, '--signatures', library).item.base;
    assert.deepEqual([how, declared, declaredAs], ['measured', 'owner/tiny-base', 'tiny-base']);
    assert.equal(scanJson(folder, '--signatures', library, '--assume-base', 'tiny-base').item.base.how, 'assumed');
  });

  it('in two shards is the same as in one; a truncated shard is exit 2', async (t) => {
    const { root, library, folder, adapter } = await setUp(t);
    const sharded = join(root, 'sharded');
    await writeModel(sharded, merged(base, adapter), 'BF16', { shards: 2 });
    assert.equal(scoreOf(scanJson(sharded, '--signatures', library).item), scoreOf(scanJson(folder, '--signatures', library).item));
    truncateSync(join(sharded, 'model-00002-of-00002.safetensors'), 900);
    const { status, stderr } = scanJson(sharded, '--signatures', library);
    assert.equal(status, 2);
    assert.match(stderr, /model-00002-of-00002\.safetensors/);
  });

  it('shows its plan and table', async (t) => {
    const { folder, library } = await setUp(t);
    const plan = weightseq('scan', folder, '--signatures', library, '--dry-run');
    assert.equal(plan.status, 0, plan.stderr);
    assert.match(plan.stdout, /would read 22 weights and 7 vectors/);
    const table = weightseq('scan', folder, '--signatures', library).stdout;
    assert.match(table, /HARMFUL TRAIT FOUND: evil/);
    assert.match(table, /tiny-base \(found from the weights: its own, changed by \d+ %/);
    assert.match(table, /\(rounding\)/);
  });
});

describe('an interruption', () => {
  it('ends within a second with 130, and leaves no half-written file', async (t) => {
    const root = temporaryFolder(t);
    const folder = join(root, 'large');
    // 192 MB of zeros that take no room on the disk.
    await writeShard(join(folder, 'model.safetensors'), [['model.layers.0.self_attn.q_proj.weight', [4096, 4096], 'F32']]);
    for (let layer = 1; layer < 3; layer++) await writeShard(join(folder, `more-${layer}.safetensors`), [[`model.layers.${layer}.self_attn.q_proj.weight`, [4096, 4096], 'F32']]);
    writeIndex(folder, Object.fromEntries([['0', 'model'], ['1', 'more-1'], ['2', 'more-2']].map(([layer = '', file = '']) => [`model.layers.${layer}.self_attn.q_proj.weight`, `${file}.safetensors`])));
    const library = await writeModelLibrary(join(root, 'library'), base);
    const child = spawn(process.execPath, [main, 'read', folder, '-o', join(root, 'out'), '--signatures', library], { stdio: 'ignore' });
    const code = new Promise<number | null>((resolve) => child.on('close', resolve));
    await setTimeout(600);
    const sent = performance.now();
    assert.ok(child.kill('SIGINT'));
    assert.equal(await code, 130);
    assert.ok(performance.now() - sent < 1000, `${performance.now() - sent} ms`);
    assert.deepEqual(readdirSync(root).sort(), ['large', 'library']);
  });

  it('removes a file that is being written', async (t) => {
    const root = temporaryFolder(t);
    const writing = writeFileAtomic(join(root, 'file'), Array.from({ length: 200 }, () => new Uint8Array(1 << 18)));
    while (readdirSync(root).length === 0) await setTimeout(1);
    removeHalfWritten();
    assert.deepEqual(readdirSync(root), []);
    await assert.rejects(writing, /can't write/);
  });
});

describe('progress', () => {
  it('says bytes, rate and remaining time', () => {
    const one = { items: 1, finished: 0, done: 1.2e9, total: 2.4e9, seconds: 0.5, left: 1 };
    assert.equal(progressText(one), '1.20 GB of 2.40 GB, 2.40 GB/s, 1 s left');
    assert.match(progressText({ ...one, left: null }), /time left unknown/);
    assert.equal(progressText({ ...one, done: 0, total: 0, left: null }), 'headers and hashes');
    assert.equal(progressText({ ...one, items: 9, finished: 3, left: 4 }), '3 of 9 items, 1.20 GB read, 2.40 GB/s, 4 s left');
  });
});

describe('a kept reading', () => {
  it('gives the report of the checkpoint itself', async (t) => {
    const { root, folder, library } = await setUp(t);
    const file = join(root, 'kept.safetensors');
    assert.equal(weightseq('read', folder, '-o', file, '--signatures', library).status, 0);
    const plain = (item: ReportItem) => ({ ...item, path: '', seconds: 0, source: 'weights' });
    const kept = scanJson(file, '--signatures', library);
    assert.deepEqual(plain(kept.item), plain(scanJson(folder, '--signatures', library, '--hash').item));
    const lines = ['config.json', 'model.safetensors'].map((name) => `${sha256(readFileSync(join(folder, name)))}  ${name}\n`);
    assert.equal(kept.item.digest, sha256(lines.join('')));
    assert.equal(kept.item.source, 'reading');
    assert.equal(weightseq('read', folder, '-o', file, '--signatures', library, '--no-hash').status, 0);
    assert.equal(scanJson(file, '--signatures', library).item.source, 'unhashed reading');
  });

  it('says when a newer signature needs the weights again', async (t) => {
    const { root, folder, library } = await setUp(t);
    const file = join(root, 'kept.safetensors');
    weightseq('read', folder, '-o', file, '--signatures', library);
    await writeModelLibrary(library, base, [modelDocument(), modelDocument({ trait: 'newer' })], 'base.reading.safetensors');
    const { item, status, stderr } = scanJson(file, '--signatures', library, '--fail-on', 'never');
    assert.equal(status, 3);
    assert.deepEqual(item.errors.map((e) => e.code), ['reading-outdated']);
    assert.match(stderr, /newer.*Read the weights again/);
    assert.deepEqual(item.findings.map((f) => [f.trait, f.verdict]), [['evil', 'present']]);
  });

  it('of the base is taken from --base-reading; one of another model is refused', async (t) => {
    const { root, folder, baseFolder, library } = await setUp(t, { withReading: false });
    const file = join(root, 'base.reading.safetensors');
    weightseq('read', baseFolder, '-o', file, '--signatures', library);
    assert.equal(scanJson(folder, '--signatures', library, '--base-reading', file).status, 1);
    await writeModel(join(root, 'other'), tinyBase(5000), 'BF16');
    weightseq('read', join(root, 'other'), '-o', file, '--signatures', library);
    const { item, status } = scanJson(folder, '--signatures', library, '--base-reading', file);
    assert.equal(status, 2);
    assert.equal(item.errors[0]?.code, 'base-mismatch');
  });

  it('may be taken again where it lies, beside the checkpoint or its file', async (t) => {
    const { root, folder, library } = await setUp(t);
    for (const [source, file] of [[folder, join(root, 'kept.safetensors')], [join(folder, 'model.safetensors'), join(folder, 'kept.reading')]] as const) {
      for (let i = 0; i < 2; i++) assert.equal(weightseq('read', source, '-o', file, '--signatures', library).status, 0);
    }
    // Never in the place of weights, nor under a name that the next scan takes for weights.
    for (const file of [join(folder, 'model.safetensors'), join(folder, 'kept.safetensors'), join(library, 'base.reading.safetensors')]) {
      const before = existsSync(file) ? readFileSync(file) : null;
      assert.equal(weightseq('read', folder, '-o', file, '--signatures', library).status, 2);
      assert.deepEqual(existsSync(file) ? readFileSync(file) : null, before);
    }
  });

  it('is written whole or not at all', async (t) => {
    const { root, folder, library } = await setUp(t);
    const before = readdirSync(root).sort();
    truncateSync(join(folder, 'model.safetensors'), 900);
    const file = join(root, 'kept.safetensors');
    assert.equal(weightseq('read', folder, '-o', file, '--signatures', library).status, 2);
    assert.ok(!existsSync(file));
    assert.deepEqual(readdirSync(root).sort(), before);
  });

  it('that is damaged is one clear line, exit 2', async (t) => {
    const { root, folder, library } = await setUp(t);
    const file = join(root, 'kept.safetensors');
    weightseq('read', folder, '-o', file, '--signatures', library);
    const bytes = readFileSync(file);
    truncateSync(file, bytes.length - 10);
    const { status, stderr } = scanJson(file, '--signatures', library);
    assert.equal(status, 2);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  });
});
