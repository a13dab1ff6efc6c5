/** One item, from the cache or else by scanning. In: a path and how to scan it. Out: the item, and what went wrong with the cache. */
import { WeightseqError, type ErrorCode } from '../errors.js';
import { exitCodeOf } from '../report/exit.js';
import type { ReportItem } from '../report/schema.js';
import { isPassing } from '../reading/model-read.js';
import type { Library } from '../signature/library.js';
import { loadItem, storeItem } from './cache.js';
import { keyOf, type Hashes } from './key.js';
import type { RunSettings } from './messages.js';

/** Errors that the same bytes give each time; all others may pass, and cost little to find again. */
const LASTING: readonly ErrorCode[] = ['no-signature', 'base-mismatch', 'reading-outdated'];

const hashes: Hashes = new Map();

/**
 * Takes the item from the cache where nothing that decides it has changed; scans the path and keeps the item otherwise.
 * A cache that can't be written stops no scan: it is said once in `notes`.
 */
export async function scanCached(path: string, settings: RunSettings, { folder, trust }: NonNullable<RunSettings['cache']>, library: Library, scan: () => Promise<ReportItem>): Promise<{ item: ReportItem; notes: string[] }> {
  const start = performance.now();
  const key = await keyOf(path, settings, trust, library, hashes);
  if (key === null) return { item: await scan(), notes: [] };
  const kept = await loadItem(folder, key.sha256);
  if (kept !== null) {
    const errors = kept.errors.map((error) => (error.file === kept.path ? { ...error, file: path } : error));
    const exitCode = exitCodeOf(kept, settings.failOn);
    return { item: { ...kept, path, errors, seconds: (performance.now() - start) / 1000, cached: true, exitCode }, notes: [] };
  }
  const item = await scan();
  // Whatever changed since the key was made, the item may be of the one or the other.
  if (!isLasting(item) || !await key.holds()) return { item, notes: [] };
  try {
    await storeItem(folder, key.sha256, item);
    return { item, notes: [] };
  } catch (error) {
    if (!(error instanceof WeightseqError)) throw error;
    return { item, notes: [`the cache in ${folder} keeps nothing: ${error.message}`] };
  }
}

function isLasting({ errors, coverage }: ReportItem): boolean {
  return errors.every(({ code }) => LASTING.some((lasting) => lasting === code)) && !coverage.unread.some(isPassing);
}
