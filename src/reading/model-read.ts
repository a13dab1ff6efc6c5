/** Carries out the plan of a whole checkpoint. In: a plan. Out: numbers only, and what could not be read. */
import { countNonFinite, probeAllDense, readVector, type EngineOptions } from '../engine/index.js';
import { WeightseqError } from '../errors.js';
import { changedFiles, fileStamps } from '../files.js';
import type { DenseWeight, Gap, Probe, Vector } from '../types.js';
import type { DenseReading, InvariantChoice, ModelPlan, ModelReading, ModelStep, SignProbes, VectorReading } from './model.js';

/** Bytes done, of all that the plan reads. */
export type OnProgress = (done: number, total: number) => void;

interface StepJob {
  readonly weight: DenseWeight;
  readonly base?: DenseWeight;
  readonly probes: readonly Probe[];
  readonly signs: SignProbes;
  readonly invariants?: InvariantChoice;
  readonly step: ModelStep;
}

/**
 * Carries a plan out: each weight is read once, in the order of the plan, and forgotten; memory grows with neither tensor nor model.
 * A weight that can't be read, and a file that changes while it is read, is named in the reading and hides no other.
 * @throws WeightseqError `provider-unavailable`, or `signature-invalid` for a probe with NaN or infinity
 */
export async function readModel(plan: ModelPlan, options: EngineOptions, onProgress: OnProgress = () => undefined): Promise<ModelReading> {
  const before = await fileStamps(filesOf(plan));
  const jobs = plan.steps.map((step): StepJob => ({
    weight: step.weight, ...(step.base ? { base: step.base } : {}), probes: step.probes, signs: plan.signs, step, ...(plan.invariants ? { invariants: plan.invariants } : {}),
  }));
  const weights: DenseReading[] = [];
  const failed: Gap[] = [];
  const nonFinite: ModelReading['nonFinite'][number][] = [];
  let bytes = 0;
  let done = 0;
  const onShare = ({ step }: StepJob, share: number) => { onProgress(Math.round(done += step.bytes * share), plan.bytes); };
  for await (const { job, reading } of probeAllDense(jobs, options, onShare)) {
    const { step: { weight, base, bytes: size } } = job;
    if (reading instanceof WeightseqError) {
      failed.push(failedGap(weight.name, reading, size));
      continue;
    }
    const { name, role, layer, shape, values, signsAs } = weight;
    const { nan, infinite } = reading.nonFinite;
    if (nan + infinite > 0) nonFinite.push({ name, nan, infinite, bytes: size });
    weights.push({
      name, role, layer, shape, dtype: values.tensor.dtype, baseDtype: base?.values.tensor.dtype ?? null, bytes: size, ...(signsAs === undefined ? {} : { signsAs }),
      coordinates: reading.coordinates, signs: reading.signs ?? new Float64Array(), norm: reading.norm, ...(reading.invariants ? { invariants: reading.invariants } : {}),
    });
    bytes += size;
  }
  const vectors: VectorReading[] = [];
  const baseVectors: VectorReading[] = [];
  for (const { vector, base } of plan.vectors) {
    const { tensor } = vector;
    try {
      const values = await valuesOf(vector);
      const nan = values.filter(Number.isNaN).length;
      const infinite = values.filter((v) => Math.abs(v) === Infinity).length;
      if (nan + infinite > 0) nonFinite.push({ name: vector.name, nan, infinite, bytes: tensor.bytes });
      vectors.push(vectorReading(vector, values));
      if (base !== null) baseVectors.push(vectorReading(base, await valuesOf(base)));
      bytes += tensor.bytes;
    } catch (error) {
      if (!(error instanceof WeightseqError)) throw error;
      failed.push(failedGap(vector.name, error, tensor.bytes));
    }
    onProgress(done += tensor.bytes, plan.bytes);
  }
  for (const tensor of plan.buffers) {
    try {
      const counts = await countNonFinite(tensor, options);
      if (counts.nan + counts.infinite > 0) nonFinite.push({ name: tensor.name, ...counts, bytes: tensor.bytes });
      bytes += tensor.bytes;
    } catch (error) {
      if (!(error instanceof WeightseqError)) throw error;
      failed.push(failedGap(tensor.name, error, tensor.bytes));
    }
    onProgress(done += tensor.bytes, plan.bytes);
  }
  for (const file of await changedFiles(before)) failed.push(changedGap(file));
  return { of: plan.of, weights, vectors, baseVectors, failed, nonFinite, bytes, signs: plan.signs };
}

async function valuesOf({ tensor, elements }: Vector): Promise<Float64Array> {
  const values = await readVector(tensor);
  if (elements === undefined) return values;
  return Float64Array.from(elements.flatMap(([first, count]) => [...values.subarray(first, first + count)]));
}

function vectorReading({ name, role, layer, tensor: { dtype } }: Vector, values: Float64Array): VectorReading {
  return { name, role, layer, dtype, values };
}

/** The files that a plan reads. */
export function filesOf({ steps, vectors, buffers }: ModelPlan): string[] {
  return [
    ...buffers.map(({ file }) => file),
    ...steps.flatMap(({ weight, base }) => [weight.values.tensor.file, ...(base ? [base.values.tensor.file] : [])]),
    ...vectors.flatMap(({ vector, base }) => [vector.tensor.file, ...(base ? [base.tensor.file] : [])]),
  ];
}

/** What a file that changed meanwhile leaves. */
export function changedGap(file: string): Gap {
  return { name: file, reason: CHANGED, bytes: 0 };
}

/** Whether a gap is that a file changed meanwhile. */
export function isChanged({ reason }: Pick<Gap, 'reason'>): boolean {
  return reason === CHANGED;
}

const CHANGED = 'the file changed while it was read; scan it again';

const FAILED = 'could not be read: ';

/** What a weight that could not be read leaves. */
export function failedGap(name: string, error: WeightseqError, bytes: number): Gap {
  return { name, reason: FAILED + error.message, bytes };
}

/** Whether the same bytes could give another result the next time: the disk or the machine failed, or a file was being written. */
export function isPassing({ reason }: Pick<Gap, 'reason'>): boolean {
  return reason.startsWith(FAILED) || reason === CHANGED;
}
