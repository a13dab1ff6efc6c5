/**
 * Whole checkpoints. In: dense jobs, in any number. Out: their readings in the same order, in bounded memory.
 *
 * Three things go on at a time: strips further on are read into the system's cache, strips that are there are multiplied in one
 * thread for each processor core, and the sums of finished ones are added up here.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { WeightseqError } from '../errors.js';
import { warm } from './ahead.js';
import type { NonFinite } from './census.js';
import type { Reply, Request } from './dense-worker.js';
import { readDense, runTask, type DenseReading, type OnShare, type Runner, type Task } from './dense.js';
import type { StripProducts } from './multiply.js';
import type { EngineOptions } from './session.js';
import { byteRanges } from './strips.js';
import type { DenseJob, Sums } from './sums.js';

/** More threads than this wait for memory, not for each other. */
const MOST_THREADS = 8;
/** Strips that are warm or under way beyond those in work, for each thread. */
const AHEAD = 2;

/**
 * Reads every job. A weight that cannot be read gives its error in place of a reading, and the others are read all the same.
 * `options.threads` is the number of strips in work at a time: as many as there are cores, at most 8, unless given; with 1, and on
 * another provider than `cpu`, all is done in the calling thread.
 * @param onShare which share of a job's weight has been read, strip by strip
 * @throws WeightseqError `provider-unavailable`, and `signature-invalid` for a probe with NaN or infinity: these are no weight's fault
 */
export async function* probeAllDense<Job extends DenseJob>(jobs: Iterable<Job>, options: EngineOptions, onShare: (job: Job, share: number) => void = () => undefined): AsyncGenerator<{ job: Job; reading: DenseReading | WeightseqError }> {
  const threads = options.executionProvider === 'cpu' ? Math.max(1, options.threads ?? Math.min(availableParallelism(), MOST_THREADS)) : 1;
  const team = newTeam(threads, { ...options, threads: 1 });
  const iterator = jobs[Symbol.iterator]();
  const begun: { job: Job; reading: Promise<DenseReading | WeightseqError> }[] = [];
  try {
    for (;;) {
      while (team.waiting() < 2 * threads && begun.length < 64) {
        const next = iterator.next();
        if (next.done === true) break;
        const job = next.value;
        const { weight, base, probes, signs, invariants } = job;
        // Without what else the caller's job carries: a task is copied to its thread.
        const reading = attempt({ weight, ...(base === undefined ? {} : { base }), probes, signs, ...(invariants === undefined ? {} : { invariants }) }, options, team.runner, (share) => { onShare(job, share); });
        // It is awaited in its turn; until then its failure is nobody's.
        reading.catch(() => undefined);
        begun.push({ job, reading });
      }
      const first = begun.shift();
      if (first === undefined) return;
      yield { job: first.job, reading: await first.reading };
    }
  } finally {
    team.stop();
    await Promise.allSettled(begun.map(({ reading }) => reading));
    await team.end();
  }
}

async function attempt(job: DenseJob, options: EngineOptions, runner: Runner, onShare: OnShare): Promise<DenseReading | WeightseqError> {
  try {
    return await readDense(job, options, runner, onShare);
  } catch (error) {
    if (error instanceof WeightseqError && error.code === 'engine-failed') return error;
    throw error;
  }
}

interface Team {
  readonly runner: Runner;
  /** Tasks that no thread has taken yet. */
  readonly waiting: () => number;
  /** Tasks that have not begun fail from now on. */
  readonly stop: () => void;
  readonly end: () => Promise<void>;
}

/** Takes tasks in the order given: warms each, then has it done by a thread that is free. */
function newTeam(threads: number, options: EngineOptions): Team {
  const hands = threads === 1 ? [] : Array.from({ length: threads }, () => newHand(options));
  let ended = false;
  let waiting = 0;
  // Slots for what is warm or in work: a task enters here…
  const entry = newGate(threads * (1 + AHEAD));
  // …and waits here, warm, for a thread.
  const work = newGate(threads);
  const idle = [...hands];

  async function perform(task: Task): Promise<unknown> {
    waiting++;
    await entry.enter();
    let taken = false;
    try {
      if (ended) throw new Error('the scan was ended');
      await warmTask(task);
      await work.enter();
      taken = true;
      waiting--;
      const hand = idle.pop();
      if (hand === undefined) return await runTask(task, options);
      try {
        return await hand.perform(task);
      } finally {
        idle.push(hand);
      }
    } finally {
      if (taken) work.leave();
      else waiting--;
      entry.leave();
    }
  }

  return {
    runner: {
      sums: async (task) => await perform(task) as Sums,
      census: async (task) => await perform(task) as NonFinite,
      product: async (task) => await perform(task) as StripProducts,
    },
    waiting: () => waiting,
    stop: () => { ended = true; },
    end: async () => {
      await Promise.all(hands.map((hand) => hand.end()));
    },
  };
}

async function warmTask({ job: { weight, base }, strip }: Task): Promise<void> {
  const inputs = weight.shape[1];
  await Promise.all([weight, ...(base === undefined ? [] : [base])].map(async ({ values }) => {
    // A base stored the other way round is read in columns, again and again: the system's own read-ahead must do.
    if (values.transposed === weight.values.transposed) await warm(values.tensor, byteRanges(values, inputs, strip));
  }));
}

interface Gate {
  readonly enter: () => Promise<void>;
  readonly leave: () => void;
}

/** Lets so many in at a time, first come, first served. */
function newGate(places: number): Gate {
  const queue: (() => void)[] = [];
  let free = places;
  return {
    enter: async () => {
      if (free > 0) free--;
      else await new Promise<void>((resolve) => { queue.push(resolve); });
    },
    leave: () => {
      const next = queue.shift();
      if (next === undefined) free++;
      else next();
    },
  };
}

interface Hand {
  readonly perform: (task: Task) => Promise<unknown>;
  readonly end: () => Promise<void>;
}

/** One worker thread. */
function newHand(options: EngineOptions): Hand {
  const worker = new Worker(new URL('./dense-worker.js', import.meta.url), { workerData: options });
  const asked = new Map<number, { resolve: (result: unknown) => void; reject: (error: unknown) => void }>();
  let count = 0;
  let failure: unknown = null;
  const fail = (error: unknown): void => {
    failure = error;
    for (const { reject } of asked.values()) reject(error);
    asked.clear();
  };
  worker.on('message', (reply: Reply) => {
    const call = asked.get(reply.id);
    asked.delete(reply.id);
    if ('result' in reply) call?.resolve(reply.result);
    else call?.reject(reply.code === null ? new Error(reply.message) : new WeightseqError(reply.code, reply.message, reply.detail));
  });
  worker.on('error', fail);
  const exit = new Promise<void>((resolve) => {
    worker.on('exit', (code) => {
      fail(new Error(`a worker thread ended with code ${code}`));
      resolve();
    });
  });
  return {
    perform: (task) => new Promise((resolve, reject) => {
      if (failure !== null) {
        reject(failure instanceof Error ? failure : new Error('a worker thread failed'));
        return;
      }
      const id = count++;
      asked.set(id, { resolve, reject });
      worker.postMessage({ id, task } satisfies Request);
    }),
    end: async () => {
      worker.postMessage('end');
      await exit;
    },
  };
}
