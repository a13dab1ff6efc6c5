/** weightseq.yaml: where it is found, and what is written in it. In: a folder or a path. Out: entries with their places. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node } from 'yaml';
import { WeightseqError } from '../../src/errors.js';
import { systemCode } from '../../src/files.js';
import { escapeText, quoteText } from '../../src/text.js';
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
  return { path: resolve(path), named, entries: parseConfig(text, path) };
}

/**
 * The entries of a configuration, in their order. Pure.
 * @param file its path, for messages
 * @throws WeightseqError `usage`
 */
export function parseConfig(text: string, file: string): Entry[] {
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const document = parse(text, lines, file);
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) throw errorAt(file, placeAt(problem.pos[0]), `not a valid YAML file: ${escapeText(problem.message.split('\n')[0] ?? '')}`);

  const resolved = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node);
  const placeOf = (node: unknown): Place => placeAt((node as Node | null)?.range?.[0] ?? 0);

  const rawOf = (node: unknown, key: string): Raw | null => {
    const value = resolved(node);
    if (value === null || (isScalar(value) && value.value === null)) return null;
    if (isScalar(value)) return typeof value.value === 'boolean' ? value.value : textOf(value);
    if (!isSeq(value) || value.items.length === 0) throw errorAt(file, placeOf(node), `${quoteText(key)}: expected a value or a list of values, found neither`);
    return value.items.map((item) => {
      const element = resolved(item);
      if (isScalar(element) && element.value !== null && typeof element.value !== 'boolean') return textOf(element);
      throw errorAt(file, placeOf(item), `expected a list of texts for ${quoteText(key)}, found something else in it`);
    });
  };

  const entriesOf = (node: unknown, section: readonly string[]): Entry[] => {
    if (!isMap(node)) throw errorAt(file, placeOf(node), 'expected options, each as NAME: VALUE', 'weightseq config print shows the names.');
    return node.items.flatMap((pair): Entry[] => {
      const { key: keyNode, value } = pair;
      if (!isScalar(keyNode)) throw errorAt(file, placeOf(keyNode), 'expected the name of an option');
      const key = textOf(keyNode);
      const isSection = section.length < 3 && isMap(resolved(value));
      const valuePlace = value === null ? placeOf(keyNode) : placeOf(value);
      const entry = { section, key, value: isSection ? null : rawOf(value, key), isSection, ...placeOf(keyNode), valuePlace };
      return [entry, ...(isSection ? entriesOf(resolved(value), [...section, key]) : [])];
    });
  };
  return document.contents === null || (isScalar(document.contents) && document.contents.value === null) ? [] : entriesOf(document.contents, []);
}

function parse(text: string, lineCounter: LineCounter, file: string): ReturnType<typeof parseDocument> {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, version: '1.2' });
  } catch (cause) {
    // Thousands of brackets within each other.
    throw new WeightseqError('usage', 'not a valid YAML file', { file, cause });
  }
}

/** As written: 1.0 is the name "1.0", not the number 1. */
function textOf(node: { value?: unknown; source?: string | undefined; type?: string | undefined }): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}

/** Whether a file lies in a folder that holds what is scanned, or below it. */
export async function liesWithin(file: string, scanned: string): Promise<boolean> {
  const real = await realpath(scanned).catch(() => null);
  if (real === null) return false;
  const folder = (await stat(real)).isDirectory() ? real : dirname(real);
  const own = await realpath(dirname(file)).catch(() => dirname(file));
  return own === folder || own.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
