/** The bytes of a file of weights. In: a path. Out: its sha256, and a short digest of each tensor, by which one says what changed. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { WeightseqError } from '../errors.js';
import { openSafetensors } from '../safetensors/file.js';
import { hashFile } from '../signature/library.js';
import type { TensorInfo } from '../types.js';

/** Hexadecimal digits that are kept of a tensor's sha256: they tell what changed; the file's own sha256 proves that nothing did. */
export const DIGITS = 8;

export interface HashedWeights {
  readonly sha256: string;
  /** In the order of their bytes. */
  readonly tensors: readonly TensorInfo[];
  /** The first `DIGITS` digits of each, one after the other; null for what is no safetensors file. */
  readonly digests: string | null;
}

/**
 * A file of weights, read once.
 * @param onBytes how many more bytes were hashed
 * @throws WeightseqError `unreadable-file`, and `file-truncated` where it ends before its last tensor
 */
export async function hashWeights(file: string, onBytes: (count: number) => void = () => undefined): Promise<HashedWeights> {
  const tensors = await tensorsOf(file);
  if (tensors === null) return { sha256: await hashFile(file, onBytes), tensors: [], digests: null };
  const whole = createHash('sha256');
  const digests: string[] = [];
  let part = createHash('sha256');
  let at = 0;
  /** Ends every tensor whose last byte was seen, and gives the next its share of the piece. */
  const feed = (piece: Uint8Array): void => {
    for (let tensor = tensors[digests.length]; tensor !== undefined; tensor = tensors[digests.length]) {
      const from = Math.max(tensor.offset, at), to = Math.min(tensor.offset + tensor.bytes, at + piece.length);
      if (to > from) part.update(piece.subarray(from - at, to - at));
      if (tensor.offset + tensor.bytes > at + piece.length) return;
      digests.push(part.digest('hex').slice(0, DIGITS));
      part = createHash('sha256');
    }
  };
  try {
    const handle = await open(file);
    try {
      const buffer = new Uint8Array(1 << 20);
      for (;;) {
        const { bytesRead } = await handle.read(buffer);
        if (bytesRead === 0) break;
        const piece = buffer.subarray(0, bytesRead);
        whole.update(piece);
        feed(piece);
        at += bytesRead;
        onBytes(bytesRead);
      }
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new WeightseqError('unreadable-file', 'the file cannot be read', { file, cause, mend: 'Check that it exists and may be read.' });
  }
  if (digests.length < tensors.length) throw new WeightseqError('file-truncated', 'the file changed while it was read', { file, mend: 'Make sure that nothing writes to it, and try again.' });
  return { sha256: whole.digest('hex'), tensors, digests: digests.join('') };
}

/** Null for a file that is none of safetensors, or a broken one. */
async function tensorsOf(file: string): Promise<TensorInfo[] | null> {
  try {
    const { tensors } = await openSafetensors(file);
    return [...tensors.values()].sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  } catch (error) {
    if (error instanceof WeightseqError) return null;
    throw error;
  }
}
