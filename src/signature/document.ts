/** The document of a signature, and the index of a library. In: JSON. Out: the same, checked against format version 1. */
import { z } from 'zod';

/**
 * The JSON document in a signature's metadata, format version 1 (docs/signature-format.md).
 * Objects that describe provenance may hold further fields; those that decide a verdict may not.
 */
const count = z.number().int().nonnegative();
const finite = z.number();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const range = z.tuple([finite, finite]).refine(([low, high]) => low <= high, 'the lower end stands first');

const nullKind = z.strictObject({
  /** merged: low-rank updates added to the weights; full: every element free. */
  form: z.enum(['lora', 'merged', 'full']),
  roles: z.array(z.string()).min(1),
  rank: range,
  deltaNorm: range,
  scoredShare: range,
  evenness: range,
});

const nullGroup = z.strictObject({
  kind: nullKind,
  sources: z.array(
    z.strictObject({ source: z.string().min(1), scores: z.array(finite).min(1), deltaNorms: z.array(finite.nonnegative()) }),
  ).refine((sources) => new Set(sources.map((s) => s.source)).size === sources.length, 'a source stands here twice'),
});

const calibration = z.strictObject({
  slope: finite.positive(),
  intercept: finite,
  interceptFixed: z.boolean(),
  residualSd: finite.nonnegative(),
  n: count.min(3),
  meanScore: finite,
  sumSquares: finite.positive(),
  confidence: finite.min(0.8).lt(1),
});

const heldOut = z.looseObject({
  id: z.string(),
  source: z.string(),
  measured: finite,
  standardError: finite.nonnegative(),
  score: finite,
  predicted: finite,
});

export const signatureDocument = z.strictObject({
  schemaVersion: z.literal(1),
  trait: z.string().regex(/^[a-z0-9-]+$/),
  description: z.string().min(1),
  harmful: z.boolean(),
  kind: z.literal('gradient'),
  unit: z.literal('nats/token'),
  base: z.strictObject({
    name: z.string().min(1),
    aliases: z.array(z.string()),
    fingerprint: z.string().regex(/^sha256:[0-9a-f]{64}$/),
    source: z.string(),
    license: z.string(),
    layers: count.min(1),
    /** Of a base that stores queries, keys and values head by head: by how many heads an adapter's change of them is divided. */
    heads: count.min(1).optional(),
    weights: z.record(z.string(), z.tuple([count, count])),
  }),
  method: z.looseObject({ description: z.string(), pairs: count, rank: count.min(1), layers: z.array(count) }),
  data: z.array(z.looseObject({ name: z.string(), source: z.string(), sha256, license: z.string() })),
  signProbes: z.strictObject({ algorithm: z.literal('murmur3-sign-1'), seed: count, columns: count.min(1) }),
  smallestMeaningfulShift: finite.positive(),
  level: finite.gt(0).lt(1),
  calibration: calibration.nullable(),
  null: z.array(nullGroup),
  evidence: z.looseObject({
    heldOut: z.array(heldOut),
    r: finite.min(-1).max(1).nullable(),
    n: count,
    notes: z.union([z.string(), z.array(z.string())]),
  }),
});

export type SignatureDocument = z.infer<typeof signatureDocument>;
export type Calibration = z.infer<typeof calibration>;
export type NullGroup = z.infer<typeof nullGroup>;
export type NullKind = z.infer<typeof nullKind>;
export type KnownBase = SignatureDocument['base'];

/** `signatures/index.json`: what the library holds, with the hash of each file. */
export const libraryIndex = z.strictObject({
  schemaVersion: z.literal(1),
  signatures: z.array(
    z.looseObject({
      trait: z.string(),
      file: z.string(),
      base: z.string(),
      sha256,
      bytes: count,
      kind: z.string(),
      harmful: z.boolean(),
      aliases: z.array(z.string()).optional(),
    }),
  ),
  /** Readings of the bases themselves (docs/reading-format.md), so that every weight of a checkpoint can be compared. */
  bases: z.array(z.looseObject({ name: z.string(), reading: z.string(), sha256 })).optional(),
});

export type LibraryIndex = z.infer<typeof libraryIndex>;
