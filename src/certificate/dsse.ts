/** DSSE envelopes (github.com/secure-systems-lab/dsse, protocol 1.0). In: bytes and a key. Out: an envelope; or whether one holds. Pure. */
import { sign, verify, type KeyObject } from 'node:crypto';

/** The payload is an in-toto statement. */
export const IN_TOTO_TYPE = 'application/vnd.in-toto+json';

/** What was signed, and by whom. */
export interface Envelope {
  /** Base64 of the bytes that were signed. */
  readonly payload: string;
  readonly payloadType: typeof IN_TOTO_TYPE;
  readonly signatures: EnvelopeSignature[];
}

export interface EnvelopeSignature {
  /** sha256 of the public key as SubjectPublicKeyInfo in DER, hexadecimal. It tells which key to try, and proves nothing. */
  readonly keyid: string;
  /** Base64 of 64 bytes. */
  readonly sig: string;
}

/**
 * The bytes that are signed, PAE of the protocol:
 * "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body, lengths in bytes, decimal.
 */
export function preAuthEncoding(type: string, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${body.length} `), body]);
}

/** An envelope around the bytes, with one ed25519 signature (RFC 8032: the same bytes and key give the same signature). */
export function signEnvelope(payload: Uint8Array, payloadType: typeof IN_TOTO_TYPE, { key, id }: { readonly key: KeyObject; readonly id: string }): Envelope {
  const sig = sign(null, preAuthEncoding(payloadType, payload), key);
  return { payload: Buffer.from(payload).toString('base64'), payloadType, signatures: [{ keyid: id, sig: sig.toString('base64') }] };
}

/** Whether a signature of the envelope is that of this ed25519 public key. */
export function holds({ payload, payloadType }: Envelope, { sig }: EnvelopeSignature, key: KeyObject): boolean {
  return verify(null, preAuthEncoding(payloadType, Buffer.from(payload, 'base64')), key, Buffer.from(sig, 'base64'));
}
