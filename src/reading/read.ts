/** Carries out the plan of an adapter. In: a plan. Out: numbers only, and what could not be read. */
import { countNonFinite, probeAll, type EngineOptions, type ProbeJob } from '../engine/index.js';
import { WeightseqError } from '../errors.js';
import { failedGap, type OnProgress } from './model-read.js';
import type { Gap, Reading, ReadPlan, ReadStep, WeightReading } from '../types.js';

/** A step of the plan as the engine takes it. */
interface StepJob extends ProbeJob {
  readonly step: ReadStep;
}

/**
 * Carries a plan out: each weight is read once, in the order of the plan, and forgotten.
 * A weight that cannot be read is named in the reading and hides no other.
 * @throws WeightseqError `provider-unavailable`, or `signature-invalid` for a probe with NaN or infinity
 */
export async function read(plan: ReadPlan, options: EngineOptions, onProgress: OnProgress = () => undefined): Promise<Reading> {
  const jobs = plan.steps.map((step): StepJob => ({ delta: step.weight.delta, shape: step.weight.shape, probes: step.probes, step }));
  const weights: WeightReading[] = [];
  const failed: Gap[] = [];
  const nonFinite: Reading['nonFinite'][number][] = [];
  let bytes = 0;
  let done = 0;
  for await (const { job, reading } of probeAll(jobs, options)) {
    const { weight, bytes: size } = job.step;
    onProgress(done += size, plan.bytes);
    if (reading instanceof WeightseqError) {
      failed.push(failedGap(weight.name, reading, size));
      continue;
    }
    const { name, role, layer, shape, delta } = weight;
    weights.push({ name, role, layer, shape, rank: delta.rank, deltaNorm: reading.deltaNorm, coordinates: reading.coordinates });
    nonFinite.push(...reading.nonFinite);
    if (reading.cancels) failed.push({ name, reason: 'its factors are large and cancel, so that the change depends on the precision in which a loader multiplies them', bytes: 0 });
    bytes += size;
  }
  for (const tensor of plan.unscored) {
    try {
      const counts = await countNonFinite(tensor, options);
      if (counts.nan + counts.infinite > 0) nonFinite.push({ tensor, ...counts });
      bytes += tensor.bytes;
    } catch (error) {
      if (!(error instanceof WeightseqError) || error.code !== 'engine-failed') throw error;
      failed.push(failedGap(tensor.name, error, tensor.bytes));
    }
  }
  return { weights, failed, bytes, nonFinite };
}
