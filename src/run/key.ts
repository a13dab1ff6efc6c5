/**
 * By what a kept item is found again. In: a path and the settings of a run. Out: a sha256 over everything that decides the result.
 * Whatever could change the item and is not in here would let a changed model pass as unchanged.
 */
import { createHash } from 'node:crypto';
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import { WeightseqError } from '../errors.js';
import { fileStamps } from '../files.js';
import { locateAny } from '../scan/any.js';
import { hashFile, type Library } from '../signature/library.js';
import type { NamedFile } from '../types.js';
import type { CacheTrust, RunSettings } from './messages.js';

/** Of the report, of the entries and of the key. */
const FORMAT = 'report 1, key 1';
/** Folders below an item's own that are looked into: what lies deeper belongs to nothing that is loaded from it. */
const MAX_DEPTH = 4;
/** An item with more names beside it is not kept. */
const MAX_NAMES = 20_000;
/** A file that is no weights and smaller than this is taken by its bytes, whatever is trusted. */
const SMALL_BYTES = 16 * 2 ** 20;
const WEIGHTS = /\.(?:safetensors|bin|pt|pth|ckpt|pkl|gguf|h5|msgpack|npz|onnx)$/u;

export interface Key {
  /** Hexadecimal sha256. */
  readonly sha256: string;
  /** Whether all that the key was made of is as it was then. */
  readonly holds: () => Promise<boolean>;
}

/** sha256 by file and stamp: what is the same for many items is hashed once in a process. */
export type Hashes = Map<string, string>;

/** By a library as it was opened: a signature of it that changes later is refused, whether it was opened already or not. */
const ofLibraries = new WeakMap<Library, Promise<unknown>>();

/**
 * The key of one path; null where it can't be found again: nothing could be located, or more lies beside it than is looked at.
 * @param hashes kept by the caller
 */
export async function keyOf(path: string, settings: RunSettings, trust: CacheTrust, library: Library, hashes: Hashes): Promise<Key | null> {
  const { version, traits, assumeBase, hash, base, baseReading, registry } = settings;
  try {
    const before = await snapshot([path, ...(base === undefined ? [] : [base])], baseReading);
    if (before === null) return null;
    const ofLibrary = ofLibraries.get(library) ?? hashLibrary(library);
    ofLibraries.set(library, ofLibrary);
    const parts = {
      format: FORMAT, version, machine: `${platform()} ${arch()}`,
      traits: traits === undefined ? null : [...traits].sort(), assumeBase: assumeBase ?? null, hash: hash ?? false,
      library: await ofLibrary,
      // The item first, whose bytes are read whatever its stamps say; then the base where it is at hand.
      places: await Promise.all(before.places.map((place, i) => partsOf(place, trust, i === 0 ? new Map<string, string>() : hashes))),
      baseReading: baseReading === undefined ? null : await hashOnce(baseReading, hashes),
      // It lists the sha256 of each reading, which is held against it. Its name stands in the report.
      registry: registry === undefined ? null : [registry, await hashOnce(registry, hashes)],
    };
    return {
      sha256: createHash('sha256').update(JSON.stringify(parts)).digest('hex'),
      holds: async () => {
        const after = await snapshot([path, ...(base === undefined ? [] : [base])], baseReading).catch(() => null);
        return after?.stamps === before.stamps;
      },
    };
  } catch (error) {
    // Its scan says what is wrong.
    if (error instanceof WeightseqError || (error instanceof Error && 'code' in error)) return null;
    throw error;
  }
}

interface Beside {
  /** Relative to the item's folder. */
  readonly name: string;
  /** Null for what is no regular file. */
  readonly file: string | null;
  readonly size: number;
  readonly stamp: string;
}

/** Where an adapter, a checkpoint or a reading lies, and what with it. */
interface Place {
  /** Links resolved. */
  readonly path: string;
  readonly kind: string;
  readonly decides: readonly NamedFile[];
  readonly beside: readonly Beside[];
}

interface Snapshot {
  readonly places: readonly Place[];
  /** All of it, by size, times and inode. */
  readonly stamps: string;
}

