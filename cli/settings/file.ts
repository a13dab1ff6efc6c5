/** weightseq.yaml: where it is found, and what is written in it. In: a folder or a path. Out: entries with their places. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { WeightseqError } from '../../src/errors.js';
import { systemCode } from '../../src/files.js';
import type { Raw } from './options.js';

export const CONFIG_NAME = 'weightseq.yaml';
/** What others call such a file: one of that name would be passed over without a word. */
const MISNAMED = 'weightseq.yml';
const LARGEST = 1 << 20;

/** From 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One key with its value; `value` is null where the key stands alone, or names a section (whose entries follow). */
export interface Entry extends Place {
  /** The commands that it is for: `['signature', 'list']`, none at the top level. */
  readonly section: readonly string[];
  readonly key: string;
  readonly value: Raw | null;
  readonly isSection: boolean;
  /** Where the value begins. */
  readonly valuePlace: Place;
}

export interface ConfigFile {
  readonly path: string;
  /** Named by --config, in place of found. */
  readonly named: boolean;
  readonly entries: readonly Entry[];
}

/** An error at a place of a configuration file. */
export function errorAt(file: string, { line, column }: Place, message: string, mend?: string): WeightseqError {
  return new WeightseqError('usage', message, { file: `${file}:${line}:${column}`, ...(mend === undefined ? {} : { mend }) });
}

/**
 * The nearest weightseq.yaml in the folder or above it; null when there is none up to the root.
 * @throws WeightseqError `usage` for one that belongs to another user, or that has the name with .yml
 */
export async function findConfig(from: string): Promise<string | null> {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const path = join(folder, CONFIG_NAME);
    const found = await fileAt(path);
    if (found !== null) {
      if (!isTrusted(found.uid)) {
        throw new WeightseqError('usage', 'this configuration belongs to another user, who could open the gate with it', {
          file: path, mend: 'Name it with --config to use it all the same, or give --no-config.',
        });
      }
      return path;
    }
    const misnamed = join(folder, MISNAMED);
    if ((await fileAt(misnamed)) !== null) {
      throw new WeightseqError('usage', `a configuration of this name is not read`, { file: misnamed, mend: `Name it ${CONFIG_NAME}, or give --no-config.` });
    }
    if (dirname(folder) === folder) return null;
  }
}

async function fileAt(path: string): Promise<{ uid: number } | null> {
  const found = await stat(path).catch(() => null);
  return found?.isFile() === true ? found : null;
}

/**
 * Whether a file of this owner is taken for one's own: whoever can write in a folder above the working folder (/tmp) could
 * otherwise set the gate. Windows has no such numbers.
 */
export function isTrusted(owner: number, self = process.geteuid?.()): boolean {
  return self === undefined || owner === self || owner === 0;
}

/**
 * Reads a configuration file.
 * @throws WeightseqError `usage` when it cannot be read or is not a YAML map of options and sections
 */
export async function readConfig(path: string, named: boolean): Promise<ConfigFile> {
  let text: string;
  try {
    if ((await stat(path)).size > LARGEST) throw new WeightseqError('usage', 'too large for a configuration', { file: path });
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof WeightseqError) throw cause;
    throw new WeightseqError('usage', `the configuration cannot be read (${systemCode(cause)})`, { file: path, cause, mend: 'Check that it is a file that exists and may be read.' });
  }
  // Most runs have no configuration: YAML is loaded for those that do.
  const { parseConfig } = await import('./parse.js');
  return { path: resolve(path), named, entries: parseConfig(text, path) };
}

/** Whether a file lies in a folder that holds what is scanned, or below it. */
export async function liesWithin(file: string, scanned: string): Promise<boolean> {
  const real = await realpath(scanned).catch(() => null);
  if (real === null) return false;
  const folder = (await stat(real)).isDirectory() ? real : dirname(real);
  const own = await realpath(dirname(file)).catch(() => dirname(file));
  return own === folder || own.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
