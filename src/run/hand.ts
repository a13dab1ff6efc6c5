/** One scanning process, seen from the one that reports. In: paths, one at a time. Out: items, or how the process died. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { unpackError, WeightseqError } from '../errors.js';
import type { Finished, News, Order, RunSettings } from './messages.js';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

export interface Hand {
  /** Resolves when the settings were found good. Rejects with a WeightseqError when they are not, or when the process dies first. */
  readonly ready: Promise<void>;
  /**
   * Scans one path; the next may be given when it has resolved.
   * @throws WeightseqError `engine-failed` when the process dies meanwhile: it is of no more use then
   */
  readonly scan: (path: string, onProgress: (done: number, total: number) => void) => Promise<Finished>;
  /** Whether the process died. */
  readonly isGone: () => boolean;
  /** Ends the process at once; resolves when it is gone. */
  readonly end: () => Promise<void>;
}

interface Call {
  readonly resolve: (finished: Finished) => void;
  readonly reject: (error: WeightseqError) => void;
  readonly onProgress: (done: number, total: number) => void;
}

function start(): ChildProcess {
  return fork(WORKER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
}

/** A process that nobody has given settings yet. */
let warm: ChildProcess | null = null;

/** Starts a process ahead of the first hand, so that it loads while this one does; `dismiss` ends it where no hand took it. */
export function prewarm(): void {
  warm ??= start();
  // Its end is told by the hand that takes it.
  warm.on('error', () => undefined);
}

/** Ends what `prewarm` started and no hand took. */
export function dismiss(): void {
  warm?.kill('SIGKILL');
  warm = null;
}

/** Starts a scanning process. */
export function newHand(settings: RunSettings): Hand {
  const child = warm?.connected === true ? warm : start();
  warm = null;
  const kill = (): void => { child.kill('SIGKILL'); };
  process.once('exit', kill);
  let call: Call | null = null;
  let death: WeightseqError | null = null;
  let isReady = (): void => undefined;
  let notReady: (error: WeightseqError) => void = () => undefined;
  const ready = new Promise<void>((resolve, reject) => {
    isReady = resolve;
    notReady = reject;
  });
  // Whoever waits for it hears of it; nobody has to.
  ready.catch(() => undefined);
  const die = (error: WeightseqError): void => {
    death ??= error;
    notReady(death);
    call?.reject(death);
    call = null;
  };
  const gone = new Promise<void>((resolve) => {
    child.once('error', (cause) => {
      die(new WeightseqError('engine-failed', `the scanning process can't be started: ${cause.message}`, { mend: 'Check the limits on processes and memory.', cause }));
      // Without a process there is no exit.
      if (child.pid === undefined) resolve();
    });
    child.once('exit', (code, signal) => {
      process.off('exit', kill);
      die(deathBy(signal, code));
      resolve();
    });
  });
  child.on('message', (news: News) => {
    if ('ready' in news) isReady();
    else if ('fatal' in news) notReady(unpackError(news.fatal));
    else if ('item' in news) {
      call?.resolve(news);
      call = null;
    } else call?.onProgress(news.done, news.total);
  });
  const tell = (order: Order): void => {
    // Of a process that is gone its exit tells.
    if (child.connected) child.send(order, () => undefined);
  };
  tell({ settings });
  return {
    ready,
    scan: (path, onProgress) => new Promise((resolve, reject) => {
      if (death !== null) {
        reject(death);
        return;
      }
      call = { resolve, reject, onProgress };
      tell({ path });
    }),
    isGone: () => death !== null,
    end: () => {
      kill();
      return gone;
    },
  };
}

function deathBy(signal: NodeJS.Signals | null, code: number | null): WeightseqError {
  const how = signal ?? `exit code ${code ?? 'unknown'}`;
  if (signal === 'SIGBUS') return new WeightseqError('engine-failed', `the scanning process ended with ${how}: a file was truncated or replaced while it was read, or the disk failed`, { mend: 'Make sure that nothing writes to the files, and scan again.' });
  if (signal === 'SIGKILL' || signal === 'SIGABRT') return new WeightseqError('engine-failed', `the scanning process ended with ${how}: it was ended from outside, or memory ran out`, { mend: 'Scan again with more memory or fewer --jobs.' });
  return new WeightseqError('engine-failed', `the scanning process ended with ${how}`, { mend: 'Scan again; if it happens once more, report it with the file.' });
}
