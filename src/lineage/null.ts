/** The explicit null: pairs of models of the same configuration and training, from other seeds (docs/lineage.md). In: null.json. Out: p. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { studentUpperTail } from '../scan/student.js';
// The type alone: importing JSON warns on the Node versions before 20.18.3. It also has the compiler copy the file.
import type nullJson from './null.json';

const spread = z.strictObject({ pairs: z.number().int().min(3), mean: z.number(), sd: z.number().positive(), least: z.number(), most: z.number() });

const nullSchema = z.strictObject({
  about: z.string(),
  /** Models that are independent of each other, less one for each architecture. */
  freedom: z.number().int().min(2),
  /** Mean correlation of the weights of the blocks by sign probes, times √(Σ dof), so that it does not depend on the number of weights. */
  correlation: spread,
  /** By side and mode, `gate.rows sorted`: the mean over layers of what `agreements` gives. */
  agreement: z.record(z.string(), spread),
});

export type Null = z.infer<typeof nullSchema>;
export type Spread = z.infer<typeof spread>;

let shipped: Null | null = null;

/** The one that is shipped, read once. */
export function shippedNull(): Null {
  shipped ??= nullSchema.parse(JSON.parse(readFileSync(new URL('./null.json', import.meta.url), 'utf8')) as typeof nullJson);
  return shipped;
}

/** P(so large or larger) among independent models: Student's t with one mean and spread over the pairs. */
export function upperP(value: number, { mean, sd, pairs }: Spread, freedom: number): number {
  return studentUpperTail((value - mean) / (sd * Math.sqrt(1 + 1 / pairs)), freedom);
}

/** P(so small or smaller) among independent models. */
export function lowerP(value: number, { mean, sd, pairs }: Spread, freedom: number): number {
  return studentUpperTail((mean - value) / (sd * Math.sqrt(1 + 1 / pairs)), freedom);
}
