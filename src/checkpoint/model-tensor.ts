/**
 * One tensor of a whole model, pure. In: the tensor and the configuration. Out: the weights or vectors that it holds, or one
 * clause on why it can't be read as such; and which weights it stands for either way, so that none is called missing.
 */
import { quoteText } from '../text.js';
import type { DenseWeight, TensorInfo, Vector } from '../types.js';
import { AMBIGUOUS, type BlockRole, type Fused } from './architectures.js';
import { splitOutputs, unstack, type Range } from './fused.js';
import type { ModelConfig } from './model-config.js';
import { nameModule, nameNorm, nameOther, splitBlock, type InBlock, type ModuleName } from './names.js';
import { isFloat, moduleOf } from './quantised.js';

export interface NamedWeight {
  readonly named: ModuleName;
  readonly weight: DenseWeight;
  /** The tensor of the file: the whole stack, of an expert. */
  readonly source: TensorInfo;
}
export type Described =
  | { readonly weights: readonly NamedWeight[] }
  | { readonly vectors: readonly Vector[] }
  /** A mask or table that the model computes itself, whatever the file says. */
  | { readonly buffer: TensorInfo }
  | { readonly refused: string };

/** Numbers of a vector that are kept one by one; more are probed as a matrix, so that memory grows with no tensor. */
const MAX_KEPT = { norm: 2 ** 20, bias: 2 ** 20, other: 2 ** 16 } as const;

/** What a tensor holds. */
export function describeTensor(config: ModelConfig, tensor: TensorInfo): Described {
  const { name, shape } = tensor;
  const module = moduleOf(name);
  const block = splitBlock(module);
  const { role, name: plain } = nameFor(config, module);
  const other = vectorOrMatrix({ name: plain, role: 'other', layer: block?.layer ?? null, tensor });
  const known = role !== 'other' || fusedAt(config, block) !== null;
  if (config.layout?.buffers.has(splitBlock(name)?.path ?? '') === true) return { buffer: tensor };
  if (shape.includes(0)) return { refused: 'a tensor without elements, as when the shards of a parallel training were not gathered; save the model again' };
  if (!isFloat(tensor)) return known || block !== null ? { refused: `it holds integers (${tensor.dtype}), which no rule explains; dequantise the model` } : other;
  if (name.endsWith('.bias') && shape.length === 1) return describeBias(config, tensor, module, block);
  const norm = nameNorm(module);
  if (norm !== null && shape.length === 1) return vectorOrMatrix({ name: norm.name, role: 'norm', layer: norm.layer, tensor });
  if (shape.length === 2 && !name.endsWith('.bias')) return describeMatrix(config, tensor, module, block);
  if (shape.length === 3 && block !== null) {
    const stack = config.layout?.stacks.get(block.path);
    if (stack !== undefined) return describeStack(config, tensor, module, block, stack);
  }
  if (known) return { refused: `expected two dimensions, found ${shape.length}, as when the shards of a parallel training were not put together; save the model again` };
  if (shape.length === 2) return describeOther(nameFor(config, module), tensor);
  const isConvolution = shape.length === 3 && shape[1] === 1; // of each channel alone, as in state-space layers
  if (shape.length > 2 && block !== null && !isConvolution) {
    return { refused: `a tensor of ${shape.length} dimensions (perhaps a stack of experts), which no rule of this architecture explains; scan with a version of weightseq that knows it` };
  }
  return other;
}

/** A vector whose numbers are kept, or the same numbers as a matrix: by its last extent, or of one extent in rows of a power of two. */
function vectorOrMatrix(vector: Vector): Described {
  const { name, role, layer, tensor } = vector;
  const elements = tensor.shape.reduce((product, extent) => product * extent, 1);
  if (elements <= MAX_KEPT[role]) return { vectors: [vector] };
  const last = tensor.shape.length === 1 ? powerOfTwoIn(elements) : tensor.shape.at(-1) ?? 1;
  const flat = { ...tensor, shape: [elements / last, last] };
  return { weights: [{ ...weightOf({ name, role: 'other', layer, expert: null }, moduleOf(tensor.name), flat, false, [[0, elements / last]]), source: tensor }] };
}

/** The largest power of two, up to 4096, that divides a number. */
function powerOfTwoIn(n: number): number {
  let power = 1;
  while (power < 4096 && n % (2 * power) === 0) power *= 2;
  return power;
}

/** The weights that a module stands for, whatever becomes of its tensors: `5.q`, `embed`; with the expert, where it has one. */
export function claimsOf(config: ModelConfig, module: string): readonly { readonly weight: string; readonly expert: number | null }[] {
  const block = splitBlock(module);
  const fused = fusedAt(config, block) ?? (block === null ? null : config.layout?.stacks.get(block.path) ?? null);
  if (fused !== null && block !== null) return fused.parts.map((role) => ({ weight: `${block.layer}.${role}`, expert: null }));
  const { role, layer, expert } = nameFor(config, module);
  return role === 'other' ? [] : [{ weight: layer === null ? role : `${layer}.${role}`, expert }];
}

/** As `nameModule`, but for names that mean a stored matrix or its transpose, where the architecture does not tell which. */
function nameFor({ layout }: ModelConfig, module: string): ModuleName {
  const block = splitBlock(module);
  const unclear = block !== null && AMBIGUOUS.has(block.path) && layout?.transposed.has(block.path) !== true && layout?.linear.has(block.path) !== true;
  return unclear ? { name: nameOther(block), role: 'other', layer: block.layer, expert: null } : nameModule(module);
}

