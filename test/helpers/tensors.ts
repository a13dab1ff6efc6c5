/** Tensors in temporary files, for the engine: it needs no header, only where the bytes lie. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ProbeJob } from '../../src/engine/index.js';
import type { TensorInfo } from '../../src/types.js';
import { decode, encode, type FloatDtype } from './reference.js';

/** A folder that is gone when the process ends; its name has a space and letters beyond ASCII. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'weightseq é 重 ')));
  process.once('exit', () => { rmSync(folder, { recursive: true, force: true }); });
  return folder;
}

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

export interface Store {
  /** Writes a tensor to a file of its own, `skip` bytes after its start. */
  readonly put: (dtype: FloatDtype, shape: readonly number[], values: readonly number[], options?: { file?: string; skip?: number }) => TensorInfo;
  /** The numbers as stored. */
  readonly valuesOf: (tensor: TensorInfo) => readonly number[];
}

/** Files of one tensor each, below a folder. */
export function store(folder: string): Store {
  const stored = new Map<string, readonly number[]>();
  let count = 0;
  return {
    put: (dtype, shape, values, { file = `${count}.safetensors`, skip = 0 } = {}) => {
      const path = join(folder, file);
      const bytes = encode(dtype, values);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, Buffer.concat([Buffer.alloc(skip, 0x55), bytes, Buffer.alloc(5, 0x55)]));
      const tensor = { name: `tensor ${count++}`, dtype, shape, file: path, offset: skip, bytes: bytes.length };
      stored.set(tensor.name, decode(dtype, bytes));
      return tensor;
    },
    valuesOf: (tensor) => stored.get(tensor.name) ?? [],
  };
}

/** What a random job is made of. */
export interface Spec {
  readonly outputs: number;
  readonly inputs: number;
  readonly rank: number;
  readonly scale?: number;
  readonly left?: FloatDtype;
  readonly right?: FloatDtype;
  readonly leftTransposed?: boolean;
  readonly rightTransposed?: boolean;
  /** The rows of L that are taken, of so many that are stored. */
  readonly rows?: ProbeJob['delta']['left']['rows'];
  readonly stored?: number;
  readonly probes?: readonly { readonly columns: number; readonly U?: FloatDtype; readonly V?: FloatDtype }[];
  /** Bytes before each tensor in its file. */
  readonly skip?: number;
  /** Multiplied onto the elements of L and R. */
  readonly leftSize?: number;
  readonly rightSize?: number;
}

/** A job with normally distributed elements. */
export function randomJob({ put }: Store, spec: Spec, seed: number): ProbeJob {
  const { outputs, inputs, rank, skip = 0, scale = 1, leftTransposed = false, rightTransposed = false } = spec;
  const next = normals(seed);
  const tensor = (dtype: FloatDtype, rows: number, columns: number, size = 1): TensorInfo =>
    put(dtype, [rows, columns], Array.from({ length: rows * columns }, () => next() * size), { skip });
  const left = leftTransposed ? tensor(spec.left ?? 'F32', rank, outputs, spec.leftSize) : tensor(spec.left ?? 'F32', spec.stored ?? outputs, rank, spec.leftSize);
  const right = rightTransposed ? tensor(spec.right ?? 'F32', inputs, rank, spec.rightSize) : tensor(spec.right ?? 'F32', rank, inputs, spec.rightSize);
  return {
    delta: { left: { tensor: left, transposed: leftTransposed, ...(spec.rows ? { rows: spec.rows } : {}) }, right: { tensor: right, transposed: rightTransposed }, rank, scale },
    shape: [outputs, inputs],
    probes: (spec.probes ?? [{ columns: 2 }]).map(({ columns, U = 'F32', V = 'F32' }, index) => ({
      key: `probe ${index}`, U: tensor(U, outputs, columns), V: tensor(V, inputs, columns), columns,
    })),
  };
}
