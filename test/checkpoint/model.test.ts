/** What lies at the path of a whole model: a checkpoint, with a Gap for what is beside it, or one clear error. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { locateModel } from '../../src/checkpoint/model.js';
import { writeIndex, writeShard } from '../helpers/checkpoints.js';
import { fixture, temporaryFolder, withoutRoot } from '../helpers/fixtures.js';
import { rejected } from '../helpers/safetensors.js';

const CONFIG = 'config.json', SINGLE = 'model.safetensors', INDEX = 'model.safetensors.index.json';
const ONE = 'model-00001-of-00002.safetensors', TWO = 'model-00002-of-00002.safetensors';

/** A copy of a model that transformers saved. */
function copy(t: TestContext, name: string): string {
  const folder = join(temporaryFolder(t), 'model');
  cpSync(fixture(`models/${name}`), folder, { recursive: true });
  return folder;
}
const gapNames = async (path: string): Promise<string[]> => (await locateModel(path)).gaps.map(({ name }) => name);

describe('a model', () => {
  it('is found by its folder, its file or its configuration, alike but for the path', async (t) => {
    const folder = copy(t, 'llama');
    const found = await locateModel(folder);
    assert.deepEqual([found.path, found.kind, found.files, found.architecture, found.weights.length, found.vectors.length, found.gaps],
      [folder, 'checkpoint', [join(folder, SINGLE)], { name: 'llama', known: true }, 16, 5, []]);
    for (const path of [join(folder, SINGLE), join(folder, CONFIG), `${folder}/`]) assert.deepEqual(await locateModel(path), { ...found, path });
  });

  it('in shards is found by its folder or its index, with the same weights as in one file', async (t) => {
    const folder = copy(t, 'llama-sharded');
    const found = await locateModel(folder);
    assert.deepEqual(found.files, [join(folder, ONE), join(folder, TWO)]);
    assert.deepEqual(await locateModel(join(folder, INDEX)), { ...found, path: join(folder, INDEX) });
    const whole = await locateModel(fixture('models/llama'));
    assert.deepEqual(found.weights.map(({ name, shape }) => [name, shape]), whole.weights.map(({ name, shape }) => [name, shape]));
    assert.equal(found.bytes, whole.bytes);
  });

  it('of which one shard is given is read so far, with a Gap for the others', async (t) => {
    const folder = copy(t, 'llama-sharded');
    const found = await locateModel(join(folder, ONE));
    assert.deepEqual([found.files, found.gaps.map(({ name, reason }) => [name, /one of the 2 shards/.test(reason)])], [[join(folder, ONE)], [[ONE, true]]]);
    writeFileSync(join(folder, INDEX), '{');
    assert.ok((await gapNames(join(folder, ONE))).includes(INDEX));
  });

  it('in a file of any name is read when it is given', async (t) => {
    const folder = copy(t, 'llama');
    renameSync(join(folder, SINGLE), join(folder, 'mine.safetensors'));
    assert.equal((await locateModel(join(folder, 'mine.safetensors'))).weights.length, 16);
    const link = join(temporaryFolder(t), 'link.safetensors'); // named by the user, so that it may lead anywhere
    symlinkSync(join(folder, 'mine.safetensors'), link);
    assert.deepEqual((await locateModel(link)).files, [join(folder, 'mine.safetensors')]);
  });

  it('in the Hugging Face cache is read through its links', async (t) => {
    const hub = temporaryFolder(t);
    const repository = join(hub, 'models--owner--llama'), snapshot = join(repository, 'snapshots', '0123abc');
    cpSync(fixture('models/llama-sharded'), snapshot, { recursive: true });
    mkdirSync(join(repository, 'blobs'));
    for (const [i, name] of [CONFIG, INDEX, ONE, TWO].entries()) {
      renameSync(join(snapshot, name), join(repository, 'blobs', `${i}`));
      symlinkSync(join('..', '..', 'blobs', `${i}`), join(snapshot, name));
    }
    const found = await locateModel(snapshot);
    assert.deepEqual([found.files, found.weights.length, found.architecture.known, found.gaps], [[join(repository, 'blobs', '2'), join(repository, 'blobs', '3')], 16, true, []]);
    assert.deepEqual((await locateModel(join(snapshot, ONE))).gaps.map(({ name }) => name), [ONE]);
    assert.match((await rejected(locateModel(repository))).mend ?? '', /snapshots/);
  });

  it('has a Gap for each file beside it that some loader may take, and none for what trainers leave', async (t) => {
    const others = ['adapter_model.safetensors', 'consolidated.00.pth', 'consolidated.safetensors', 'model.fp16.safetensors', 'pytorch_model-00001-of-00002.bin', 'pytorch_model.bin', 'x.gguf'];
    for (const name of ['llama', 'llama-sharded']) {
      const folder = copy(t, name);
      for (const other of others) writeFileSync(join(folder, other), '12345');
      for (const other of ['optimizer.pt', 'training_args.bin', 'README.md', 'tokenizer.json', 'generation_config.json']) writeFileSync(join(folder, other), '');
      assert.deepEqual((await locateModel(folder)).gaps.map((gap) => [gap.name, gap.bytes]), others.map((other) => [other, 5]));
    }
  });

  it('has a Gap for a shard that the index leaves out, and for a tensor that it hides', async (t) => {
    const folder = copy(t, 'llama-sharded');
    await writeShard(join(folder, 'model-00003-of-00003.safetensors'), [['evil', [2, 2]]]);
    cpSync(join(fixture('models/llama'), SINGLE), join(folder, SINGLE)); // which transformers prefers to the index
    const map = (JSON.parse(readFileSync(join(folder, INDEX), 'utf8')) as { weight_map: Record<string, string> }).weight_map;
    const { 'model.norm.weight': hidden, ...listed } = map;
    assert.equal(typeof hidden, 'string');
    writeIndex(folder, listed);
    const found = await locateModel(folder);
    assert.deepEqual(found.gaps.map(({ name, bytes }) => [name, bytes > 0]), [['model.norm.weight', true], ['model-00003-of-00003.safetensors', true], [SINGLE, true]]);
    assert.ok(!found.vectors.some(({ name }) => name === 'norm'));
  });

  it('is read by names and shapes without config.json, and without a Gap for that', async (t) => {
    const folder = copy(t, 'qwen2');
    const before = await locateModel(folder);
    rmSync(join(folder, CONFIG));
    const decides = before.decides.filter(({ name }) => name !== CONFIG);
    assert.equal(decides.length, before.decides.length - 1);
    assert.deepEqual(await locateModel(folder), { ...before, decides, architecture: { name: null, known: false } });
  });

  it('is read by names and shapes with a broken config.json, and a Gap says why', async (t) => {
    const folder = copy(t, 'llama');
    const path = join(folder, CONFIG);
    const outside = join(temporaryFolder(t), CONFIG);
    writeFileSync(outside, '{"model_type": "llama"}');
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const broken: readonly (readonly [() => void, RegExp])[] = [
      ...['', '{', '[]', 'null', '{"a": NaN}'].map((text) => [() => { writeFileSync(path, text); }, /JSON/] as const),
      [() => { writeFileSync(path, '{"model_type": "llama", "model_type": "gpt2"}'); }, /"model_type" twice/],
      [() => { writeFileSync(path, '{"model_type": 5}'); }, /model_type/],
      [() => { writeFileSync(path, '{"model_type": "\\u001b[31m"}'); }, /"\\u\{1b\}\[31m"/],
      [() => { writeFileSync(path, '['.repeat(100_000)); }, /JSON/],
      [() => { writeFileSync(path, `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`); }, /deep/],
      [() => { writeFileSync(path, Uint8Array.of(0x7b, 0xff, 0x7d)); }, /UTF-8/],
      [() => { writeFileSync(path, 'version https://git-lfs.github.com/spec/v1\n'); }, /git-LFS/],
      [() => { truncateSync(path, 10_000_001); }, /at most 10000000/],
      [() => { symlinkSync(outside, path); }, /leads out of it/],
      [() => { symlinkSync('nowhere', path); }, /link to nothing/],
      [() => { symlinkSync(pipe, path); }, /regular file/],
    ];
    for (const [write, why] of broken) {
      if (!why.source.includes('at most')) rmSync(path, { force: true });
      write();
      const { gaps, weights, architecture } = await locateModel(folder);
      assert.deepEqual([gaps.map(({ name }) => name), weights.length, architecture], [[CONFIG], 16, { name: null, known: false }], String(why));
      assert.match(gaps[0]?.reason ?? '', why);
    }
  });

  it('of an architecture that the table lacks says so', async (t) => {
    const folder = copy(t, 'llama');
    writeFileSync(join(folder, CONFIG), '{"model_type": "novel"}');
    const { architecture, weights, gaps } = await locateModel(folder);
    assert.deepEqual([architecture, weights.length, gaps], [{ name: 'novel', known: false }, 16, []]);
  });
});

