/** Dense weights in temporary files, and their reference: numbers as stored, every sum a loop in float64. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { signRows, type DenseJob, type DenseReading } from '../../src/engine/index.js';
import type { DenseWeight, Dtype, Probe, TensorInfo } from '../../src/types.js';
import { BYTES, FLOAT_DTYPES, decode, encode, type FloatDtype } from './reference.js';

export type IntegerDtype = Exclude<Dtype, FloatDtype>;
export const INTEGER_DTYPES: readonly IntegerDtype[] = ['I64', 'I32', 'I16', 'I8', 'U64', 'U32', 'U16', 'U8', 'BOOL'];

const ARRAYS = {
  I64: BigInt64Array, I32: Int32Array, I16: Int16Array, I8: Int8Array, U64: BigUint64Array, U32: Uint32Array, U16: Uint16Array, U8: Uint8Array, BOOL: Uint8Array,
} as const;

const isFloat = (dtype: Dtype): dtype is FloatDtype => (FLOAT_DTYPES as readonly Dtype[]).includes(dtype);

/** Numbers that repeat: mulberry32, then Box and Muller. */
export function normals(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

const root = realpathSync(mkdtempSync(join(tmpdir(), 'weightseq é 重 ')));
process.once('exit', () => { rmSync(root, { recursive: true, force: true }); });
const numbers = new Map<string, readonly number[]>();
let count = 0;

/** Writes a tensor to a file of its own, at an offset that is aligned to nothing. */
export function put(dtype: Dtype, shape: readonly number[], values: readonly number[], folder = 'model'): TensorInfo {
  const path = join(root, folder, `${count}.safetensors`);
  mkdirSync(dirname(path), { recursive: true });
  let bytes: Buffer;
  if (isFloat(dtype)) bytes = encode(dtype, values);
  else {
    const array = dtype === 'I64' || dtype === 'U64' ? ARRAYS[dtype].from(values.map((value) => BigInt(Math.round(value)))) : ARRAYS[dtype].from(values.map((value) => Math.round(value)));
    bytes = Buffer.from(array.buffer);
  }
  const skip = isFloat(dtype) ? BYTES[dtype] * 3 : 24;
  writeFileSync(path, Buffer.concat([Buffer.alloc(skip, 0x55), bytes, Buffer.alloc(5, 0x55)]));
  const tensor = { name: `tensor ${count++}`, dtype, shape, file: path, offset: skip, bytes: bytes.length };
  numbers.set(tensor.name, isFloat(dtype) ? decode(dtype, bytes) : values.map((value) => Math.round(value)));
  return tensor;
}

/** The numbers as stored. */
export const valuesOf = ({ name }: TensorInfo): readonly number[] => numbers.get(name) ?? [];

export interface Spec {
  readonly shape: readonly [outputs: number, inputs: number];
  readonly dtype?: Dtype;
  readonly transposed?: boolean;
  /** Which outputs of a larger stored matrix; all of one of their own when absent. */
  readonly ranges?: readonly (readonly [first: number, count: number])[];
  /** Outputs of the stored matrix, where there are ranges. */
  readonly stored?: number;
  readonly size?: number;
  readonly folder?: string;
}

/** A weight of normally distributed numbers; `size` defaults to what suits the dtype. */
export function randomWeight({ shape, dtype = 'BF16', transposed = false, ranges = [[0, shape[0]]], stored = shape[0], size, folder }: Spec, seed: number): DenseWeight {
  const next = normals(seed);
  const unsigned = dtype.startsWith('U') || dtype === 'BOOL';
  const scale = size ?? (isFloat(dtype) ? 0.5 : dtype === 'BOOL' ? 0.4 : 20);
  const value = (): number => {
    const number = next() * scale;
    return dtype === 'BOOL' ? Math.min(1, Math.abs(number)) : unsigned ? Math.abs(number) : number;
  };
  const extents = transposed ? [shape[1], stored] : [stored, shape[1]];
  const tensor = put(dtype, extents, Array.from({ length: stored * shape[1] }, value), folder);
  return { name: `3.up.${seed}`, role: 'up', layer: 3, module: 'model', shape, values: { tensor, transposed, outputs: ranges } };
}

export function randomProbes([outputs, inputs]: readonly [number, number], columns: readonly number[], seed: number): Probe[] {
  const next = normals(seed);
  const dtypes = ['F32', 'F16', 'BF16'] as const;
  const tensor = (rows: number, k: number, i: number): TensorInfo => put(dtypes[i % 3] ?? 'F32', [rows, k], Array.from({ length: rows * k }, next), `signatures/${i}`);
  return columns.map((k, i) => ({ key: `trait ${i}`, U: tensor(outputs, k, i), V: tensor(inputs, k, i), columns: k }));
}

/** W, out × in, in float64. */
export function denseOf({ shape: [outputs, inputs], values: { tensor, transposed, outputs: ranges } }: DenseWeight): Float64Array {
  const stored = valuesOf(tensor);
  const total = stored.length / inputs;
  const rows = ranges.flatMap(([first, length]) => Array.from({ length }, (_, i) => first + i));
  assert.equal(rows.length, outputs);
  return Float64Array.from({ length: outputs * inputs }, (_, at) => {
    const row = rows[Math.floor(at / inputs)] ?? NaN;
    const column = at % inputs;
    return stored[transposed ? column * total + row : row * inputs + column] ?? NaN;
  });
}

/** A sum, and the same over magnitudes. */
export interface Sum {
  readonly value: number;
  readonly magnitude: number;
}

/** Σ_ij a_i W_ij b_j. */
export function bilinear(W: Float64Array, [outputs, inputs]: readonly [number, number], a: (i: number) => number, b: (j: number) => number): Sum {
  let value = 0;
  let magnitude = 0;
  for (let i = 0; i < outputs; i++) {
    for (let j = 0; j < inputs; j++) {
      const term = a(i) * (W[i * inputs + j] ?? NaN) * b(j);
      value += term;
      magnitude += Math.abs(term);
    }
  }
  return { value, magnitude };
}

/** What the engine promises of coordinates, relative to Σ|u||W||v|, and of the norm. */
export const COORDINATE_BOUND = 3e-6;
export const NORM_BOUND = 1e-6;

/** The reading agrees with the plain reference. */
export function assertDense({ weight, base, probes, signs }: DenseJob, reading: DenseReading): void {
  const { shape } = weight;
  const W = denseOf(weight);
  if (base !== undefined) denseOf(base).forEach((value, at) => { W[at] = (W[at] ?? NaN) - value; });
  assert.deepEqual(reading.nonFinite, { nan: 0, infinite: 0 });
  assert.deepEqual([...reading.coordinates.keys()], probes.map(({ key }) => key));
  const near = (found: number | undefined, { value, magnitude }: Sum, what: string): void => {
    assert.ok(Math.abs((found ?? NaN) - value) <= COORDINATE_BOUND * magnitude, `${what}: ${found ?? NaN}, expected ${value} within ${COORDINATE_BOUND * magnitude}`);
  };
  for (const { key, U, V, columns } of probes) {
    const [u, v] = [valuesOf(U), valuesOf(V)];
    const found = reading.coordinates.get(key);
    assert.equal(found?.length, columns);
    assert.equal(reading.errors.get(key)?.length, columns);
    for (let k = 0; k < columns; k++) near(found[k], bilinear(W, shape, (i) => u[i * columns + k] ?? NaN, (j) => v[j * columns + k] ?? NaN), `${key} ${k}`);
  }
  if (signs === null) assert.equal(reading.signs, null);
  else {
    const c = signs.columns;
    const X = signRows({ name: weight.name, side: 'left', ...signs }, 0, shape[0]);
    const Y = signRows({ name: weight.name, side: 'right', ...signs }, 0, shape[1]);
    assert.equal(reading.signs?.length, c * c);
    for (let a = 0; a < c; a++) for (let b = 0; b < c; b++) near(reading.signs[a * c + b], bilinear(W, shape, (i) => X[i * c + a] ?? NaN, (j) => Y[j * c + b] ?? NaN), `sign ${a} ${b}`);
  }
  const norm = Math.sqrt(W.reduce((sum, value) => sum + value * value, 0));
  assert.ok(Math.abs(reading.norm - norm) <= NORM_BOUND * norm, `norm ${reading.norm}, expected ${norm}`);
}
