import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ErrorCode } from '../../src/errors.js';
import { openSafetensors } from '../../src/safetensors/file.js';
import { isPlausible, sniff } from '../../src/safetensors/sniff.js';
import { fixture, temporaryFolder } from '../helpers/fixtures.js';
import { entry, fileBytes, rejected } from '../helpers/safetensors.js';

/** Fixture under safetensors/foreign, written by the program whose format it is: code, message, mend. */
const FOREIGN: Record<string, [code: ErrorCode, message: RegExp, mend: RegExp]> = {
  'torch-zip.pt': ['zip', /a PyTorch archive \(a zip around a pickle\)/, /never executes it/],
  'torch-legacy.bin': ['pickle', /a Python pickle/, /never executes it: ask for safetensors/],
  'array.npy': ['numpy', /a NumPy array/, /safetensors/],
  'arrays.npz': ['numpy', /a NumPy archive/, /safetensors/],
  'text.gz': ['archive', /a gzip file/, /Unpack/],
  'model.gguf': ['gguf', /a GGUF file/, /converted from/],
  'keras.h5': ['hdf5', /an HDF5 file/, /convert/],
  'lfs-pointer.safetensors': ['git-lfs-pointer', /a git-LFS pointer/, /git lfs pull/],
  'page.html': ['html', /a web page/, /token/],
  'refusal.txt': ['text', /text that begins with "Entry not found"/, /token/],
  'refusal.json': ['text', /a JSON text that begins with "\{"error":"Repository not found"\}"/, /token/],
  'model.safetensors.index.json': ['text', /a JSON text/, /sharded model: give the folder/],
  'empty.safetensors': ['empty-file', /an empty file/, /Download/],
};

/** First bytes made by hand. */
const MADE: Record<string, [bytes: Buffer, code: ErrorCode | null, name?: string]> = {
  'an empty zip': [Buffer.from('PK\x05\x06'.padEnd(22, '\0')), 'zip'],
  'a zip of something else': [Buffer.from(`PK\x03\x04${'\0'.repeat(26)}readme.txt`, 'latin1'), 'zip'],
  'zstd': [Buffer.from('28b52ffd04', 'hex'), 'archive'],
  'xz': [Buffer.from('fd377a585a0000', 'hex'), 'archive'],
  'bzip2': [Buffer.from('BZh91AY&SY\0'), 'archive'],
  'tar': [Buffer.from(`${'x\0'.padEnd(257, '\0')}ustar\0`), 'archive'],
  'a web page with a byte order mark': [Buffer.from('\ufeff  <HTML>'), 'html'],
  'XML': [Buffer.from('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'), 'html'],
  'pickle protocol 2': [Buffer.from('80027d71002e', 'hex'), 'pickle'],
  'pickle protocol 4': [Buffer.from('80049506000000000000007d942e', 'hex'), 'pickle'],
  'pickle protocol 5': [Buffer.from('80059506000000000000007d942e', 'hex'), 'pickle'],
  'pickle protocol 0, by its name alone': [Buffer.from('\0\0\0(dp0\n.'), 'pickle', 'model.pt'],
  'text with an escape sequence at its end': [Buffer.from('hello\n\x1b[2J'), null],
  'noise': [Buffer.from('00ff00ff00ff00ff00ff', 'hex'), null],
  'a header that starts wrong': [fileBytes(' {}', 0), null],
  'a safetensors file': [fileBytes({}, 0), null],
  'one byte': [Buffer.from('{'), null],
  'text': [Buffer.from('<Access denied>'), 'text'],
};

describe('sniff', () => {
  for (const [name, [code, message, mend]] of Object.entries(FOREIGN)) {
    test(`${name}: ${code}`, async () => {
      const error = await rejected(openSafetensors(fixture(`safetensors/foreign/${name}`)));
      assert.equal(error.code, code);
      assert.equal(error.exitCode, 2);
      assert.match(error.message, message);
      assert.match(error.message, /^expected a safetensors file, found /);
      assert.match(error.mend ?? '', mend);
    });
  }

  for (const [what, [bytes, code, name]] of Object.entries(MADE)) {
    test(`${what}: ${code ?? 'not recognised'}`, () => {
      assert.equal(sniff(bytes, name ?? 'model.safetensors')?.code ?? null, code);
    });
  }

  test('text from the file is escaped and cut', () => {
    const { message } = sniff(Buffer.from(`\u009b2J${'x'.repeat(300)}`), 'f') ?? assert.fail();
    assert.match(message, /^[\x20-\x7eÀ-ÿ…]{1,140}$/);
  });

  test('a header of 640 bytes begins like a pickle, one of 67,324,752 bytes like a zip: both are safetensors', async (t) => {
    const path = join(temporaryFolder(t), 'model.bin');
    const header = JSON.stringify({ a: entry('U8', [1], [0, 1]) });
    const bytes = fileBytes(header.padEnd(640), 1);
    assert.deepEqual([...bytes.subarray(0, 3)], [0x80, 0x02, 0x00]);
    writeFileSync(path, bytes);
    assert.equal((await openSafetensors(path)).tensors.size, 1);
    // cut off, it is still no pickle
    writeFileSync(path, bytes.subarray(0, 300));
    assert.equal((await rejected(openSafetensors(path))).code, 'header-truncated');

    const zip = Buffer.from('PK\x03\x04\0\0\0\0{', 'latin1');
    assert.equal(zip.readBigUInt64LE(), 67_324_752n);
    assert.equal(sniff(zip, 'f'), null);
  });

  test('nothing that is plausible is named something else, whatever follows; nothing throws', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(100_000_000), fc.boolean(), (bytes, length, plausible) => {
      if (plausible && bytes.length > 8) {
        Buffer.from(bytes.buffer).writeBigUInt64LE(BigInt(length));
        bytes[8] = 0x7b;
        assert.equal(isPlausible(bytes), true);
        assert.equal(sniff(bytes, 'model.pt'), null);
      } else {
        sniff(bytes, 'model.pt');
      }
    }), { numRuns: 2000, seed: 4 });
  });
});
