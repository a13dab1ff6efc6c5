/**
 * Many paths in one run. In: targets and settings. Out: the items, in the order of the targets.
 *
 * Every path is scanned in a process of its own kind: a file that is truncated while it is mapped is a bus error, and memory that runs
 * out ends whoever asked for it last. Neither takes the report, or the other items, with it.
 */
import { asWeightseqError } from '../errors.js';
import { failedItem } from '../report/failed.js';
import type { ReportItem } from '../report/schema.js';
import { newHand, type Hand } from './hand.js';
import type { Finished, RunSettings } from './messages.js';
import type { Target } from './targets.js';

export interface PoolOptions {
  /** Processes that scan at a time, at least 1. */
  readonly jobs: number;
  /** Bytes done of all that the item's plan reads. */
  readonly onProgress?: (index: number, done: number, total: number) => void;
  /** As soon as an item is finished, in any order. */
  readonly onItem?: (index: number, finished: Finished) => void;
  /** Ends the run: the processes are killed, and what is finished is given back. */
  readonly signal?: AbortSignal;
}

/**
 * Scans all targets. What goes wrong with one becomes part of its item, also where it takes its process with it.
 * @returns one item for each target; null where the run was ended before
 * @throws WeightseqError when the settings are no good: a library that can't be read, `unknown-trait`, `unknown-base`
 */
export async function scanTargets(targets: readonly Target[], settings: RunSettings, options: PoolOptions): Promise<(ReportItem | null)[]> {
  const { jobs, onProgress, onItem, signal } = options;
  const items: (ReportItem | null)[] = targets.map(() => null);
  const hands = new Set<Hand>();
  const isEnded = (): boolean => signal?.aborted ?? false;
  let next = 0;

  const start = async (): Promise<Hand> => {
    const hand = newHand(settings);
    hands.add(hand);
    await hand.ready;
    return hand;
  };
  const retire = async (hand: Hand): Promise<void> => {
    hands.delete(hand);
    await hand.end();
  };
  const finish = (index: number, finished: Finished): void => {
    // What its process still said when the run was ended already counts, but not that it was ended.
    if (isEnded()) return;
    items[index] = finished.item;
    onItem?.(index, finished);
  };

  async function work(first: Hand | null): Promise<void> {
    let hand = first;
    for (let index = next++; index < targets.length && !isEnded(); index = next++) {
      const target = targets[index];
      if (target === undefined) break;
      const begin = performance.now();
      try {
        if (target.error !== undefined) throw target.error;
        // One that died between two items is not this item's fault.
        if (hand?.isGone() === true) {
          await retire(hand);
          hand = null;
        }
        hand ??= await start();
        finish(index, await hand.scan(target.path, (done, total) => onProgress?.(index, done, total)));
      } catch (thrown) {
        const error = asWeightseqError(thrown);
        if (target.error === undefined && hand !== null) {
          await retire(hand);
          hand = null;
        }
        const item = failedItem(target.path, error, settings.failOn, target.error === undefined ? (performance.now() - begin) / 1000 : 0);
        finish(index, { item, stacks: settings.debug && error.stack !== undefined ? [error.stack] : [], notes: [], rss: 0 });
      }
    }
    if (hand !== null) await retire(hand);
  }

  const endAll = (): void => { for (const hand of hands) void hand.end(); };
  signal?.addEventListener('abort', endAll, { once: true });
  try {
    // The first process finds out whether the settings are good, whatever there is to scan.
    const first = await start().catch((error: unknown) => {
      if (isEnded()) return null;
      throw error;
    });
    const lanes = Math.max(1, Math.min(jobs, targets.length));
    await Promise.all(Array.from({ length: lanes }, (_, i) => work(i === 0 ? first : null)));
  } finally {
    signal?.removeEventListener('abort', endAll);
    await Promise.all([...hands].map(retire));
  }
  return items;
}
