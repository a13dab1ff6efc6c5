import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { canonicalJson } from '../../src/certificate/canonical.js';
import { statementOfCertificate } from '../../src/certificate/check-signature.js';
import { parseCertificate } from '../../src/certificate/open.js';
import type { Certificate } from '../../src/certificate/schema.js';
import { WeightseqError } from '../../src/errors.js';
import { certificateOf, checkOf, KEY, pem, resigned, STRANGER, troubles, verified, type VerifyChange } from '../helpers/certificates.js';
import { fixture } from '../helpers/fixtures.js';

const EVIL = fixture('../../examples/evil-persona');
const certificate = await certificateOf(EVIL);

/** What a verification says of bytes and signature. */
const check = (of: Certificate, change: VerifyChange = {}) => verified(of, EVIL, { recompute: false, ...change });

function altered(change: (copy: Certificate) => void, of = certificate): Certificate {
  const copy = structuredClone(of);
  change(copy);
  return copy;
}

describe('a signed certificate', () => {
  it('verifies, and names the key', async () => {
    const verification = await check(certificate);
    assert.deepEqual([verification.verdict, verification.exitCode, troubles(verification)], ['verified', 0, []]);
    assert.match(verification.checks.find((one) => one.check === 'signature')?.message ?? '', new RegExp(KEY.id.slice(0, 16), 'u'));
  });

  it('signs the measured section to the byte, with the digest of the declared one in it', () => {
    assert.equal(Buffer.from(certificate.signed?.payload ?? '', 'base64').toString(), canonicalJson(certificate.measured));
    assert.deepEqual(statementOfCertificate(certificate), certificate.measured);
  });

  it('may be laid out anew: order and white space are no part of what was signed', async () => {
    const sorted = (value: unknown): unknown => (Array.isArray(value) ? value.map(sorted)
      : typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).reverse().map(([key, v]) => [key, sorted(v)])) : value);
    assert.deepEqual(troubles(await check(sorted(certificate) as Certificate)), []);
  });

  it('declared-altered: a licence that was changed after signing', async () => {
    const verification = await check(altered(({ declared }) => { Object.assign(declared.bom, { metadata: { ...declared.bom['metadata'] as object, licenses: [{ expression: 'MIT' }] } }); }));
    assert.deepEqual([verification.exitCode, troubles(verification)], [1, ['failed declared-altered']]);
  });

  it('declared-altered: the section of another certificate', async () => {
    const other = await certificateOf(EVIL, { declared: { version: 1, model: { name: 'another model' } } });
    assert.deepEqual(troubles(await check({ ...certificate, declared: other.declared })), ['failed declared-altered']);
  });

  it('statement-altered: a verdict that was changed in the measured section', async () => {
    const verification = await check(altered(({ measured }) => { Object.assign(measured.predicate.traits[0] ?? {}, { verdict: 'absent' }); }));
    assert.deepEqual([verification.exitCode, troubles(verification)], [1, ['failed statement-altered']]);
    // What it reports is what was signed.
    assert.notEqual(verification.certified.traits[0]?.verdict, 'absent');
    assert.deepEqual(verification.certified.traits, certificate.measured.predicate.traits);
  });

  it('statement-altered: the hash of other bytes, which are then held against what was signed', async () => {
    const verification = await check(altered(({ measured }) => { Object.assign(measured.subject[0]?.digest ?? {}, { sha256: 'f'.repeat(64) }); }));
    assert.deepEqual(troubles(verification), ['failed statement-altered']);
  });

  it('bad-signature: measured section and payload changed alike', async () => {
    const verification = await check(altered((copy) => {
      Object.assign(copy.measured.predicate.traits[0] ?? {}, { verdict: 'absent' });
      Object.assign(copy.signed ?? {}, { payload: Buffer.from(canonicalJson(copy.measured)).toString('base64') });
    }));
    assert.deepEqual([verification.exitCode, troubles(verification)], [1, ['failed bad-signature']]);
  });

  it('bad-signature: one that another key made under the name of a trusted one', async () => {
    const forged = resigned(certificate, () => undefined, { ...STRANGER, id: KEY.id });
    assert.deepEqual(troubles(await check(forged)), ['failed bad-signature']);
  });

  it('bad-signature: a false one beside one that holds', async () => {
    const forged = altered(({ signed }) => { signed?.signatures.push({ keyid: KEY.id, sig: Buffer.alloc(64).toString('base64') }); });
    assert.deepEqual(troubles(await check(forged)), ['failed bad-signature']);
  });

  it('verifies by one of several signatures', async () => {
    const stranger = resigned(certificate, () => undefined, STRANGER).signed?.signatures ?? [];
    assert.deepEqual(troubles(await check(altered(({ signed }) => { signed?.signatures.unshift(...stranger); }))), []);
  });

  it('unknown-key: signed by a key that is not among the trusted ones', async () => {
    const verification = await check(resigned(certificate, () => undefined, STRANGER));
    assert.deepEqual([verification.exitCode, troubles(verification)], [1, ['failed unknown-key']]);
    assert.match(checkOf(verification, 'unknown-key').message, new RegExp(STRANGER.id.slice(0, 16), 'u'));
  });

  it('signature-unchecked: no key is trusted, which is incomplete, and refused where a signature is asked for', async () => {
    assert.deepEqual([(await check(certificate, { trust: [] })).exitCode, troubles(await check(certificate, { trust: [] }))], [3, ['unchecked signature-unchecked']]);
    assert.deepEqual(troubles(await check(certificate, { trust: [], requireSignature: true })), ['failed unknown-key']);
  });

  it('key-expired: the X.509 certificate of the key held once', async () => {
    const verification = await check(certificate, { trust: [pem('held')] });
    assert.deepEqual([verification.exitCode, troubles(verification)], [1, ['failed key-expired']]);
    assert.match(checkOf(verification, 'key-expired').message, /expired on 2021-01-01/);
    assert.match(checkOf(await check(certificate, { trust: [pem('will-hold')] }), 'key-expired').message, /not valid before 2200-01-01/);
    assert.deepEqual(troubles(await check(certificate, { trust: [pem('holds')] })), []);
    // The same key in a file that holds.
    assert.deepEqual(troubles(await check(certificate, { trust: [pem('held'), pem('holds')] })), []);
  });

  it('certificate-expired: after the last day on which it holds', async () => {
    const short = await certificateOf(EVIL, { expires: '2026-12-31' });
    assert.deepEqual(troubles(await check(short, { now: new Date('2026-12-31T23:59:59Z') })), []);
    const late = await check(short, { now: new Date('2027-01-01T00:00:00Z') });
    assert.deepEqual([late.exitCode, troubles(late)], [1, ['failed certificate-expired']]);
  });
});

