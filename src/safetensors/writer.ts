/** Tensors → a safetensors file, byte for byte as the upstream writer (safetensors, src/tensor.rs, `prepare`) lays it out. */
import { writeFileAtomic } from '../files.js';
import type { Dtype, SafetensorsFile } from '../types.js';
import { DTYPES } from './dtype.js';
import { parseHeader, PREFIX_BYTES } from './header.js';

/** A tensor to write. */
export interface TensorData {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Row-major and little endian: product of the shape × bytes of an element. */
  readonly data: Uint8Array;
}

/**
 * Writes the file by way of a temporary one, so that the path never holds half of it. The tensors are ordered by
 * alignment of their dtype, largest first, then by the bytes of their name; the header is padded to 8 bytes with spaces.
 * What `parseHeader` would refuse to read is not written.
 * @returns what opening the file would give, with the path as given
 * @throws WeightseqError `write-failed`, or the code of the rule of the format that the tensors break
 */
export async function writeSafetensors(
  path: string, tensors: readonly TensorData[], metadata: ReadonlyMap<string, string> = new Map(),
): Promise<SafetensorsFile> {
  const ordered = tensors
    .map((tensor) => ({ tensor, rank: DTYPES.indexOf(tensor.dtype), key: Buffer.from(tensor.name) }))
    .sort((a, b) => b.rank - a.rank || Buffer.compare(a.key, b.key))
    .map(({ tensor }) => tensor);

  // Put together as text, so that a name given twice stays twice and parseHeader finds it.
  const entries: string[] = [];
  if (metadata.size > 0) {
    const pairs = [...metadata].map(([key, text]) => `${JSON.stringify(key)}:${JSON.stringify(text)}`);
    entries.push(`"__metadata__":{${pairs.join(',')}}`);
  }
  let end = 0;
  for (const { name, dtype, shape, data } of ordered) {
    const begin = end;
    end += data.length;
    entries.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
  }
  const text = Buffer.from(`{${entries.join(',')}}`);
  const header = Buffer.alloc(Math.ceil(text.length / PREFIX_BYTES) * PREFIX_BYTES, ' ');
  text.copy(header);
  const written = parseHeader(header, PREFIX_BYTES + header.length + end, path);

  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeBigUInt64LE(BigInt(header.length));
  await writeFileAtomic(path, [prefix, header, ...ordered.map(({ data }) => data)]);
  return written;
}
