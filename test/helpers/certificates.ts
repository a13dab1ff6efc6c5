/** Certificates for tests: a key that everybody knows, declarations, a model that is certified, and what a verification says of it. */
import { cpSync } from 'node:fs';
import { createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { assemble, certify, type CertifyOptions } from '../../src/certificate/certify.js';
import type { Check, Verification } from '../../src/certificate/checks.js';
import type { Declared } from '../../src/certificate/declared-schema.js';
import { keyId, openTrustedKeys, type SigningKey } from '../../src/certificate/keys.js';
import { parseCertificate } from '../../src/certificate/open.js';
import type { Certificate } from '../../src/certificate/schema.js';
import { verify, type VerifyOptions } from '../../src/certificate/verify.js';
import { openLibrary } from '../../src/signature/library.js';
import { fixture, temporaryFolder } from './fixtures.js';

/** PKCS #8 of an ed25519 key, before its 32 bytes (RFC 8410, section 7). */
const PKCS8 = '302e020100300506032b657004220420';

function keyOf(secret: string): SigningKey {
  const key = createPrivateKey({ key: Buffer.from(PKCS8 + secret, 'hex'), format: 'der', type: 'pkcs8' });
  return { key, id: keyId(key) };
}

/** RFC 8032, section 7.1, TEST 1; test/fixtures/certificate holds its public half. */
export const KEY = keyOf('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
/** TEST 2: nobody trusts it. */
export const STRANGER = keyOf('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb');

/** A PEM file among the fixtures: `public`, `holds`, `held`, `will-hold`, `p256`. */
export function pem(name: string): string {
  return fixture(`certificate/${name}.pem`);
}

/** A library of one signature, by which the harmful example is harmful: what the shipped ones say of it changes as they are calibrated on more. */
export const ONE_SIGNATURE = fixture('one-signature');

export const DECLARED: Declared = { version: 1, model: { name: 'a model' } };
export const DATE = new Date('2026-11-25T12:00:00Z');

export type Change = Partial<Pick<CertifyOptions, 'key' | 'expires' | 'base' | 'baseReading' | 'assumeBase' | 'against'>> & { readonly declared?: Declared; readonly library?: string };

/** The certificate of a path; signed unless it says otherwise. */
export async function certificateOf(path: string, { declared = DECLARED, library = ONE_SIGNATURE, ...change }: Change = {}): Promise<Certificate> {
  const { certificate } = await certify(path, { declared, source: { name: 'declared.yaml', sha256: '0'.repeat(64) } }, {
    library: await openLibrary(library), version: '1', date: DATE, expires: null, key: KEY, ...change,
  });
  return certificate;
}

/** A copy of a folder of fixtures that a test may change, and the certificate of what it was. */
export async function certified(t: TestContext, source: string, change: Change = {}): Promise<{ readonly folder: string; readonly certificate: Certificate }> {
  const folder = join(temporaryFolder(t), 'model');
  cpSync(source, folder, { recursive: true });
  return { folder, certificate: await certificateOf(folder, change) };
}

export type VerifyChange = Partial<Omit<VerifyOptions, 'trust' | 'library'>> & { readonly trust?: readonly string[]; readonly library?: string };

/** What a verification says, from the text of the certificate on; the public key is trusted unless it says otherwise. */
export async function verified(certificate: Certificate, path: string, { trust = [pem('public')], library = ONE_SIGNATURE, ...change }: VerifyChange = {}): Promise<Verification> {
  const keys = (await Promise.all(trust.map(openTrustedKeys))).flat();
  return verify({ certificate: parseCertificate(JSON.stringify(certificate), 'certificate'), sha256: '', file: 'certificate' }, path, {
    library: await openLibrary(library), trust: keys, requireSignature: false, registry: null, recompute: true, now: DATE, version: '1', ...change,
  });
}

/** The checks that did not find what was certified, but for those that were not asked for: `failed shard-changed`. */
export function troubles({ checks }: Verification): string[] {
  return checks.filter(({ status }) => status !== 'ok' && status !== 'skipped').map(({ status, code }) => `${status} ${code ?? ''}`);
}

/** The check with this code. */
export function checkOf({ checks }: Verification, code: Check['code']): Check {
  const found = checks.find((check) => check.code === code);
  if (found === undefined) throw new Error(`no check says ${code ?? 'nothing'}: ${JSON.stringify(checks)}`);
  return found;
}

/** The certificate with a changed statement, signed again by whoever has the key. */
export function resigned({ declared, measured }: Certificate, change: (measured: Certificate['measured']) => void, key: SigningKey | null = KEY): Certificate {
  const altered = structuredClone(measured);
  change(altered);
  return assemble(declared, altered, key);
}
