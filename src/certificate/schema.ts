/** The certificate: its types and its JSON Schema, from one source (docs/certificate.md). schemas/certificate.schema.json is made from this file. */
import { z } from 'zod';
import { DIRECTIONS, RELATIONS } from '../lineage/schema.js';

export const CERTIFICATE_FORMAT = 'weightseq-certificate';
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
/** Of the predicate below. Another shape gets another number. */
export const PREDICATE_TYPE = 'urn:weightseq:birth-certificate:1';

const finite = z.number();
const count = z.number().int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/u);
const instant = z.iso.datetime();
const day = z.iso.date();
const base64 = z.string().refine((s) => Buffer.from(s, 'base64').toString('base64') === s, 'is no base64');

const interval = z.strictObject({ low: finite, high: finite, confidence: finite });

const trait = z.strictObject({
  trait: z.string(),
  description: z.string(),
  harmful: z.boolean().describe('false for a benign control'),
  verdict: z.enum(['present', 'absent', 'indeterminate']),
  reason: z.string(),
  unit: z.string(),
  shift: finite.nullable(),
  interval: interval.nullable(),
  score: finite.nullable(),
  p: finite.nullable(),
  conformalP: finite.nullable(),
  nullSources: count,
  level: finite,
  smallestMeaningfulShift: finite,
  signature: z.strictObject({ file: z.string(), sha256, version: count.describe('schemaVersion of the signature') }),
});

const coverage = z.strictObject({
  bytes: count, bytesTotal: count, read: count, scored: count, total: count,
  unread: z.array(z.strictObject({ name: z.string(), reason: z.string() })),
  notCompared: z.array(z.string()),
});

const range = z.strictObject({ value: finite, low: finite, high: finite });

const baseEvidence = z.strictObject({
  name: z.string(),
  alsoKnownAs: z.array(z.string()),
  fits: z.boolean(),
  weights: count.describe('matrices that were compared'),
  correlation: finite.describe('mean over them, of the numbers that random signs give of each'),
  p: finite.describe('a bound on how likely so high a correlation is between unrelated weights'),
  distance: range.describe('|W − W0| / |W0|, with a 90 % interval'),
});

const relation = z.strictObject({
  candidate: z.string(),
  fingerprints: z.array(sha256).describe('of the files of the candidate\'s weights, where its reading has them'),
  kind: z.enum(RELATIONS),
  direction: z.enum(DIRECTIONS),
  sentence: z.string(),
  evidence: z.array(z.string()),
  undecided: z.string().nullable(),
  correlation: finite.nullable(),
  p: finite.nullable(),
  distance: range.nullable().describe('|W − W_candidate| / |W_candidate|, with its 95 % interval'),
  share: range.nullable().describe('share of the candidate\'s ΔW that is still there, with its 95 % interval'),
});

const lineage = z.strictObject({
  sentence: z.string().describe('the lineage in one sentence'),
  against: z.strictObject({ name: z.string().nullable(), how: z.string() }).describe('the base against which changes were measured'),
  compared: z.array(z.string()).describe('every model that it could be held against'),
  relations: z.array(relation).describe('those that it is related to, closest first'),
  merge: z.strictObject({
    parents: z.array(z.strictObject({ candidate: z.string(), weight: range })),
    base: z.strictObject({ name: z.string().nullable(), weight: range }).nullable(),
    method: z.enum(['linear', 'spherical']),
    unexplained: finite,
  }).nullable().describe('the mixture that explains the weights'),
});

