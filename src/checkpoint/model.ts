/** The disk: a path in, the whole model that it holds out. Reads names, configuration, index and headers, and no weights. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { WeightseqError } from '../errors.js';
import { systemCode } from '../files.js';
import { openSafetensors, readSmallFile } from '../safetensors/file.js';
import { enterFolder, fileIn, openShards, readIndex, type ModelFolder } from '../safetensors/folder.js';
import { INDEX_NAME } from '../safetensors/shards.js';
import { quoteText } from '../text.js';
import type { Gap, ModelCheckpoint, SafetensorsFile, TensorInfo } from '../types.js';
import { otherWeightFiles, WEIGHTS_NAME } from './folder.js';
import { brokenConfig, MODEL_CONFIG_NAME, NO_CONFIG, parseModelConfig, type ModelConfig } from './model-config.js';
import { readModel } from './model-tensors.js';

const SINGLE_NAME = 'model.safetensors';
const MAX_CONFIG_BYTES = 10_000_000;

/** The files that make up the model, and what is to be said of them. */
interface Found {
  readonly files: readonly SafetensorsFile[];
  readonly tensors: readonly TensorInfo[];
  /** Names in the folder that were read. */
  readonly names: readonly string[];
  /** False for one shard of several. */
  readonly whole: boolean;
  readonly gaps: readonly Gap[];
}

/**
 * The whole model at a path: a folder, its index or configuration, or one safetensors file.
 * @throws WeightseqError `not-found`, `unreadable-file`, `not-a-file`, `not-a-model`, `weights-missing`, `pickle`, `gguf`, and as
 *   `openShards` and `openSafetensors`
 */
export async function locateModel(path: string): Promise<ModelCheckpoint> {
  const isFolder = await stat(path).then((found) => found.isDirectory(), (cause: unknown) => {
    const code = systemCode(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new WeightseqError('not-found', 'expected a model, found nothing at this path', { file: path, mend: 'Check the path; where it is a link, check that what it points to is there.', cause });
    }
    throw new WeightseqError('unreadable-file', `it can't be read: ${code}`, { file: path, mend: code === 'EACCES' || code === 'EPERM' ? 'Ask for permission to read it.' : 'Check the path and the disk.', cause });
  });
  const namesFolder = isFolder || [INDEX_NAME, MODEL_CONFIG_NAME].includes(basename(path));
  const folder = await enterFolder(isFolder ? path : dirname(path));
  const names = await listFiles(folder.folder);
  const found = namesFolder ? await openFolder(folder, names) : await openFile(folder, names, path);
  if (found.tensors.length === 0) {
    throw new WeightseqError('weights-missing', 'expected weights, found files without any tensor', { file: found.files[0]?.file ?? path, mend: 'Download or save the model again.' });
  }
  const config = await readConfig(folder, names);
  const { weights, vectors, buffers, gaps } = readModel(config, found.tensors, found.whole);
  return {
    path,
    kind: 'checkpoint',
    files: found.files.map(({ file }) => file),
    decides: [
      ...[MODEL_CONFIG_NAME, INDEX_NAME].filter((name) => names.includes(name)).map((name) => ({ name, file: join(folder.folder, name) })),
      ...found.files.map(({ file }, i) => ({ name: found.whole ? found.names[i] ?? basename(file) : basename(path), file })),
    ],
    bytes: found.files.reduce((sum, { tensors }) => sum + bytesOf(tensors.values()), 0),
    architecture: { name: config.name, known: config.layout !== null },
    weights,
    vectors,
    buffers,
    gaps: [...config.gaps, ...found.gaps, ...gaps, ...await fileGaps(folder.folder, names, found.names)],
  };
}

/** The model of a folder: by its index, or the one file that needs none. */
async function openFolder(folder: ModelFolder, names: readonly string[]): Promise<Found> {
  if (names.includes(INDEX_NAME)) {
    const { files, tensors, hidden, names: shards } = await openShards(folder);
    const gaps = hidden.map(({ name, bytes }): Gap => ({
      name, reason: `in a shard and not in ${INDEX_NAME}, so that some loaders take it and others do not; it is not scored; save the model again`, bytes,
    }));
    return { files, tensors, names: shards, whole: true, gaps };
  }
  if (!names.includes(SINGLE_NAME)) throw noModel(folder.folder, names);
  const file = await openSafetensors(await fileIn(folder, SINGLE_NAME));
  return { files: [file], tensors: [...file.tensors.values()], names: [SINGLE_NAME], whole: true, gaps: [] };
}

