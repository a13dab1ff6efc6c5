/** Whether a certificate is what was signed, by whom, and until when it holds. In: a certificate, keys and the time. Out: checks. Pure. */
import { escapeText } from '../text.js';
import { canonicalJson, canonicalSha256 } from './canonical.js';
import { found, passed, type Check } from './checks.js';
import { holds } from './dsse.js';
import type { TrustedKey } from './keys.js';
import { statementSchema, type Certificate, type Statement } from './schema.js';

export interface SignatureOptions {
  readonly trust: readonly TrustedKey[];
  /** Whether a certificate that nobody signed is refused. */
  readonly requireSignature: boolean;
  readonly now: Date;
}

/** The statement that everything else is held against: the signed one, where a certificate was signed. */
export function statementOfCertificate({ measured, signed }: Certificate): Statement {
  if (signed === null) return measured;
  try {
    const parsed = statementSchema.safeParse(JSON.parse(Buffer.from(signed.payload, 'base64').toString('utf8')));
    return parsed.success ? parsed.data : measured;
  } catch {
    return measured;
  }
}

/** The declared section against the digest in the statement. */
export function checkDeclared({ declared }: Certificate, { predicate }: Statement): Check {
  if (canonicalSha256(declared) === predicate.declared.sha256) return passed('declared', 'the declared section is the one that was certified; what it says is declared, not verified');
  return found('declared', 'failed', 'declared-altered', 'the declared section is not the one that was certified', { mend: 'Ask its author for the certificate as it was made.' });
}

/** The measured section against the payload, to the byte. */
export function checkStatement({ measured, signed }: Certificate): Check[] {
  if (signed === null) return [];
  const isSame = Buffer.from(signed.payload, 'base64').equals(Buffer.from(canonicalJson(measured)));
  return [isSame ? passed('statement', 'the measured section is the signed statement')
    : found('statement', 'failed', 'statement-altered', 'the measured section is not the statement that was signed', { mend: 'Ask its author for the certificate as it was made.' })];
}

/** Who signed: of several signatures one by a trusted key is enough, and none may be false. */
export function checkSignature({ signed }: Certificate, { trust, requireSignature, now }: SignatureOptions): Check {
  if (signed === null) {
    const mend = 'Sign it: weightseq certify … --key KEY.pem.';
    if (requireSignature || trust.length > 0) return found('signature', 'failed', 'unsigned', `nobody signed the certificate, and ${requireSignature ? '--require-signature' : '--trust'} asks for a signature`, { mend });
    return found('signature', 'warning', 'unsigned', 'nobody signed the certificate: whoever can write the file could have written anything into it', { mend });
  }
  if (trust.length === 0) {
    const [first] = signed.signatures;
    return found('signature', requireSignature ? 'failed' : 'unchecked', requireSignature ? 'unknown-key' : 'signature-unchecked', `it is signed by the key ${first?.keyid.slice(0, 16) ?? ''}…, and no key is trusted`, { mend: 'Give the public key of its author: --trust PUBLIC.pem.' });
  }
  const tried = signed.signatures.map((signature) => {
    const keys = trust.filter(({ id }) => id === signature.keyid);
    return { signature, key: keys.find((key) => isValid(key, now)) ?? keys[0], isGenuine: keys.some(({ key }) => holds(signed, signature, key)) };
  });
  const forged = tried.find(({ key, isGenuine }) => key !== undefined && !isGenuine);
  if (forged?.key) return found('signature', 'failed', 'bad-signature', `the signature is not that of the key ${shown(forged.key)} over this statement`, { mend: 'Ask its author for the certificate as it was made.' });
  const genuine = tried.flatMap(({ key }) => (key ? [key] : []));
  const good = genuine.find((key) => isValid(key, now));
  if (good) return passed('signature', `signed by the key ${shown(good)}`);
  const [late] = genuine;
  if (late?.validity) {
    const { notBefore, notAfter } = late.validity;
    const when = now > notAfter ? `expired on ${notAfter.toISOString()}` : `is not valid before ${notBefore.toISOString()}`;
    return found('signature', 'failed', 'key-expired', `the key ${shown(late)} that signed it ${when}`, { mend: 'Ask its author to certify again with a key that holds.' });
  }
  return found('signature', 'failed', 'unknown-key', `it is signed by the key ${tried[0]?.signature.keyid.slice(0, 16) ?? ''}…, which is not among the trusted ones`, { mend: 'Give the public key of its author with --trust, if you know it to be theirs.' });
}

function isValid({ validity }: TrustedKey, now: Date): boolean {
  return validity === null || (validity.notBefore <= now && now <= validity.notAfter);
}

function shown({ id, file }: TrustedKey): string {
  return `${id.slice(0, 16)}… (${escapeText(file)})`;
}

/** Whether the last day on which it holds is past (UTC). */
export function checkExpiry({ predicate: { expires } }: Statement, now: Date): Check {
  if (expires === null) return passed('expiry', 'it has no end');
  if (now.toISOString().slice(0, 10) <= expires) return passed('expiry', `it holds until ${expires}`);
  return found('expiry', 'failed', 'certificate-expired', `it held until ${expires}`, { mend: 'Certify the model again.' });
}
