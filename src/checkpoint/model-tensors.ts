/**
 * The tensors of a whole model, pure. In: its configuration and all its tensors. Out: weights, vectors, and a Gap for
 * everything that matters and is neither. Each tensor ends in exactly one of weights, vectors, buffers and gaps.
 */
import { quoteText } from '../text.js';
import type { DenseWeight, Gap, TensorInfo, Vector } from '../types.js';
import { missingWeights, type Claims } from './model-complete.js';
import type { ModelConfig } from './model-config.js';
import { claimsOf, describeTensor, type NamedWeight } from './model-tensor.js';
import { compareModules } from './names.js';
import { moduleOf, splitQuantised } from './quantised.js';

export interface ModelTensors {
  readonly weights: readonly DenseWeight[];
  readonly vectors: readonly Vector[];
  /** Masks and tables that the model computes itself: read for NaN and infinity. */
  readonly buffers: readonly TensorInfo[];
  readonly gaps: readonly Gap[];
}

/** @param whole false for one shard of several, in which much is rightly absent */
export function readModel(config: ModelConfig, tensors: readonly TensorInfo[], whole: boolean): ModelTensors {
  const { plain, quantised } = splitQuantised(tensors);
  const gaps: Gap[] = quantised.map(({ module, layout, tensors: parts }) => ({
    name: module, reason: `stored as ${layout}, which is not supported yet; give the checkpoint before quantisation, or a dequantised copy`, bytes: bytesOf(parts),
  }));
  if (config.quantisation !== null && quantised.length === 0) {
    gaps.push({ name: 'quantization_config', reason: `config.json says that the weights are quantised (${quoteText(config.quantisation, 40)}), and no tensor shows how; give the checkpoint before quantisation`, bytes: 0 });
  }
  const weights: NamedWeight[] = [], vectors: Vector[] = [], buffers: TensorInfo[] = [];
  for (const tensor of plain) {
    const found = describeTensor(config, tensor);
    // One by one: of a stack there may be more than a call takes arguments.
    if ('weights' in found) for (const weight of found.weights) weights.push(weight);
    else if ('vectors' in found) vectors.push(...found.vectors);
    else if ('buffer' in found) buffers.push(found.buffer);
    else gaps.push({ name: tensor.name, reason: found.refused, bytes: tensor.bytes });
  }
  const claims = new Map<string, Set<number>>();
  const claim = (weight: string, expert: number | null): void => {
    const experts = claims.get(weight) ?? new Set<number>();
    claims.set(weight, experts);
    if (expert !== null) experts.add(expert);
  };
  for (const module of [...quantised.map((part) => part.module), ...plain.filter(({ name }) => !name.endsWith('.bias')).map(({ name }) => moduleOf(name))]) {
    for (const { weight, expert } of claimsOf(config, module)) claim(weight, expert);
  }
  if (whole) for (const gap of missingWeights(config, claims)) gaps.push(gap);
  const clearWeights = takeOutClashes(nameTied(config, weights, claims), ({ weight }) => weight.name, ({ source }) => source, gaps);
  const clearVectors = takeOutClashes(vectors, ({ name }) => name, ({ tensor }) => tensor, gaps);
  return {
    weights: clearWeights.sort((a, b) => compareModules(a.named, b.named)).map(({ weight }) => weight),
    vectors: clearVectors.sort((a, b) => (a.layer ?? Infinity) - (b.layer ?? Infinity) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
    buffers,
    gaps,
  };
}

/**
 * With tied weights, and one tensor for both: the embedding, whichever of its two names it is stored under. With a tensor for
 * each: the head takes the embedding's sign probes, so that it can be held against the one tensor of its base.
 */
function nameTied(config: ModelConfig, weights: readonly NamedWeight[], claims: Claims): readonly NamedWeight[] {
  if (config.ties !== true) return weights;
  if (claims.has('embed')) return weights.map((entry) => entry.weight.name !== 'head' ? entry : { ...entry, weight: { ...entry.weight, signsAs: 'embed' } });
  return weights.map((entry) => entry.weight.name !== 'head' ? entry : {
    ...entry, named: { ...entry.named, name: 'embed', role: 'embed' }, weight: { ...entry.weight, name: 'embed', role: 'embed' },
  });
}

/** Tensors that would pass for one weight: a loader takes one of them, and it can't be told which. */
function takeOutClashes<T>(entries: readonly T[], nameOf: (entry: T) => string, tensorOf: (entry: T) => TensorInfo, gaps: Gap[]): T[] {
  const byName = new Map<string, T[]>();
  for (const entry of entries) {
    const same = byName.get(nameOf(entry));
    if (same === undefined) byName.set(nameOf(entry), [entry]);
    else same.push(entry);
  }
  const clashing = new Set<string>();
  for (const [name, same] of byName) {
    if (same.length === 1) continue;
    const names = same.slice(0, 4).map((entry) => quoteText(tensorOf(entry).name)).join(', ');
    for (const tensor of same.map(tensorOf)) {
      if (!clashing.has(tensor.name)) gaps.push({ name: tensor.name, reason: `${same.length} tensors would both be ${quoteText(name)}: ${names}; keep the one that the model uses`, bytes: tensor.bytes });
      clashing.add(tensor.name);
    }
  }
  return entries.filter((entry) => !clashing.has(tensorOf(entry).name)); // with all else that such a tensor holds
}

function bytesOf(tensors: readonly TensorInfo[]): number {
  return tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
}
