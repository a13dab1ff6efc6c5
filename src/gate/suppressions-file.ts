/** The suppressions file: which findings were looked at and let pass, by whom, why, and until when. */
import { z } from 'zod';
import { readYaml } from './yaml-file.js';

const suppression = z.strictObject({
  sha256: z.string().regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits: the digest of the report (scan --hash)').describe('digest of the report: over configuration and weights, not the sha256 of a file'),
  trait: z.string().min(1).max(200),
  justification: z.string().min(1).max(2000),
  author: z.string().min(1).max(200),
  expires: z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'must be a day such as 2027-01-31').refine(isDay, 'is no day of the calendar').describe('the last day on which it holds, YYYY-MM-DD (UTC)'),
});

export const suppressionsSchema = z.strictObject({
  version: z.literal(1),
  suppressions: z.array(suppression).max(10_000),
});

export type Suppression = z.infer<typeof suppression>;

function isDay(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** The JSON Schema (draft 2020-12) that is shipped as schemas/suppressions.schema.json. */
export function suppressionsJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(suppressionsSchema, { target: 'draft-2020-12' }), $id: 'urn:weightseq:suppressions:1', title: 'weightseq suppressions, version 1' };
}

/**
 * @throws WeightseqError `suppressions-invalid`, at the line and column of what is wrong; `not-found`
 */
export async function openSuppressions(file: string): Promise<Suppression[]> {
  const { value } = await readYaml(file, suppressionsSchema, 'suppressions-invalid');
  return value.suppressions.map((s) => ({ ...s, sha256: s.sha256.toLowerCase() }));
}
