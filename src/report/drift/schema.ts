/** The drift of a training run: its type and its JSON Schema, from one source (schemas/drift.schema.json, npm run schema). */
import { z } from 'zod';
import { itemSchema } from '../schema.js';

const finite = z.number();
const count = z.number().int().nonnegative();

const point = z.strictObject({
  step: count,
  verdict: z.enum(['present', 'absent', 'indeterminate']),
  shift: finite.nullable(),
  low: finite.nullable(),
  high: finite.nullable(),
  score: finite.nullable(),
  p: finite.nullable(),
  band: z.strictObject({ low: finite, high: finite }).nullable()
    .describe('shifts that benign fine-tunes of this kind reach: p is below the level above it, and as rare below it; null where no null distribution matches'),
});

const trait = z.strictObject({
  trait: z.string(),
  harmful: z.boolean(),
  unit: z.string(),
  level: finite,
  smallestMeaningfulShift: finite,
  points: z.array(point).describe('steps at which the trait was scanned for, in order'),
  leaves: count.nullable().describe('the first step with p below the level; null where there is none'),
  present: count.nullable().describe('the first step at which the trait is present; null where there is none'),
});

export const driftSchema = z.strictObject({
  schemaVersion: z.literal(1),
  kind: z.literal('drift'),
  tool: z.strictObject({ name: z.literal('weightseq'), version: z.string() }),
  failOn: z.enum(['present', 'ever', 'indeterminate', 'never']),
  numbered: z.boolean().describe('whether the steps have numbers of their own; they are counted from 1 otherwise'),
  steps: z.array(z.strictObject({ step: count, item: itemSchema.describe('what a scan of this step says') })),
  traits: z.array(trait),
  conclusion: z.array(z.string()).describe('one sentence on each trait'),
  interrupted: z.enum(['SIGINT', 'SIGTERM']).optional().describe('the run was ended before all steps were scanned'),
  exitCode: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3), z.literal(130), z.literal(143)]),
});

export type Drift = z.infer<typeof driftSchema>;
export type DriftTrait = Drift['traits'][number];
export type DriftPoint = DriftTrait['points'][number];
export type DriftFailOn = Drift['failOn'];

/** The JSON Schema (draft 2020-12) that is shipped as schemas/drift.schema.json. */
export function driftJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(driftSchema, { target: 'draft-2020-12' }),
    $id: 'urn:weightseq:drift:1',
    title: 'weightseq drift, schema version 1',
  };
}
