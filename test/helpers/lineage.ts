/** Small models as plain matrices, what is done to them, and their readings in plain f64: the reference that lineage is held against. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSafetensors, type TensorData } from '../../src/safetensors/writer.js';
import { signRows } from '../../src/engine/signs.js';
import type { Subject, SubjectWeight } from '../../src/lineage/subject.js';
import type { VectorReading } from '../../src/reading/model.js';
import { SIGNS } from '../../src/reading/model.js';
import type { Dtype, Role } from '../../src/types.js';

/** Row-major, out × in. */
export interface Dense {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

export interface Plain {
  readonly weights: ReadonlyMap<string, Dense>;
  readonly vectors: ReadonlyMap<string, Float64Array>;
}

export const HIDDEN = 32;
export const INNER = 48;
const VOCABULARY = 64;
export const SHAPES: Readonly<Record<string, readonly [number, number]>> = {
  q: [HIDDEN, HIDDEN], k: [HIDDEN / 2, HIDDEN], v: [HIDDEN / 2, HIDDEN], o: [HIDDEN, HIDDEN], gate: [INNER, HIDDEN], up: [INNER, HIDDEN], down: [HIDDEN, INNER],
};

/** Normal numbers, the same for the same seed (mulberry32, Box and Muller). */
export function normal(count: number, seed: number): Float64Array {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  return Float64Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next()));
}

/** A model whose rows and columns are of different lengths, as trained ones are. */
export function model(seed: number, layers = 4): Plain {
  let next = seed * 10_000;
  const weights = new Map<string, Dense>();
  const vectors = new Map<string, Float64Array>();
  const put = (name: string, rows: number, columns: number): void => {
    const [a, b, data] = [normal(rows, next++), normal(columns, next++), normal(rows * columns, next++)];
    weights.set(name, { rows, columns, data: data.map((v, at) => 0.1 * v * Math.exp(0.3 * ((a[Math.floor(at / columns)] ?? 0) + (b[at % columns] ?? 0)))) });
  };
  put('embed', VOCABULARY, HIDDEN);
  for (let layer = 0; layer < layers; layer++) {
    for (const [role, [rows, columns]] of Object.entries(SHAPES)) put(`${layer}.${role}`, rows, columns);
    for (const name of ['input_layernorm', 'post_attention_layernorm']) vectors.set(`${layer}.norm.${name}`, normal(HIDDEN, next++).map((v) => Math.exp(0.3 * v)));
  }
  return { weights, vectors };
}

/** Every matrix (of those wanted) changed by a function of its name. */
export function changed({ weights, vectors }: Plain, change: (matrix: Dense, name: string) => Float64Array, isWanted: (name: string) => boolean = () => true): Plain {
  return { vectors, weights: new Map([...weights].map(([name, matrix]) => [name, isWanted(name) ? { ...matrix, data: change(matrix, name) } : matrix])) };
}

/** Σ of models, each times its share: of matrices and vectors alike. */
export function mixed(parts: readonly (readonly [share: number, Plain])[]): Plain {
  const first = parts[0]?.[1] ?? model(0);
  const sum = (of: (plain: Plain) => Float64Array): Float64Array => of(first).map((_, at) => parts.reduce((total, [share, plain]) => total + share * (of(plain)[at] ?? 0), 0));
  return {
    weights: new Map([...first.weights].map(([name, matrix]) => [name, { ...matrix, data: sum((plain) => plain.weights.get(name)?.data ?? matrix.data) }])),
    vectors: new Map([...first.vectors.keys()].map((name) => [name, sum((plain) => plain.vectors.get(name) ?? new Float64Array())])),
  };
}

export const inBlocks = (name: string): boolean => /^\d/u.test(name);

/** A fine-tune of every number: a change of full rank, so large in proportion. */
export function tuned(plain: Plain, seed: number, size: number): Plain {
  let next = seed * 7919;
  const moved = changed(plain, ({ data }) => {
    const scale = size * Math.sqrt(data.reduce((sum, v) => sum + v * v, 0) / data.length);
    const noise = normal(data.length, next++);
    return data.map((v, at) => v + scale * (noise[at] ?? 0));
  });
  return { ...moved, vectors: new Map([...plain.vectors].map(([name, values]) => {
    const noise = normal(values.length, next++);
    return [name, values.map((v, at) => v * (1 + size * (noise[at] ?? 0)))];
  })) };
}

/** A low-rank change of the blocks' matrices. */
export function adapted(plain: Plain, seed: number, rank = 3, size = 0.05): Plain {
  let next = seed * 104_729;
  return changed(plain, ({ rows, columns, data }) => {
    const [B, A] = [normal(rows * rank, next++), normal(rank * columns, next++)];
    const scale = size * Math.sqrt(data.reduce((sum, v) => sum + v * v, 0) / data.length) / Math.sqrt(rank);
    return data.map((v, at) => {
      const [row, column] = [Math.floor(at / columns), at % columns];
      let delta = 0;
      for (let k = 0; k < rank; k++) delta += (B[row * rank + k] ?? 0) * (A[k * columns + column] ?? 0);
      return v + scale * delta;
    });
  }, inBlocks);
}

