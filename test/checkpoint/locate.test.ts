/** What lies at a path: one clear error for each thing that is no adapter, naming the file and what to do. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { execFileSync } from 'node:child_process';
import { locate } from '../../src/checkpoint/locate.js';
import { WeightseqError } from '../../src/errors.js';
import { writeSafetensors } from '../../src/safetensors/writer.js';
import { fixture, temporaryFolder, withoutRoot } from '../helpers/fixtures.js';

/** A copy of an adapter that PEFT saved. */
function adapter(t: TestContext): string {
  const folder = join(temporaryFolder(t), 'adapter');
  cpSync(fixture('peft/plain'), folder, { recursive: true });
  return folder;
}
const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';

async function fails(path: string, code: string, message: RegExp): Promise<WeightseqError> {
  try {
    await locate(path);
  } catch (error) {
    assert.ok(error instanceof WeightseqError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.ok(error.file !== undefined && error.mend !== undefined);
    return error;
  }
  return assert.fail('nothing was thrown');
}

describe('an adapter', () => {
  it('is found by its folder, its weights or its configuration, alike but for the path', async (t) => {
    const folder = adapter(t);
    const found = await locate(folder);
    assert.deepEqual([found.kind, found.path, found.baseClaim, found.weights.length, found.gaps], ['adapter', folder, 'tiny-llama', 4, []]);
    assert.deepEqual(found.files, [join(folder, WEIGHTS)]);
    for (const path of [join(folder, WEIGHTS), join(folder, CONFIG), `${folder}/`]) assert.deepEqual(await locate(path), { ...found, path });
  });

  it('is found through links, as in the Hugging Face cache, with the real path of its file', async (t) => {
    const folder = adapter(t);
    const blobs = join(folder, '..', 'blobs'), snapshot = join(folder, '..', 'snapshot');
    mkdirSync(blobs);
    mkdirSync(snapshot);
    for (const [i, name] of [CONFIG, WEIGHTS].entries()) {
      renameSync(join(folder, name), join(blobs, `${i}`));
      symlinkSync(join('..', 'blobs', `${i}`), join(snapshot, name));
    }
    assert.deepEqual((await locate(snapshot)).files, [join(blobs, '1')]);
    assert.equal((await locate(join(snapshot, WEIGHTS))).weights.length, 4);
    await fails(join(blobs, '1'), 'config-missing', /beside the file/);
  });

  it('under another name is read as named, and a Gap tells of the one that PEFT would load', async (t) => {
    const folder = adapter(t);
    cpSync(join(folder, WEIGHTS), join(folder, 'other.safetensors'));
    const { files, gaps } = await locate(join(folder, 'other.safetensors'));
    assert.deepEqual([files, gaps.map(({ name }) => name)], [[join(folder, 'other.safetensors')], [WEIGHTS]]);
  });

  it('has a Gap for each file beside it that some loader may take, and none for what trainers leave', async (t) => {
    const folder = adapter(t);
    for (const name of ['adapter_model.bin', 'model.safetensors', 'pytorch_model-00001-of-00002.bin', 'x.gguf', 'new_embeddings.safetensors', 'consolidated.00.pth']) writeFileSync(join(folder, name), '12345');
    for (const name of ['optimizer.pt', 'scheduler.pt', 'rng_state_0.pth', 'training_args.bin', 'README.md', 'tokenizer.json', 'config.json', 'scaler.pt']) writeFileSync(join(folder, name), '');
    assert.deepEqual((await locate(folder)).gaps.map(({ name, bytes }) => [name, bytes]),
      [['adapter_model.bin', 5], ['consolidated.00.pth', 5], ['model.safetensors', 5], ['new_embeddings.safetensors', 5], ['pytorch_model-00001-of-00002.bin', 5], ['x.gguf', 5]]);
  });
});

describe('no adapter', () => {
  it('nothing there, or a link to nothing', async (t) => {
    const folder = temporaryFolder(t);
    symlinkSync('nowhere', join(folder, 'link'));
    for (const path of ['absent', 'link', 'absent/deeper', 'link/deeper']) await fails(join(folder, path), 'not-found', /nothing at this path/);
    await fails(join(adapter(t), WEIGHTS, 'deeper'), 'not-found', /nothing/);
  });

  it('an empty folder', async (t) => {
    const error = await fails(temporaryFolder(t), 'not-a-model', /found neither/);
    assert.equal(error.exitCode, 2);
  });

  it('a folder with another safetensors file', async (t) => {
    const folder = adapter(t);
    rmSync(join(folder, CONFIG));
    renameSync(join(folder, WEIGHTS), join(folder, 'lora.safetensors'));
    assert.match((await fails(folder, 'not-a-model', /found neither/)).mend ?? '', /"lora\.safetensors" itself/);
  });

  it('without a configuration', async (t) => {
    const folder = adapter(t);
    rmSync(join(folder, CONFIG));
    await fails(folder, 'config-missing', /beside adapter_model\.safetensors/);
    await fails(join(folder, WEIGHTS), 'config-missing', /beside the file/);
  });

  it('without weights: none, shards, or a pickle, which is not opened', async (t) => {
    const folder = adapter(t);
    rmSync(join(folder, WEIGHTS));
    await fails(folder, 'weights-missing', /found none/);
    writeFileSync(join(folder, 'adapter_model-00001-of-00002.safetensors'), '');
    await fails(folder, 'weights-missing', /found "adapter_model-00001-of-00002\.safetensors"/);
    writeFileSync(join(folder, 'adapter_model.bin'), '\x80\x02cposix\nsystem\n');
    await fails(folder, 'pickle', /never executed/);
    await fails(join(folder, 'adapter_model.bin'), 'pickle', /pickle/);
  });

  it('without any tensor', async (t) => {
    const folder = adapter(t);
    await writeSafetensors(join(folder, WEIGHTS), []);
    await fails(folder, 'weights-missing', /without any tensor/);
  });

  it('a folder of adapters: it names them, escaped, and the first few', async (t) => {
    const folder = adapter(t);
    const parent = join(folder, '..');
    await fails(parent, 'several-models', /found a folder of adapters: "adapter"$/);
    for (let i = 0; i < 6; i++) cpSync(folder, join(parent, `a\u001b${i}`), { recursive: true });
    await fails(parent, 'several-models', /"a\\u\{1b\}0", "a\\u\{1b\}1", "a\\u\{1b\}2", "a\\u\{1b\}3" and 3 more/);
  });

  it('a whole model: exit code 3', async (t) => {
    for (const name of ['config.json', 'model.safetensors', 'model-00001-of-00002.safetensors', 'model.safetensors.index.json', 'pytorch_model.bin', 'x.Q4_K_M.gguf', 'consolidated.00.pth']) {
      const folder = temporaryFolder(t);
      writeFileSync(join(folder, name), '{}');
      assert.equal((await fails(folder, 'unsupported-checkpoint', /whole model/)).exitCode, 3);
    }
    const file = join(temporaryFolder(t), 'model.safetensors');
    await writeSafetensors(file, [{ name: 'model.norm.weight', dtype: 'F32', shape: [1], data: new Uint8Array(4) }]);
    assert.equal((await fails(file, 'unsupported-checkpoint', /whole model/)).exitCode, 3);
  });

  it('a configuration that can\'t be one', async (t) => {
    const folder = adapter(t);
    const path = join(folder, CONFIG);
    const write = (text: string | Uint8Array): void => { rmSync(path, { recursive: true }); writeFileSync(path, text); };
    write('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n');
    await fails(folder, 'git-lfs-pointer', /git-LFS/);
    write(Uint8Array.of(0x7b, 0xff, 0x7d));
    await fails(folder, 'config-invalid', /UTF-8/);
    write('{"peft_type":"LORA","r":1,"r":2}');
    assert.equal((await fails(folder, 'duplicate-key', /"r" twice/)).file, path);
    write('{"peft_type":"VERA"}');
    assert.equal((await fails(folder, 'not-lora', /"VERA"/)).exitCode, 3);
    write('');
    truncateSync(path, 10_000_001);
    await fails(folder, 'config-invalid', /at most 10000000 bytes/);
    rmSync(path);
    mkdirSync(path);
    await fails(folder, 'config-missing', /beside/);
    await fails(join(folder, WEIGHTS), 'config-missing', /beside/);
  });

  it('a configuration that is a pipe: it is not waited for', async (t) => {
    const folder = adapter(t);
    const pipe = join(folder, '..', 'pipe');
    execFileSync('mkfifo', [pipe]);
    rmSync(join(folder, CONFIG));
    symlinkSync(pipe, join(folder, CONFIG));
    await fails(folder, 'not-a-file', /regular file/);
  });

  it('a file of another kind', async (t) => {
    const folder = adapter(t);
    await fails(fixture('make_peft.py'), 'text', /found text/);
    truncateSync(join(folder, WEIGHTS), 100);
    await fails(folder, 'header-truncated', /header|bytes/);
  });

  it('a folder without permission', { skip: process.platform === 'win32' }, async (t) => {
    const folder = adapter(t);
    const closed = join(folder, 'closed');
    mkdirSync(closed, 0);
    await withoutRoot(folder, () => fails(closed, 'unreadable-file', /EACCES/));
  });
});
