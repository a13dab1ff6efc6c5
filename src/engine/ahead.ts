/**
 * Read-ahead. In: ranges of a file that will be mapped soon. Out: nothing; their pages are in the system's cache.
 * A page fault on a cold map waits for the disk with nothing else in flight; plain reads keep it busy, on Node's thread pool.
 */
import { readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { WeightseqError } from '../errors.js';
import type { TensorInfo } from '../types.js';

export interface Range {
  readonly position: number;
  readonly length: number;
}

/** Bytes of one system call… */
const CALL_BYTES = 8 * 2 ** 20;
/** …all read into the same small buffer, which stays in the processor's cache: nobody looks at them. */
const scratch = new Uint8Array(2 ** 18);
/** Between two samples of what the cache holds. */
const SAMPLE_STEP = 2 ** 20;
/** Milliseconds of a sample that came from a disk, also where the system does not count what it read. */
const SLOW_SAMPLE = 0.25;

/**
 * Reads ranges of a tensor's file, unless samples of them all come from the cache: reading what is there already took a tenth
 * of a scan's processor time.
 * @throws WeightseqError `engine-failed` when the file ends early or cannot be read: to map it then would end the process (SIGBUS)
 */
export async function warm({ file, name }: TensorInfo, ranges: readonly Range[]): Promise<void> {
  try {
    const handle = await open(file);
    try {
      const { size } = await handle.stat();
      if (ranges.some(({ position, length }) => position + length > size)) throw new WeightseqError('engine-failed', 'the file ends before the tensor does', { file, tensor: name, mend: 'Check that the file did not change during the scan.' });
      if (!isCached(handle, ranges)) for (const range of ranges) await readAll(handle, range);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof WeightseqError) throw error;
    throw new WeightseqError('engine-failed', `the file could not be read: ${error instanceof Error ? error.message : String(error)}`, { file, tensor: name, mend: 'Check the file and the disk.', cause: error });
  }
}

/**
 * Whether the disk stays untouched while a few bytes of each mebibyte are read. Samples are read at once, not on the thread
 * pool: they take microseconds, and the first that does not ends the question.
 */
function isCached({ fd }: FileHandle, ranges: readonly Range[]): boolean {
  const blocks = process.resourceUsage().fsRead;
  for (const { position, length } of ranges) {
    for (let at = 0; at < length; at += SAMPLE_STEP) {
      const start = performance.now();
      readSync(fd, scratch, 0, Math.min(16, length - at), position + at);
      if (performance.now() - start > SLOW_SAMPLE) return false;
    }
  }
  return process.resourceUsage().fsRead === blocks;
}

async function readAll(handle: FileHandle, { position, length }: Range): Promise<void> {
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.readv(buffers(Math.min(CALL_BYTES, length - done)), position + done);
    if (bytesRead === 0) return;
    done += bytesRead;
  }
}

function buffers(length: number): Uint8Array[] {
  const whole = Math.floor(length / scratch.length);
  const rest = length % scratch.length;
  return [...new Array<Uint8Array>(whole).fill(scratch), ...(rest > 0 ? [scratch.subarray(0, rest)] : [])];
}
