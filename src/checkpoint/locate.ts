/** The disk: a path in, the Checkpoint that it holds out. Reads names, the configuration and the header, and no weights. */
import { constants, type Stats } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { WeightseqError } from '../errors.js';
import { systemCode } from '../files.js';
import { openSafetensors } from '../safetensors/file.js';
import type { Checkpoint, Gap, SafetensorsFile } from '../types.js';
import { CONFIG_NAME, otherWeightFiles, requireAdapterFolder, WEIGHTS_NAME, wholeModel, type Listing } from './folder.js';
import { parsePeftConfig } from './peft-config.js';
import { isLoraKey } from './peft-keys.js';
import { readPeft } from './peft.js';

const MAX_CONFIG_BYTES = 10_000_000;
/** Of a folder that is no adapter's, how many folders in it are looked into, to name those that are. */
const MAX_SUBFOLDERS = 1000;

/**
 * What a path holds: an adapter's folder, or the safetensors file in it.
 * @throws WeightseqError `not-found`, `unreadable-file`, `not-a-file`, `not-a-model`, `several-models`, `unsupported-checkpoint`,
 *   `config-missing`, `config-invalid`, `duplicate-key`, `not-lora`, `weights-missing`, `pickle`, and as `openSafetensors`
 */
export async function locate(path: string): Promise<Checkpoint> {
  const found = await attempt(path, () => stat(path));
  const folder = found.isDirectory() ? path : dirname(path);
  // A file is named by the user, whatever it is called; a folder has the one that PEFT would load.
  const weightsPath = found.isDirectory() ? join(path, WEIGHTS_NAME) : basename(path) === CONFIG_NAME ? join(folder, WEIGHTS_NAME) : path;
  const named = weightsPath === path ? await openSafetensors(path) : null;
  const listing = await list(folder);
  if (named === null) requireAdapterFolder(listing);
  else requireAdapterFile(named, listing);
  const configPath = join(folder, CONFIG_NAME);
  const config = parsePeftConfig(await readConfig(configPath), configPath);
  const file = named ?? await openSafetensors(weightsPath);
  if (file.tensors.size === 0) {
    throw new WeightseqError('weights-missing', 'expected LoRA tensors, found a file without any tensor', { file: file.file, mend: 'Download or save the adapter again.' });
  }
  const { weights, unscored, gaps } = readPeft(config, file.tensors.values());
  return {
    path,
    kind: 'adapter',
    files: [file.file],
    decides: [{ name: CONFIG_NAME, file: configPath }, { name: basename(weightsPath), file: file.file }],
    bytes: [...file.tensors.values()].reduce((sum, tensor) => sum + tensor.bytes, 0),
    baseClaim: config.baseClaim,
    weights,
    unscored,
    gaps: [...gaps, ...await fileGaps(listing, basename(weightsPath))],
  };
}

/** A file that the user named: with LoRA tensors in it and a configuration beside it. */
function requireAdapterFile(file: SafetensorsFile, { files }: Listing): void {
  if (files.includes(CONFIG_NAME)) return;
  if (![...file.tensors.keys()].some(isLoraKey)) throw wholeModel(file.file);
  throw new WeightseqError('config-missing', `expected ${CONFIG_NAME} beside the file, found none`, { file: file.file, mend: 'Download the whole adapter folder: rank and scale are in its configuration.' });
}

async function list(folder: string): Promise<Listing> {
  const entries = await attempt(folder, () => readdir(folder, { withFileTypes: true }));
  const files = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map((entry) => entry.name);
  const adapters: string[] = [];
  if (!files.includes(CONFIG_NAME)) {
    const folders = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map((entry) => entry.name).sort().slice(0, MAX_SUBFOLDERS);
    for (const name of folders) {
      const config = await stat(join(folder, name, CONFIG_NAME)).catch(() => null);
      if (config?.isFile() === true) adapters.push(name);
    }
  }
  return { folder, files, adapters };
}

/** A Gap for each file beside the weights that another loader could take instead, or as well. */
async function fileGaps({ folder, files }: Listing, weightsName: string): Promise<Gap[]> {
  const gaps: Gap[] = [];
  const others = otherWeightFiles(files).filter((name) => name !== weightsName);
  if (weightsName !== WEIGHTS_NAME && files.includes(WEIGHTS_NAME)) others.push(WEIGHTS_NAME);
  for (const name of others) {
    const found = await stat(join(folder, name)).catch(() => null);
    gaps.push({ name, reason: 'another file of weights beside the one that was read, which some loaders take instead or as well; remove it, or scan it too', bytes: found?.size ?? 0 });
  }
  return gaps;
}

async function readConfig(file: string): Promise<string> {
  return attempt(file, async () => {
    requireConfigFile(await stat(file), file); // before opening: to open a pipe would wait
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await handle.stat();
      requireConfigFile(found, file);
      // No more than what it was checked to have, whatever happens to it meanwhile.
      const { buffer, bytesRead } = await handle.read(new Uint8Array(found.size), 0, found.size, 0);
      return decode(buffer.subarray(0, bytesRead), file);
    } finally {
      await handle.close();
    }
  });
}

function requireConfigFile(found: Stats, file: string): void {
  if (!found.isFile()) {
    throw new WeightseqError('not-a-file', 'expected a regular file', { file, mend: 'Save the configuration to a file.' });
  }
  if (found.size > MAX_CONFIG_BYTES) {
    throw new WeightseqError('config-invalid', `expected a configuration of at most ${MAX_CONFIG_BYTES} bytes, found ${found.size}`, { file, mend: 'Save the adapter again with PEFT.' });
  }
}

function decode(bytes: Uint8Array, file: string): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new WeightseqError('config-invalid', 'expected the configuration to be UTF-8, found bytes that are not', { file, mend: 'Save the adapter again with PEFT.', cause });
  }
  if (text.startsWith('version https://git-lfs')) {
    throw new WeightseqError('git-lfs-pointer', 'expected the configuration, found a git-LFS pointer in its place', { file, mend: 'Fetch the file itself: git lfs pull.' });
  }
  return text;
}

/** Turns what the operating system says into one clear error. */
async function attempt<T>(file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof WeightseqError) throw cause;
    const code = systemCode(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new WeightseqError('not-found', 'expected an adapter or a model, found nothing at this path', { file, mend: 'Check the path; where it is a link, check that what it points to is there.', cause });
    }
    throw new WeightseqError('unreadable-file', `it can't be read: ${code}`, { file, mend: code === 'EACCES' || code === 'EPERM' ? 'Ask for permission to read it.' : 'Check the path and the disk.', cause });
  }
}
