/** One session maps files of one folder. In: real paths. Out: the deepest folder above all of them, and where each lies in it. */
import nodePath from 'node:path';
import { WeightseqError } from '../errors.js';

export interface CommonFolder {
  readonly folder: string;
  /** Relative path of each file below the folder, with `/` between its parts. */
  readonly locations: ReadonlyMap<string, string>;
}

/**
 * The deepest common parent of some files; the working folder for none.
 * @param files absolute paths with links resolved
 * @param path the rules of paths; the running system's unless a test asks for others
 * @throws WeightseqError `engine-failed` when the files lie on different drives
 */
export function commonFolder(files: Iterable<string>, path: nodePath.PlatformPath = nodePath): CommonFolder {
  const all = [...new Set(files)];
  const [first = '.', ...others] = all.map((file) => path.dirname(file));
  const folder = others.reduce((top, next) => sharedParent(top, next, path), first);
  return { folder, locations: new Map(all.map((file) => [file, path.relative(folder, file).split(path.sep).join('/')])) };
}

function sharedParent(a: string, b: string, path: nodePath.PlatformPath): string {
  for (let folder = a; ; folder = path.dirname(folder)) {
    const below = path.relative(folder, b);
    if (below !== '..' && !below.startsWith(`..${path.sep}`) && !path.isAbsolute(below)) return folder;
    if (folder !== path.dirname(folder)) continue;
    throw new WeightseqError('engine-failed', `${a} and ${b} lie on different drives`, { file: b, mend: 'Put the weights and the signatures on one drive.' });
  }
}
