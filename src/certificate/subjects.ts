/** Which bytes a certificate stands for. In: a path. Out: every file of it with its sha256. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { WeightseqError } from '../errors.js';
import { changedFiles, fileStamps } from '../files.js';
import type { OnProgress } from '../reading/model-read.js';
import { fileIn } from '../safetensors/folder.js';
import { locateAny } from '../scan/any.js';
import { isKept } from '../scan/kept.js';
import { hashFile } from '../signature/library.js';
import { isWeights, loadable, placeOf, type Place } from './files.js';
import { hashWeights } from './hashes.js';
import type { Predicate, Statement } from './schema.js';

/** How the files stood before they were read. */
export type Stamps = ReadonlyMap<string, string>;

export interface Subjects extends Pick<Predicate['model'], 'of' | 'tensors' | 'digest'> {
  readonly subject: Statement['subject'];
}

/**
 * Every file that a certificate of this path stands for, hashed.
 * @throws WeightseqError as `locateAny`; `unsafe-name` for a link that leads out of the folder; `usage` for a kept reading
 */
export async function subjectsOf(path: string, onProgress?: OnProgress): Promise<{ readonly subjects: Subjects; readonly stamps: Stamps }> {
  const { of, folder } = await placeOf(path);
  const { decides } = await locateAny(path);
  if (await isKept(path)) throw new WeightseqError('usage', 'a reading holds numbers of a model, and none of its bytes', { file: path, mend: 'Give the model itself.' });
  const others = of === 'folder' ? (await loadable(folder)).filter((name) => !decides.some((file) => file.name === name)) : [];
  const files = [...decides];
  for (const name of others) files.push({ name, file: await fileIn(folder, name) });
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  const stamps = await fileStamps(files.map(({ file }) => file));
  const sizes = await Promise.all(files.map(({ file }) => stat(file).then(({ size }) => size, () => 0)));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let done = 0;
  const onBytes = (count: number): void => { onProgress?.(done += count, total); };
  const subject: Statement['subject'] = [];
  const tensors: Subjects['tensors'] = [];
  for (const { name, file } of files) {
    if (isWeights(name)) {
      const { sha256, digests } = await hashWeights(file, onBytes);
      subject.push({ name, digest: { sha256 } });
      if (digests !== null) tensors.push({ file: name, digests });
    } else subject.push({ name, digest: { sha256: await hashFile(file, onBytes) } });
  }
  return { subjects: { of, subject, tensors, digest: digestOfSubjects(subject) }, stamps };
}

/** sha256 of the lines that `sha256sum NAME…` prints for the subjects, in their order. */
export function digestOfSubjects(subject: Statement['subject']): string {
  return createHash('sha256').update(subject.map(({ name, digest }) => `${digest.sha256}  ${name}\n`).join('')).digest('hex');
}

/** @throws WeightseqError `unreadable-file` for the first file that changed */
export async function requireUnchanged(before: Stamps): Promise<void> {
  const [file] = await changedFiles(before);
  if (file !== undefined) throw new WeightseqError('unreadable-file', 'the file changed while it was read', { file, mend: 'Make sure that nothing writes to it, and try again.' });
}

/** A name within a folder; of one file, beside it. */
export async function pathOfSubject({ of, folder }: Place, name: string): Promise<string> {
  return of === 'file' && !/[\\/]/u.test(name) ? join(folder.folder, name) : fileIn(folder, name);
}
