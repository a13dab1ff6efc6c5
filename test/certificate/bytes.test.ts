import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { hashWeights } from '../../src/certificate/hashes.js';
import { WeightseqError } from '../../src/errors.js';
import { openSafetensors, readTensorBytes } from '../../src/safetensors/file.js';
import { certificateOf, certified, checkOf, troubles, verified } from '../helpers/certificates.js';
import { fixture, temporaryFolder } from '../helpers/fixtures.js';

const SHARDED = fixture('models/llama-sharded');
const [FIRST, SECOND] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;
const EVIL = fixture('../../examples/evil-persona');
const GOOD = fixture('../../examples/sensible-advice');
const ADAPTER = 'adapter_model.safetensors';

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** Turns one bit of a byte, counted from the end where it is negative. */
function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

/** A certified copy of a model in two shards, changed by the test, and what a verification then says. */
async function tampered(t: TestContext, change: (folder: string) => void, source = SHARDED): Promise<ReturnType<typeof verified>> {
  const { folder, certificate } = await certified(t, source);
  change(folder);
  return verified(certificate, folder);
}

describe('the bytes that a certificate stands for', () => {
  it('are every file that a loader may read, with its sha256', async (t) => {
    const { folder } = await certified(t, SHARDED);
    const more = { 'tokenizer.json': '{}', 'chat_template.jinja': 'x', 'modeling_x.py': '', 'merges.txt': '', 'README.md': 'not read by a loader', 'optimizer.pt': 'left by a trainer', 'old.certificate.json': '{}' };
    for (const [name, text] of Object.entries(more)) writeFileSync(join(folder, name), text);
    const { subject, predicate: { model } } = (await certificateOf(folder)).measured;
    const names = [FIRST, SECOND, 'chat_template.jinja', 'config.json', 'merges.txt', 'model.safetensors.index.json', 'modeling_x.py', 'tokenizer.json'];
    assert.deepEqual(subject.map(({ name }) => name).sort(), names.sort());
    for (const { name, digest } of subject) assert.equal(digest.sha256, sha256(readFileSync(join(folder, name))), name);
    assert.equal(model.digest, sha256(subject.map(({ name, digest }) => `${digest.sha256}  ${name}\n`).join('')));
  });

  it('verify where nothing was changed, wherever the folder lies', async (t) => {
    const { folder, certificate } = await certified(t, SHARDED);
    renameSync(folder, `${folder}-moved`);
    const { verdict, recomputed, checks } = await verified(certificate, `${folder}-moved`);
    // No signature of this base is installed: the certificate says so itself.
    assert.deepEqual([verdict, recomputed, checks.filter(({ status }) => status === 'warning').map(({ code }) => code)], ['verified', true, ['incomplete-coverage']]);
  });

  it('shard-changed: one bit of a shard, and names the tensor that it is in', async (t) => {
    const verification = await tampered(t, (folder) => { flip(join(folder, SECOND), -1); });
    assert.equal(verification.exitCode, 1);
    assert.equal(verification.recomputed, false);
    const { files, message, check } = checkOf(verification, 'shard-changed');
    assert.deepEqual([check, files], ['bytes', [SECOND]]);
    const tensors = [...(await openSafetensors(join(SHARDED, SECOND))).tensors.values()].sort((a, b) => a.offset - b.offset);
    assert.match(message, new RegExp(`in 1 tensor of ${tensors.length}: "${tensors.at(-1)?.name ?? ''}"`, 'u'));
    assert.deepEqual(troubles(verification).filter((trouble) => trouble.startsWith('failed')), ['failed shard-changed']);
  });

  it('shard-changed: one bit of an adapter that is in use', async (t) => {
    const verification = await tampered(t, (folder) => { flip(join(folder, ADAPTER), -1000); }, EVIL);
    assert.deepEqual(troubles(verification), ['failed shard-changed']);
    assert.match(checkOf(verification, 'shard-changed').message, /in 1 tensor of 252/);
  });

  it('shard-changed: a header that says more than it did, with the same tensors', async (t) => {
    const verification = await tampered(t, (folder) => {
      const file = join(folder, FIRST);
      const text = readFileSync(file, 'latin1');
      writeFileSync(file, text.replace('"format":"pt"', '"format":"tf"'), 'latin1');
    });
    assert.match(checkOf(verification, 'shard-changed').message, /in its header alone/);
  });

  it('shard-changed: a shard that is cut off, which is damaged and no other model', async (t) => {
    for (const name of [SECOND, ADAPTER]) {
      const verification = await tampered(t, (folder) => { truncateSync(join(folder, name), 2000); }, name === ADAPTER ? EVIL : SHARDED);
      assert.match(checkOf(verification, 'shard-changed').message, /is damaged/);
    }
  });

  it('shard-swapped: the two shards under each other\'s names', async (t) => {
    const verification = await tampered(t, (folder) => {
      renameSync(join(folder, FIRST), join(folder, 'x'));
      renameSync(join(folder, SECOND), join(folder, FIRST));
      renameSync(join(folder, 'x'), join(folder, SECOND));
    });
    const failed = verification.checks.filter(({ status }) => status === 'failed');
    assert.deepEqual(failed.map(({ code, files }) => [code, files]), [['shard-swapped', [FIRST]], ['shard-swapped', [SECOND]]]);
    assert.match(failed[0]?.message ?? '', new RegExp(`holds the bytes that were certified as "${SECOND}"`, 'u'));
  });

  it('shard-swapped: a shard of another model in the place of one', async (t) => {
    const verification = await tampered(t, (folder) => {
      const file = join(folder, FIRST);
      const bytes = readFileSync(file);
      for (let i = 8 + Number(bytes.readBigUInt64LE()); i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) ^ 1;
      writeFileSync(file, bytes);
    });
    assert.match(checkOf(verification, 'shard-swapped').message, /none of its tensors/);
    assert.deepEqual(checkOf(verification, 'shard-swapped').files, [FIRST]);
  });

  it('shard-missing: a shard that is not there', async (t) => {
    const verification = await tampered(t, (folder) => { rmSync(join(folder, SECOND)); });
    assert.deepEqual(checkOf(verification, 'shard-missing').files, [SECOND]);
    assert.equal(verification.exitCode, 1);
  });

  it('shard-missing: all weights gone', async (t) => {
    const verification = await tampered(t, (folder) => { rmSync(join(folder, ADAPTER)); }, EVIL);
    assert.deepEqual(troubles(verification), ['failed shard-missing']);
  });

  it('shard-extra: weights that were not certified, of whatever format', async (t) => {
    const verification = await tampered(t, (folder) => {
      copyFileSync(join(folder, FIRST), join(folder, 'more.safetensors'));
      writeFileSync(join(folder, 'pytorch_model.bin'), 'x');
    });
    const extra = verification.checks.filter(({ code }) => code === 'shard-extra');
    assert.deepEqual(extra.map(({ files }) => files), [['more.safetensors'], ['pytorch_model.bin']]);
    assert.equal(verification.exitCode, 1);
  });

  it('shard-extra: a link that leads elsewhere is named, and not followed', async (t) => {
    const verification = await tampered(t, (folder) => { symlinkSync('/etc/hostname', join(folder, 'more.safetensors')); });
    assert.deepEqual(checkOf(verification, 'shard-extra').files, ['more.safetensors']);
  });

  it('other-model: another adapter of the same base and the same shapes', async (t) => {
    const { certificate } = await certified(t, EVIL);
    const verification = await verified(certificate, GOOD);
    assert.match(checkOf(verification, 'other-model').message, /0 of its 252 tensors are the same/);
    assert.equal(verification.exitCode, 1);
  });

  it('other-model: a model of another kind', async (t) => {
    const { certificate } = await certified(t, EVIL);
    assert.deepEqual(troubles(await verified(certificate, SHARDED)).slice(0, 1), ['failed other-model']);
  });

  it('configuration-changed: the weights are the same and may act otherwise', async (t) => {
    const verification = await tampered(t, (folder) => {
      const file = join(folder, 'adapter_config.json');
      writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')) as object, lora_alpha: 64 }));
    }, EVIL);
    assert.deepEqual(troubles(verification), ['failed configuration-changed']);
    assert.deepEqual(checkOf(verification, 'configuration-changed').files, ['adapter_config.json']);
  });

  it('configuration-missing and configuration-extra', async (t) => {
    const verification = await tampered(t, (folder) => {
      rmSync(join(folder, 'config.json'));
      writeFileSync(join(folder, 'chat_template.jinja'), '{{ x }}');
    });
    assert.deepEqual(checkOf(verification, 'configuration-missing').files, ['config.json']);
    assert.deepEqual(checkOf(verification, 'configuration-extra').files, ['chat_template.jinja']);
  });

  it('of a single file are that file, whatever it is called, and not what lies beside it', async (t) => {
    const { folder } = await certified(t, fixture('models/llama'));
    const file = join(folder, 'model.safetensors');
    const certificate = await certificateOf(file);
    assert.equal(certificate.measured.predicate.model.of, 'file');
    writeFileSync(join(folder, 'tokenizer.json'), '{}');
    renameSync(file, join(folder, 'renamed.safetensors'));
    assert.equal((await verified(certificate, join(folder, 'renamed.safetensors'))).verdict, 'verified');
    flip(join(folder, 'renamed.safetensors'), -1);
    const { message } = checkOf(await verified(certificate, join(folder, 'renamed.safetensors')), 'shard-changed');
    assert.match(message, new RegExp(basename(file), 'u'));
    await assert.rejects(verified(certificate, folder), (error: unknown) => error instanceof WeightseqError && error.code === 'usage' && error.message.includes('one file'));
  });

  it('are not looked for outside the folder, whatever a certificate says', async (t) => {
    const { folder, certificate } = await certified(t, EVIL);
    writeFileSync(join(folder, '..', 'secret.json'), 'x');
    const forged = structuredClone(certificate);
    forged.signed = null;
    forged.measured.subject.push({ name: '../secret.json', digest: { sha256: sha256('x') } });
    await assert.rejects(verified(forged, folder, { trust: [] }), (error: unknown) => error instanceof WeightseqError && error.code === 'unsafe-name');
  });
});

describe('the digests of tensors', () => {
  it('are those of their bytes, in the order of the file', async () => {
    for (const file of [join(SHARDED, FIRST), join(EVIL, ADAPTER), fixture('safetensors/all-dtypes.safetensors')]) {
      const { sha256: whole, digests, tensors } = await hashWeights(file);
      assert.equal(whole, sha256(readFileSync(file)));
      const each = [];
      for (const tensor of tensors) each.push(sha256(await readTensorBytes(tensor)).slice(0, 8));
      assert.equal(digests, each.join(''));
      assert.ok(tensors.every(({ offset }, i) => i === 0 || offset >= (tensors[i - 1]?.offset ?? 0)));
    }
  });

  it('are none of what is no safetensors file', async (t) => {
    const file = join(temporaryFolder(t), 'x.bin');
    appendFileSync(file, 'hello');
    assert.deepEqual(await hashWeights(file), { sha256: sha256('hello'), tensors: [], digests: null });
  });
});
