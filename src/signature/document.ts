/** The document of a signature, and the index of a library. In: JSON. Out: the same, checked against format version 1 or 2. */
import { z } from 'zod';

/**
 * The JSON document in a signature's metadata, format version 1 or 2 (docs/signature-format.md); version 2 adds the fields that are optional below.
 * Objects that describe provenance may hold further fields; those that decide a verdict may not.
 */
const count = z.number().int().nonnegative();
const finite = z.number();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const range = z.tuple([finite, finite]).refine(([low, high]) => low <= high, 'the lower end stands first');

/** merged: low-rank updates added to the weights; full: every element free. */
const form = z.enum(['lora', 'merged', 'full']);

/** What a score is divided by before it is compared with others, so that fine-tunes of several sizes and kinds can be compared (src/scan/scale.ts). */
export const SCALES = ['none', 'deltaNorm', 'scoredNorm', 'isotropic'] as const;

const nullKind = z.strictObject({
  form,
  /** Version 2: further forms in the same group. */
  otherForms: z.array(form).optional(),
  roles: z.array(z.string()).min(1),
  /** Version 2: further sets of roles in the same group. */
  otherRoles: z.array(z.array(z.string()).min(1)).optional(),
  rank: range,
  deltaNorm: range,
  scoredShare: range,
  evenness: range,
});

const nullGroup = z.strictObject({
  kind: nullKind,
  /** Version 2; `none` when absent. */
  scale: z.enum(SCALES).optional(),
  /** Version 2: one more fine-tune strays as sources do, or also as fine-tunes of one source do; `sources` when absent. */
  spread: z.enum(['sources', 'fine-tunes']).optional(),
  sources: z.array(
    z.strictObject({
      source: z.string().min(1), scores: z.array(finite).min(1), deltaNorms: z.array(finite.nonnegative()),
      /** Version 2: what each score is divided by; 1 when absent. */
      scales: z.array(finite.positive()).optional(),
    }).refine(({ scores, scales }) => scales === undefined || scales.length === scores.length, 'a scale for each score'),
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
  /** Version 2: the residual variance grows as 1 + (growth · score)²; 0 when absent. */
  growth: finite.nonnegative().optional(),
  /** Version 2: variance of the line itself at a score, in units of residualSd²: a + 2b (score − meanScore) + c (score − meanScore)²; [1/n, 0, 1/sumSquares] when absent. */
  lineVariance: z.tuple([finite.nonnegative(), finite, finite.nonnegative()]).optional(),
});

const heldOut = z.looseObject({
  id: z.string(),
  source: z.string(),
  measured: finite,
  standardError: finite.nonnegative(),
  score: finite,
  predicted: finite,
});

const whole = z.strictObject({
  schemaVersion: z.union([z.literal(1), z.literal(2)]),
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

export const signatureDocument = whole.refine(
  ({ schemaVersion, ...document }) => schemaVersion === 2 || !needsVersion2(document),
  { message: 'the document holds fields of version 2, and says that it is of version 1', path: ['schemaVersion'] },
);

/** Whether null or calibration use what version 1 does not have: a program that reads version 1 would judge otherwise. */
export function needsVersion2({ null: groups, calibration: line }: { readonly null: readonly NullGroup[]; readonly calibration: Calibration | null }): boolean {
  const isNewer = ({ kind, scale, spread, sources }: NullGroup): boolean =>
    [kind.otherForms, kind.otherRoles, scale, spread].some((field) => field !== undefined) || sources.some(({ scales }) => scales !== undefined);
  return groups.some(isNewer) || line?.growth !== undefined || line?.lineVariance !== undefined;
}

export type SignatureDocument = z.infer<typeof signatureDocument>;
export type Calibration = z.infer<typeof calibration>;
export type NullGroup = z.infer<typeof nullGroup>;
export type NullKind = z.infer<typeof nullKind>;
export type Scale = (typeof SCALES)[number];
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
