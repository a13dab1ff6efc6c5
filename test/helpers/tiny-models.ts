/** A tiny whole model, its fine-tunes and a library for it on disk; what a scan of them must give comes from plain f64. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signRows } from '../../src/engine/signs.js';
import { writeSafetensors, type TensorData } from '../../src/safetensors/writer.js';
import type { SignatureDocument } from '../../src/signature/document.js';
import { writeSignature } from '../../src/signature/format.js';
import { at, COLUMNS, document, LAYERS, probesOf, random, ROLES, type Matrix, type TinyAdapter } from './models.js';
import { decode, encode, type FloatDtype } from './reference.js';

/** Every weight of the tiny base: out × in and the path of its module in a block. */
const BLOCK: Record<string, readonly [path: string, outputs: number, inputs: number]> = {
  q: ['self_attn.q_proj', 8, 6], k: ['self_attn.k_proj', 4, 6], v: ['self_attn.v_proj', 4, 6], o: ['self_attn.o_proj', 6, 8],
  gate: ['mlp.gate_proj', 10, 6], up: ['mlp.up_proj', 10, 6], down: ['mlp.down_proj', 6, 10],
};
const EMBED = [12, 6] as const;

/** Tensors by name: shape and numbers. */
export type TinyModel = Map<string, { readonly shape: readonly number[]; values: number[] }>;

/** Module path of a canonical name. */
export function pathOf(name: string): string {
  const [layer = '', role = ''] = name.split('.');
  return `model.layers.${layer}.${BLOCK[role]?.[0] ?? ''}.weight`;
}

/** The base: numbers within ±1 that bf16 holds. */
export function tinyBase(seed = 900): TinyModel {
  const model: TinyModel = new Map();
  let next = seed;
  const put = (name: string, shape: readonly number[]): void => {
    const [rows = 1, columns = 1] = shape;
    const numbers = [...random(rows, columns, next++).data];
    model.set(name, { shape, values: decode('BF16', encode('BF16', numbers)) });
  };
  put('model.embed_tokens.weight', EMBED);
  put('model.norm.weight', [6]);
  for (let layer = 0; layer < LAYERS; layer++) {
    for (const [path, outputs, inputs] of Object.values(BLOCK)) put(`model.layers.${layer}.${path}.weight`, [outputs, inputs]);
    for (const norm of ['input_layernorm', 'post_attention_layernorm']) put(`model.layers.${layer}.${norm}.weight`, [6]);
  }
  return model;
}

/** The base with an adapter added to it, in f64. */
export function merged(base: TinyModel, adapter: TinyAdapter): TinyModel {
  const model: TinyModel = new Map([...base].map(([name, { shape, values }]) => [name, { shape, values: [...values] }]));
  for (const [name, { A, B }] of adapter.factors) {
    const tensor = model.get(pathOf(name));
    if (tensor === undefined) throw new Error(name);
    tensor.values = tensor.values.map((value, i) => {
      const [row, column] = [Math.floor(i / A.columns), i % A.columns];
      let delta = 0;
      for (let k = 0; k < adapter.rank; k++) delta += at(B, row, k) * at(A, k, column);
      return value + adapter.scale * delta;
    });
  }
  return model;
}

/** Writes a model in one shard or two, with its configuration. */
export async function writeModel(folder: string, model: TinyModel, dtype: FloatDtype, { shards = 1, config = {} }: { shards?: 1 | 2; config?: Record<string, unknown> } = {}): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify({
    model_type: 'llama', architectures: ['LlamaForCausalLM'], hidden_size: 6, num_attention_heads: 4, num_key_value_heads: 2, head_dim: 2,
    intermediate_size: 10, num_hidden_layers: LAYERS, vocab_size: EMBED[0], tie_word_embeddings: true, ...config,
  }));
  const tensors = [...model].map(([name, { shape, values }]): TensorData => ({ name, dtype, shape, data: encode(dtype, values) }));
  if (shards === 1) {
    await writeSafetensors(join(folder, 'model.safetensors'), tensors);
    return;
  }
  const half = tensors.length >> 1;
  const files = [['model-00001-of-00002.safetensors', tensors.slice(0, half)], ['model-00002-of-00002.safetensors', tensors.slice(half)]] as const;
  for (const [file, part] of files) await writeSafetensors(join(folder, file), part);
  const weight_map = Object.fromEntries(files.flatMap(([file, part]) => part.map(({ name }) => [name, file])));
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map }));
}

/** The document of a signature of the tiny model: it scores q and v. */
export function modelDocument(change: Partial<SignatureDocument> = {}): SignatureDocument {
  const plain = document();
  const weights: Record<string, [number, number]> = { embed: [...EMBED] };
  for (let layer = 0; layer < LAYERS; layer++) for (const [role, [, outputs, inputs]] of Object.entries(BLOCK)) weights[`${layer}.${role}`] = [outputs, inputs];
  return document({ base: { ...plain.base, weights }, ...change });
}

/** A library for the tiny base; `reading`, relative to the folder, is listed as the base's. */
export async function writeModelLibrary(folder: string, base: TinyModel, documents: readonly SignatureDocument[] = [modelDocument()], reading?: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const sha256 = (file: string) => createHash('sha256').update(readFileSync(join(folder, file))).digest('hex');
  const signatures = [];
  for (const doc of documents) {
    const file = `${doc.trait}.safetensors`;
    const names = Object.keys(doc.base.weights).filter((name) => ROLES.some((role) => name.endsWith(`.${role}`)));
    await writeSignature(join(folder, file), doc, names.map((name) => {
      const { U, V, s } = probesOf(name);
      const W: Matrix = { rows: U.rows, columns: V.rows, data: Float32Array.from(base.get(pathOf(name))?.values ?? []) };
      const raw = (m: Matrix) => new Uint8Array(m.data.buffer, m.data.byteOffset, m.data.byteLength);
      const c0 = Float64Array.from({ length: COLUMNS }, (_, i) => bilinear(W, (r) => at(U, r, i), (c) => at(V, c, i)));
      const X = signRows({ name, side: 'left', seed: 0, columns: 16 }, 0, W.rows);
      const Y = signRows({ name, side: 'right', seed: 0, columns: 16 }, 0, W.columns);
      const probes = Float32Array.from({ length: 256 }, (_, i) => bilinear(W, (r) => X[r * 16 + (i >> 4)] ?? 0, (c) => Y[c * 16 + (i & 15)] ?? 0));
      return { name, shape: [W.rows, W.columns], columns: COLUMNS, dtype: 'F32' as const, U: raw(U), V: raw(V), s, c0, probes };
    }));
    signatures.push({ trait: doc.trait, file, base: doc.base.name, aliases: doc.base.aliases, sha256: sha256(file), bytes: readFileSync(join(folder, file)).length, kind: doc.kind, harmful: doc.harmful });
  }
  const bases = reading === undefined ? {} : { bases: [{ name: documents[0]?.base.name, reading, sha256: sha256(reading) }] };
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 1, signatures, ...bases }));
  return folder;
}

function bilinear(W: Matrix, left: (row: number) => number, right: (column: number) => number): number {
  let sum = 0;
  for (let r = 0; r < W.rows; r++) for (let c = 0; c < W.columns; c++) sum += left(r) * at(W, r, c) * right(c);
  return sum;
}