/** What the weights say, and how it was found. */
export const predicateSchema = z.strictObject({
  schemaVersion: z.literal(1),
  tool: z.strictObject({ name: z.literal('weightseq'), version: z.string() }),
  date: instant.describe('from SOURCE_DATE_EPOCH, or when it was made'),
  expires: day.nullable().describe('the last day on which it holds (UTC)'),
  declared: z.strictObject({ sha256: sha256.describe('of the declared section in its canonical form (RFC 8785)') }),
  model: z.strictObject({
    kind: z.enum(['adapter', 'checkpoint']),
    of: z.enum(['folder', 'file']).describe('whether a file more beside the subjects contradicts the certificate'),
    architecture: z.string().nullable(),
    digest: sha256.describe('of the lines "SHA256  NAME" of all subjects, as sha256sum prints them'),
    tensors: z.array(z.strictObject({ file: z.string(), digests: z.string().regex(/^(?:[0-9a-f]{8})*$/u) }))
      .describe('the first 8 digits of the sha256 of each tensor, in the order of their bytes: to say what changed, not to prove that nothing did'),
  }),
  base: z.strictObject({
    name: z.string().nullable().describe('the base that the figures are for'),
    how: z.enum(['measured', 'claimed', 'assumed', 'shape', 'unknown']),
    claimed: z.string().nullable().describe('what the configuration says'),
    measured: z.string().nullable().describe('what the weights say; null where they do not tell'),
    verdict: z.enum(['found', 'several', 'unknown', 'untold']).nullable().describe('whether the weights are those of a known base, of several alike, of none, or do not tell; null where nobody looked'),
    evidence: z.array(baseEvidence).describe('how they compare with the known bases, the closest first'),
    norm: finite.nullable().describe('|W0|, Frobenius'),
    from: z.enum(['library', 'base', 'base-reading']).describe('what the weights were compared with; base and base-reading are needed again to recompute'),
  }),
  lineage,
  change: z.strictObject({ value: finite.nullable(), low: finite.nullable(), high: finite.nullable() }).nullable().describe('|ΔW| over all compared weights, Frobenius, with its 90 % interval'),
  traits: z.array(trait),
  coverage,
  reading: z.strictObject({ sha256: sha256.describe('of the file that `weightseq read PATH -o FILE` writes with the same signatures') }),
  incomplete: z.array(z.string()).describe('why not everything could be measured; empty where everything was'),
});

export const statementSchema = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  subject: z.array(z.strictObject({ name: z.string().min(1), digest: z.strictObject({ sha256 }) })).min(1)
    .refine((subjects) => new Set(subjects.map(({ name }) => name)).size === subjects.length, 'a name stands here twice'),
  predicateType: z.literal(PREDICATE_TYPE),
  predicate: predicateSchema,
});

const declaredSection = z.strictObject({
  status: z.literal('declared, not verified'),
  source: z.strictObject({ name: z.string(), sha256 }).describe('the file of declarations'),
  bom: z.looseObject({ bomFormat: z.literal('CycloneDX'), specVersion: z.literal('1.6') }).describe('a CycloneDX 1.6 ML-BOM'),
});

const envelope = z.strictObject({
  payload: base64.describe('the measured section in its canonical form (RFC 8785)'),
  payloadType: z.literal('application/vnd.in-toto+json'),
  signatures: z.array(z.strictObject({ keyid: sha256.describe('of the public key (SubjectPublicKeyInfo, DER)'), sig: base64 })).min(1),
}).describe('DSSE envelope, protocol 1.0');

export const certificateSchema = z.strictObject({
  format: z.literal(CERTIFICATE_FORMAT),
  schemaVersion: z.literal(1),
  declared: declaredSection.describe('what the author says: nothing of it was verified'),
  measured: statementSchema.describe('what the bytes and the weights say: an in-toto statement'),
  signed: envelope.nullable().describe('who stands for the measured section, and for the digest of the declared one in it'),
});

export type Certificate = z.infer<typeof certificateSchema>;
export type Statement = z.infer<typeof statementSchema>;
export type Predicate = z.infer<typeof predicateSchema>;
export type CertifiedLineage = z.infer<typeof lineage>;
export type CertifiedTrait = z.infer<typeof trait>;
export type DeclaredSection = z.infer<typeof declaredSection>;

/** The JSON Schema (draft 2020-12) that is shipped as schemas/certificate.schema.json. */
export function certificateJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(certificateSchema, { target: 'draft-2020-12' }), $id: 'urn:weightseq:certificate:1', title: 'weightseq certificate, schema version 1' };
}
