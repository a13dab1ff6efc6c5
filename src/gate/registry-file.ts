/** The contamination registry's file: which models are known to be contaminated, since when, and who says so. */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { Registry } from '../lineage/registry.js';
import { readYaml } from './yaml-file.js';

const text = z.string().min(1).max(2000);
const sha256 = z.string().regex(/^(?:sha256:)?[0-9a-fA-F]{64}$/u, 'must be 64 hexadecimal digits');

const entry = z.strictObject({
  name: z.string().min(1).max(200),
  reason: text.describe('what is wrong with it'),
  date: z.string().regex(/^\d{4}-\d{2}-\d{2}$/u, 'must be a day such as 2027-01-31').describe('since when it is known, YYYY-MM-DD'),
  source: text.describe('who says so, or where that can be read'),
  fingerprints: z.array(sha256).max(10_000).optional().describe('sha256 of files of its weights: recognises these bytes alone'),
  reading: z.strictObject({ file: z.string().min(1), sha256 }).optional().describe('a kept reading of it (weightseq read), by which descendants are recognised; a relative path starts from this file'),
}).refine(({ fingerprints, reading }) => reading !== undefined || (fingerprints?.length ?? 0) > 0, 'needs a reading, or fingerprints: else nothing can be recognised');

export const registrySchema = z.strictObject({
  version: z.literal(1),
  contaminated: z.array(entry).max(10_000),
});

/** The JSON Schema (draft 2020-12) that is shipped as schemas/registry.schema.json. */
export function registryJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(registrySchema, { target: 'draft-2020-12' }), $id: 'urn:weightseq:registry:1', title: 'weightseq contamination registry, version 1' };
}

/**
 * Reads a registry, YAML or JSON.
 * @throws WeightseqError `registry-invalid`, at the line and column of what is wrong; `not-found`
 */
export async function openRegistry(file: string): Promise<Registry> {
  const { value } = await readYaml(file, registrySchema, 'registry-invalid');
  const folder = dirname(resolve(file));
  return {
    file,
    entries: value.contaminated.map(({ name, reason, date, source, fingerprints = [], reading }) => ({
      name, reason, date, source, fingerprints: fingerprints.map(digits),
      reading: reading === undefined ? null : { file: resolve(folder, reading.file), sha256: digits(reading.sha256) },
    })),
  };
}

function digits(sum: string): string {
  return sum.toLowerCase().replace('sha256:', '');
}
