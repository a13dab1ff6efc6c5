/** One run at the terminal. In: targets and settings. Out: finished items; errors, progress and what was taken from the cache on stderr. */
import { exitCodeOfError } from '../src/report/exit.js';
import { escapeText } from '../src/text.js';
import type { ReportItem } from '../src/report/schema.js';
import type { Finished, RunSettings } from '../src/run/messages.js';
import { scanTargets } from '../src/run/pool.js';
import type { Target } from '../src/run/targets.js';
import { errorLine } from './io.js';
import { divertLog, log } from './log.js';
import { startProgress } from './progress.js';
import { laneCount } from './run-options.js';
import { onSignal, type EndSignal } from './signals.js';

export interface RunOutcome {
  /** In the order of the targets. */
  readonly items: readonly ReportItem[];
  /** The signal that ended the run before all targets were scanned. */
  readonly interrupted: EndSignal | null;
}

/**
 * Scans all targets; the first SIGINT or SIGTERM ends the run with what is finished.
 * @throws WeightseqError as `scanTargets`
 */
export async function runScan(targets: readonly Target[], settings: Omit<RunSettings, 'threads'>, wanted: number): Promise<RunOutcome> {
  const { jobs, threads } = laneCount(wanted, targets.length);
  const progress = startProgress(targets.length);
  const said = new Set<string>();
  const ending = new AbortController();
  const by: EndSignal[] = [];
  const release = onSignal((signal) => {
    by.push(signal);
    ending.abort();
  });
  const onItem = (index: number, { item, stacks, notes }: Finished): void => {
    progress.finish(index);
    for (const [i, { code, file, tensor, message, mend }] of item.errors.entries()) {
      const line = errorLine({ file: file ?? undefined, tensor: tensor ?? undefined, message, mend: mend ?? undefined });
      log.error('error', line, { path: item.path, code, file, tensor, mend, exitCode: exitCodeOfError(code), ...(stacks[i] === undefined ? {} : { stack: stacks[i] }) });
    }
    for (const note of notes.filter((n) => !said.has(n))) {
      said.add(note);
      log.warn('note', escapeText(note));
    }
  };
  divertLog(progress.say);
  try {
    const items = (await scanTargets(targets, { ...settings, threads }, { jobs, onProgress: progress.update, onItem, signal: ending.signal })).filter((item) => item !== null);
    const cached = items.filter((item) => item.cached).length;
    if (settings.cache !== null && targets.length > 0) log.info('cache', `${cached} of ${targets.length} ${targets.length === 1 ? 'item' : 'items'} taken from the cache`, { cached, items: targets.length });
    const interrupted = by[0] ?? null;
    if (interrupted !== null) log.warn('interrupted', `interrupted: ${items.length} of ${targets.length} ${targets.length === 1 ? 'item was' : 'items were'} finished`, { signal: interrupted, finished: items.length, items: targets.length });
    return { items, interrupted };
  } finally {
    progress.end();
    divertLog(null);
    release();
  }
}

/** All of stdin as text. */
export async function readList(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
