import { z } from 'zod';

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
  conformalP: finite.min(0).max(1).nullable().describe('(1 + #{null >= score}) / (sources + 1)'),
  nullSources: count.describe('benign sources behind p; 0 when no null matches'),
  level: finite.describe('present needs p below this'),
  smallestMeaningfulShift: finite,
  layers: z.array(z.strictObject({ layer: count, score: finite.nullable() })),
  weights: z.array(z.strictObject({ name, score: finite.nullable(), deltaNorm: finite.nullable() })).describe('largest |score| first'),
  signature: z.strictObject({ file: z.string(), sha256: z.string() }),
  scoreSd: finite.nullable().optional().describe('standard deviation of the score from rounding and from the subtraction of the base (whole checkpoints)'),
  nullForm: z.string().nullable().optional().describe('form of the fine-tunes behind the null: a merged adapter is held against adapters (whole checkpoints)'),
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

const item = z.strictObject({
  path: z.string(),
  kind: z.enum(['adapter', 'checkpoint', 'unknown']),
  source: z.enum(['weights', 'reading', 'unhashed reading']).optional().describe('source of the numbers of a whole checkpoint'),
  findings: z.array(finding),
  deltaNorm: finite.nullable().describe('|ΔW| over all weights'),
  change: norm.optional().describe('|ΔW| over the compared weights of a whole checkpoint'),
  weights: z.array(z.strictObject({ name, norm })).optional().describe('every compared weight of a whole checkpoint'),
  unexplained: z.array(z.strictObject({ name, deltaNorm: finite.nullable() })).optional().describe('weights that changed and that no signature scores'),
  coverage,
  base: z.strictObject({ name: z.string().nullable(), how: z.enum(['claimed', 'assumed', 'shape', 'unknown']), layers: count.nullable() }),
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
  exitCode: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]),
});

export const reportSchema = z.strictObject({
  schemaVersion: z.literal(1),
  tool: z.strictObject({ name: z.literal('weightseq'), version: z.string() }),
  failOn: z.enum(['present', 'indeterminate', 'never']),
  items: z.array(item),
  exitCode: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]),
});

export type Report = z.infer<typeof reportSchema>;
export type ReportItem = z.infer<typeof item>;
export type ReportFinding = z.infer<typeof finding>;
export type FailOn = Report['failOn'];

/** The JSON Schema (draft 2020-12) that is shipped as schemas/report.schema.json. */
export function reportJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(reportSchema, { target: 'draft-2020-12' }),
    $id: 'urn:weightseq:report:1',
    title: 'weightseq report, schema version 1',
  };
}
