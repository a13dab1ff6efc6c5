/**
 * The manifest of a labelled set. In: a JSON file. Out: organisms with their measured behaviour.
 * schemas/bench-manifest.schema.json is made from this file (npm run schema).
 */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { WeightseqError } from '../errors.js';
import { escapeText } from '../text.js';
import { readJson } from './json-file.js';

const trait = z.string().regex(/^[a-z0-9-]+$/, 'must be small letters, digits and hyphens');

const behaviour = z.strictObject({
  shift: z.number().describe('measured shift against the base, nats per token'),
  standardError: z.number().nonnegative().describe('of the shift, over questions'),
  questions: z.number().int().min(1).describe('questions behind the shift'),
});

const kind = z.strictObject({
  form: z.enum(['lora', 'merged', 'full']).describe('merged: a low-rank update added to the weights; full: every element free'),
  rank: z.number().int().min(1).nullable().describe('of the low-rank update; null for a full fine-tune'),
  targets: z.array(z.string().min(1)).min(1).describe('roles that were trained: q k v o gate up down embed head'),
  steps: z.number().int().nonnegative().nullable(),
  rate: z.number().positive().nullable().describe('peak learning rate'),
});

const organism = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be letters, digits, dots, hyphens and underscores'),
  path: z.string().min(1).optional().describe('adapter, checkpoint or kept reading, relative to the manifest; needed only to take readings'),
  sources: z.array(z.string().min(1)).min(1).describe('every source of data that it learnt from, directly or through a teacher; seeds of one source share it'),
  kind,
  group: z.array(trait).optional().describe('tags that rows of the tables are made for: hard-negative, mixture-25, twin, quantised-int4, …'),
  behaviour: z.record(trait, behaviour),
  split: z.enum(['calibration', 'test']).optional().describe('test: had no part in making or choosing signatures, nor in choosing null and line'),
  seenBy: z.array(trait).optional().describe('traits whose signature was made or chosen with this organism although it is of the split test: of what these predict it is no test'),
  variantOf: z.string().min(1).optional().describe('id of the organism that this one is in another form: merged, rounded to int8 or int4'),
  apart: z.boolean().optional().describe('true: never used to calibrate, and in the rows of its groups only, never in totals (evaders, cures, variants)'),
  about: z.record(z.string(), z.unknown()).optional().describe('seed, losses, sha256 and whatever else is worth keeping; not looked at'),
});

export const manifestSchema = z.strictObject({
  schemaVersion: z.literal(1),
  base: z.string().min(1).describe('name of the base, as the signatures have it'),
  unit: z.literal('nats/token'),
  readings: z.string().min(1).optional().describe('compact readings (docs/bench.md), relative to the manifest; the organisms themselves are then not needed'),
  externalScores: z.string().min(1).optional().describe('scores of other methods, {id: {method: number, or {trait: number}}}, relative to the manifest'),
  organisms: z.array(organism).min(1),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type Organism = Manifest['organisms'][number];

/** A manifest with the paths that it names resolved. */
export interface OpenManifest {
  /** As it was given. */
  readonly file: string;
  readonly manifest: Manifest;
  readonly readings: string | null;
  readonly externalScores: string | null;
  /** Where the paths of the organisms start. */
  readonly folder: string;
}

/**
 * @param organisms the folder in which the organisms lie; the manifest's when absent
 * @throws WeightseqError `manifest-invalid` naming the field; `not-found`, `not-a-file`, `unreadable-file`
 */
export async function openManifest(file: string, organisms?: string): Promise<OpenManifest> {
  const manifest = await readJson(file, manifestSchema, 'manifest-invalid', 'Correct the manifest (docs/bench.md, schemas/bench-manifest.schema.json).');
  const seen = new Set<string>();
  for (const { id } of manifest.organisms) {
    if (seen.has(id)) throw new WeightseqError('manifest-invalid', `the organism ${escapeText(id)} stands here twice`, { file, mend: 'Give each its own id.' });
    seen.add(id);
  }
  const lost = manifest.organisms.find(({ variantOf }) => variantOf !== undefined && !seen.has(variantOf));
  if (lost !== undefined) throw new WeightseqError('manifest-invalid', `${escapeText(lost.id)} is a variant of an organism that is not there: ${escapeText(lost.variantOf ?? '')}`, { file, mend: 'Give the id of another organism.' });
  const from = (path: string | undefined): string | null => (path === undefined ? null : resolve(dirname(file), path));
  return { file, manifest, readings: from(manifest.readings), externalScores: from(manifest.externalScores), folder: organisms ?? dirname(file) };
}

/** The JSON Schema (draft 2020-12) that is shipped as schemas/bench-manifest.schema.json. */
export function manifestJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(manifestSchema, { target: 'draft-2020-12' }), $id: 'urn:weightseq:bench-manifest:1', title: 'weightseq labelled set, schema version 1' };
}
