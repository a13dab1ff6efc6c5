/** A thread that runs sessions for dense-pool.ts: the runtime blocks the thread it runs in. In: tasks. Out: their sums or counts. */
import { parentPort, workerData } from 'node:worker_threads';
import { WeightseqError, type ErrorCode, type ErrorDetail } from '../errors.js';
import { runTask, type Task } from './dense.js';
import type { EngineOptions } from './session.js';

export interface Request {
  readonly id: number;
  readonly task: Task;
}

/** `error` is null for what the program did not foresee; `message` then says what it was. */
export type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly code: ErrorCode | null; readonly message: string; readonly detail: ErrorDetail };

const options = workerData as EngineOptions;

parentPort?.on('message', (message: Request | 'end') => {
  if (message === 'end') parentPort?.close();
  else void answer(message).then((reply) => { parentPort?.postMessage(reply); });
});

async function answer({ id, task }: Request): Promise<Reply> {
  try {
    return { id, result: await runTask(task, options) };
  } catch (error) {
    if (!(error instanceof WeightseqError)) return { id, code: null, message: error instanceof Error ? error.stack ?? error.message : String(error), detail: {} };
    const { code, message, file, tensor, mend } = error;
    return { id, code, message, detail: { ...(file === undefined ? {} : { file }), ...(tensor === undefined ? {} : { tensor }), ...(mend === undefined ? {} : { mend }) } };
  }
}
