/** Which bytes were scanned. In: a located checkpoint. Out: the files that decide and their digest, and which changed meanwhile. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { changedFiles, fileStamps } from '../files.js';
import { changedGap } from '../reading/model-read.js';
import { hashFile } from '../signature/library.js';
import type { Checkpoint, Gap, ModelCheckpoint } from '../types.js';

export interface DecidingFile {
  readonly name: string;
  readonly bytes: number;
  /** Hexadecimal; null where it was not hashed. */
  readonly sha256: string | null;
}

/** What identifies a scanned checkpoint, and its base. */
export interface Identity {
  readonly files: readonly DecidingFile[];
  /** sha256 over all files, see `digestOf`; null where one was not hashed. */
  readonly digest: string | null;
  /** |W0|, Frobenius; null where it is not known. */
  readonly baseNorm: number | null;
}

export const UNIDENTIFIED: Identity = { files: [], digest: null, baseNorm: null };

type Decides = Pick<Checkpoint | ModelCheckpoint, 'decides'>;

/** How the files that decide stand now: to be taken before they are read, and given to `identify` afterwards. */
export function stampsOf({ decides }: Decides): Promise<ReadonlyMap<string, string>> {
  return fileStamps(decides.map(({ file }) => file));
}

/**
 * The files that decide a result: configuration, index and weights, sorted by name; and a Gap for each that is not what it was.
 * @param hash whether their bytes are hashed, or which files'; there is a digest only when all are
 * @param onBytes how many more bytes were hashed
 * @throws WeightseqError `unreadable-file`
 */
export async function identify({ decides }: Decides, before: ReadonlyMap<string, string>, hash: boolean | ((file: string) => boolean) = false, onBytes?: (count: number) => void): Promise<Pick<Identity, 'files' | 'digest'> & { changed: Gap[] }> {
  const files: DecidingFile[] = [];
  for (const { name, file } of decides) {
    const size = await stat(file).then((s) => s.size, () => 0);
    files.push({ name, bytes: size, sha256: (typeof hash === 'boolean' ? hash : hash(file)) ? await hashFile(file, onBytes) : null });
  }
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { files, digest: digestOf(files), changed: (await changedFiles(before)).map(changedGap) };
}

/** sha256 of the lines that `sha256sum NAME…` prints for these files, in their order; null where one was not hashed. */
export function digestOf(files: readonly DecidingFile[]): string | null {
  if (files.length === 0 || files.some(({ sha256 }) => sha256 === null)) return null;
  return createHash('sha256').update(files.map(({ name, sha256 }) => `${sha256 ?? ''}  ${name}\n`).join('')).digest('hex');
}

/** Gaps of both, each file named once. */
export function withChanged(gaps: readonly Gap[], changed: readonly Gap[]): Gap[] {
  return [...gaps, ...changed.filter(({ name }) => !gaps.some((gap) => gap.name === name))];
}
