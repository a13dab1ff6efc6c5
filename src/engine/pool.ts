/** Many weights in bounded memory. In: jobs, in any number. Out: their readings in the same order, a few at a time. */
import { WeightseqError } from '../errors.js';
import type { TensorInfo } from '../types.js';
import type { ProbeReading } from './algebra.js';
import { probeLowRanks } from './lowrank.js';
import type { ProbeJob } from './products.js';
import type { EngineOptions } from './session.js';

/** A session costs about a millisecond whatever it reads: small weights share one… */
const BATCH_JOBS = 32;
/** …and its files stay mapped as long as it lives: the bytes of factors and probes that it may hold. */
const BATCH_BYTES = 16 * 2 ** 20;

/** Consecutive jobs that share a session; a job beyond the limit has one to itself. */
export function* batches<Job extends ProbeJob>(jobs: Iterable<Job>): Generator<Job[]> {
  let batch: Job[] = [];
  let bytes = 0;
  for (const job of jobs) {
    const more = bytesOf(job);
    if (batch.length > 0 && (batch.length === BATCH_JOBS || bytes + more > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(job);
    bytes += more;
  }
  if (batch.length > 0) yield batch;
}

/**
 * Reads every job. A weight that cannot be read gives its error in place of a reading, and the others are read all the same.
 * @throws WeightseqError `provider-unavailable`, and `signature-invalid` for a probe with NaN or infinity: these are no weight's fault
 */
export async function* probeAll<Job extends ProbeJob>(jobs: Iterable<Job>, options: EngineOptions): AsyncGenerator<{ job: Job; reading: ProbeReading | WeightseqError }> {
  for (const batch of batches(jobs)) {
    const readings = await attempt(batch, options);
    for (const [index, job] of batch.entries()) {
      const reading = readings instanceof WeightseqError ? await alone(job, batch, readings, options) : readings[index];
      if (reading !== undefined) yield { job, reading };
    }
  }
}

async function alone(job: ProbeJob, batch: readonly ProbeJob[], failure: WeightseqError, options: EngineOptions): Promise<ProbeReading | WeightseqError | undefined> {
  if (batch.length === 1) return failure;
  const readings = await attempt([job], options);
  return readings instanceof WeightseqError ? readings : readings[0];
}

async function attempt(jobs: readonly ProbeJob[], options: EngineOptions): Promise<ProbeReading[] | WeightseqError> {
  try {
    return await probeLowRanks(jobs, options);
  } catch (error) {
    if (error instanceof WeightseqError && error.code === 'engine-failed') return error;
    throw error;
  }
}

function bytesOf({ delta: { left, right }, probes }: ProbeJob): number {
  const tensors: TensorInfo[] = [left.tensor, right.tensor, ...probes.flatMap(({ U, V }) => [U, V])];
  return tensors.reduce((total, { bytes }) => total + bytes, 0);
}