describe('a certificate that nobody signed', () => {
  const unsigned = { ...certificate, signed: null };

  it('unsigned: verifies with a warning', async () => {
    const verification = await check(unsigned, { trust: [] });
    assert.deepEqual([verification.exitCode, troubles(verification)], [0, ['warning unsigned']]);
  });

  it('unsigned: is refused where a signature is asked for, and where a key is trusted, since a signature can be taken off', async () => {
    for (const change of [{ trust: [], requireSignature: true }, { trust: [pem('public')] }]) {
      const verification = await check(unsigned, change);
      assert.deepEqual([verification.exitCode, troubles(verification)], [1, ['failed unsigned']]);
    }
  });

  it('declared-altered: is told by the digest in the statement', async () => {
    const verification = await check(altered(({ declared }) => { declared.source.name = 'other.yaml'; }, unsigned), { trust: [] });
    assert.deepEqual(troubles(verification), ['failed declared-altered', 'warning unsigned']);
  });
});

describe('the file of a certificate', () => {
  const text = JSON.stringify(certificate);
  for (const [what, changed, message] of [
    ['no JSON', text.slice(1), /not JSON/],
    ['nothing', '', /empty/],
    ['a report', '{"schemaVersion":1,"tool":{}}', /not a certificate/],
    ['a later version', text.replace('"schemaVersion":1', '"schemaVersion":2'), /version 2, this program reads version 1/],
    ['a key that stands twice', text.replace('"declared":{', '"signed":null,"declared":{'), /"signed" stands twice/],
    ['an unknown field', text.replace('"declared":{', '"approved":true,"declared":{'), /approved/],
    ['a subject that stands twice', JSON.stringify(altered(({ measured }) => { measured.subject.push(...measured.subject.slice(0, 1)); })), /stands here twice/],
    ['another predicate', text.replaceAll('urn:weightseq:birth-certificate:1', 'urn:weightseq:birth-certificate:2'), /predicateType/],
    ['nesting without end', text.replace('"bomFormat"', `"x":${'['.repeat(100)}${']'.repeat(100)},"bomFormat"`), /more than 64 deep/],
    ['a payload that is no base64', JSON.stringify(altered(({ signed }) => { Object.assign(signed ?? {}, { payload: '!' }); })), /base64/],
  ] as const) {
    it(`is refused for ${what}`, () => {
      assert.throws(() => parseCertificate(changed, 'x.json'), (error: unknown) => error instanceof WeightseqError && error.code === 'certificate-invalid' && message.test(error.message));
    });
  }
});
