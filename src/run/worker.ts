/** The process that hand.ts starts: settings in, then one path after the other; news and items out. */
import { asWeightseqError, packError } from '../errors.js';
import { inheritanceOf } from '../lineage/of-scan.js';
import { openEntries, type OpenEntry } from '../lineage/registry.js';
import { itemOf } from '../report/report.js';
import type { Contamination } from '../report/schema.js';
import { failedItem } from '../report/failed.js';
import { readModel } from '../reading/model-read.js';
import { scanPath, type AnyScanOptions, type AnyScanResult } from '../scan/any.js';
import { checkOptions } from '../scan/scan.js';
import { openLibrary } from '../signature/library.js';
import { scanCached } from './cached.js';
import type { Finished, News, Order, RunSettings } from './messages.js';

/** Between two steps that are told. */
const STEP_MS = 100;

interface Context {
  readonly settings: RunSettings;
  readonly options: AnyScanOptions;
  /** The models of the registry; null without one. */
  readonly registry: { readonly file: string; readonly entries: readonly OpenEntry[] } | null;
}

let context: Context | null = null;

process.on('message', (order: Order) => {
  void obey(order);
});
// A terminal's interrupt reaches all processes, and so may a service manager's: the one that reports answers, and ends this one.
// (SIGXFSZ is a write that fails.)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGXFSZ'] as const) process.on(signal, () => undefined);
// Nobody is left to report to. Threads within the runtime would abort an ordinary exit.
process.on('disconnect', () => { process.kill(process.pid, 'SIGKILL'); });

function tell(news: News): void {
  process.send?.(news);
}

async function obey(order: Order): Promise<void> {
  if ('settings' in order) {
    try {
      context = await prepare(order.settings);
      tell({ ready: true });
    } catch (error) {
      tell({ fatal: packError(asWeightseqError(error)) });
    }
  } else if (context !== null) {
    tell(await scanOne(order.path, context));
  }
}

/** Most scans have none: the reader of YAML is loaded for those that do. */
async function registryOf(file: string): Promise<Context['registry']> {
  const { openRegistry } = await import('../gate/registry-file.js');
  return { file, entries: await openEntries(await openRegistry(file)) };
}

async function prepare(settings: RunSettings): Promise<Context> {
  const { library: folder, bases, traits, assumeBase, base, baseReading, hash, threads, registry: file } = settings;
  const library = await openLibrary(folder, bases);
  // A truncated shard may end this process: a second one to read in would only cost time.
  const options: AnyScanOptions = { library, traits, assumeBase, base, baseReading, hash, threads, readModel, lineage: file !== undefined };
  checkOptions(options);
  return { settings, options, registry: file === undefined ? null : await registryOf(file) };
}

async function contaminationOf(result: AnyScanResult, { registry, options }: Context): Promise<Contamination | undefined> {
  if (registry === null) return undefined;
  const { file, entries } = registry;
  const found = await inheritanceOf(result, entries, options);
  if (found === null) return undefined;
  return { registry: file, entries: entries.length, compared: found.compared, not: found.not.map((one) => ({ ...one })), ancestors: [...found.contamination] };
}

async function scanOne(path: string, { settings, options, registry }: Context): Promise<Finished> {
  const start = performance.now();
  let told = -Infinity;
  const onProgress = (done: number, total: number): void => {
    const now = performance.now();
    if (now - told < STEP_MS && done < total) return;
    told = now;
    tell({ done, total });
  };
  const stacks: string[] = [];
  const scan = async () => {
    const result = await scanPath(path, { ...options, onProgress });
    if (settings.debug) stacks.push(...result.errors.flatMap(({ stack }) => stack ?? []));
    return itemOf(result, settings.failOn, await contaminationOf(result, { settings, options, registry }));
  };
  try {
    const { item, notes } = settings.cache === null ? { item: await scan(), notes: [] } : await scanCached(path, settings, settings.cache, options.library, scan);
    return { item, stacks, notes, rss: process.memoryUsage.rss() };
  } catch (thrown) {
    const error = asWeightseqError(thrown);
    if (settings.debug && error.stack !== undefined) stacks.push(error.stack);
    return { item: failedItem(path, error, settings.failOn, (performance.now() - start) / 1000), stacks, notes: [], rss: process.memoryUsage.rss() };
  }
}