function fusedAt({ layout }: ModelConfig, block: InBlock | null): Fused | null {
  return block === null ? null : layout?.fused.get(block.path) ?? null;
}

function describeBias(config: ModelConfig, tensor: TensorInfo, module: string, block: InBlock | null): Described {
  const fused = fusedAt(config, block);
  if (fused !== null && block !== null) {
    const split = splitOutputs(fused, config.sizes, config.sizes.inner, tensor.shape[0] ?? 0);
    if ('refused' in split) return { refused: `a fused bias: ${split.refused}` };
    return { vectors: split.map(({ role, outputs }) => ({ name: `${block.layer}.${role}.bias`, role: 'bias', layer: block.layer, tensor, elements: outputs })) };
  }
  const { name, role } = nameFor(config, module);
  const owner = role === 'other' ? nameNorm(module)?.name : name;
  return vectorOrMatrix({ name: `${owner ?? name}.bias`, role: 'bias', layer: block?.layer ?? null, tensor });
}

function describeMatrix(config: ModelConfig, tensor: TensorInfo, module: string, block: InBlock | null): Described {
  const { layout, sizes, quantisation } = config;
  const transposed = block !== null && layout?.transposed.has(block.path) === true;
  const stored = (transposed ? tensor.shape[1] : tensor.shape[0]) ?? 0;
  const fused = fusedAt(config, block);
  const named = nameFor(config, module);
  if (tensor.dtype.startsWith('F8') && quantisation !== null) return { refused: `FP8 without the scale that ${quoteText(quantisation, 40)} in config.json asks for; give the checkpoint before quantisation` };
  if (fused === null || block === null) return named.role === 'other' ? describeOther(named, tensor) : collect(config, [weightOf(named, module, tensor, transposed, [[0, stored]])]);
  const split = splitOutputs(fused, sizes, sizes.inner, stored);
  if ('refused' in split) return { refused: `a fused weight: ${split.refused}` };
  return collect(config, split.map(({ role, outputs }) => weightOf(inBlock(block.layer, role, null), module, tensor, transposed, outputs)));
}

function describeStack(config: ModelConfig, tensor: TensorInfo, module: string, block: InBlock, stack: Fused): Described {
  const experts = unstack(tensor, config.sizes.experts);
  if ('refused' in experts) return experts;
  const split = splitOutputs(stack, config.sizes, expertInner(config), tensor.shape[1] ?? 0);
  if ('refused' in split) return { refused: `a stack of experts: ${split.refused}` };
  return collect(config, experts.flatMap((expert, i) => split.map(({ role, outputs }) => ({
    ...weightOf(inBlock(block.layer, role, i), module, expert, false, outputs), source: tensor,
  }))));
}

function describeOther(named: ModuleName, tensor: TensorInfo): Described {
  return { weights: [weightOf({ ...named, role: 'other', expert: null }, moduleOf(tensor.name), tensor, false, [[0, tensor.shape[0] ?? 0]])] };
}

function inBlock(layer: number, role: BlockRole, expert: number | null): ModuleName {
  return { name: expert === null ? `${layer}.${role}` : `${layer}.${role}.${expert}`, role, layer, expert };
}

function weightOf(named: ModuleName, module: string, tensor: TensorInfo, transposed: boolean, outputs: readonly Range[]): NamedWeight {
  const { name, role, layer } = named;
  const inputs = (transposed ? tensor.shape[0] : tensor.shape[1]) ?? 0;
  const count = outputs.reduce((sum, [, n]) => sum + n, 0);
  return { named, weight: { name, role, layer, module, shape: [count, inputs], values: { tensor, transposed, outputs } }, source: tensor };
}

/** The weights of a tensor, if every one has the shape that the configuration asks for, as far as it says. */
function collect(config: ModelConfig, weights: readonly NamedWeight[]): Described {
  for (const { named, weight } of weights) {
    const expected = expectedShape(config, named);
    if (expected.some((size, i) => size !== null && size !== weight.shape[i])) {
      return { refused: `the ${named.role} in it is ${weight.shape.join(' × ')}, where config.json asks for ${expected.map((size) => size ?? 'any').join(' × ')} (outputs × inputs); check that both are of one model` };
    }
  }
  return { weights };
}

function expertInner({ layout, sizes }: ModelConfig): number | null {
  const name = layout?.expertInner ?? null;
  return name === null ? null : sizes[name];
}

/** Outputs and inputs; null for what the configuration does not say in so many words. */
function expectedShape(config: ModelConfig, { role, expert }: ModuleName): readonly [number | null, number | null] {
  if (config.layout === null) return [null, null];
  const { hidden, heads, keyHeads, headSize, inner } = config.sizes;
  const width = expert === null ? inner : expertInner(config);
  const across = (count: number | null): number | null => (count === null || headSize === null ? null : count * headSize);
  switch (role) {
    case 'q': return [across(heads), hidden];
    case 'k': case 'v': return [across(keyHeads), hidden];
    case 'o': return [hidden, across(heads)];
    case 'gate': case 'up': return [width, hidden];
    case 'down': return [hidden, width];
    case 'embed': case 'head': return [null, hidden];
    case 'norm': case 'bias': case 'other': return [null, null];
  }
}
