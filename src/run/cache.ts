/**
 * Finished items on disk. In: a key and an item. Out: the same item, or none. One file each, written whole or not at all, so that
 * any number of runs may share a cache; each is checked when it is taken out, and one that is damaged is removed.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, rmdir, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ERROR_CODES, WeightseqError } from '../errors.js';
import { systemCode, writeFileAtomic } from '../files.js';
import { itemSchema, type ReportItem } from '../report/schema.js';

/** Marks the folder as a cache (https://bford.info/cachedir/), and as ours. */
const TAG = 'CACHEDIR.TAG';
const TAG_TEXT = 'Signature: 8a477f597d28d172789f06886806bc55\n# Finished items of weightseq scan --cache. Whoever can write here can make a scan say anything.\n';
const ITEMS = 'items';
const ENTRY = /^([0-9a-f]{64})\.json$/u;

/** The file of an entry. `sha256` is of the item as JSON. */
const entrySchema = z.strictObject({ format: z.literal('weightseq-cache-1'), key: z.string(), sha256: z.string(), item: itemSchema });

/** A file of the cache. */
export interface Entry {
  readonly file: string;
  readonly key: string;
  readonly bytes: number;
  /** When it was written or last taken. */
  readonly used: Date;
}

/** Where items are kept unless the user says otherwise: `$XDG_CACHE_HOME/weightseq`, `~/.cache/weightseq`, `%LOCALAPPDATA%\weightseq`. */
export function defaultCacheFolder(environment: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  const named = platform === 'win32' ? environment['LOCALAPPDATA'] : environment['XDG_CACHE_HOME'];
  return join(named === undefined || named === '' ? join(homedir(), '.cache') : named, 'weightseq');
}

/**
 * Makes a folder a cache, or finds that it is one.
 * @throws WeightseqError `usage` when it holds something else, `write-failed` when it can't be made
 */
export async function openCache(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (await isCache(folder)) return;
    const names = await readdir(folder);
    if (names.length > 0 && !names.every((name) => /^\.weightseq-.*\.tmp$/u.test(name) || name === TAG)) throw notCache(folder);
  } catch (cause) {
    if (cause instanceof WeightseqError) throw cause;
    throw new WeightseqError('write-failed', `can't make the cache: ${systemCode(cause)}`, { file: folder, mend: 'Give --cache=DIR a folder that you may write to.', cause });
  }
  await writeFileAtomic(join(folder, TAG), TAG_TEXT);
}

/** @throws WeightseqError `usage` when there is such a folder and it is no cache */
export async function requireCache(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (found !== null && !await isCache(folder)) throw notCache(folder);
}

async function isCache(folder: string): Promise<boolean> {
  return readFile(join(folder, TAG), 'utf8').then((text) => text === TAG_TEXT, () => false);
}

function notCache(folder: string): WeightseqError {
  return new WeightseqError('usage', 'this is no cache of weightseq, and not empty', { file: folder, mend: 'Give --cache=DIR a folder of its own.' });
}

/** The item of a key, checked; null where there is none, or a damaged one, which is removed. */
export async function loadItem(folder: string, key: string): Promise<ReportItem | null> {
  const file = fileOf(folder, key);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    // Only what was read can be called damaged.
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  });
  if (text === null) return null;
  const item = parseEntry(text, key);
  if (item === null) await rm(file, { force: true }).catch(() => undefined);
  else await utimes(file, new Date(), new Date()).catch(() => undefined);
  return item;
}

/** The item of an entry's text; null when it is not what was written for this key. */
export function parseEntry(text: string, key: string): ReportItem | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = entrySchema.safeParse(json);
  if (!parsed.success || parsed.data.key !== key) return null;
  // As it lies there, not as the schema gives it back.
  const { item } = json as z.infer<typeof entrySchema>;
  const known = item.errors.every(({ code }) => Object.hasOwn(ERROR_CODES, code));
  return known && parsed.data.sha256 === hashOf(item) ? item : null;
}

/** Keeps an item. @throws WeightseqError `write-failed` */
export async function storeItem(folder: string, key: string, item: ReportItem): Promise<void> {
  const file = fileOf(folder, key);
  await mkdir(join(file, '..'), { recursive: true }).catch((cause: unknown) => {
    throw new WeightseqError('write-failed', `can't write to the cache: ${systemCode(cause)}`, { file, mend: 'Give --cache=DIR a folder that you may write to.', cause });
  });
  await writeFileAtomic(file, JSON.stringify({ format: 'weightseq-cache-1', key, sha256: hashOf(item), item } satisfies z.infer<typeof entrySchema>));
}

/** Every entry, the last used first; none where there is no cache. */
export async function listEntries(folder: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const prefix of await readdir(join(folder, ITEMS)).catch(() => [])) {
    for (const name of await readdir(join(folder, ITEMS, prefix)).catch(() => [])) {
      const key = ENTRY.exec(name)?.[1];
      const file = join(folder, ITEMS, prefix, name);
      const found = key === undefined ? null : await stat(file).catch(() => null);
      if (key !== undefined && found !== null) entries.push({ file, key, bytes: found.size, used: found.mtime });
    }
  }
  return entries.sort((a, b) => b.used.getTime() - a.used.getTime() || (a.key < b.key ? -1 : 1));
}

/** What is to go. Pure. */
export interface Pruning {
  /** Everything. */
  readonly all?: boolean | undefined;
  /** Not used since. */
  readonly before?: Date | undefined;
  /** Bytes that may stay: the last used ones do. */
  readonly maxBytes?: number | undefined;
}

/** The entries that a pruning removes. Pure. @param entries the last used first */
export function toPrune(entries: readonly Entry[], { all = false, before, maxBytes = Infinity }: Pruning): Entry[] {
  let kept = 0;
  let isFull = false;
  return entries.filter(({ used, bytes }) => {
    if (all || (before !== undefined && used < before)) return true;
    isFull ||= kept + bytes > maxBytes;
    if (!isFull) kept += bytes;
    return isFull;
  });
}

/** Removes entries, and the folders that they leave empty. Another run may do the same. */
export async function removeEntries(entries: readonly Entry[]): Promise<void> {
  for (const { file } of entries) {
    await rm(file, { force: true });
    await rmdir(join(file, '..')).catch(() => undefined);
  }
}

function fileOf(folder: string, key: string): string {
  return join(folder, ITEMS, key.slice(0, 2), `${key}.json`);
}

function hashOf(item: ReportItem): string {
  return createHash('sha256').update(JSON.stringify(item)).digest('hex');
}
