/** What the benchmarks scan, with seeded random numbers: an adapter of a 70B Llama, whole Llamas in shards, and a merged fine-tune of a real base. */
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { locate } from '../../src/checkpoint/locate.js';
import { locateModel } from '../../src/checkpoint/model.js';
import { readTensorBytes } from '../../src/safetensors/file.js';
import { decodeFloats } from '../../src/safetensors/values.js';
import { writeSafetensors, type TensorData } from '../../src/safetensors/writer.js';
import { makeLibrary, writeJson } from './library.js';
import { blockOf, LLAMA_70B, llamaOf, type Shape } from './shapes.js';
import { writeRandom, type RandomTensor } from './stream.js';

export const RANK = 64;
const SEED = { adapter: 20261123, signature: 20261124, model: 20261125 } as const;
const SHARD_BYTES = 2 ** 29;

export interface Made {
  /** What is scanned, and the library to scan it with. */
  readonly path: string;
  readonly library: string;
  readonly files: readonly string[];
  readonly weights: number;
}

/** A PEFT adapter (A is rank × inputs, B outputs × rank) of every weight of every block: 1.66 GB. */
export function makeAdapter(folder: string): Made {
  const [path, library] = [join(folder, 'adapter'), join(folder, 'signatures')];
  const file = join(path, 'adapter_model.safetensors');
  const block = blockOf(LLAMA_70B);
  const made = { path, library, files: [file], weights: LLAMA_70B.layers * block.length };
  if (existsSync(join(library, 'index.json'))) return made;
  mkdirSync(path, { recursive: true });
  writeRandom(file, layersOf(LLAMA_70B).flatMap((layer) => block.flatMap(([, module, outputs, inputs]): RandomTensor[] => {
    const prefix = `base_model.model.model.layers.${layer}.${module}`;
    return [
      { name: `${prefix}.lora_A.weight`, dtype: 'BF16', shape: [RANK, inputs], sd: 1 / Math.sqrt(inputs) },
      { name: `${prefix}.lora_B.weight`, dtype: 'BF16', shape: [outputs, RANK], sd: 1e-3 },
    ];
  })), SEED.adapter, { format: 'pt' });
  writeJson(join(path, 'adapter_config.json'), {
    peft_type: 'LORA', task_type: 'CAUSAL_LM', base_model_name_or_path: LLAMA_70B.base, inference_mode: true,
    r: RANK, lora_alpha: RANK, lora_dropout: 0, bias: 'none', fan_in_fan_out: false, use_rslora: false, use_dora: false,
    target_modules: block.map(([, module]) => module.split('.')[1]), modules_to_save: null, rank_pattern: {}, alpha_pattern: {},
  });
  makeLibrary(library, LLAMA_70B, SEED.signature);
  return made;
}

/** A bf16 checkpoint in shards of half a GiB, with index and configuration. */
export function makeCheckpoint(folder: string, gib: number): Made {
  const shape = llamaOf(gib);
  const [path, library] = [join(folder, `model-${gib}`), join(folder, `signatures-${gib}`)];
  const shards = shardsOf(shape);
  const nameOf = (i: number): string => `model-${String(i + 1).padStart(5, '0')}-of-${String(shards.length).padStart(5, '0')}.safetensors`;
  const made = { path, library, files: shards.map((_, i) => join(path, nameOf(i))), weights: shape.layers * blockOf(shape).length + 1 };
  if (existsSync(join(library, 'index.json'))) return made;
  mkdirSync(path, { recursive: true });
  shards.forEach((tensors, i) => { writeRandom(join(path, nameOf(i)), tensors, SEED.model + i, { format: 'pt' }); });
  writeJson(join(path, 'model.safetensors.index.json'), { metadata: {}, weight_map: Object.fromEntries(shards.flatMap((tensors, i) => tensors.map(({ name }) => [name, nameOf(i)]))) });
  writeJson(join(path, 'config.json'), {
    model_type: 'llama', architectures: ['LlamaForCausalLM'], hidden_size: shape.hidden, intermediate_size: shape.inner, num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads, num_key_value_heads: shape.keyHeads, head_dim: shape.hidden / shape.heads, vocab_size: shape.vocabulary, tie_word_embeddings: true,
  });
  makeLibrary(library, shape, SEED.signature);
  return made;
}