/** X'MY for the sign probes of a name, by the definition. */
export function signsOf(name: string, { rows, columns, data }: Dense, { seed, columns: c } = SIGNS): Float64Array {
  const X = signRows({ name, side: 'left', seed, columns: c }, 0, rows);
  const Y = signRows({ name, side: 'right', seed, columns: c }, 0, columns);
  const MY = new Float64Array(rows * c);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) for (let b = 0; b < c; b++) MY[i * c + b] = (MY[i * c + b] ?? 0) + (data[i * columns + j] ?? 0) * (Y[j * c + b] ?? 0);
  const S = new Float64Array(c * c);
  for (let i = 0; i < rows; i++) for (let a = 0; a < c; a++) for (let b = 0; b < c; b++) S[a * c + b] = (S[a * c + b] ?? 0) + (X[i * c + a] ?? 0) * (MY[i * c + b] ?? 0);
  return S;
}

/** A subject as reading the model gives it. `probes` gives the name by which a weight's signs are drawn. */
export function subject(name: string, plain: Plain, { dtype = 'F32', probes = (weight) => weight }: { dtype?: Dtype; probes?: (weight: string) => string } = {}): Subject {
  const weights = [...plain.weights].map(([weight, matrix]): [string, SubjectWeight] => {
    const { rows, columns, data } = matrix;
    const layer = /^(\d+)\./u.exec(weight)?.[1];
    const lines = { rows: new Float32Array(rows), columns: new Float32Array(columns) };
    for (let i = 0; i < rows; i++) lines.rows[i] = Math.hypot(...data.subarray(i * columns, (i + 1) * columns));
    for (let j = 0; j < columns; j++) lines.columns[j] = Math.hypot(...Array.from({ length: rows }, (_, i) => data[i * columns + j] ?? 0));
    const signsAs = probes(weight);
    return [weight, {
      name: weight, role: (layer === undefined ? weight : weight.split('.')[1]) as Role, layer: layer === undefined ? null : Number(layer), shape: [rows, columns], dtype,
      norm: Math.sqrt(data.reduce((sum, v) => sum + v * v, 0)), signs: signsOf(signsAs, matrix), invariants: { lines }, ...(signsAs === weight ? {} : { signsAs }),
    }];
  });
  const vectors = [...plain.vectors].map(([vector, values]): [string, VectorReading] => [vector, { name: vector, role: 'norm', layer: Number(vector.split('.')[0]), dtype, values }]);
  return { name, of: 'weights', weights: new Map(weights), vectors: new Map(vectors), signs: SIGNS, architecture: 'llama', files: [], gaps: [], weightsTotal: weights.length, bytes: 0 };
}

/** Rounded as the type stores it. */
export function asDtype(plain: Plain, dtype: 'BF16' | 'F32'): Plain {
  const round = (v: number): number => {
    const single = new Float32Array([v]);
    if (dtype === 'F32') return single[0] ?? 0;
    const bits = new Uint32Array(single.buffer);
    const b = bits[0] ?? 0;
    bits[0] = (b + 0x7fff + ((b >>> 16) & 1)) & 0xffff0000;
    return single[0] ?? 0;
  };
  return { weights: changed(plain, ({ data }) => data.map(round)).weights, vectors: new Map([...plain.vectors].map(([name, values]) => [name, values.map(round)])) };
}

/** The first of a map, so that tests need no assertion. */
export function get<T>(map: ReadonlyMap<string, T>, name: string): T {
  const found = map.get(name);
  if (found === undefined) throw new Error(name);
  return found;
}

const PATHS: Readonly<Record<string, string>> = {
  q: 'self_attn.q_proj', k: 'self_attn.k_proj', v: 'self_attn.v_proj', o: 'self_attn.o_proj', gate: 'mlp.gate_proj', up: 'mlp.up_proj', down: 'mlp.down_proj',
};

/** Writes a model as a Llama checkpoint with tied embeddings, in float32. */
export async function writePlain(folder: string, { weights, vectors }: Plain): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const layers = 1 + Math.max(...[...weights.keys()].map((name) => Number(/^\d+/u.exec(name)?.[0] ?? -1)));
  writeFileSync(join(folder, 'config.json'), JSON.stringify({
    model_type: 'llama', architectures: ['LlamaForCausalLM'], hidden_size: HIDDEN, num_attention_heads: 4, num_key_value_heads: 2, head_dim: HIDDEN / 4,
    intermediate_size: INNER, num_hidden_layers: layers, vocab_size: VOCABULARY, tie_word_embeddings: true,
  }));
  const tensor = (name: string, shape: readonly number[], data: Float64Array): TensorData => {
    const single = Float32Array.from(data);
    return { name, dtype: 'F32', shape, data: new Uint8Array(single.buffer) };
  };
  await writeSafetensors(join(folder, 'model.safetensors'), [
    ...[...weights].map(([name, { rows, columns, data }]) => {
      const [layer, role = ''] = name.split('.');
      return tensor(name === 'embed' ? 'model.embed_tokens.weight' : `model.layers.${layer ?? ''}.${PATHS[role] ?? ''}.weight`, [rows, columns], data);
    }),
    ...[...vectors].map(([name, values]) => tensor(`model.layers.${name.split('.')[0] ?? ''}.${name.split('.')[2] ?? ''}.weight`, [values.length], values)),
    tensor('model.norm.weight', [HIDDEN], new Float64Array(HIDDEN).fill(1)),
  ]);
}
