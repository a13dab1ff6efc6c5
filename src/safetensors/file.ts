/** The disk: the one place that opens safetensors files. A path in, a checked header or the bytes of one tensor out. */
import { constants } from 'node:fs';
import { open, realpath, stat, type FileHandle } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { WeightseqError } from '../errors.js';
import { systemCode } from '../files.js';
import type { SafetensorsFile, TensorInfo } from '../types.js';
import { headerLength, parseHeader, PREFIX_BYTES } from './header.js';
import { isPlausible, sniff, SNIFF_BYTES } from './sniff.js';

/** Bytes above which `readTensorBytes` refuses: weights are read by the engine, not by this. */
const MAX_TENSOR_BYTES = 2 ** 30;

/**
 * Opens a safetensors file and checks its header against every rule of the format. Reads the header and no data;
 * only of a file that can't be safetensors it reads the first 512 bytes, to say what it is.
 * @throws WeightseqError `not-found`, `not-a-file`, `unreadable-file`, what `sniff` recognises, or the rule that is broken
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await attempt(path, () => realpath(path));
  return withFile(file, async (handle, bytes) => {
    const first = await readAt(handle, 0, Math.min(PREFIX_BYTES + 1, bytes));
    if (!isPlausible(first)) {
      const error = sniff(await readAt(handle, 0, Math.min(SNIFF_BYTES, bytes)), file);
      if (error !== null) throw error;
    }
    const length = headerLength(first.subarray(0, PREFIX_BYTES), bytes, file);
    const header = await readAt(handle, PREFIX_BYTES, length);
    if (header.length < length) {
      throw new WeightseqError('header-truncated', `expected ${length} bytes of header, found ${header.length}`, { file, mend: 'Download it again: the file shrank while it was read.' });
    }
    return parseHeader(header, bytes, file);
  });
}

/**
 * The bytes of one tensor; for small ones (signatures, norms).
 * @throws WeightseqError `file-truncated` where the file has become shorter, `unreadable-file` above 1 GiB, and as `openSafetensors`
 */
export async function readTensorBytes(tensor: TensorInfo): Promise<Uint8Array> {
  return (await readTensors([tensor])).get(tensor) ?? new Uint8Array();
}

/**
 * The bytes of some tensors, each file opened once: to open one costs more than to read a few numbers.
 * @throws WeightseqError as `readTensorBytes`
 */
export async function readTensors(tensors: readonly TensorInfo[]): Promise<Map<TensorInfo, Uint8Array>> {
  const found = new Map<TensorInfo, Uint8Array>();
  const byFile = new Map<string, TensorInfo[]>();
  for (const tensor of tensors) {
    const { name, file, bytes } = tensor;
    if (bytes > MAX_TENSOR_BYTES) {
      throw new WeightseqError('unreadable-file', `expected a tensor of at most ${MAX_TENSOR_BYTES} bytes, found ${bytes}`, { file, tensor: name, mend: 'Ask the author of the file for a smaller one.' });
    }
    if (bytes === 0) found.set(tensor, new Uint8Array());
    else {
      const inside = byFile.get(file) ?? [];
      byFile.set(file, inside);
      inside.push(tensor);
    }
  }
  for (const [file, inside] of byFile) {
    await withFile(file, async (handle) => {
      for (const tensor of inside) {
        const { name, offset, bytes } = tensor;
        const data = await readAt(handle, offset, bytes);
        if (data.length < bytes) {
          throw new WeightseqError('file-truncated', `expected ${bytes} bytes from byte ${offset}, found ${data.length}`, { file, tensor: name, mend: 'Download it again: the copy is incomplete.' });
        }
        found.set(tensor, data);
      }
    });
  }
  return found;
}

/**
 * All bytes of a small file that is no safetensors file (an index, a configuration); null when it has more than `limit`.
 * @throws WeightseqError `not-found`, `not-a-file`, `unreadable-file`
 */
export async function readSmallFile(file: string, limit: number): Promise<Uint8Array | null> {
  return withFile(file, async (handle, bytes) => (bytes > limit ? null : readAt(handle, 0, bytes)));
}

/**
 * The first bytes of any regular file, and how many it has in all.
 * @throws WeightseqError `not-found`, `not-a-file`, `unreadable-file`
 */
export async function readStart(file: string, limit: number): Promise<{ readonly first: Uint8Array; readonly bytes: number }> {
  return withFile(file, async (handle, bytes) => ({ first: await readAt(handle, 0, Math.min(limit, bytes)), bytes }));
}

/** Opens a regular file for as long as `use` runs. */
async function withFile<T>(file: string, use: (handle: FileHandle, bytes: number) => Promise<T>): Promise<T> {
  return attempt(file, async () => {
    // Asked before opening, since to open a device can act on it, and again after, since the path can change meanwhile.
    requireFile(await stat(file), file);
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await handle.stat();
      requireFile(found, file);
      return await use(handle, found.size);
    } finally {
      await handle.close();
    }
  });
}

function requireFile(found: Stats, file: string): void {
  if (found.isFile()) return;
  const [what, mend] = found.isDirectory()
    ? ['a folder', 'Give a safetensors file in it.']
    : ['a pipe, socket or device', 'Save it to a file first: weights are read by position.'];
  throw new WeightseqError('not-a-file', `expected a regular file, found ${what}`, { file, mend });
}

/** Up to `bytes` bytes from a position; fewer only at the end of the file. */
async function readAt(handle: FileHandle, position: number, bytes: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(bytes);
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await handle.read(buffer, filled, bytes - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** Turns what the operating system says into one clear error. */
async function attempt<T>(file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof WeightseqError) throw cause;
    const code = systemCode(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new WeightseqError('not-found', 'expected a file, found nothing at this path', { file, mend: 'Check the path; where it is a link, check that what it points to is there.', cause });
    }
    const denied = code === 'EACCES' || code === 'EPERM';
    throw new WeightseqError('unreadable-file', `the file can't be read: ${denied ? 'no permission' : code}`, {
      file, mend: denied ? 'Ask for permission to read it.' : 'Check the path and the disk.', cause,
    });
  }
}
