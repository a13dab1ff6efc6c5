/** The index of a model in shards against the shards, and links in a model's folder: one clear error for each disagreement. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { enterFolder, fileIn, openShards } from '../../src/safetensors/folder.js';
import { parseIndex } from '../../src/safetensors/shards.js';
import { writeIndex, writeShard } from '../helpers/checkpoints.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { rejected, thrown } from '../helpers/safetensors.js';

const INDEX = 'model.safetensors.index.json';
const [ONE, TWO] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];

/** Two shards with the tensors a, b and c. */
async function sharded(t: TestContext, folder = join(temporaryFolder(t), 'model')): Promise<string> {
  await writeShard(join(folder, ONE), [['a', [2]], ['b', [3]]]);
  await writeShard(join(folder, TWO), [['c', [4]]]);
  writeIndex(folder, { a: ONE, b: ONE, c: TWO });
  return folder;
}
const open = async (folder: string): Promise<Awaited<ReturnType<typeof openShards>>> => openShards(await enterFolder(folder));
const index = (text: string): ReturnType<typeof parseIndex> => parseIndex(Buffer.from(text), INDEX);

describe('shards', () => {
  it('that agree with their index', async (t) => {
    const folder = await sharded(t);
    const { tensors, hidden, files, names } = await open(folder);
    assert.deepEqual(tensors.map(({ name, file }) => [name, basename(file)]), [['a', ONE], ['b', ONE], ['c', TWO]]);
    assert.deepEqual([hidden, names, files.map(({ file }) => file)], [[], [ONE, TWO], [join(folder, ONE), join(folder, TWO)]]);
  });

  it('in a folder beneath', async (t) => {
    const folder = temporaryFolder(t);
    await writeShard(join(folder, 'sub', 'x.safetensors'), [['a', [1]]]);
    writeIndex(folder, { a: 'sub/x.safetensors' });
    assert.equal((await open(folder)).tensors.length, 1);
  });

  it('with a tensor that the index hides', async (t) => {
    const folder = await sharded(t);
    writeIndex(folder, { a: ONE, c: TWO });
    const { tensors, hidden } = await open(folder);
    assert.deepEqual([tensors.map(({ name }) => name), hidden.map(({ name }) => name)], [['a', 'c'], ['b']]);
  });

  it('without a tensor that the index lists', async (t) => {
    const folder = await sharded(t);
    writeIndex(folder, { a: ONE, b: ONE, c: TWO, 'd\u202e': TWO });
    const error = await rejected(open(folder));
    assert.deepEqual([error.code, error.tensor, error.file], ['weights-missing', 'd\\u{202e}', join(folder, TWO)]);
    assert.match(error.message, /in no shard/);
    writeIndex(folder, { a: ONE, b: TWO, c: TWO });
    assert.match((await rejected(open(folder))).message, /expected the tensor in "model-00002.*found it in "model-00001/);
  });

  it('with a tensor in two of them, listed or not', async (t) => {
    const folder = await sharded(t);
    await writeShard(join(folder, TWO), [['c', [4]], ['b', [3]]]);
    for (const map of [{ a: ONE, b: ONE, c: TWO }, { a: ONE, c: TWO }]) {
      writeIndex(folder, map);
      const error = await rejected(open(folder));
      assert.deepEqual([error.code, error.tensor], ['duplicate-key', 'b']);
    }
  });

  it('of which one is missing, or a link to nothing', async (t) => {
    const folder = await sharded(t);
    rmSync(join(folder, TWO));
    assert.equal((await rejected(open(folder))).code, 'weights-missing');
    symlinkSync('nowhere', join(folder, TWO));
    const error = await rejected(open(folder));
    assert.deepEqual([error.code, error.file], ['weights-missing', join(folder, TWO)]);
  });

  it('of which one is truncated, empty, a folder or a pointer', async (t) => {
    const folder = await sharded(t);
    const path = join(folder, TWO);
    truncateSync(path, 76);
    assert.equal((await rejected(open(folder))).code, 'file-truncated');
    truncateSync(path, 0);
    assert.equal((await rejected(open(folder))).code, 'empty-file');
    writeFileSync(path, 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n');
    assert.equal((await rejected(open(folder))).code, 'git-lfs-pointer');
    rmSync(path);
    mkdirSync(path);
    assert.equal((await rejected(open(folder))).code, 'not-a-file');
  });
});

describe('an index', () => {
  const REFUSED: readonly (readonly [text: string, code: string, message: RegExp])[] = [
    ['', 'config-invalid', /index to start with "\{"/], ['[]', 'config-invalid', /index to start/], ['{', 'config-invalid', /strict JSON in the index/],
    ['{"weight_map": {"a": "x.safetensors",}}', 'config-invalid', /strict JSON/], ['{} // no', 'config-invalid', /strict JSON/],
    ['{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}', 'duplicate-key', /"a" twice/],
    ['{"weight_map": {}, "weight_map": {}}', 'duplicate-key', /"weight_map" twice/],
    ['{}', 'config-invalid', /found none/], ['{"weight_map": []}', 'config-invalid', /something else/], ['{"weight_map": {"a": 1}}', 'config-invalid', /name of a file/],
    ['{"weight_map": {"a": null}}', 'config-invalid', /name of a file/], ['{"weight_map": {"a": {"b": "c"}}}', 'config-invalid', /name of a file/],
    ['{"weight_map": {}}', 'weights-missing', /empty/], ['{"metadata": {"a": {"b": {"c": 1}}}}', 'config-invalid', /deep in the index/],
    ['version https://git-lfs.github.com/spec/v1\n', 'git-lfs-pointer', /git-LFS/],
  ];
  for (const [text, code, message] of REFUSED) {
    it(`${JSON.stringify(text)} is refused`, () => {
      const error = thrown(() => index(text));
      assert.deepEqual([error.code, error.file, error.exitCode], [code, INDEX, 2]);
      assert.match(error.message, message);
    });
  }

  it('is refused when it is too large or not UTF-8', () => {
    assert.match(thrown(() => parseIndex(null, INDEX)).message, /at most 50000000 bytes/);
    assert.match(thrown(() => parseIndex(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), INDEX)).message, /UTF-8/);
  });

  for (const name of ['../x.safetensors', 'a/../../x.safetensors', '/etc/x.safetensors', '..\\x.safetensors', 'a\\x.safetensors', 'C:x.safetensors', './x.safetensors', 'a//x.safetensors',
    '', '.', '..', 'x.bin', 'x.safetensors/', 'x\u0000.safetensors', 'x\n.safetensors', '\u202ex.safetensors', `${'x'.repeat(1025)}.safetensors`, '~/x.pt']) {
    it(`does not name ${JSON.stringify(name.slice(0, 40))}`, () => {
      const error = thrown(() => index(JSON.stringify({ weight_map: { 'a.weight': name } })));
      assert.deepEqual([error.code, error.tensor], ['unsafe-name', 'a.weight']);
    });
  }

  it('takes no key for special', () => {
    assert.deepEqual([...index('{"weight_map": {"__proto__": "constructor.safetensors"}, "metadata": null}').tensors], [['__proto__', 'constructor.safetensors']]);
  });
});

