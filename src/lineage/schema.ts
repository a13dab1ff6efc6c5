/** What `lineage` finds: its types and its JSON Schema, from one source. The document is versioned by `schemaVersion`. */
import { z } from 'zod';

const finite = z.number();
const count = z.number().int().nonnegative();
const name = z.string();
const layer = count.nullable().describe('null outside the blocks');

/** How the path differs from a candidate, from the closest relation to none. */
export const RELATIONS = [
  'same-bytes', 'same-weights', 'another-dtype', 'quantised', 'adapter', 'fine-tune', 'continued-pretraining', 'merge', 'pruned', 'layer-dropped',
  'layers-repeated', 'siblings', 'disguised', 'related', 'unrelated', 'not-comparable',
] as const;

/** descends: the path is the later one. ancestor: the candidate is. siblings: neither, both descend from the base. none: no relation. */
export const DIRECTIONS = ['same', 'descends', 'ancestor', 'siblings', 'undecided', 'none'] as const;

/** What was done to hide descent, as invariants show it. */
export const DISGUISES = ['units-permuted', 'units-scaled', 'norms-folded', 'heads-rotated', 'channels-reordered'] as const;

const interval = z.strictObject({ value: finite, low: finite, high: finite }).describe('with its 95 % interval');
const gap = z.strictObject({ name, reason: z.string() });

const relation = z.strictObject({
  candidate: name,
  kind: z.enum(RELATIONS),
  direction: z.enum(DIRECTIONS),
  sentence: z.string().describe('what was found, in a sentence'),
  evidence: z.array(z.string()).describe('one clause for each thing it rests on'),
  undecided: z.string().nullable().describe('why the direction, or the kind, is not decided'),
  correlation: finite.nullable().describe('mean correlation of the weights of the blocks by their sign probes'),
  p: finite.min(0).max(1).nullable().describe('how likely so much agreement is of models of the same configuration from other seeds'),
  compared: z.strictObject({ weights: count, total: count, vectors: count, not: z.array(gap) }).describe('weights that were compared, of those of the path'),
  distance: interval.nullable().describe('|W − W_candidate| / |W_candidate| over the compared weights'),
  share: interval.nullable().describe('share of the candidate\'s ΔW that the path still holds: ⟨ΔW_candidate, ΔW⟩ / |ΔW_candidate|², both against the base'),
  reverse: interval.nullable().describe('the same the other way round'),
  rank: z.strictObject({ value: count, exact: z.boolean().describe('false: at least so much, the rest lies below rounding or beyond the probes') }).nullable().describe('of the difference'),
  removed: finite.min(0).max(1).nullable().describe('share of |W|² that pruning took away'),
  disguises: z.array(z.strictObject({ what: z.enum(DISGUISES), evidence: z.string(), p: finite.min(0).max(1) })),
  layers: z.array(z.strictObject({ layer, of: layer.describe('the layer of the candidate that it was held against'), similarity: finite.nullable(), distance: finite.nullable() })),
});

const merge = z.strictObject({
  parents: z.array(z.strictObject({ candidate: name, weight: interval })),
  base: z.strictObject({ name: z.string().nullable(), weight: interval }).nullable().describe('null where the weights add up without it'),
  method: z.enum(['linear', 'spherical']),
  unexplained: finite.nonnegative().describe('share of |ΔW|² that the mixture does not explain, what rounding makes already taken off'),
});

const inherited = z.strictObject({
  ancestor: name,
  reason: z.string(),
  date: z.string(),
  source: z.string(),
  kind: z.enum(RELATIONS),
  direction: z.enum(DIRECTIONS),
  share: interval.nullable().describe('share of the ancestor\'s ΔW still present; 1 for the ancestor itself, null where it cannot be measured'),
  sentence: z.string(),
});

export const lineageSchema = z.strictObject({
  schemaVersion: z.literal(1),
  tool: z.strictObject({ name: z.literal('weightseq'), version: z.string() }),
  path: z.string(),
  source: z.enum(['weights', 'reading']).nullable(),
  sentence: z.string().describe('the lineage in one sentence'),
  base: z.strictObject({ name: z.string().nullable(), how: z.string() }).describe('against which changes were measured'),
  relations: z.array(relation).describe('closest first'),
  merge: merge.nullable(),
  registry: z.strictObject({ file: z.string(), entries: count, compared: count, not: z.array(gap) }).nullable(),
  contamination: z.array(inherited),
  coverage: z.strictObject({ read: count, total: count, bytes: count.describe('bytes of weights and readings that were read'), unread: z.array(gap) }),
  errors: z.array(z.strictObject({ code: z.string(), file: z.string().nullable(), message: z.string(), mend: z.string().nullable() })),
  seconds: finite.nonnegative(),
  exitCode: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]),
});

export type Lineage = z.infer<typeof lineageSchema>;
export type Relation = z.infer<typeof relation>;
export type RelationKind = Relation['kind'];
export type Direction = Relation['direction'];
export type Merge = z.infer<typeof merge>;
export type Inherited = z.infer<typeof inherited>;
export type Disguise = Relation['disguises'][number];
export type Interval = z.infer<typeof interval>;

/** For reports that carry it. */
export const inheritedSchema = inherited;

/** The JSON Schema (draft 2020-12) that is shipped as schemas/lineage.schema.json. */
export function lineageJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(lineageSchema, { target: 'draft-2020-12' }),
    $id: 'urn:weightseq:lineage:1',
    title: 'weightseq lineage, schema version 1',
  };
}
