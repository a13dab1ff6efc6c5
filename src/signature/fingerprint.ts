/** What a signature is, whatever its document says of it. In: its file. Out: a hash over its tensors. */
import { createHash } from 'node:crypto';
import { readTensorBytes } from '../safetensors/file.js';
import type { SafetensorsFile } from '../types.js';

/**
 * `sha256:` over the tensors of a file: for each name in code-point order, utf8(name) ‖ 0x00 ‖ utf8(dtype) ‖ 0x00 ‖ utf8(shape,
 * decimal numbers joined by `,`) ‖ 0x00 ‖ data, as `base.fingerprint` of docs/signature-format.md. Calibrating a signature
 * changes its sha256 and not this: scores taken with the one hold for the other.
 * @throws WeightseqError as `readTensorBytes`
 */
export async function tensorsFingerprint({ tensors }: Pick<SafetensorsFile, 'tensors'>): Promise<string> {
  const hash = createHash('sha256');
  const sorted = [...tensors.values()].map((tensor) => ({ tensor, key: Buffer.from(tensor.name) })).sort((a, b) => Buffer.compare(a.key, b.key));
  for (const { tensor } of sorted) {
    for (const part of [tensor.name, tensor.dtype, tensor.shape.join(',')]) hash.update(part).update('\0');
    hash.update(await readTensorBytes(tensor));
  }
  return `sha256:${hash.digest('hex')}`;
}
