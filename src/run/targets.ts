/**
 * What a run scans. In: paths, patterns, folders of many, a list. Out: one target for each item, none twice, in a stated order.
 * Names alone decide what looks like an adapter or a checkpoint; whether it is one, its scan says. What can't be looked into is a
 * target too, with its error: nothing is left out in silence.
 */
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { otherWeightFiles, WEIGHTS_NAME } from '../checkpoint/folder.js';
import { WeightseqError } from '../errors.js';
import { systemCode } from '../files.js';

/** A path to scan; with `error`, one of which is known already that it can't be. */
export interface Target {
  readonly path: string;
  /** The argument, or the line of the list, that it was found by. */
  readonly origin?: string;
  readonly error?: WeightseqError;
}

/** How many folders deep a folder is searched. */
export const MAX_DEPTH = 8;
/** The argument that stands for a list on stdin. */
export const STDIN = '-';

const MODEL_CONFIG = 'config.json';
/** Names by which a folder is one adapter or checkpoint, and its files no items of their own. */
const WHOLE = /^(?:adapter_config\.json|adapter_model\.(?:safetensors|bin)|(?:model|pytorch_model)(?:-\d+-of-\d+)?\.(?:safetensors|bin)|.*\.(?:safetensors|bin)\.index\.json)$/su;
/** Readings that `weightseq read` kept, as its examples name them. */
const READING = /\.reading$/u;

/**
 * Every item that the arguments stand for. A path that exists is itself, whatever its name; another that has the marks of a pattern
 * is one; `-` is a list, one path a line, or between NULs where there is one.
 * @param args as given on the command line
 * @param readList the list on stdin, read when an argument asks for it
 * @throws WeightseqError `usage` when the list is empty or asked for twice
 */
export async function expandTargets(args: readonly string[], readList: () => Promise<string>): Promise<Target[]> {
  if (args.filter((arg) => arg === STDIN).length > 1) throw new WeightseqError('usage', 'the list on stdin can be read only once', { mend: 'Give - once.' });
  const targets: Target[] = [];
  for (const arg of args) {
    for (const path of arg === STDIN ? parseList(await readList()) : [arg]) {
      for (const target of await expandPath(path)) targets.push({ ...target, origin: path });
    }
  }
  return withoutDoubles(targets);
}

/**
 * Paths of a list: between NULs where it has one (`find -print0`), else one a line; empty ones are left out.
 * @throws WeightseqError `usage` when there is none
 */
export function parseList(text: string): string[] {
  const parts = text.includes('\0') ? text.split('\0') : text.split(/\r?\n/u);
  const paths = parts.filter((part) => part !== '');
  if (paths.length === 0) throw new WeightseqError('usage', 'the list on stdin names no path', { mend: 'Write one path a line.' });
  return paths;
}

async function expandPath(path: string): Promise<Target[]> {
  const found = await lstat(path).catch(() => null);
  if (found === null && /[*?[\]{}!()]/u.test(path)) return expandPattern(path);
  // A broken link, and what may not be asked, is left to its scan.
  const isFolder = found !== null && await stat(path).then((s) => s.isDirectory(), () => false);
  return isFolder ? expandFolder(path) : [{ path }];
}

async function expandPattern(pattern: string): Promise<Target[]> {
  const { matchPattern } = await import('./pattern.js');
  const { paths, unread } = await matchPattern(process.platform === 'win32' ? pattern.replaceAll('\\', '/') : pattern);
  const targets: Target[] = unread.map((error) => ({ path: error.file ?? pattern, error }));
  for (const path of paths) targets.push(...await expandPath(path));
  if (targets.length > 0) return targets;
  return [{ path: pattern, error: new WeightseqError('not-found', 'the pattern matches nothing', { file: pattern, mend: 'Check the pattern; names that start with a dot are left out.' }) }];
}

/** A folder that is one itself, or all that lie beneath it. */
async function expandFolder(folder: string): Promise<Target[]> {
  const names = await readdir(folder).catch(() => null);
  // Its scan says why it can't be read.
  if (names === null || isWhole(names)) return [{ path: folder }];
  const found = await search(folder, 0, new Set());
  if (found.length > 0) return found;
  // Something that belongs to a model is there: its scan says what is missing.
  if (names.includes(MODEL_CONFIG)) return [{ path: folder }];
  return [{ path: folder, error: new WeightseqError('not-a-model', `the folder holds no adapter and no checkpoint, ${MAX_DEPTH} folders deep`, { file: folder, mend: 'Check the path.' }) }];
}

/** Whether a folder with these names is one adapter or checkpoint. */
function isWhole(names: readonly string[]): boolean {
  return names.some((name) => WHOLE.test(name)) || (names.includes(MODEL_CONFIG) && looseWeights(names).length > 0);
}

/** Names that weights have, of which each may be an item. */
function looseWeights(names: readonly string[]): string[] {
  return [...otherWeightFiles(names), ...names.filter((name) => name === WEIGHTS_NAME || READING.test(name))].filter((name) => !name.endsWith('.index.json')).sort();
}

/** All items in a folder and beneath it, each folder's own before those of its folders, by name. */
async function search(folder: string, depth: number, entered: Set<string>): Promise<Target[]> {
  try {
    // By way of links a folder could lie in itself.
    const real = await realpath(folder);
    if (entered.has(real)) return [];
    entered.add(real);
    const entries = (await readdir(folder, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
    const kinds = await Promise.all(entries.map(async (entry) => entry.isSymbolicLink() ? await stat(join(folder, entry.name)).catch(() => entry) : entry));
    const files = entries.filter((_, i) => kinds[i]?.isDirectory() === false).map(({ name }) => name);
    const targets: Target[] = isWhole(files) ? [{ path: folder }] : looseWeights(files).map((name) => ({ path: join(folder, name) }));
    const folders = entries.filter(({ name }, i) => kinds[i]?.isDirectory() === true && name !== '.git');
    if (folders.length > 0 && depth === MAX_DEPTH) {
      const error = new WeightseqError('unreadable-file', `it lies ${MAX_DEPTH} folders deep: what folders in it hold was not looked at`, { file: folder, mend: 'Give it as a path of its own.' });
      return [...targets, { path: folder, error }];
    }
    for (const { name } of folders) targets.push(...await search(join(folder, name), depth + 1, entered));
    return targets;
  } catch (thrown) {
    const error = thrown instanceof WeightseqError ? thrown : new WeightseqError('unreadable-file', `the folder can't be read: ${systemCode(thrown)}`, { file: folder, mend: 'Ask for permission to read it.', cause: thrown });
    return [{ path: folder, error }];
  }
}

/** Each file or folder once, by where it really lies; what is in no place, by its name. */
async function withoutDoubles(targets: readonly Target[]): Promise<Target[]> {
  const kept = new Map<string, Target>();
  for (const target of targets) {
    const place = await realpath(target.path).catch(() => target.path);
    // What is said of a folder does not stand for the adapter in it.
    const key = `${target.error?.code ?? ''}\0${place}`;
    if (!kept.has(key)) kept.set(key, target);
  }
  return [...kept.values()];
}
