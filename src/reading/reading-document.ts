/** The document of a kept reading. In: JSON. Out: the same, checked against format version 2; version 1 comes out as version 2. */
import { z } from 'zod';
import { DTYPES } from '../safetensors/dtype.js';

/** The JSON document in a reading's metadata (docs/reading-format.md). */
const count = z.number().nonnegative();
const whole = z.number().int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const role = z.enum(['q', 'k', 'v', 'o', 'gate', 'up', 'down', 'embed', 'head', 'norm', 'bias', 'other']);
const dtype = z.string().refine((d) => DTYPES.some((known) => known === d), 'an element type of safetensors').transform((d) => DTYPES.find((known) => known === d) ?? 'F32');
const gap = z.strictObject({ name: z.string(), reason: z.string(), bytes: count });
const layer = whole.nullable();
const norm = z.number().nonnegative().nullable();

const weight = {
  name: z.string(), role, layer, shape: z.tuple([whole, whole]), dtype, bytes: count, norm,
};
const denseWeight = { ...weight, signsAs: z.string().optional() };

/** Which tensors of invariants a weight has. */
const holds = z.array(z.enum(['lines', 'spectrum', 'sketch'])).refine((of) => new Set(of).size === of.length, 'each once').optional();

const common = {
  tool: z.strictObject({ name: z.literal('weightseq'), version: z.string() }),
  architecture: z.strictObject({ name: z.string().nullable(), known: z.boolean() }),
  /** Bytes of weights that there are, and that were read. */
  bytes: count,
  bytesRead: count,
  baseClaim: z.string().nullable(),
  files: z.array(z.strictObject({ name: z.string(), bytes: count, sha256: sha256.nullable() })),
  signProbes: z.strictObject({ algorithm: z.literal('murmur3-sign-1'), seed: whole, columns: z.number().int().min(1) }),
  signatures: z.array(z.strictObject({ trait: z.string(), base: z.string(), sha256 })),
  /** Weights that there are, those included that could not be read. */
  weightsTotal: whole,
  vectors: z.array(z.strictObject({ name: z.string(), role: z.enum(['norm', 'bias', 'other']), layer, dtype })),
  gaps: z.array(gap),
  failed: z.array(gap),
  nonFinite: z.array(z.strictObject({ name: z.string(), nan: count, infinite: count, bytes: count })),
};

const version1 = z.strictObject({ schemaVersion: z.literal(1), ...common, weights: z.array(z.strictObject(denseWeight)) });

const version2 = {
  schemaVersion: z.literal(2),
  ...common,
  /** sha256 of what the whole plan reads, in its order: what parts of one reading have in common. */
  plan: sha256.nullable(),
  part: z.strictObject({ index: whole.min(1), count: whole.min(1) }).refine(({ index, count: of }) => index <= of, 'a part lies within its count').nullable(),
};

const weights = z.strictObject({ ...version2, of: z.literal('weights'), weights: z.array(z.strictObject({ ...denseWeight, holds })) });
const delta = z.strictObject({ ...version2, of: z.literal('delta'), weights: z.array(z.strictObject({ ...weight, module: z.string(), rank: whole, holds })) });

export type WeightsDocument = z.infer<typeof weights>;
export type DeltaDocument = z.infer<typeof delta>;
export type ReadingDocument = WeightsDocument | DeltaDocument;

/** By the `version` of the file's metadata. */
export const readingDocuments: Readonly<Record<string, z.ZodType<ReadingDocument>>> = {
  1: version1.transform((document) => ({ ...document, schemaVersion: 2, of: 'weights', plan: null, part: null } as const)),
  2: z.discriminatedUnion('of', [weights, delta]),
};
