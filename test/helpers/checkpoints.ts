/** Whole models for tests: tensors described without data, models written to disk, and logical weights read in plain f64. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { dtypeBytes } from '../../src/safetensors/dtype.js';
import { readTensorBytes } from '../../src/safetensors/file.js';
import { decodeFloats } from '../../src/safetensors/values.js';
import { writeSafetensors } from '../../src/safetensors/writer.js';
import type { DenseWeight, Dtype, TensorInfo, Vector } from '../../src/types.js';

/** A tensor by name, shape and dtype. */
export type Shape = readonly [name: string, shape: readonly number[], dtype?: Dtype];

function bytesOf(shape: readonly number[], dtype: Dtype): number {
  return shape.reduce((product, n) => product * n, dtypeBytes(dtype));
}

/** The tensors as a header would give them, one after the other. */
export function tensorInfos(shapes: readonly Shape[]): TensorInfo[] {
  let offset = 100;
  return shapes.map(([name, shape, dtype = 'F32']) => {
    const bytes = bytesOf(shape, dtype);
    offset += bytes;
    return { name, dtype, shape, file: 'memory', offset: offset - bytes, bytes };
  });
}

/** Writes a file of zeros. */
export async function writeShard(path: string, shapes: readonly Shape[]): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  await writeSafetensors(path, shapes.map(([name, shape, dtype = 'F32']) => ({ name, dtype, shape, data: new Uint8Array(bytesOf(shape, dtype)) })));
}

export function writeIndex(folder: string, map: Readonly<Record<string, string>>): void {
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: { total_size: 0 }, weight_map: map }));
}

/** Row-major numbers of one logical matrix, out × in, by the letter of `Dense`. */
export async function readWeight({ values, shape }: DenseWeight): Promise<Float64Array> {
  const { tensor, transposed, outputs } = values;
  const [rows = 0, columns = 0] = tensor.shape;
  const stored = decodeFloats(tensor, await readTensorBytes(tensor));
  const taken = outputs.flatMap(([first, count]) => Array.from({ length: count }, (_, i) => first + i));
  const inputs = transposed ? rows : columns;
  if (taken.length !== shape[0] || inputs !== shape[1]) throw new Error(`shape ${shape.join(' × ')} of ${tensor.name}`);
  return Float64Array.from({ length: taken.length * inputs }, (_, i) => {
    const output = taken[Math.floor(i / inputs)] ?? NaN, input = i % inputs;
    return stored[transposed ? input * columns + output : output * columns + input] ?? NaN;
  });
}

/** The numbers of one vector. */
export async function readVector({ tensor, elements }: Vector): Promise<Float64Array> {
  const stored = decodeFloats(tensor, await readTensorBytes(tensor));
  if (elements === undefined) return stored;
  return Float64Array.from(elements.flatMap(([first, count]) => [...stored.subarray(first, first + count)]));
}
