/** Keys from PEM files. In: paths. Out: the key that signs, or the keys that are trusted and until when. */
import { createHash, createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { WeightseqError } from '../errors.js';
import { readSmallFile } from '../safetensors/file.js';

/** A key that signs. */
export interface SigningKey {
  readonly key: KeyObject;
  readonly id: string;
}

/** A public key that the user trusts. */
export interface TrustedKey {
  readonly key: KeyObject;
  readonly id: string;
  /** The file that it came from, as it was given. */
  readonly file: string;
  /** Bounds of its validity, of an X.509 certificate; null for a bare public key, which never expires. */
  readonly validity: { readonly notBefore: Date; readonly notAfter: Date } | null;
}

const MOST_BYTES = 1_000_000;
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/gu;

/** sha256 of the public key as SubjectPublicKeyInfo in DER, hexadecimal; of a private key, that of its public half. */
export function keyId(key: KeyObject): string {
  const half = key.type === 'private' ? createPublicKey(key) : key;
  return createHash('sha256').update(half.export({ type: 'spki', format: 'der' })).digest('hex');
}

/**
 * An ed25519 private key in PKCS #8 PEM, as `openssl genpkey -algorithm ed25519` writes it.
 * @throws WeightseqError `key-invalid`, `not-found`, `unreadable-file`
 */
export async function openSigningKey(file: string): Promise<SigningKey> {
  const text = await readText(file);
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (cause) {
    if (text.includes('PUBLIC KEY') || text.includes('BEGIN CERTIFICATE')) throw invalid(file, 'expected a private key, found a public one', 'Give the private key to --key; the public one is for verify --trust.');
    if (text.includes('ENCRYPTED')) throw invalid(file, 'the private key is encrypted', 'Decrypt it first: openssl pkey -in KEY.pem -out PLAIN.pem.');
    throw invalid(file, 'expected an ed25519 private key in PEM', 'Make one: openssl genpkey -algorithm ed25519 -out KEY.pem.', cause);
  }
  requireEd25519(key, file);
  return { key, id: keyId(key) };
}

/**
 * The public keys of a PEM file: bare ones (`PUBLIC KEY`), which never expire, and those of X.509 certificates (`CERTIFICATE`), with
 * their bounds. Who issued a certificate is not looked at: whoever names the file trusts what is in it.
 * @throws WeightseqError `key-invalid`, `not-found`, `unreadable-file`
 */
export async function openTrustedKeys(file: string): Promise<TrustedKey[]> {
  const blocks = [...(await readText(file)).matchAll(BLOCK)];
  if (blocks.length === 0) throw invalid(file, 'expected a public key in PEM, found none', 'Write it from the private one: openssl pkey -in KEY.pem -pubout -out PUBLIC.pem.');
  return blocks.map(([pem, label = '']) => trustedKey(pem, label, file));
}

function trustedKey(pem: string, label: string, file: string): TrustedKey {
  if (label.endsWith('PRIVATE KEY')) throw invalid(file, 'expected public keys, found a private one', 'Write the public half: openssl pkey -in KEY.pem -pubout -out PUBLIC.pem; keep the private one to yourself.');
  if (label !== 'PUBLIC KEY' && label !== 'CERTIFICATE') throw invalid(file, `expected PUBLIC KEY or CERTIFICATE, found ${label}`, 'Give a file with public keys or X.509 certificates in PEM.');
  try {
    if (label === 'PUBLIC KEY') {
      const key = createPublicKey(pem);
      requireEd25519(key, file);
      return { key, id: keyId(key), file, validity: null };
    }
    const { publicKey, validFrom, validTo } = new X509Certificate(pem);
    requireEd25519(publicKey, file);
    return { key: publicKey, id: keyId(publicKey), file, validity: { notBefore: dateOf(validFrom, file), notAfter: dateOf(validTo, file) } };
  } catch (cause) {
    if (cause instanceof WeightseqError) throw cause;
    throw invalid(file, `the ${label === 'CERTIFICATE' ? 'certificate' : 'public key'} can't be decoded`, 'Write the file again.', cause);
  }
}

/** A bound that can't be read must not be taken for one that never comes. */
function dateOf(text: string, file: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw invalid(file, 'the bounds of the certificate\'s validity can\'t be read', 'Write the certificate again.');
  return date;
}

function requireEd25519({ asymmetricKeyType: type }: KeyObject, file: string): void {
  if (type !== 'ed25519') throw invalid(file, `expected an ed25519 key, found ${type ?? 'another'}`, 'Make one: openssl genpkey -algorithm ed25519 -out KEY.pem.');
}

async function readText(file: string): Promise<string> {
  const bytes = await readSmallFile(file, MOST_BYTES);
  if (bytes === null) throw invalid(file, `larger than ${MOST_BYTES} bytes`, 'Is it the right file?');
  return new TextDecoder().decode(bytes);
}

function invalid(file: string, message: string, mend: string, cause?: unknown): WeightseqError {
  return new WeightseqError('key-invalid', message, { file, mend, ...(cause === undefined ? {} : { cause }) });
}
