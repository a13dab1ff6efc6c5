/** What a verification says: its types, its JSON Schema, and the exit code that follows. Pure. */
import { z } from 'zod';
import { EXIT, type ExitCode } from '../errors.js';
import { predicateSchema } from './schema.js';

/** What was looked at, in the order of the report. */
export const CHECKED = ['bytes', 'configuration', 'declared', 'statement', 'signature', 'expiry', 'base', 'ancestors', 'coverage', 'figures', 'lineage'] as const;

/** One code for each thing that can be wrong with a certificate (docs/certificate.md). */
export const VERDICT_CODES = [
  // the bytes are not those that were certified
  'other-model', 'shard-changed', 'shard-swapped', 'shard-missing', 'shard-extra', 'configuration-changed', 'configuration-missing', 'configuration-extra',
  // the certificate is not what was signed
  'declared-altered', 'statement-altered', 'bad-signature', 'unsigned', 'unknown-key', 'signature-unchecked',
  // it held once
  'certificate-expired', 'key-expired',
  // what is known by now, and what does not come out again
  'base-contradicted', 'ancestor-contaminated', 'figures-differ', 'trait-not-certified', 'signature-version', 'not-recomputed', 'incomplete-coverage',
] as const;

export type Checked = (typeof CHECKED)[number];
export type VerdictCode = (typeof VERDICT_CODES)[number];

const check = z.strictObject({
  check: z.enum(CHECKED),
  status: z.enum(['ok', 'failed', 'warning', 'unchecked', 'skipped'])
    .describe('failed refuses the certificate; unchecked could not be looked at; skipped was not asked for, or has nothing to look at; a warning changes nothing'),
  code: z.enum(VERDICT_CODES).nullable(),
  message: z.string(),
  mend: z.string().nullable(),
  files: z.array(z.string()).describe('names of the files that it is about'),
});

export const verificationSchema = z.strictObject({
  schemaVersion: z.literal(1),
  tool: z.strictObject({ name: z.literal('weightseq'), version: z.string() }),
  certificate: z.strictObject({ path: z.string(), sha256: z.string() }),
  path: z.string(),
  verdict: z.enum(['verified', 'refused', 'incomplete']),
  recomputed: z.boolean().describe('whether the figures were taken from the weights again'),
  checks: z.array(check),
  certified: predicateSchema.pick({ date: true, expires: true, tool: true, base: true, lineage: true, change: true, traits: true })
    .describe('what the certificate says; worth what the verdict is'),
  exitCode: z.union([z.literal(0), z.literal(1), z.literal(3)]),
});

export type Check = z.infer<typeof check>;
export type Verification = z.infer<typeof verificationSchema>;

/** A check that found what was certified. */
export function passed(what: Checked, message: string): Check {
  return { check: what, status: 'ok', code: null, message, mend: null, files: [] };
}

/** A check that did not. */
export function found(what: Checked, status: Exclude<Check['status'], 'ok'>, code: VerdictCode | null, message: string, more: { readonly mend?: string; readonly files?: readonly string[] } = {}): Check {
  return { check: what, status, code, message, mend: more.mend ?? null, files: [...more.files ?? []] };
}

/** Refused where anything failed, incomplete where anything could not be looked at. */
export function verdictOf(checks: readonly Check[]): { readonly verdict: Verification['verdict']; readonly exitCode: Extract<ExitCode, 0 | 1 | 3> } {
  if (checks.some(({ status }) => status === 'failed')) return { verdict: 'refused', exitCode: EXIT.gate };
  if (checks.some(({ status }) => status === 'unchecked')) return { verdict: 'incomplete', exitCode: EXIT.incomplete };
  return { verdict: 'verified', exitCode: EXIT.clean };
}

/** The JSON Schema (draft 2020-12) that is shipped as schemas/verification.schema.json. */
export function verificationJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(verificationSchema, { target: 'draft-2020-12' }), $id: 'urn:weightseq:verification:1', title: 'weightseq verification of a certificate, schema version 1' };
}
