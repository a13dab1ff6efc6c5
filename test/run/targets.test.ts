import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { expandTargets, MAX_DEPTH, parseList } from '../../src/run/targets.js';
import { temporaryFolder, withoutRoot } from '../helpers/fixtures.js';

/** A folder with empty files of these names. */
function tree(t: TestContext, ...names: string[]): string {
  const root = temporaryFolder(t);
  for (const name of names) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), '');
  }
  return root;
}

/** What is found, relative to the folder; an error after its path. */
async function found(root: string, args: readonly string[], list = ''): Promise<string[]> {
  const targets = await expandTargets(args, () => Promise.resolve(list));
  return targets.map(({ path, error }) => relative(root, path) + (error ? ` !${error.code}` : ''));
}

const ADAPTER = ['adapter_config.json', 'adapter_model.safetensors'];
const adapter = (folder: string) => ADAPTER.map((name) => `${folder}/${name}`);

describe('the targets of a run', () => {
  it('are the paths as given: files, adapters, checkpoints, what is not there', async (t) => {
    const root = tree(t, ...adapter('a'), 'm/config.json', 'm/model.safetensors', 'x.safetensors');
    assert.deepEqual(await found(root, ['x.safetensors', 'm', 'a', 'none'].map((p) => join(root, p))), ['x.safetensors', 'm', 'a', 'none']);
  });

  it('are each taken once, however they are spelt', async (t) => {
    const root = tree(t, ...adapter('a'), ...adapter('b'));
    symlinkSync('a', join(root, 'link'));
    assert.deepEqual(await found(root, [join(root, 'a'), root, join(root, 'a/../a'), join(root, 'link')]), ['a', 'b']);
  });

  it('of a folder of many are sorted, found at any depth, below others too', async (t) => {
    const root = tree(t, ...adapter('runs/2/last'), ...adapter('runs/10'), ...adapter('runs/10/checkpoint-5'), 'runs/model/config.json', 'runs/model/model-00001-of-00002.safetensors',
      'runs/model/model-00002-of-00002.safetensors', 'runs/notes.txt', 'runs/tokenizer/config.json', 'runs/.git/objects/model.safetensors');
    assert.deepEqual(await found(root, [join(root, 'runs')]), ['runs/10', 'runs/10/checkpoint-5', 'runs/2/last', 'runs/model']);
  });

  it('of a folder that is one itself are that one alone', async (t) => {
    const root = tree(t, ...adapter('run'), ...adapter('run/checkpoint-5'));
    assert.deepEqual(await found(root, [join(root, 'run')]), ['run']);
  });

  it('include what only looks like a model: nothing that some loader takes is passed over', async (t) => {
    const root = tree(t, 'in/pickle/adapter_config.json', 'in/pickle/adapter_model.bin', 'in/half/adapter_config.json', 'in/loose/b.gguf', 'in/loose/a.safetensors', 'in/old/pytorch_model.bin',
      'in/unet/config.json', 'in/unet/diffusion_pytorch_model.safetensors', 'in/kept/m.reading', 'in/train/optimizer.pt');
    assert.deepEqual(await found(root, [join(root, 'in')]), ['in/half', 'in/kept/m.reading', 'in/loose/a.safetensors', 'in/loose/b.gguf', 'in/old', 'in/pickle', 'in/unet']);
  });

  it('of a pattern are what it matches; a path of that name comes first', async (t) => {
    const root = tree(t, ...adapter('b1'), ...adapter('b2'), ...adapter('c'), ...adapter('[b]1'));
    assert.deepEqual(await found(root, [join(root, 'b*')]), ['b1', 'b2']);
    assert.deepEqual(await found(root, [join(root, '{c,b1}')]), ['b1', 'c']);
    assert.deepEqual(await found(root, [join(root, '[b]1')]), ['[b]1']);
  });

  it('of a pattern lie behind links too, and what may not be looked into is said', async (t) => {
    const root = tree(t, ...adapter('in/a/m'), ...adapter('real/m'), ...adapter('in/secret/m'));
    symlinkSync(join(root, 'real'), join(root, 'in/b'));
    symlinkSync(join(root, 'in'), join(root, 'in/a/again'));
    assert.deepEqual(await found(root, [join(root, 'in/*/m')]), ['in/a/m', 'in/b/m', 'in/secret/m']);
    assert.deepEqual(await found(root, [join(root, 'in/**/adapter_config.json')]), ['in/a/m/adapter_config.json', 'in/b/m/adapter_config.json', 'in/secret/m/adapter_config.json']);
    assert.deepEqual(await found(root, [join(root, '{real,in/a}/m')]), ['in/a/m', 'real/m']);
    chmodSync(join(root, 'in/secret'), 0);
    try {
      await withoutRoot(root, async () => {
        assert.deepEqual(await found(root, [join(root, 'in/*/m')]), ['in/secret/m !unreadable-file', 'in/a/m', 'in/b/m']);
        assert.deepEqual(await found(root, [join(root, 'in/**/adapter_config.json')]), ['in/secret/adapter_config.json !unreadable-file', 'in/secret !unreadable-file', 'in/a/m/adapter_config.json', 'in/b/m/adapter_config.json']);
      });
    } finally {
      chmodSync(join(root, 'in/secret'), 0o700);
    }
  });

  it('of nothing are an error that says so', async (t) => {
    const root = tree(t, 'empty/notes.txt', 'model/config.json');
    assert.deepEqual(await found(root, [join(root, 'empty'), join(root, 'x*')]), ['empty !not-a-model', 'x* !not-found']);
    // Its own scan says what is missing from it.
    assert.deepEqual(await found(root, [join(root, 'model')]), ['model']);
  });

  it('say what lies too deep to be looked into', async (t) => {
    const deep = Array.from({ length: MAX_DEPTH }, (_, i) => String(i)).join('/');
    const root = tree(t, ...adapter(`in/${deep}`), ...adapter(`in/${deep}/more`));
    assert.deepEqual(await found(root, [join(root, 'in')]), [`in/${deep}`, `in/${deep} !unreadable-file`]);
  });

  it('end with links that lead round in a circle, and follow others', async (t) => {
    const root = tree(t, ...adapter('in/a'), ...adapter('elsewhere/b'));
    symlinkSync('..', join(root, 'in/a/up'));
    symlinkSync(join(root, 'elsewhere'), join(root, 'in/far'));
    assert.deepEqual(await found(root, [join(root, 'in')]), ['in/a', 'in/far/b']);
  });

  it('name a folder that may not be looked into', { skip: process.platform === 'win32' }, async (t) => {
    const root = tree(t, ...adapter('in/a'), ...adapter('in/b'));
    chmodSync(join(root, 'in/b'), 0);
    try {
      assert.deepEqual(await withoutRoot(root, () => found(root, [join(root, 'in')])), ['in/a', 'in/b !unreadable-file']);
    } finally {
      chmodSync(join(root, 'in/b'), 0o755);
    }
  });

  it('come from stdin for -, once', async (t) => {
    const root = tree(t, ...adapter('a'), ...adapter('b'));
    assert.deepEqual(await found(root, ['-', join(root, 'a')], `${join(root, 'b')}\n`), ['b', 'a']);
    await assert.rejects(found(root, ['-', '-'], 'x'), /only once/);
    await assert.rejects(found(root, ['-'], '\n\n'), /names no path/);
  });

  it('of a list are one a line, or between NULs', () => {
    assert.deepEqual(parseList('a b\r\nc\n\nd'), ['a b', 'c', 'd']);
    assert.deepEqual(parseList('a\nb\0c\0'), ['a\nb', 'c']);
  });
});
