/** The Report: its types and its JSON Schema, from one source. */
import { z } from 'zod';
import { inheritedSchema } from '../lineage/schema.js';

/**
 * The Report: the one typed, versioned value between analysis and rendering.
 * schemas/report.schema.json is made from this file (npm run schema); every report is tested against it.
 */
const finite = z.number();
const count = z.number().int().nonnegative();
const name = z.string();

const shiftInterval = z.strictObject({
  low: finite,
  high: finite,
  confidence: finite.describe('two-sided coverage of the prediction interval'),
});

const nullDistribution = z.strictObject({
  form: z.string().describe('form of the fine-tunes behind it, several joined by +: a merged adapter is held against adapters'),
  mean: finite,
  sd: finite.describe('over sources, each with one mean'),
  sources: z.array(z.strictObject({ source: name, mean: finite, fineTunes: count })),
}).describe('scores of benign fine-tunes of this kind, at the scale of what was scanned where the signature compares scaled scores');

const suppression = z.strictObject({
  justification: z.string(),
  author: z.string(),
  expires: z.string().regex(/^\d{4}-\d{2}-\d{2}$/).describe('the last day on which it holds'),
});

const finding = z.strictObject({
  trait: name,
  description: z.string(),
  kind: z.string().describe('kind of signature'),
  harmful: z.boolean().describe('false for a benign control: shown, never gated on'),
  verdict: z.enum(['present', 'absent', 'indeterminate']),
  reason: z.string(),
  shift: finite.nullable().describe('calibrated log-odds shift, in `unit`'),
  interval: shiftInterval.nullable(),
  score: finite.nullable().describe('the raw sum that decides, additive over layers and weights; null when weights hold NaN or infinity'),
  unit: z.string(),
  p: finite.min(0).max(1).nullable().describe("one-sided, Student's t over benign sources"),
  adjustedP: finite.min(0).max(1).nullable().optional().describe('p adjusted for all harmful traits that were tested on the model (Benjamini and Hochberg): present needs it below the level'),
  traitsTested: count.optional().describe('harmful traits behind adjustedP, this one included; 1 of a benign control, 0 where no null matches'),
  conformalP: finite.min(0).max(1).nullable().describe('(1 + #{null >= score}) / (sources + 1)'),
  nullSources: count.describe('benign sources behind p; 0 when no null matches'),
  null: nullDistribution.nullable().describe('null where no null distribution matches'),
  threshold: finite.nullable().describe('score from which on the verdict is present; null where no null distribution matches'),
  level: finite.describe('present needs adjustedP below this'),
  smallestMeaningfulShift: finite,
  layers: z.array(z.strictObject({ layer: count, score: finite.nullable() })),
  weights: z.array(z.strictObject({ name, score: finite.nullable(), deltaNorm: finite.nullable() })).describe('largest |score| first'),
  signature: z.strictObject({ file: z.string(), sha256: z.string() }),
  scoreSd: finite.nullable().optional().describe('standard deviation of the score from rounding and from the subtraction of the base (whole checkpoints)'),
  suppression: suppression.optional().describe('the finding was looked at and let pass: it does not count for the exit code'),
  isNew: z.boolean().optional().describe('against a baseline report: false for what stood there already, which does not count for the exit code'),
});

const norm = z.strictObject({
  value: finite.nullable(),
  low: finite.nullable(),
  high: finite.nullable().describe('90 % interval; value = low = high where the base was at hand'),
  floor: finite.nullable().describe('what rounding alone can make of it, subtracted from value and low'),
}).describe('|ΔW|, Frobenius');

const coverage = z.strictObject({
  bytes: count.describe('bytes of weights read'),
  bytesTotal: count.describe('bytes of weights there are'),
  read: count.describe('weights read'),
  scored: count.describe('weights that at least one signature scores'),
  total: count.describe('weights there are'),
  notCompared: z.array(name).optional().describe('read, but no number of the base is at hand'),
  unread: z.array(z.strictObject({ name, reason: z.string() })).describe('what was not read, not understood or not scored and matters'),
});

const file = z.strictObject({
  name: name.describe('relative to the folder of the checkpoint'),
  bytes: count,
  sha256: z.string().nullable().describe('null where it was not hashed'),
});

/** What lies beside the weights and deserves a look. */
export const BESIDE = ['pickle', 'script', 'archive', 'remote-code', 'template', 'weights', 'binary', 'unseen'] as const;

const beside = z.strictObject({ name, what: z.enum(BESIDE), reason: z.string(), bytes: count });

const contamination = z.strictObject({
  registry: z.string().describe('the file that was consulted'),
  entries: count,
  compared: count,
  not: z.array(z.strictObject({ name, reason: z.string() })).describe('models of the registry that could not be held against this one'),
  ancestors: z.array(inheritedSchema),
});

const ruleOutcome = z.strictObject({
  id: z.string(),
  level: z.enum(['error', 'warning', 'note']),
  outcome: z.enum(['matched', 'undecided']).describe('undecided: the rule asks for what this report does not know'),
  message: z.string(),
});

