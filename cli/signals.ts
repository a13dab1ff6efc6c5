/** SIGINT and SIGTERM. The first may be answered with what is finished so far; without an answer, and the second time, the program ends. */
import { SIGNAL_EXIT } from '../src/errors.js';
import { removeHalfWritten } from '../src/files.js';

export type EndSignal = keyof typeof SIGNAL_EXIT;

let answer: ((signal: EndSignal) => void) | null = null;

/** To be called once. Processes that were started are killed when this one exits. */
export function installSignals(): void {
  // A file that may not grow further is a failed write, as a full disk is.
  process.on('SIGXFSZ', () => undefined);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      const first = answer;
      answer = null;
      if (first !== null) {
        first(signal);
        return;
      }
      removeHalfWritten();
      process.exit(SIGNAL_EXIT[signal]);
    });
  }
}

/** Has the next signal answered by `handler` in place of the program's end, once. Returns what takes that back. */
export function onSignal(handler: (signal: EndSignal) => void): () => void {
  answer = handler;
  return () => { answer = null; };
}
