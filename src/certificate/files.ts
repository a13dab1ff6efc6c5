/** Which files a certificate stands for. In: a path. Out: its weights and configuration by name, and what else in the folder a loader could take. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { CONFIG_NAME, otherWeightFiles, WEIGHTS_NAME } from '../checkpoint/folder.js';
import { MODEL_CONFIG_NAME } from '../checkpoint/model-config.js';
import { WeightseqError } from '../errors.js';
import { systemCode } from '../files.js';
import { enterFolder, type ModelFolder } from '../safetensors/folder.js';
import { INDEX_NAME } from '../safetensors/shards.js';

/** A folder that is a model or an adapter, or one file in it that the user named. */
export interface Place {
  readonly of: 'folder' | 'file';
  readonly folder: ModelFolder;
}

/** What a loader reads beside weights: configuration, tokenizer, chat template, code. */
const CONFIGURATION = /\.(?:json|jinja2?|model|tiktoken|txt|spm|bpe|vocab|py)$/iu;
/** Certificates may lie beside the model that they are of. */
export const CERTIFICATE_NAME = /\.certificate\.json$/u;

/**
 * Where a path leads. A folder's configuration or index stands for the folder.
 * @throws WeightseqError `not-found`, `unreadable-file`
 */
export async function placeOf(path: string): Promise<Place> {
  const found = await stat(path).catch((cause: unknown) => {
    const code = systemCode(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new WeightseqError('not-found', 'expected a model or an adapter, found nothing at this path', { file: path, mend: 'Check the path.', cause });
    throw new WeightseqError('unreadable-file', `it can't be read: ${code}`, { file: path, mend: 'Check the path and its permissions.', cause });
  });
  const isFolder = found.isDirectory() || [CONFIG_NAME, MODEL_CONFIG_NAME, INDEX_NAME].includes(basename(path));
  return { of: isFolder ? 'folder' : 'file', folder: await enterFolder(found.isDirectory() ? path : dirname(path)) };
}

/** Whether a name is that of a file of weights; the index of shards is configuration. */
export function isWeights(name: string): boolean {
  return !name.endsWith('.json') && (name === WEIGHTS_NAME || otherWeightFiles([name]).length > 0);
}

/**
 * Names of the files in the folder itself from which some loader takes weights or configuration, sorted.
 * @throws WeightseqError `unreadable-file`
 */
export async function loadable({ folder }: ModelFolder): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new WeightseqError('unreadable-file', `the folder can't be read: ${systemCode(cause)}`, { file: folder, mend: 'Ask for permission to read it.', cause });
  });
  const names = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map(({ name }) => name);
  return names.filter((name) => isWeights(name) || (CONFIGURATION.test(name) && !CERTIFICATE_NAME.test(name))).sort();
}

/** Whether a certificate of this name would count as a file of the model that it is of. */
export async function inModel(path: string, certificate: string): Promise<boolean> {
  const { of, folder } = await placeOf(path);
  const name = basename(certificate);
  if (of === 'file' || CERTIFICATE_NAME.test(name) || !(isWeights(name) || CONFIGURATION.test(name))) return false;
  return await realpath(dirname(certificate)).catch(() => null) === folder.folder;
}