/** How many known bases a report lists, the closest first. */
export const MOST_EVIDENCE = 5;

const baseEvidence = z.strictObject({
  name,
  weights: count.describe('matrices in blocks that were compared'),
  correlation: finite.describe('mean over them, of the numbers that random signs give of each'),
  standardError: finite.describe('of that mean'),
  p: finite.min(0).max(1).describe('a bound on how likely so high a correlation is between unrelated weights of these shapes, times the number of bases tried'),
  distance: z.strictObject({ value: finite, low: finite, high: finite }).describe('|W − W0| / |W0|, with a 90 % interval'),
  fits: z.boolean(),
  alsoKnownAs: z.array(name).describe('other names of the same weights'),
});

const item = z.strictObject({
  path: z.string(),
  kind: z.enum(['adapter', 'checkpoint', 'unknown']),
  source: z.enum(['weights', 'reading', 'unhashed reading']).optional().describe('source of the numbers; absent for an adapter whose weights were read'),
  findings: z.array(finding),
  deltaNorm: finite.nullable().describe('|ΔW| over all weights'),
  change: norm.optional().describe('|ΔW| over the compared weights'),
  weights: z.array(z.strictObject({ name, norm })).optional().describe('every compared weight'),
  unexplained: z.array(z.strictObject({ name, deltaNorm: finite.nullable() })).optional().describe('weights that changed and that no signature scores'),
  coverage,
  base: z.strictObject({
    name: z.string().nullable().describe('the base that the findings are for'),
    how: z.enum(['measured', 'claimed', 'assumed', 'shape', 'unknown']).describe('measured: found from the weights, whatever the configuration says'),
    layers: count.nullable(),
    declared: z.string().nullable().describe('what the configuration says'),
    declaredAs: z.string().nullable().optional().describe('the declared base as the library calls it; null where it knows none of that name'),
    evidence: z.array(baseEvidence).optional().describe('how the weights of a whole checkpoint compare with known bases of such shapes, the closest first; absent where nobody looked'),
    measured: z.string().nullable().describe('what the weights say; null where they do not tell, as those of an adapter'),
    norm: finite.nullable().describe('|W0|, Frobenius, over the weights of the base; null where it is not known'),
  }),
  files: z.array(file).describe('the files that decide: weights, configuration, index'),
  architecture: z.strictObject({ name: z.string().nullable(), known: z.boolean() }).optional().describe('of a whole checkpoint: model_type of its configuration; where it is not known, weights are told by name and shape alone, and none is missed'),
  digest: z.string().nullable().describe('sha256 of the lines "SHA256  NAME" of all files above, as sha256sum prints them; null where they were not hashed'),
  beside: z.array(beside).describe('files beside the weights that some loader could execute or take instead, and code that the configuration asks for'),
  contamination: contamination.optional().describe('ancestors that are listed as contaminated; absent where no registry was consulted'),
  policy: z.array(ruleOutcome).optional(),
  errors: z.array(
    z.strictObject({
      code: z.string(),
      file: z.string().nullable(),
      tensor: z.string().nullable(),
      message: z.string(),
      mend: z.string().nullable(),
    }),
  ),
  seconds: finite.nonnegative(),
  cached: z.literal(true).optional().describe('taken from the cache: nothing that decides the result has changed since it was scanned'),
  exitCode: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]),
});

const suppressionStatus = suppression.extend({
  trait: name,
  sha256: z.string(),
  status: z.enum(['applied', 'expired', 'unmatched']),
  reason: z.string().optional().describe('why it does not suppress'),
});

export const reportSchema = z.strictObject({
  schemaVersion: z.literal(1),
  tool: z.strictObject({ name: z.literal('weightseq'), version: z.string() }),
  failOn: z.enum(['present', 'indeterminate', 'contaminated', 'never']),
  items: z.array(item),
  policy: z.strictObject({ name: z.string(), rules: count }).optional().describe('the policy that the items were held against'),
  suppressions: z.array(suppressionStatus).optional().describe('every suppression that was given, and what became of it'),
  baseline: z.string().optional().describe('the report against which findings are new'),
  interrupted: z.enum(['SIGINT', 'SIGTERM']).optional().describe('the run was ended before all items were scanned'),
  exitCode: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3), z.literal(130), z.literal(143)]),
});

export type Report = z.infer<typeof reportSchema>;
export type ReportItem = z.infer<typeof item>;
export type ReportFinding = z.infer<typeof finding>;
export type FailOn = Report['failOn'];
export type RuleOutcome = z.infer<typeof ruleOutcome>;
export type Beside = z.infer<typeof beside>;
export type Contamination = z.infer<typeof contamination>;

/** One item, for what keeps items. */
export const itemSchema = item;

/** The JSON Schema (draft 2020-12) that is shipped as schemas/report.schema.json. */
export function reportJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(reportSchema, { target: 'draft-2020-12' }),
    $id: 'urn:weightseq:report:1',
    title: 'weightseq report, schema version 1',
  };
}
