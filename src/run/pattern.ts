/** A pattern that the shell did not expand. In: `PATTERN`. Out: the paths that match, sorted, and folders that could not be looked into. */
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { WeightseqError } from '../errors.js';
import { systemCode } from '../files.js';

export interface Matches {
  readonly paths: readonly string[];
  /** What could hold a match and may not be read: it is not left out in silence. */
  readonly unread: readonly WeightseqError[];
}

/** What makes a part of a path a pattern. */
const MAGIC = /[*?[\]{}!()]/u;
/** Folders that `**` goes down. */
export const MOST_FOLDERS = 16;

/**
 * Paths that a pattern stands for: `*`, `?`, `[…]`, `{a,b}` and `**`; names that start with a dot are left out, links are followed.
 * Folder by folder, so that a folder that can't be read is known by name.
 */
export async function matchPattern(pattern: string): Promise<Matches> {
  const { default: picomatch } = await import('picomatch');
  const paths = new Set<string>();
  const unread = new Map<string, WeightseqError>();

  const namesIn = async (folder: string): Promise<string[]> => {
    try {
      return await readdir(folder === '' ? '.' : folder);
    } catch (cause) {
      const code = systemCode(cause);
      if (code !== 'ENOENT' && code !== 'ENOTDIR') {
        unread.set(folder, new WeightseqError('unreadable-file', `the folder can't be read: ${code}`, { file: folder, mend: 'Ask for permission to read it.', cause }));
      }
      return [];
    }
  };
  /** Whether something is there; what can't be told is said. */
  const exists = (path: string): Promise<boolean> => lstat(path).then(() => true, (cause: unknown) => {
    const code = systemCode(cause);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') unread.set(path, new WeightseqError('unreadable-file', `the path can't be looked at: ${code}`, { file: path, mend: 'Ask for permission to read it.', cause }));
    return false;
  });
  const isFolder = (path: string): Promise<boolean> => stat(path).then((s) => s.isDirectory(), () => false);

  /** @param within real paths of the folders that `**` came down: by way of links one could lie in itself */
  async function walk(prefix: string, parts: readonly string[], within: readonly string[]): Promise<void> {
    const [part, ...rest] = parts;
    if (part === undefined) {
      if (await exists(prefix)) paths.add(prefix);
    } else if (part === '**') {
      await walk(prefix, rest, within);
      const real = await realpath(prefix === '' ? '.' : prefix).catch(() => null);
      if (real === null || within.includes(real)) return;
      if (within.length === MOST_FOLDERS) {
        unread.set(prefix, new WeightseqError('unreadable-file', `it lies ${MOST_FOLDERS} folders deep: what folders in it hold was not looked at`, { file: prefix, mend: 'Give it as a path of its own.' }));
        return;
      }
      for (const name of await namesIn(prefix)) {
        const path = under(prefix, name);
        if (!name.startsWith('.') && await isFolder(path)) await walk(path, parts, [...within, real]);
      }
    } else if (MAGIC.test(part)) {
      const matches = picomatch(part);
      for (const name of await namesIn(prefix)) {
        if (matches(name)) await step(under(prefix, name), rest);
      }
    } else await step(part === '' && prefix === '' ? '/' : under(prefix, part), rest);
  }

  async function step(path: string, rest: readonly string[]): Promise<void> {
    if (rest.length === 0 || await isFolder(path)) await walk(path, rest, []);
    else await exists(path);
  }

  for (const one of alternatives(pattern)) await walk('', one.split('/').filter((part, i) => part !== '' || i === 0), []);
  return { paths: [...paths].sort(), unread: [...unread.values()] };
}

function under(prefix: string, name: string): string {
  return prefix === '' ? name : prefix === '/' ? `/${name}` : join(prefix, name);
}

/** `a/{b,c/d}` as `a/b` and `a/c/d`: an alternative may span folders. Braces without a comma stay as they are. */
export function alternatives(pattern: string): string[] {
  for (let open = pattern.indexOf('{'); open >= 0; open = pattern.indexOf('{', open + 1)) {
    const cuts = [open];
    let depth = 0;
    for (let i = open; i < pattern.length; i++) {
      if (pattern[i] === '{') depth++;
      else if (pattern[i] === ',' && depth === 1) cuts.push(i);
      else if (pattern[i] === '}' && --depth === 0) {
        if (cuts.length === 1) break;
        return [...cuts, i].slice(1).flatMap((end, n) => alternatives(pattern.slice(0, open) + pattern.slice((cuts[n] ?? 0) + 1, end) + pattern.slice(i + 1)));
      }
    }
  }
  return [pattern];
}
