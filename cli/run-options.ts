/** Options of runs over many items. In: flags. Out: how many processes, and which cache. */
import { availableParallelism } from 'node:os';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { WeightseqError } from '../src/errors.js';
import { CACHE_TRUSTS, type CacheTrust, type RunSettings } from '../src/run/messages.js';

export interface RunFlags {
  readonly jobs: number;
  /** True for the default folder. */
  readonly cache?: string | true;
  readonly cacheTrust: CacheTrust;
  readonly resume?: true;
}

/** Adds --jobs, --cache, --cache-trust and --resume to a command. */
export function addRunOptions(command: Command): Command {
  return command
    .addOption(new Option('--jobs <n>', 'items scanned at a time, each in a process of its own; at most one a processor core').argParser(parseJobs).default(1))
    .option('--cache [=dir]', 'keep finished items, and take those of which nothing has changed')
    .addOption(new Option('--cache-trust <what>', 'how a change of weights is noticed: by their bytes, or by size, times and inode').choices(CACHE_TRUSTS).default('content'))
    .option('--resume', 'go on with a run that was ended: finished items come from the cache (implies --cache)');
}

function parseJobs(value: string): number {
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new InvalidArgumentError('expected a whole number from 1.');
  return Number(value);
}

/** Processes of a run over so many items, and threads of the engine in each; undefined where it may have the whole machine. */
export function laneCount(jobs: number, items: number, cores = availableParallelism()): { jobs: number; threads: number | undefined } {
  const lanes = Math.max(1, Math.min(jobs, items, cores));
  return { jobs: lanes, threads: lanes === 1 ? undefined : Math.max(1, Math.floor(cores / lanes)) };
}

/**
 * The cache that the flags ask for, made where it is missing; null for none.
 * @param argv as the program was started: `--cache DIR` without `=` would take a path to scan for the cache's folder
 * @throws WeightseqError `usage`, `write-failed`
 */
export async function openCacheOf({ cache, cacheTrust, resume }: RunFlags, argv: readonly string[] = process.argv): Promise<RunSettings['cache']> {
  if (cache === undefined && resume === undefined) return null;
  if (typeof cache === 'string' && argv.some((arg, i) => arg === '--cache' && argv[i + 1] === cache)) {
    throw new WeightseqError('usage', `--cache takes its folder after an equals sign, so that ${cache} could be a path to scan`, { mend: 'Write --cache=DIR, or put --cache behind the paths.' });
  }
  if (cache === '') throw new WeightseqError('usage', '--cache= has no folder', { mend: 'Write --cache=DIR, or --cache alone for the default folder.' });
  const { defaultCacheFolder, openCache } = await import('../src/run/cache.js');
  const folder = typeof cache === 'string' ? cache : defaultCacheFolder();
  await openCache(folder);
  return { folder, trust: cacheTrust };
}
