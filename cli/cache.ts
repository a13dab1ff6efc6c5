/** `weightseq cache`: what scan --cache keeps. In: a folder. Out: a list, or fewer entries. */
import { readFile } from 'node:fs/promises';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { EXIT, WeightseqError, type ExitCode } from '../src/errors.js';
import { bytes } from '../src/report/numbers.js';
import { defaultCacheFolder, listEntries, parseEntry, removeEntries, requireCache, toPrune, type Entry } from '../src/run/cache.js';
import { escapeText } from '../src/text.js';
import { output } from './io.js';

interface Flags {
  readonly folder: string;
  readonly olderThan?: number;
  readonly maxSize?: number;
  readonly all?: true;
}

const DAY_MS = 86_400_000;
const UNITS = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 } as const;

/** Adds `cache ls|prune` to the program; `done` takes the exit code. */
export function addCache(program: Command, done: (code: ExitCode) => void): void {
  const group = program.command('cache').description('what scan --cache keeps: finished items of earlier runs').addHelpText('before', 'Examples:\n  weightseq cache ls\n  weightseq cache prune --older-than 30 --max-size 500MB\n');
  const folder = () => new Option('--folder <dir>', 'folder of the cache').default(defaultCacheFolder());
  group.command('ls')
    .description('every kept item, the last used first')
    .addOption(folder())
    .option('--debug', 'show stack traces')
    .addHelpText('before', 'Example:\n  weightseq cache ls\n')
    .action(async ({ folder: cache }: Flags) => {
      await list(cache);
      done(EXIT.clean);
    });
  group.command('prune')
    .description('remove kept items')
    .addOption(folder())
    .addOption(new Option('--older-than <days>', 'those that no run has used for so many days').argParser(parseDays))
    .addOption(new Option('--max-size <size>', 'those used longest ago, until the rest is no larger (such as 500MB)').argParser(parseSize))
    .option('--all', 'all')
    .option('--debug', 'show stack traces')
    .addHelpText('before', 'Example:\n  weightseq cache prune --older-than 30 --max-size 500MB\n')
    .action(async (flags: Flags) => {
      await prune(flags);
      done(EXIT.clean);
    });
}

async function list(folder: string): Promise<void> {
  await requireCache(folder);
  const entries = await listEntries(folder);
  const lines: string[] = [];
  for (const { file, key, bytes: size, used } of entries) {
    const item = parseEntry(await readFile(file, 'utf8').catch(() => ''), key);
    const what = item === null ? '(damaged: it will not be used)' : escapeText(item.path);
    lines.push(`${used.toISOString().slice(0, 16).replace('T', ' ')}  ${bytes(size).padStart(8)}  ${what}\n`);
  }
  await output(`${lines.join('')}${count(entries)} in ${escapeText(folder)}\n`, undefined);
}

async function prune({ folder, olderThan, maxSize, all }: Flags): Promise<void> {
  if (olderThan === undefined && maxSize === undefined && all === undefined) {
    throw new WeightseqError('usage', 'nothing says what to remove', { mend: 'Give --older-than DAYS, --max-size SIZE or --all.' });
  }
  await requireCache(folder);
  const entries = await listEntries(folder);
  const gone = toPrune(entries, { all, maxBytes: maxSize, before: olderThan === undefined ? undefined : new Date(Date.now() - olderThan * DAY_MS) });
  await removeEntries(gone);
  await output(`removed ${count(gone)}, kept ${count(entries.filter((entry) => !gone.includes(entry)))}\n`, undefined);
}

function count(entries: readonly Entry[]): string {
  return `${entries.length} ${entries.length === 1 ? 'item' : 'items'} (${bytes(entries.reduce((sum, entry) => sum + entry.bytes, 0))})`;
}

function parseDays(value: string): number {
  if (!/^\d+(?:\.\d+)?$/.test(value)) throw new InvalidArgumentError('expected a number of days.');
  return Number(value);
}

function parseSize(value: string): number {
  const [, number, unit = 'B'] = /^(\d+(?:\.\d+)?) ?(B|kB|MB|GB|TB)?$/i.exec(value) ?? [];
  const factor = Object.entries(UNITS).find(([name]) => name.toLowerCase() === unit.toLowerCase())?.[1];
  if (number === undefined || factor === undefined) throw new InvalidArgumentError('expected a size such as 500MB or 2GB.');
  return Number(number) * factor;
}
