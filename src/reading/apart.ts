/**
 * Reading in a process of its own. A shard that is truncated while it is mapped is a bus error, which ends the process that
 * touches it: here that is not the one that writes the report. In: a plan. Out: the reading, or the error that took its place.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { EngineOptions } from '../engine/index.js';
import { unpackError, WeightseqError, type PackedError } from '../errors.js';
import { changedFiles, fileStamps } from '../files.js';
import type { ReadPlan } from '../types.js';
import { filesOf, type OnProgress } from './model-read.js';
import type { DeltaReading, ModelPlan, ModelReading } from './model.js';
import { filesOfDelta } from './plan.js';
import type { Extras } from './read.js';

/** What the reading process is told. */
export type ReadOrder =
  | { readonly of: 'model'; readonly plan: ModelPlan; readonly options: EngineOptions }
  | { readonly of: 'delta'; readonly plan: ReadPlan; readonly options: EngineOptions; readonly extras: Extras };

/** What it says: any number of steps, then the reading or an error. */
export type ReadNews =
  | { readonly done: number; readonly total: number }
  | { readonly reading: ModelReading | DeltaReading }
  | { readonly error: PackedError };


const READER = fileURLToPath(new URL('./reader-process.js', import.meta.url));

/**
 * As `readModel`, in another process.
 * @throws WeightseqError what `readModel` throws, and `engine-failed` when the process dies
 */
export async function readModelApart(plan: ModelPlan, options: EngineOptions, onProgress?: OnProgress): Promise<ModelReading> {
  const reading = await readApart({ of: 'model', plan, options }, filesOf(plan), onProgress);
  if (reading.of !== 'delta') return reading;
  throw new TypeError('another reading than was asked for');
}

/** As `readDelta`, in another process. Throws as `readModelApart`. */
export async function readDeltaApart(plan: ReadPlan, options: EngineOptions, extras: Extras, onProgress?: OnProgress): Promise<DeltaReading> {
  const reading = await readApart({ of: 'delta', plan, options, extras }, filesOfDelta(plan), onProgress);
  if (reading.of === 'delta') return reading;
  throw new TypeError('another reading than was asked for');
}

function readApart(order: ReadOrder, files: readonly string[], onProgress?: OnProgress): Promise<ModelReading | DeltaReading> {
  const before = fileStamps(files);
  return new Promise((resolve, reject) => {
    const child = fork(READER, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [] });
    const stop = () => { child.kill('SIGKILL'); };
    process.once('exit', stop);
    child.on('message', (news: ReadNews) => {
      if ('reading' in news) resolve(news.reading);
      else if ('error' in news) reject(unpackError(news.error));
      else onProgress?.(news.done, news.total);
    });
    child.on('error', (cause) => { reject(new WeightseqError('engine-failed', `the reading process failed: ${cause.message}`, { cause })); });
    child.on('exit', (code, signal) => {
      process.off('exit', stop);
      // Without effect after the reading has come.
      void died(before, signal ?? `exit code ${code ?? 'unknown'}`).then(reject);
    });
    child.send(order);
  });
}

/** Names the file that changed meanwhile, where one did: without one the system ended the process, as when memory is short. */
async function died(before: Promise<ReadonlyMap<string, string>>, how: string): Promise<WeightseqError> {
  const [file] = await changedFiles(await before);
  if (file === undefined) return new WeightseqError('engine-failed', `the reading process ended with ${how}`, { mend: 'Check that there is memory enough, and scan again.' });
  return new WeightseqError('engine-failed', `the reading process ended with ${how}: the file changed while it was read`, { file, mend: 'Make sure that nothing writes to it, and scan again.' });
}