/** How everything stands that the key is made of; null when there is too much of it. */
async function snapshot(paths: readonly string[], baseReading: string | undefined): Promise<Snapshot | null> {
  const places: Place[] = [];
  for (const given of paths) {
    const path = await realpath(given);
    const isFolder = (await stat(path)).isDirectory();
    const { kind, decides } = await locateAny(given);
    const beside = await listBeside(isFolder ? path : dirname(path), isFolder ? MAX_DEPTH : 0);
    if (beside === null) return null;
    places.push({ path, kind, decides, beside });
  }
  const files = [...places.flatMap(({ decides }) => decides.map(({ file }) => file)), ...(baseReading === undefined ? [] : [baseReading])];
  const stamps = await fileStamps(files);
  return { places, stamps: JSON.stringify([...stamps, ...places.flatMap(({ beside }) => beside.map(({ name, stamp }) => [name, stamp]))]) };
}

async function partsOf({ path, kind, decides, beside }: Place, trust: CacheTrust, hashes: Hashes): Promise<unknown> {
  const read = new Set(decides.map(({ name }) => name));
  const others = beside.filter(({ name }) => !read.has(name));
  return {
    path, kind,
    decides: await ofFiles(decides, trust, hashes),
    beside: await Promise.all(others.map(async ({ name, file, size, stamp }) => [name, file !== null && size < SMALL_BYTES && !WEIGHTS.test(name) ? await hashOnce(file, hashes) : stamp])),
  };
}

/** Every name in a folder and, so many levels deep, below it; null when there are too many. */
async function listBeside(folder: string, depth: number): Promise<Beside[] | null> {
  const found: Beside[] = [];
  const folders = [{ at: folder, prefix: '', depth }];
  for (const { at, prefix, depth: left } of folders) {
    const names = (await readdir(at)).sort();
    if (found.length + names.length > MAX_NAMES) return null;
    for (const name of names) {
      const file = join(at, name);
      const entry = await lstat(file);
      const link = entry.isSymbolicLink() ? await readlink(file) : null;
      const target = link === null ? entry : await stat(file).catch(() => entry);
      const stamp = JSON.stringify([link, target.isDirectory() ? 'folder' : (await fileStamps([file])).get(file) ?? '']);
      found.push({ name: prefix + name, file: target.isFile() ? file : null, size: target.size, stamp });
      // A link to a folder is known by where it leads: beneath it another's files lie.
      if (entry.isDirectory() && left > 0) folders.push({ at: file, prefix: `${prefix}${name}/`, depth: left - 1 });
    }
  }
  return found;
}

/** Signatures and readings of bases: what the index says of them, and what their bytes are. */
async function hashLibrary({ folder, entries, bases }: Library): Promise<unknown> {
  const files = [...entries.map(({ file }) => join(folder, file)), ...bases.map((base) => join(base.folder, base.reading))];
  const found: [string, string | null][] = [];
  // One that can't be read is an error of the items that need it.
  for (const file of [...new Set(files)].sort()) found.push([file, await hashFile(file).catch(() => null)]);
  return { entries, bases: bases.map(({ name, reading, sha256 }) => ({ name, reading, sha256 })), files: found.map(([, hash]) => hash) };
}

/** Each file by its name and its bytes, or by its stamp where that is trusted of weights. */
async function ofFiles(files: readonly NamedFile[], trust: CacheTrust, hashes: Hashes): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for (const { name, file } of files) {
    const byStamp = trust === 'stat' && WEIGHTS.test(name);
    found.push([name, byStamp ? `stat ${(await fileStamps([file])).get(file) ?? ''}` : await hashOnce(file, hashes)]);
  }
  return found.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The sha256 of a file that others may need too. */
async function hashOnce(file: string, hashes: Hashes): Promise<string> {
  const stamp = `${file}\0${(await fileStamps([file])).get(file) ?? ''}`;
  const hash = hashes.get(stamp) ?? await hashFile(file);
  hashes.set(stamp, hash);
  return hash;
}