describe('no model', () => {
  it('nothing there, or a link to nothing', async (t) => {
    const folder = temporaryFolder(t);
    symlinkSync('nowhere', join(folder, 'link'));
    for (const path of ['absent', 'link', 'absent/deeper', `absent/${CONFIG}`]) assert.equal((await rejected(locateModel(join(folder, path)))).code, 'not-found');
  });

  const FOLDERS: readonly (readonly [files: readonly string[], code: string, message: RegExp])[] = [
    [[], 'not-a-model', /found neither/], [['README.md', CONFIG], 'not-a-model', /found neither/],
    [['a.safetensors'], 'not-a-model', /found only "a\.safetensors"/],
    [[ONE, TWO, CONFIG], 'weights-missing', /index\.json beside 2 safetensors files/],
    [['pytorch_model.bin', CONFIG], 'pickle', /never executed/], [['consolidated.00.pth'], 'pickle', /never executed/],
    [['x.Q4_K_M.gguf'], 'gguf', /GGUF/], [['optimizer.pt'], 'not-a-model', /found neither/],
  ];
  for (const [files, code, message] of FOLDERS) {
    it(`a folder with ${files.join(', ') || 'nothing'}`, async (t) => {
      const folder = temporaryFolder(t);
      for (const name of files) writeFileSync(join(folder, name), '{}');
      const error = await rejected(locateModel(folder));
      assert.deepEqual([error.code, error.exitCode, error.file], [code, 2, folder]);
      assert.match(error.message, message);
    });
  }

  it('a file without any tensor, of another kind, or that leads out of the folder', async (t) => {
    const folder = copy(t, 'llama');
    await writeShard(join(folder, SINGLE), []);
    assert.equal((await rejected(locateModel(folder))).code, 'weights-missing');
    const other = copy(t, 'llama');
    rmSync(join(folder, SINGLE));
    symlinkSync(join(other, SINGLE), join(folder, SINGLE));
    assert.equal((await rejected(locateModel(folder))).code, 'unsafe-name');
    assert.equal((await locateModel(join(folder, SINGLE))).weights.length, 16);
    assert.equal(basename((await rejected(locateModel(fixture('make_models.py')))).file ?? ''), 'make_models.py');
  });

  it('an index that does not fit, as an error of the folder', async (t) => {
    const folder = copy(t, 'llama-sharded');
    rmSync(join(folder, TWO));
    assert.equal((await rejected(locateModel(folder))).code, 'weights-missing');
    writeIndex(folder, { a: '../x.safetensors' });
    assert.equal((await rejected(locateModel(folder))).code, 'unsafe-name');
  });

  it('a folder without permission', async (t) => {
    const folder = copy(t, 'llama');
    chmodSync(folder, 0);
    try {
      assert.equal(await withoutRoot(dirname(folder), async () => (await rejected(locateModel(folder))).code), 'unreadable-file');
    } finally {
      chmodSync(folder, 0o700);
    }
  });
});