/** One file, named by the user: wherever it links to, and whatever else lies beside it. */
async function openFile(folder: ModelFolder, names: readonly string[], path: string): Promise<Found> {
  const file = await openSafetensors(path);
  const name = basename(path);
  const one: Found = { files: [file], tensors: [...file.tensors.values()], names: [name], whole: true, gaps: [] };
  if (!names.includes(INDEX_NAME)) return one;
  const shards = await readIndex(folder).then((index) => index.shards, (error: unknown) => {
    if (error instanceof WeightseqError) return error;
    throw error;
  });
  if (shards instanceof WeightseqError) return { ...one, gaps: [{ name: INDEX_NAME, reason: `beside the file, and not usable: ${shards.message}; whether the file is the whole model can't be told`, bytes: 0 }] };
  if (!shards.includes(name) || shards.length === 1) return one;
  const reason = `one of the ${shards.length} shards of a model, of which the others were not read; give the folder to scan it whole`;
  return { ...one, names: shards, whole: false, gaps: [{ name, reason, bytes: 0 }] };
}

/** Why a folder has no model that can be read. */
function noModel(folder: string, names: readonly string[]): WeightseqError {
  const loose = names.filter((name) => name.endsWith('.safetensors')).sort();
  if (loose.length > 1) {
    return new WeightseqError('weights-missing', `expected ${INDEX_NAME} beside ${loose.length} safetensors files, found none`, { file: folder, mend: 'Download the index: it says which files make up the model. Or give one of the files.' });
  }
  if (loose[0] !== undefined) {
    return new WeightseqError('not-a-model', `expected ${SINGLE_NAME} or ${INDEX_NAME}, found only ${quoteText(loose[0])}`, { file: folder, mend: 'Give that file itself, if it is the model.' });
  }
  const pickle = names.find((name) => /\.(?:bin|pt|pth|ckpt|pkl)$/u.test(name) && otherWeightFiles([name]).length > 0);
  if (pickle !== undefined) {
    return new WeightseqError('pickle', `expected ${SINGLE_NAME}, found only ${quoteText(pickle)}, a pickle, which is never executed`, { file: folder, mend: 'Ask for safetensors, or load it in a sandbox and save it again.' });
  }
  const gguf = names.find((name) => name.endsWith('.gguf'));
  if (gguf !== undefined) {
    return new WeightseqError('gguf', `expected ${SINGLE_NAME}, found only ${quoteText(gguf)}, a GGUF file`, { file: folder, mend: 'Give the safetensors files that it was converted from.' });
  }
  const mend = basename(folder).startsWith('models--') ? 'Give one of the folders in its snapshots/.' : 'Check the path.';
  return new WeightseqError('not-a-model', `expected a model folder with ${SINGLE_NAME} or ${INDEX_NAME}, found neither`, { file: folder, mend });
}

/** Names of files, or links to them. */
async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new WeightseqError('unreadable-file', `the folder can't be read: ${systemCode(cause)}`, { file: folder, mend: 'Ask for permission to read it.', cause });
  });
  return entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map((entry) => entry.name).sort();
}

/** config.json, or what takes its place: a model whose configuration can't be read still has weights. */
async function readConfig(folder: ModelFolder, names: readonly string[]): Promise<ModelConfig> {
  if (!names.includes(MODEL_CONFIG_NAME)) return NO_CONFIG;
  try {
    const file = await fileIn(folder, MODEL_CONFIG_NAME);
    const bytes = await readSmallFile(file, MAX_CONFIG_BYTES);
    if (bytes === null) return brokenConfig(`expected a configuration of at most ${MAX_CONFIG_BYTES} bytes, found more`);
    const text = decode(bytes);
    if (text === null) return brokenConfig('expected the configuration to be UTF-8, found bytes that are not');
    return text.startsWith('version https://git-lfs') ? brokenConfig('a git-LFS pointer in place of the configuration') : parseModelConfig(text, file);
  } catch (error) {
    if (error instanceof WeightseqError) return brokenConfig(error.message);
    throw error;
  }
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** A Gap for each file beside the model that another loader could take instead, or as well. */
async function fileGaps(folder: string, names: readonly string[], read: readonly string[]): Promise<Gap[]> {
  const others = [...otherWeightFiles(names), ...names.filter((name) => name === WEIGHTS_NAME)].filter((name) => name !== INDEX_NAME && !read.includes(name));
  const gaps: Gap[] = [];
  for (const name of others.sort()) {
    const found = await stat(join(folder, name)).catch(() => null);
    gaps.push({ name, reason: 'another file of weights beside the model, which some loaders take instead or as well; remove it, or scan it too', bytes: found?.size ?? 0 });
  }
  return gaps;
}

function bytesOf(tensors: Iterable<TensorInfo>): number {
  let sum = 0;
  for (const { bytes } of tensors) sum += bytes;
  return sum;
}
