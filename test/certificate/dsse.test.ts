import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { holds, IN_TOTO_TYPE, preAuthEncoding, signEnvelope } from '../../src/certificate/dsse.js';
import { openSigningKey, openTrustedKeys } from '../../src/certificate/keys.js';
import { WeightseqError } from '../../src/errors.js';
import { KEY, pem, STRANGER } from '../helpers/certificates.js';
import { temporaryFolder } from '../helpers/fixtures.js';

/** sha256 of the key as `openssl pkey -pubin -in public.pem -outform DER | sha256sum` prints it. */
const ID = '06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9';

const rejects = (action: Promise<unknown>, message: RegExp): Promise<void> => assert.rejects(action, (error: unknown) => error instanceof WeightseqError && error.code === 'key-invalid' && message.test(`${error.message} ${error.mend ?? ''}`));

describe('the DSSE envelope', () => {
  it('signs the bytes that the protocol gives as its example', () => {
    assert.equal(preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world')).toString('latin1'), 'DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });

  it('counts bytes, not characters', () => {
    assert.equal(preAuthEncoding('é', Buffer.from('€')).toString('utf8'), 'DSSEv1 2 é 3 €');
  });

  it('holds for the bytes, the type and the key that it was made with, and for no others', () => {
    const envelope = signEnvelope(Buffer.from('{}'), IN_TOTO_TYPE, KEY);
    const [signature] = envelope.signatures;
    assert.ok(signature);
    const key = createPublicKey(KEY.key);
    assert.equal(holds(envelope, signature, key), true);
    assert.equal(holds({ ...envelope, payload: Buffer.from('[]').toString('base64') }, signature, key), false);
    assert.equal(holds({ ...envelope, payloadType: 'application/json' as typeof IN_TOTO_TYPE }, signature, key), false);
    assert.equal(holds(envelope, signature, createPublicKey(STRANGER.key)), false);
    assert.deepEqual(signEnvelope(Buffer.from('{}'), IN_TOTO_TYPE, KEY), envelope);
  });

  it('is one that openssl verifies', (t) => {
    if (spawnSync('openssl', ['version']).status !== 0) { t.skip('openssl is not installed; test/python/test_certificate.py does the same'); return; }
    const folder = temporaryFolder(t);
    const envelope = signEnvelope(Buffer.from('{"a":1}'), IN_TOTO_TYPE, KEY);
    const [bytes, signature] = [join(folder, 'bytes'), join(folder, 'signature')];
    writeFileSync(bytes, `DSSEv1 28 application/vnd.in-toto+json 7 {"a":1}`);
    writeFileSync(signature, Buffer.from(envelope.signatures[0]?.sig ?? '', 'base64'));
    const check = () => spawnSync('openssl', ['pkeyutl', '-verify', '-pubin', '-inkey', pem('public'), '-rawin', '-in', bytes, '-sigfile', signature], { encoding: 'utf8' });
    assert.match(check().stdout, /Verified Successfully/);
    writeFileSync(bytes, `DSSEv1 28 application/vnd.in-toto+json 7 {"a":2}`);
    assert.notEqual(check().status, 0);
  });
});

describe('keys', () => {
  it('have the sha256 of their SubjectPublicKeyInfo as their id', async () => {
    assert.equal(KEY.id, ID);
    const [key] = await openTrustedKeys(pem('public'));
    assert.deepEqual([key?.id, key?.validity], [ID, null]);
  });

  it('of an X.509 certificate are bounded by it', async () => {
    const [key] = await openTrustedKeys(pem('held'));
    assert.equal(key?.id, ID);
    assert.deepEqual(key.validity, { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2021-01-01T00:00:00Z') });
  });

  it('may stand together in one file, with text around them', async (t) => {
    const file = join(temporaryFolder(t), 'both.pem');
    const stranger = createPublicKey(STRANGER.key).export({ type: 'spki', format: 'pem' }) as string;
    const own = createPublicKey(KEY.key).export({ type: 'spki', format: 'pem' }) as string;
    writeFileSync(file, `The first:\n${own}\nThe second:\n${stranger}`);
    assert.deepEqual((await openTrustedKeys(file)).map(({ id }) => id), [KEY.id, STRANGER.id]);
  });

  it('that sign are read from PKCS #8', async (t) => {
    const file = join(temporaryFolder(t), 'key.pem');
    writeFileSync(file, KEY.key.export({ type: 'pkcs8', format: 'pem' }));
    assert.equal((await openSigningKey(file)).id, ID);
  });

  it('of another kind, in the wrong place or in no form are refused, each in its own words', async (t) => {
    const folder = temporaryFolder(t);
    const file = (name: string, text: string | Buffer): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    await rejects(openTrustedKeys(pem('p256')), /ed25519 key, found ec/);
    await rejects(openSigningKey(pem('public')), /found a public one/);
    await rejects(openTrustedKeys(file('private', KEY.key.export({ type: 'pkcs8', format: 'pem' }))), /found a private one/);
    await rejects(openSigningKey(file('encrypted', KEY.key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }))), /is encrypted.*openssl pkey/u);
    await rejects(openSigningKey(file('text', 'hello')), /openssl genpkey/);
    await rejects(openTrustedKeys(file('empty', '')), /found none/);
    await rejects(openTrustedKeys(file('broken', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n')), /can't be decoded/);
    await rejects(openTrustedKeys(file('request', '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n')), /found CERTIFICATE REQUEST/);
  });
});
