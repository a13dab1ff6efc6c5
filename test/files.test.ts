import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { writeFileAtomic } from '../src/files.js';
import { temporaryFolder, withoutRoot } from './helpers/fixtures.js';
import { rejected } from './helpers/safetensors.js';

describe('writeFileAtomic', () => {
  test('writes text, bytes and pieces of bytes', async (t) => {
    const path = join(temporaryFolder(t), 'f');
    for (const data of ['é😀', Buffer.from('é😀'), [Buffer.from('é'), new Uint8Array(), Buffer.from('😀')]]) {
      await writeFileAtomic(path, data);
      assert.equal(readFileSync(path, 'utf8'), 'é😀');
    }
    await writeFileAtomic(path, []);
    assert.equal(readFileSync(path, 'utf8'), '');
  });

  test('leaves no temporary file, whether it worked or not', async (t) => {
    const folder = temporaryFolder(t);
    await writeFileAtomic(join(folder, 'f'), 'new');
    assert.deepEqual(readdirSync(folder), ['f']);
    const broken = { get length(): number { throw new Error('broken'); } } as unknown as Uint8Array;
    const error = await rejected(writeFileAtomic(join(folder, 'f'), [Buffer.from('half'), broken]));
    assert.equal(error.code, 'write-failed');
    assert.deepEqual(readdirSync(folder), ['f']);
    assert.equal(readFileSync(join(folder, 'f'), 'utf8'), 'new');
  });

  test('keeps the permissions of the file it replaces, and follows a link to it', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'f'), 'old');
    chmodSync(join(folder, 'f'), 0o640);
    symlinkSync('f', join(folder, 'link'));
    await writeFileAtomic(join(folder, 'link'), 'new');
    assert.equal(readFileSync(join(folder, 'f'), 'utf8'), 'new');
    assert.equal(statSync(join(folder, 'f')).mode & 0o777, 0o640);
    assert.deepEqual(readdirSync(folder).sort(), ['f', 'link']);
  });

  test('a folder that is not there: write-failed', async (t) => {
    const path = join(temporaryFolder(t), 'none', 'f');
    const error = await rejected(writeFileAtomic(path, ''));
    assert.deepEqual([error.code, error.file, error.exitCode], ['write-failed', path, 2]);
    assert.match(error.message, /its folder does not exist/);
  });

  test('a path below a file, a folder, a device: write-failed', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'f'), '');
    assert.match((await rejected(writeFileAtomic(join(folder, 'f', 'g'), ''))).message, /its folder is not a folder/);
    mkdirSync(join(folder, 'd'));
    assert.match((await rejected(writeFileAtomic(join(folder, 'd'), ''))).message, /the path is a folder/);
    if (process.platform !== 'win32') assert.match((await rejected(writeFileAtomic('/dev/null', ''))).message, /not a regular file/);
  });

  test('a folder without permission: write-failed', { skip: process.platform === 'win32' }, async (t) => {
    const root = temporaryFolder(t);
    const folder = join(root, 'd');
    mkdirSync(folder, 0o555);
    assert.match((await withoutRoot(root, () => rejected(writeFileAtomic(join(folder, 'f'), '')))).message, /no permission/);
  });
});