describe('links', () => {
  it('of a model folder itself are followed, and within it', async (t) => {
    const folder = await sharded(t);
    mkdirSync(join(folder, 'data'));
    renameSync(join(folder, TWO), join(folder, 'data', 'two'));
    symlinkSync(join('data', 'two'), join(folder, TWO));
    const link = join(temporaryFolder(t), 'link');
    symlinkSync(folder, link);
    assert.deepEqual((await open(link)).files.map(({ file }) => file), [join(folder, ONE), join(folder, 'data', 'two')]);
  });

  it('that lead out of the folder are refused, for shards, index and folders beneath', async (t) => {
    const folder = await sharded(t);
    const other = await sharded(t);
    rmSync(join(folder, TWO));
    symlinkSync(join(other, TWO), join(folder, TWO));
    const error = await rejected(open(folder));
    assert.deepEqual([error.code, error.file], ['unsafe-name', join(folder, TWO)]);
    assert.match(error.message, /leads out of it/);
    rmSync(join(folder, INDEX));
    symlinkSync(join(other, INDEX), join(folder, INDEX));
    assert.equal((await rejected(open(folder))).code, 'unsafe-name');
    symlinkSync(other, join(folder, 'sub'));
    assert.equal((await rejected(fileIn(await enterFolder(folder), `sub/${ONE}`))).code, 'unsafe-name');
    symlinkSync(`${folder}-beside`, join(folder, 'loop'));
    symlinkSync(join(folder, 'loop'), `${folder}-beside`);
    assert.equal((await rejected(fileIn(await enterFolder(folder), 'loop'))).code, 'unreadable-file');
  });

  /** A repository of the Hugging Face cache; returns the folder of its one revision. */
  async function cached(t: TestContext, shared: boolean): Promise<string> {
    const hub = temporaryFolder(t);
    const repository = join(hub, 'models--owner--name'), snapshot = join(repository, 'snapshots', 'abc');
    await sharded(t, snapshot);
    mkdirSync(join(repository, 'blobs'));
    for (const [i, name] of [ONE, TWO, INDEX].entries()) {
      const blob = join(repository, 'blobs', `${i}`.repeat(64));
      if (shared) {
        const stored = join(hub, 'blobs', `a${i}`, 'ab'.repeat(32));
        mkdirSync(dirname(stored), { recursive: true });
        renameSync(join(snapshot, name), stored);
        symlinkSync(join('..', '..', 'blobs', `a${i}`, basename(stored)), blob);
      } else renameSync(join(snapshot, name), blob);
      symlinkSync(join('..', '..', 'blobs', basename(blob)), join(snapshot, name));
    }
    return snapshot;
  }

  it('of the Hugging Face cache are followed into its blobs, and into those that repositories share', async (t) => {
    for (const shared of [false, true]) {
      const snapshot = await cached(t, shared);
      const link = join(temporaryFolder(t), 'link');
      symlinkSync(snapshot, link);
      for (const path of [snapshot, link]) assert.equal((await open(path)).tensors.length, 3);
    }
  });

  it('of the cache to other repositories, or to what is no blob, are refused', async (t) => {
    const snapshot = await cached(t, false);
    const hub = join(snapshot, '..', '..', '..');
    for (const target of ['models--other--name/blobs/x', 'blobs/x', `blobs/aa/${'g'.repeat(64)}`, `blobs/../token`, 'models--owner--nameless/x']) {
      mkdirSync(dirname(join(hub, target)), { recursive: true });
      await writeShard(join(hub, target), [['c', [4]]]);
      rmSync(join(snapshot, TWO));
      symlinkSync(join(hub, target), join(snapshot, TWO));
      assert.equal((await rejected(open(snapshot))).code, 'unsafe-name', target);
    }
  });
});
