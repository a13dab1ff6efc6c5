/** The comparison of two models: its type and its JSON Schema, from one source (schemas/comparison.schema.json, npm run schema). */
import { z } from 'zod';
import { itemSchema } from '../schema.js';

const finite = z.number();
const count = z.number().int().nonnegative();
const name = z.string();

const norm = z.strictObject({
  value: finite.nullable(),
  low: finite.nullable(),
  high: finite.nullable().describe('90 % interval; value = low = high where it is exact'),
  floor: finite.nullable().describe('what rounding alone can make of it, subtracted from value and low of an estimate'),
}).describe('Frobenius norm');

const estimate = z.strictObject({ value: finite, low: finite, high: finite.describe('90 % interval; value = low = high where it is exact') });

const undone = estimate.nullable().describe('<A, B - A> / |A|^2 of the updates against the base: -1 where B takes all of the update of A back, 0 where it leaves it alone; null where A changes nothing, or the base is not known');

const ranks = z.strictObject({ a: finite.nullable(), b: finite.nullable(), change: finite.nullable() })
  .describe('effective rank |M|^4 / tr((M\'M)^2) of the updates of A and B and of B - A; null where neither factors nor sketches tell');

const angles = z.strictObject({
  of: count.describe('dimension of the space'),
  directions: z.tuple([count, count]).describe('of A and of B'),
  degrees: z.array(finite).describe('principal angles, smallest first'),
  overlap: finite.describe('mean squared cosine of these'),
  random: z.strictObject({ overlap: finite, sd: finite, smallestDegrees: finite, smallestDegreesOf5Percent: finite })
    .describe('the same of random subspaces: mean and standard deviation of the overlap, mean of the smallest angle, and the angle below which it lies in 5 % of cases'),
});

const angleSummary = z.strictObject({
  weights: count, overlap: finite, randomOverlap: finite, smallestDegrees: finite, randomSmallestDegrees: finite,
}).describe('medians over the weights whose angles are known');

const group = {
  weights: count,
  a: norm.nullable().describe('update of A against the base; null where the base is not known'),
  b: norm.nullable(),
  change: norm.describe('W_B - W_A'),
  undone,
  rank: ranks.describe('medians of the effective ranks'),
  outputs: angleSummary.nullable().describe('between what the updates write (column spaces)'),
  inputs: angleSummary.nullable().describe('between what the updates read (row spaces)'),
};

const concentration = z.strictObject({
  weights: count,
  top: z.strictObject({ weights: count, share: finite }).describe('the tenth of the weights that changed most, and their share of the squared norm'),
  half: count.describe('the fewest weights that hold half of the squared norm'),
  effective: finite.describe('effective number of weights'),
  gini: finite,
}).describe('of |W_B - W_A|^2 over the weights');

const shift = z.strictObject({ value: finite, low: finite, high: finite, confidence: finite });

const standing = z.strictObject({
  verdict: z.enum(['present', 'absent', 'indeterminate']),
  shift: finite.nullable(),
  score: finite.nullable(),
  p: finite.nullable(),
});

const trait = z.strictObject({
  trait: name,
  harmful: z.boolean(),
  unit: z.string(),
  before: standing.describe('in A'),
  after: standing.describe('in B'),
  change: shift.nullable().describe('shift of B less that of A'),
  back: estimate.nullable().describe('1 - score of B / score of A: the share of the score of A that went back; the interval holds rounding alone; null where the interval of the shift of A holds 0'),
  became: z.enum(['present', 'gone', 'still present', 'not present', 'undecided']).describe('present: it was not before; gone: it was, and is absent; undecided: indeterminate now'),
});

export const comparisonSchema = z.strictObject({
  schemaVersion: z.literal(1),
  kind: z.literal('comparison'),
  tool: z.strictObject({ name: z.literal('weightseq'), version: z.string() }),
  failOn: z.enum(['worse', 'present', 'indeterminate', 'never']),
  a: itemSchema.describe('what a scan of A says'),
  b: itemSchema.describe('what a scan of B says'),
  how: z.enum(['factors', 'weights', 'signs']).describe('how B - A is known: exactly from the factors of adapters or from the weights, or estimated from sign coordinates'),
  total: z.strictObject(group),
  cosine: estimate.nullable().describe('between the updates of A and of B'),
  own: finite.nullable().describe('norm of what B changed beside taking back or repeating the update of A'),
  concentration: concentration.nullable().describe('null where nothing changed'),
  layers: z.array(z.strictObject({ layer: count, ...group })),
  roles: z.array(z.strictObject({ role: name, ...group })),
  weights: z.array(z.strictObject({
    name, role: name, layer: count.nullable(), a: norm.nullable(), b: norm.nullable(), change: norm, undone, rank: ranks,
    outputs: angles.nullable(), inputs: angles.nullable(),
  })).describe('every compared weight'),
  vectors: z.array(z.strictObject({ name, changed: count, of: count })).describe('norms and biases that are not the same, and how many of their numbers'),
  traits: z.array(trait),
  conclusion: z.array(z.string()).describe('the same in sentences'),
  missing: z.array(z.strictObject({ name, reason: z.string() })).describe('what could not be compared, beside what the scans name'),
  seconds: finite.nonnegative(),
  exitCode: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]),
});

export type Comparison = z.infer<typeof comparisonSchema>;
export type ComparedTrait = Comparison['traits'][number];
export type ComparedGroup = Comparison['total'];
export type CompareFailOn = Comparison['failOn'];

/** The JSON Schema (draft 2020-12) that is shipped as schemas/comparison.schema.json. */
export function comparisonJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(comparisonSchema, { target: 'draft-2020-12' }),
    $id: 'urn:weightseq:comparison:1',
    title: 'weightseq comparison, schema version 1',
  };
}
