/** A safetensors file of seeded normal numbers, written as a stream. In: names, types, shapes. Out: the file, its size and sha256. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';

export interface RandomTensor {
  readonly name: string;
  readonly dtype: 'F64' | 'F32' | 'F16' | 'BF16';
  readonly shape: readonly number[];
  /** Standard deviation. */
  readonly sd: number;
}

export interface Written {
  readonly bytes: number;
  readonly sha256: string;
}

const BYTES = { F64: 8, F32: 4, F16: 2, BF16: 2 } as const;
const CHUNK_BYTES = 4 * 2 ** 20;
/** Numbers are drawn from this many normal ones: a draw is then a look-up, and two come from one random word. */
const TABLE = 2 ** 16;

/** Xorshift32 (Marsaglia 2003): a stream of 32-bit words, never 0. */
export function xorshift32(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  };
}

/** Standard normal numbers (Box and Muller). */
export function normals(words: () => number): () => number {
  const uniform = (): number => ((words() >>> 0) + 0.5) / 2 ** 32;
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** The high halves of float32 numbers, cut off. */
function bfloat16(values: Float64Array): Uint16Array {
  return Uint16Array.from(new Uint32Array(Float32Array.from(values).buffer), (bits) => bits >>> 16);
}

/** Nearest half precision of a number below 65504; below 2^-14 with the spacing of the smallest ones. */
function float16(value: number): number {
  const magnitude = Math.abs(value);
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude || 2 ** -14)));
  const steps = Math.round(magnitude / 2 ** (exponent - 10));
  const code = magnitude < 2 ** -14 ? steps : ((exponent + 15) << 10) + steps - 1024;
  return value < 0 ? code | 0x8000 : code;
}

/**
 * Writes the file in the order of the upstream writer: widest type first, then by name.
 * @param metadata strings for `__metadata__`
 */
export function writeRandom(path: string, tensors: readonly RandomTensor[], seed: number, metadata: Readonly<Record<string, string>> = {}): Written {
  const ordered = [...tensors].sort((a, b) => BYTES[b.dtype] - BYTES[a.dtype] || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let end = 0;
  for (const { name, dtype, shape } of ordered) {
    const begin = end;
    end += BYTES[dtype] * countOf(shape);
    header[name] = { dtype, shape, data_offsets: [begin, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(Math.ceil(text.length / 8) * 8, ' ');
  text.copy(padded);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(padded.length));

  const hash = createHash('sha256');
  const file = openSync(path, 'w');
  const write = (bytes: Uint8Array): void => {
    hash.update(bytes);
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
  };
  try {
    write(prefix);
    write(padded);
    const words = xorshift32(seed);
    const next = normals(words);
    const table = Float64Array.from({ length: TABLE }, next);
    for (const tensor of ordered) writeNumbers(tensor, table, words, write);
  } finally {
    closeSync(file);
  }
  return { bytes: prefix.length + padded.length + end, sha256: hash.digest('hex') };
}

function countOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

function writeNumbers({ dtype, shape, sd }: RandomTensor, table: Float64Array, words: () => number, write: (bytes: Uint8Array) => void): void {
  const count = countOf(shape);
  const values = table.map((value) => value * sd);
  if (dtype === 'F64' || dtype === 'F32') {
    const numbers = Array.from({ length: count }, () => values[words() & 0xffff] ?? 0);
    write(new Uint8Array((dtype === 'F64' ? Float64Array : Float32Array).from(numbers).buffer));
    return;
  }
  const codes = dtype === 'BF16' ? bfloat16(values) : Uint16Array.from(values, float16);
  const chunk = new Uint16Array(CHUNK_BYTES / 2);
  for (let left = count; left > 0; left -= chunk.length) {
    const filled = Math.min(left, chunk.length);
    for (let i = 0; i < filled; i += 2) {
      const word = words();
      chunk[i] = codes[word & 0xffff] ?? 0;
      if (i + 1 < filled) chunk[i + 1] = codes[word >>> 16] ?? 0;
    }
    write(new Uint8Array(chunk.buffer, 0, filled * 2));
  }
}