function layersOf({ layers }: Shape): number[] {
  return Array.from({ length: layers }, (_, layer) => layer);
}

function shardsOf(shape: Shape): RandomTensor[][] {
  const matrix = (name: string, outputs: number, inputs: number): RandomTensor => ({ name: `${name}.weight`, dtype: 'BF16', shape: [outputs, inputs], sd: 0.02 });
  const norm = (name: string): RandomTensor => ({ name: `${name}.weight`, dtype: 'BF16', shape: [shape.hidden], sd: 1 });
  const all = [matrix('model.embed_tokens', shape.vocabulary, shape.hidden), ...layersOf(shape).flatMap((layer) => [
    norm(`model.layers.${layer}.input_layernorm`),
    ...blockOf(shape).map(([, module, outputs, inputs]) => matrix(`model.layers.${layer}.${module}`, outputs, inputs)),
    norm(`model.layers.${layer}.post_attention_layernorm`),
  ]), norm('model.norm')];
  const shards: RandomTensor[][] = [[]];
  let size = 0;
  for (const tensor of all) {
    if (size > SHARD_BYTES) {
      shards.push([]);
      size = 0;
    }
    shards.at(-1)?.push(tensor);
    size += 2 * tensor.shape.reduce((product, extent) => product * extent, 1);
  }
  return shards;
}

/** W + scale · B·A of a real adapter, saved as bf16 in one shard beside the base's configuration. */
export async function mergeInto(folder: string, base: string, adapter: string): Promise<string> {
  const path = join(folder, 'merged');
  const file = join(path, 'model.safetensors');
  if (existsSync(file)) return path;
  mkdirSync(path, { recursive: true });
  const model = await locateModel(base);
  const deltas = new Map((await locate(adapter)).weights.map(({ module, delta }) => [`${module}.weight`, delta]));
  const tensors: TensorData[] = [];
  for (const { tensor } of [...model.weights.map(({ values }) => values), ...model.vectors]) {
    const numbers = decodeFloats(tensor, await readTensorBytes(tensor));
    const delta = deltas.get(tensor.name);
    if (delta !== undefined) {
      const [B, A] = [delta.left.tensor, delta.right.tensor].map(async (factor) => decodeFloats(factor, await readTensorBytes(factor)));
      addProduct(numbers, await B ?? new Float64Array(), await A ?? new Float64Array(), delta.rank, delta.scale);
    }
    const codes = nearestBfloat16(numbers);
    tensors.push({ name: tensor.name, dtype: 'BF16', shape: tensor.shape, data: new Uint8Array(codes.buffer, 0, codes.byteLength) });
  }
  await writeSafetensors(file, tensors);
  copyFileSync(join(base, 'config.json'), join(path, 'config.json'));
  return path;
}

/** The nearest bf16 numbers, ties to even. */
function nearestBfloat16(values: Float64Array): Uint16Array {
  const bits = new Uint32Array(new Float32Array(values).buffer);
  const codes = new Uint16Array(values.length);
  // Typed arrays' own from() would hold every number as an object in between.
  for (let i = 0; i < codes.length; i++) codes[i] = ((bits[i] ?? 0) + 0x7fff + (((bits[i] ?? 0) >>> 16) & 1)) >>> 16;
  return codes;
}

/** W += scale · B·A, row by row. */
function addProduct(W: Float64Array, B: Float64Array, A: Float64Array, rank: number, scale: number): void {
  const inputs = A.length / rank;
  for (let at = 0, row = 0; at < W.length; row++) {
    for (let i = 0; i < inputs; i++, at++) {
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += (B[row * rank + k] ?? 0) * (A[k * inputs + i] ?? 0);
      W[at] = (W[at] ?? 0) + scale * sum;
    }
  }
}

/** The version that a package.json states. */
export function versionOf(manifest: string): string {
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  return version;
}
