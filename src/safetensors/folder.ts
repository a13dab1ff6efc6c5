/**
 * The disk again: files of a model's folder, which may be links, but not links to elsewhere. In: a folder and names in it.
 * Out: real paths, or the opened shards. A downloaded folder must not make the program read the files of its user.
 */
import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { WeightseqError } from '../errors.js';
import { systemCode } from '../files.js';
import { quoteText } from '../text.js';
import type { SafetensorsFile } from '../types.js';
import { openSafetensors, readSmallFile } from './file.js';
import { INDEX_NAME, joinShards, MAX_INDEX_BYTES, parseIndex, type ShardedTensors, type ShardIndex } from './shards.js';

/** A folder whose own links are resolved: the path that the user gave may be a link. */
export interface ModelFolder {
  /** Its real path. */
  readonly folder: string;
  /** Real path of the folder that holds all of the model: itself, or the repository in the Hugging Face cache. */
  readonly root: string;
  /** Of a repository in that cache, the store that it shares with others; null elsewhere. */
  readonly store: string | null;
}

export interface Shards extends ShardedTensors {
  readonly files: readonly SafetensorsFile[];
  /** Names that the index gives, by the folder. */
  readonly names: readonly string[];
}

const REPOSITORY = /^(?:models|datasets|spaces|kernels)--./u;

/**
 * A folder, and how far links in it may lead. In the Hugging Face cache `snapshots/REVISION/` holds links to `../../blobs/`,
 * which may be links into the cache's own `blobs/XX/HASH` (huggingface_hub 2, utils/_shared_blobs.py).
 * @throws WeightseqError `not-found`, `unreadable-file`
 */
export async function enterFolder(path: string): Promise<ModelFolder> {
  const folder = await realpath(path).catch((cause: unknown) => {
    const code = systemCode(cause);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw new WeightseqError('unreadable-file', `the folder can't be read: ${code}`, { file: path, mend: 'Check the path and its permissions.', cause });
    throw new WeightseqError('not-found', 'expected a folder, found nothing at this path', { file: path, mend: 'Check the path; where it is a link, check that what it points to is there.', cause });
  });
  const parts = folder.split(sep);
  const snapshots = parts.findLastIndex((part, i) => part === 'snapshots' && i > 1 && i < parts.length - 1);
  if (snapshots < 0 || !REPOSITORY.test(parts[snapshots - 1] ?? '')) return { folder, root: folder, store: null };
  const root = parts.slice(0, snapshots).join(sep);
  return { folder, root, store: join(dirname(root), 'blobs') };
}

/**
 * The real path of a file in the folder.
 * @throws WeightseqError `weights-missing` when it is not there, `unsafe-name` when it lies elsewhere, `unreadable-file`
 */
export async function fileIn({ folder, root, store }: ModelFolder, name: string): Promise<string> {
  const path = join(folder, name);
  const file = await realpath(path).catch((cause: unknown) => {
    const code = systemCode(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new WeightseqError('weights-missing', `expected the file ${quoteText(name)}, found none, or a link to nothing`, { file: path, mend: 'Download the file; the copy of the model is incomplete.', cause });
    }
    throw new WeightseqError('unreadable-file', `the file can't be read: ${code}`, { file: path, mend: 'Check its permissions, and where its links lead.', cause });
  });
  if (isWithin(root, file) || (store !== null && /^[0-9a-f]{2}[\\/][0-9a-f]{64}$/u.test(relative(store, file)))) return file;
  throw new WeightseqError('unsafe-name', `expected a file in the model's folder, found a link that leads out of it: ${quoteText(name)}`, {
    file: path, mend: 'Put the file itself in the folder, or give it directly if you made the link.',
  });
}

/**
 * The shards of a folder with an index, opened and held against it.
 * @throws WeightseqError as `parseIndex`, `joinShards`, `fileIn` and `openSafetensors`
 */
export async function openShards(folder: ModelFolder): Promise<Shards> {
  const index = await readIndex(folder);
  const files = new Map<string, SafetensorsFile>();
  for (const name of index.shards) files.set(name, await openSafetensors(await fileIn(folder, name)));
  return { ...joinShards(index, files), files: [...files.values()], names: index.shards };
}

/** The index of a folder. */
export async function readIndex(folder: ModelFolder): Promise<ShardIndex> {
  const file = await fileIn(folder, INDEX_NAME);
  return parseIndex(await readSmallFile(file, MAX_INDEX_BYTES), join(folder.folder, INDEX_NAME));
}

function isWithin(root: string, file: string): boolean {
  const path = relative(root, file);
  return path !== '' && path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}
