/** Carries out the plan of an adapter. In: a plan. Out: numbers only, and what could not be read. */
import { countNonFinite, probeAll, type EngineOptions, type ProbeJob } from '../engine/index.js';
import { WeightseqError } from '../errors.js';
import { failedGap, type OnProgress } from './model-read.js';
import type { DeltaReading, DeltaWeight, InvariantChoice, SignProbes } from './model.js';
import type { Gap, Reading, ReadPlan, ReadStep, WeightReading } from '../types.js';

/** A step of the plan as the engine takes it. */
interface StepJob extends ProbeJob {
  readonly step: ReadStep;
}

/** What a scan does not need, and a kept reading holds. */
export interface Extras {
  readonly signs: SignProbes;
  readonly invariants: InvariantChoice;
}

/**
 * Carries a plan out: each weight is read once, in the order of the plan, and forgotten.
 * A weight that cannot be read is named in the reading and hides no other.
 * @throws WeightseqError `provider-unavailable`, or `signature-invalid` for a probe with NaN or infinity
 */
export async function read(plan: ReadPlan, options: EngineOptions, onProgress: OnProgress = () => undefined, extras?: Extras): Promise<Reading> {
  const jobs = plan.steps.map((step): StepJob => ({
    delta: step.weight.delta, shape: step.weight.shape, probes: step.probes, step,
    ...(extras ? { signs: { ...extras.signs, name: step.weight.name }, invariants: extras.invariants } : {}),
  }));
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
    const { deltaNorm, coordinates, signs, invariants } = reading;
    weights.push({ name, role, layer, shape, rank: delta.rank, deltaNorm, coordinates, ...(signs ? { signs } : {}), ...(invariants ? { invariants } : {}) });
    nonFinite.push(...reading.nonFinite.map(({ tensor, nan, infinite }) => ({ name: tensor.name, nan, infinite, bytes: tensor.bytes })));
    if (reading.cancels) failed.push({ name, reason: 'its factors are large and cancel, so that the change depends on the precision in which a loader multiplies them', bytes: 0 });
    bytes += size;
  }
  for (const tensor of plan.unscored) {
    try {
      const counts = await countNonFinite(tensor, options);
      if (counts.nan + counts.infinite > 0) nonFinite.push({ name: tensor.name, ...counts, bytes: tensor.bytes });
      bytes += tensor.bytes;
    } catch (error) {
      if (!(error instanceof WeightseqError) || error.code !== 'engine-failed') throw error;
      failed.push(failedGap(tensor.name, error, tensor.bytes));
    }
  }
  return { weights, failed, bytes, nonFinite };
}

/** The same as a reading that can be kept, with sign coordinates and the invariants that are asked for. Throws as `read`. */
export async function readDelta(plan: ReadPlan, options: EngineOptions, extras: Extras, onProgress?: OnProgress): Promise<DeltaReading> {
  const { weights, ...rest } = await read(plan, options, onProgress, extras);
  const steps = new Map(plan.steps.map((step) => [step.weight.name, step]));
  const full = weights.flatMap(({ deltaNorm: norm, signs = new Float64Array(), ...weight }): DeltaWeight[] => {
    const step = steps.get(weight.name);
    if (step === undefined) return [];
    const { weight: { module, delta: { left } }, bytes } = step;
    return [{ ...weight, module, dtype: left.tensor.dtype, bytes, norm, signs }];
  });
  return { of: 'delta', weights: full, ...rest, signs: extras.signs };
}

/** A kept reading of an adapter as a scan takes it. @param keys of the coordinates that it asks for */
export function readingOfDelta({ weights, failed, nonFinite, bytes }: DeltaReading, keys: readonly string[]): Reading {
  return {
    weights: weights.map(({ name, role, layer, shape, rank, norm: deltaNorm, coordinates, signs }) => (
      { name, role, layer, shape, rank, deltaNorm, signs, coordinates: new Map([...coordinates].filter(([key]) => keys.includes(key))) }
    )),
    failed, nonFinite, bytes,
  };
}
