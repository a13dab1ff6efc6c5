import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, realpathSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { openSafetensors, readTensorBytes } from '../../src/safetensors/file.js';
import { fixture, temporaryFolder, withoutRoot } from '../helpers/fixtures.js';
import { entry, fileBytes, rejected } from '../helpers/safetensors.js';

/** Counts what is read through file handles: [position, bytes] of each read. */
async function countReads(t: TestContext): Promise<() => [position: number, bytes: number][]> {
  const handle = await open(fixture('safetensors/no-tensors.safetensors'));
  const prototype = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  const read = t.mock.method(prototype, 'read');
  return () => read.mock.calls.map((call) => {
    const [, , bytes, position] = call.arguments as readonly unknown[];
    return [Number(position), Number(bytes)];
  });
}

describe('openSafetensors reads', () => {
  test('the prefix and the header, and not a byte of data', async (t) => {
    const reads = await countReads(t);
    const path = fixture('safetensors/all-dtypes.safetensors');
    await openSafetensors(path);
    const header = Number(readFileSync(path).readBigUInt64LE());
    assert.deepEqual(reads(), [[0, 9], [8, header]]);
  });

  test('a header before 4 TiB of data', async (t) => {
    const path = join(temporaryFolder(t), 'sparse.safetensors');
    const head = fileBytes({ a: entry('F32', [2 ** 20, 2 ** 20], [0, 2 ** 42]) }, 0);
    writeFileSync(path, head);
    try {
      truncateSync(path, head.length + 2 ** 42);
    } catch {
      t.skip('no sparse files of that size here');
      return;
    }
    const reads = await countReads(t);
    const file = await openSafetensors(path);
    assert.equal(file.bytes, head.length + 2 ** 42);
    assert.equal(reads().reduce((sum, [, bytes]) => sum + bytes, 0), 9 + head.length - 8);
  });

  test('no header whose length is beyond the bound or the file', async (t) => {
    const folder = temporaryFolder(t);
    const reads = await countReads(t);
    for (const [length, code] of [[2n ** 63n, 'header-too-large'], [99_999_999n, 'header-truncated']] as const) {
      const bytes = Buffer.alloc(600, '\0');
      bytes.writeBigUInt64LE(length);
      bytes.write('{', 8);
      const path = join(folder, code);
      writeFileSync(path, bytes);
      assert.equal((await rejected(openSafetensors(path))).code, code);
    }
    assert.ok(reads().every(([position, bytes]) => position + bytes <= 512));
  });

  test('the bytes of one tensor, and no others', async (t) => {
    const tensor = (await openSafetensors(fixture('safetensors/all-dtypes.safetensors'))).tensors.get('truths');
    assert.ok(tensor !== undefined);
    const reads = await countReads(t);
    await readTensorBytes(tensor);
    assert.deepEqual(reads(), [[tensor.offset, 12]]);
  });
});

describe('a path', () => {
  test('with nothing at it: not-found', async (t) => {
    const folder = temporaryFolder(t);
    const error = await rejected(openSafetensors(join(folder, 'none')));
    assert.deepEqual([error.code, error.file, error.exitCode], ['not-found', join(folder, 'none'), 2]);
    assert.equal((await rejected(openSafetensors(join(fixture('safetensors/no-tensors.safetensors'), 'below')))).code, 'not-found');
  });

  test('that is a link without a target: not-found, and the mend speaks of links', async (t) => {
    const link = join(temporaryFolder(t), 'link');
    symlinkSync('nowhere', link);
    const error = await rejected(openSafetensors(link));
    assert.equal(error.code, 'not-found');
    assert.match(error.mend ?? '', /link/);
  });

  test('that is a loop of links, or holds NUL: unreadable-file', async (t) => {
    const link = join(temporaryFolder(t), 'link');
    symlinkSync('link', link);
    assert.match((await rejected(openSafetensors(link))).message, /ELOOP/);
    assert.equal((await rejected(openSafetensors('a\0b'))).code, 'unreadable-file');
  });

  test('through links gives the real path, as in the Hugging Face cache', async (t) => {
    const folder = realpathSync(temporaryFolder(t));
    mkdirSync(join(folder, 'blobs'));
    mkdirSync(join(folder, 'snapshots'));
    writeFileSync(join(folder, 'blobs', 'abc'), fileBytes({ a: entry('U8', [1], [0, 1]) }, 1));
    symlinkSync('../blobs/abc', join(folder, 'snapshots', 'model.safetensors'));
    const file = await openSafetensors(join(folder, 'snapshots', 'model.safetensors'));
    assert.equal(file.file, join(folder, 'blobs', 'abc'));
    assert.equal(file.tensors.get('a')?.file, file.file);
  });

  test('that is a folder: not-a-file', async (t) => {
    const error = await rejected(openSafetensors(temporaryFolder(t)));
    assert.equal(error.code, 'not-a-file');
    assert.match(error.message, /found a folder/);
  });

  test('that is a pipe: not-a-file, at once', { timeout: 5000, skip: process.platform === 'win32' }, async (t) => {
    const pipe = join(temporaryFolder(t), 'pipe');
    execFileSync('mkfifo', [pipe]);
    const error = await rejected(openSafetensors(pipe));
    assert.equal(error.code, 'not-a-file');
    assert.match(error.message, /found a pipe, socket or device/);
  });

  test('that is a device: not-a-file', { skip: process.platform === 'win32' }, async () => {
    assert.equal((await rejected(openSafetensors('/dev/null'))).code, 'not-a-file');
  });

  test('without permission: unreadable-file', { skip: process.platform === 'win32' }, async (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'secret');
    writeFileSync(path, 'x');
    chmodSync(path, 0);
    const error = await withoutRoot(folder, () => rejected(openSafetensors(path)));
    assert.equal(error.code, 'unreadable-file');
    assert.match(error.message, /no permission/);
  });
});

describe('a file cut off', () => {
  test('at each of its bytes is refused, and the reason follows from where', async (t) => {
    const whole = readFileSync(fixture('safetensors/name-order.safetensors'));
    const headerEnd = 8 + Number(whole.readBigUInt64LE());
    const path = join(temporaryFolder(t), 'cut');
    for (let size = 0; size < whole.length; size++) {
      writeFileSync(path, whole.subarray(0, size));
      const { code, message, mend } = await rejected(openSafetensors(path));
      assert.equal(code, size === 0 ? 'empty-file' : size < headerEnd ? 'header-truncated' : 'file-truncated', `${size}: ${message}`);
      assert.match(mend ?? '', /[Dd]ownload/);
    }
  });

  test('after it was opened: file-truncated, naming the tensor', async (t) => {
    const path = join(temporaryFolder(t), 'cut');
    writeFileSync(path, fileBytes({ a: entry('U8', [4], [0, 4]) }, 4));
    const tensor = (await openSafetensors(path)).tensors.get('a');
    assert.ok(tensor !== undefined);
    truncateSync(path, tensor.offset + 3);
    const error = await rejected(readTensorBytes(tensor));
    assert.deepEqual([error.code, error.tensor], ['file-truncated', 'a']);
    assert.match(error.message, /expected 4 bytes .* found 3/);
  });
});
