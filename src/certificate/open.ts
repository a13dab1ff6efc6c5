/** A certificate on disk. In: a path. Out: what it holds, checked against its schema. */
import { createHash } from 'node:crypto';
import { WeightseqError } from '../errors.js';
import { readSmallFile } from '../safetensors/file.js';
import { escapeText } from '../text.js';
import { certificateSchema, CERTIFICATE_FORMAT, type Certificate } from './schema.js';
import { parseUnambiguous } from './strict-json.js';

const MOST_BYTES = 64 * 2 ** 20;
const LONGEST = 300;
const MEND = 'Give a file that weightseq certify wrote.';

/** A certificate, and which bytes it was read from. */
export interface OpenedCertificate {
  readonly certificate: Certificate;
  readonly sha256: string;
}

/**
 * @throws WeightseqError `certificate-invalid`, naming the field that breaks the schema; `not-found`, `not-a-file`, `unreadable-file`
 */
export async function openCertificate(file: string): Promise<OpenedCertificate> {
  const bytes = await readSmallFile(file, MOST_BYTES);
  if (bytes === null) throw invalid(file, `larger than ${MOST_BYTES} bytes`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalid(file, 'not UTF-8 text', cause);
  }
  return { certificate: parseCertificate(text, file), sha256: createHash('sha256').update(bytes).digest('hex') };
}

/**
 * The certificate in a text. Pure.
 * @param file named in errors
 * @throws WeightseqError `certificate-invalid`
 */
export function parseCertificate(text: string, file: string): Certificate {
  const value = parseUnambiguous(text, file, 'certificate-invalid', MEND);
  const { format, schemaVersion } = typeof value === 'object' && value !== null ? value as { format?: unknown; schemaVersion?: unknown } : {};
  if (format !== CERTIFICATE_FORMAT) throw invalid(file, 'not a certificate');
  if (typeof schemaVersion === 'number' && schemaVersion !== 1) throw invalid(file, `the certificate has schema version ${schemaVersion}, this program reads version 1`);
  const parsed = certificateSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const message = escapeText(`field ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'not understood'}`);
  throw invalid(file, message.length > LONGEST ? `${message.slice(0, LONGEST)}…` : message);
}

function invalid(file: string, message: string, cause?: unknown): WeightseqError {
  return new WeightseqError('certificate-invalid', message, { file, mend: MEND, ...(cause === undefined ? {} : { cause }) });
}
