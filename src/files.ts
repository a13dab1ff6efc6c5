/** Files that appear whole or not at all. In: a path and what to write. Out: nothing, or a WeightseqError `write-failed`. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { WeightseqError } from './errors.js';

/** The code of an operating system error (`ENOENT`…), or the name of whatever else was thrown. */
export function systemCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/**
 * Which file each path stands for, how long it is and when it was written; `gone` for one that can't be asked. Two calls with
 * the same answer saw the same file, as far as a file system tells.
 */
export async function fileStamps(files: Iterable<string>): Promise<Map<string, string>> {
  const found = await Promise.all([...new Set(files)].map(async (file): Promise<[string, string]> => {
    const s = await stat(file, { bigint: true }).catch(() => null);
    return [file, s === null ? 'gone' : [s.dev, s.ino, s.size, s.mtimeNs, s.ctimeNs].join()];
  }));
  return new Map(found);
}

/** The files whose stamp is another than before. */
export async function changedFiles(before: ReadonlyMap<string, string>): Promise<string[]> {
  const after = await fileStamps(before.keys());
  return [...before].filter(([file, stamp]) => after.get(file) !== stamp).map(([file]) => file);
}

/** Temporary files that are being written. */
const pending = new Set<string>();

/** Removes what is half written, at once: for a program that is told to end. */
export function removeHalfWritten(): void {
  for (const file of pending) rmSync(file, { force: true });
}

const TEMPORARY = /^\.weightseq-[0-9a-f]{16}\.tmp$/u;
/** A temporary file that nothing was written to for so long belongs to a process that was killed. */
const STALE_MS = 3_600_000;

/** Removes what killed processes left in a folder; never throws. */
async function removeStale(folder: string): Promise<void> {
  for (const name of (await readdir(folder).catch(() => [])).filter((n) => TEMPORARY.test(n))) {
    const found = await stat(join(folder, name)).catch(() => null);
    if (found !== null && Date.now() - found.mtimeMs > STALE_MS) await rm(join(folder, name), { force: true }).catch(() => undefined);
  }
}

const MENDS: ReadonlyMap<string, readonly [message: string, mend: string]> = new Map([
  ['ENOENT', ['its folder does not exist', 'Make the folder, or give another path.']],
  ['ENOTDIR', ['its folder is not a folder', 'Give another path.']],
  ['EACCES', ['no permission to write there', 'Give a path in a folder that you may write to.']],
  ['EPERM', ['no permission to write there', 'Give a path in a folder that you may write to.']],
  ['EROFS', ['the file system is read-only', 'Give a path in a folder that you may write to.']],
  ['ENOSPC', ['no space is left on the device', 'Free some space, or give a path on another device.']],
  ['EFBIG', ['the limit on file sizes is reached', 'Raise the limit (ulimit -f), or write less.']],
  ['EDQUOT', ['the disk quota is used up', 'Free some space, or give a path on another device.']],
]);

/**
 * Writes a file by way of a temporary one in the same folder, flushed to disk and then renamed: whoever opens the path
 * finds the old content or all of the new. The temporary is removed when anything fails, and by a later call in the same folder
 * where the process was killed. A link is followed, and the permissions of a file that is replaced are kept.
 * @param data text (UTF-8), bytes, or pieces of bytes in their order
 * @throws WeightseqError `write-failed`
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array | readonly Uint8Array[]): Promise<void> {
  const pieces = typeof data === 'string' ? [Buffer.from(data)] : data instanceof Uint8Array ? [data] : data;
  let temporary: string | null = null;
  try {
    const { target, mode } = await resolveTarget(path);
    temporary = join(dirname(target), `.weightseq-${randomBytes(8).toString('hex')}.tmp`);
    pending.add(temporary);
    const handle = await open(temporary, 'wx', 0o666);
    try {
      if (mode !== null) await handle.chmod(mode);
      for (const piece of pieces) await handle.writeFile(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
    await removeStale(dirname(target));
  } catch (error) {
    if (temporary !== null) await rm(temporary, { force: true }).catch(() => undefined);
    if (error instanceof WeightseqError) throw error;
    const code = systemCode(error);
    const [message, mend] = MENDS.get(code) ?? [code, 'Give another path.'];
    throw new WeightseqError('write-failed', `can't write the file: ${message}`, { file: path, mend, cause: error });
  } finally {
    if (temporary !== null) pending.delete(temporary);
  }
}

/** The file that a path stands for and its permissions; null where there is none yet. */
async function resolveTarget(path: string): Promise<{ target: string; mode: number | null }> {
  const found = await stat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (found === null) return { target: path, mode: null };
  if (!found.isFile()) {
    const what = found.isDirectory() ? 'a folder' : 'not a regular file';
    throw new WeightseqError('write-failed', `can't write the file: the path is ${what}`, { file: path, mend: 'Give the path of a file.' });
  }
  return { target: await realpath(path), mode: found.mode & 0o777 };
}
