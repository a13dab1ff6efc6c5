/** The document of a kept reading. In: JSON. Out: the same, checked against format version 1. */
import { z } from 'zod';
import { DTYPES } from '../safetensors/dtype.js';

/** The JSON document in a reading's metadata, format version 1 (docs/reading-format.md). */
const count = z.number().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const role = z.enum(['q', 'k', 'v', 'o', 'gate', 'up', 'down', 'embed', 'head', 'norm', 'bias', 'other']);
const dtype = z.string().refine((d) => DTYPES.some((known) => known === d), 'an element type of safetensors').transform((d) => DTYPES.find((known) => known === d) ?? 'F32');
const gap = z.strictObject({ name: z.string(), reason: z.string(), bytes: count });
const layer = z.number().int().nonnegative().nullable();

export const readingDocument = z.strictObject({
  schemaVersion: z.literal(1),
  tool: z.strictObject({ name: z.literal('weightseq'), version: z.string() }),
  architecture: z.strictObject({ name: z.string().nullable(), known: z.boolean() }),
  /** Bytes of weights that there are, and that were read. */
  bytes: count,
  bytesRead: count,
  baseClaim: z.string().nullable(),
  files: z.array(z.strictObject({ name: z.string(), bytes: count, sha256: sha256.nullable() })),
  signProbes: z.strictObject({ algorithm: z.literal('murmur3-sign-1'), seed: z.number().int().nonnegative(), columns: z.number().int().min(1) }),
  signatures: z.array(z.strictObject({ trait: z.string(), base: z.string(), sha256 })),
  weights: z.array(z.strictObject({
    name: z.string(), role, layer, shape: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]), dtype, bytes: count, signsAs: z.string().optional(), norm: z.number().nonnegative().nullable(),
  })),
  /** Weights that the checkpoint has, those included that could not be read. */
  weightsTotal: z.number().int().nonnegative(),
  vectors: z.array(z.strictObject({ name: z.string(), role: z.enum(['norm', 'bias', 'other']), layer, dtype })),
  gaps: z.array(gap),
  failed: z.array(gap),
  nonFinite: z.array(z.strictObject({ name: z.string(), nan: count, infinite: count, bytes: count })),
});

export type ReadingDocument = z.infer<typeof readingDocument>;
