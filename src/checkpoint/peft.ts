/**
 * A PEFT LoRA adapter, pure. In: its configuration and the tensors of its file. Out: weights with ΔW = scale · L·R, and a Gap
 * for everything that matters and is none. Each tensor ends in the weights or, if it matters, in the gaps; floating-point
 * ones that are in no weight are listed as unscored too, so that NaN in them is found. Source: peft/tuners/lora/layer.py, 0.21.2.
 */
import { quoteText } from '../text.js';
import type { Gap, Role, TensorInfo, Weight } from '../types.js';
import { compareModules, nameModule } from './names.js';
import { resolveScale } from './patterns.js';
import type { PeftConfig } from './peft-config.js';
import { parsePeftKey, type Slot } from './peft-keys.js';
import { newRegexCache, type RegexCache } from './python-regex-match.js';
import { minoritySpelling } from './spelling.js';
import { isTargeted } from './targets.js';

export interface PeftTensors {
  readonly weights: readonly Weight[];
  readonly unscored: readonly TensorInfo[];
  readonly gaps: readonly Gap[];
}

/** The tensors of one module, by what they claim to be; more than one of a kind is a mistake. */
type Factors = ReadonlyMap<Slot, readonly TensorInfo[]>;
interface Pair {
  readonly module: string;
  readonly a: TensorInfo;
  readonly b: TensorInfo;
  readonly embedding: boolean;
}

const FLOATS: ReadonlySet<string> = new Set(['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2']);

/** Sorts the tensors of an adapter by the rules of PEFT. */
export function readPeft(config: PeftConfig, tensors: Iterable<TensorInfo>): PeftTensors {
  const modules = new Map<string, Map<Slot, TensorInfo[]>>();
  const unscored: TensorInfo[] = [];
  const gaps: Gap[] = [...config.gaps];
  for (const tensor of tensors) {
    const key = parsePeftKey(tensor.name);
    if (key.kind === 'factor') {
      const factors = modules.get(key.module) ?? new Map<Slot, TensorInfo[]>();
      modules.set(key.module, factors);
      const same = factors.get(key.slot);
      if (same === undefined) factors.set(key.slot, [tensor]);
      else same.push(tensor);
    } else if (key.kind === 'unscored' && FLOATS.has(tensor.dtype)) leave(tensor, key.why);
    else if (key.kind === 'training' && config.trainingExtras && FLOATS.has(tensor.dtype)) unscored.push(tensor);
    else leave(tensor, 'no rule explains this tensor, and a loader may use it; scan with a version of weightseq that knows it');
  }
  const spelled = [...modules].flatMap(([module, factors]) => [...factors.values()].flat().map((tensor) => ({ tensor, module })));
  const minority = minoritySpelling(spelled);
  const cache = newRegexCache();
  const weights: Weight[] = [];
  const doubts = new Set<string>();
  for (const [module, factors] of modules) {
    const tensors = [...factors.values()].flat();
    const pair = buildWeight(config, module, factors, cache);
    const built = 'weight' in pair && tensors.some((tensor) => minority.has(tensor)) ? { refused: MINORITY } : pair;
    if ('refused' in built) for (const tensor of tensors) leave(tensor, built.refused);
    else {
      weights.push(built.weight);
      if (built.doubt !== null) doubts.add(built.doubt);
    }
  }
  for (const reason of doubts) gaps.push({ name: 'target_modules', reason, bytes: 0 });
  gaps.push(...scaleGaps(config, weights));
  const { kept, clashes, clashing } = takeOutClashes(weights);
  unscored.push(...clashing.flatMap(({ delta }) => [delta.left.tensor, delta.right.tensor]));
  return { weights: sortWeights(kept), unscored, gaps: [...gaps, ...clashes] };

  function leave(tensor: TensorInfo, reason: string): void {
    if (FLOATS.has(tensor.dtype)) unscored.push(tensor);
    gaps.push({ name: tensor.name, reason, bytes: tensor.bytes });
  }
}

const MINORITY = 'spelled otherwise than most of the file (prefix, adapter name or path): a loader takes one spelling and drops the rest; save the adapter again with PEFT';

/** Loaders that ignore alpha_pattern apply this much more or less before it is worth a word. */
const MOST_ALPHA_RATIO = 4;

/** Scales that other loaders take otherwise: llama.cpp reads 0 as 1, some ignore alpha_pattern. */
function scaleGaps(config: PeftConfig, weights: readonly Weight[]): Gap[] {
  const gaps: Gap[] = [];
  const zero = weights.filter(({ delta }) => delta.scale === 0);
  if (zero.length > 0) gaps.push({ name: 'lora_alpha', reason: `gives ${zero.length} weights the scale 0, which some loaders read as 1; remove them, or give their alpha`, bytes: 0 });
  const isFar = ({ delta: { scale, rank } }: Weight): boolean => {
    const ratio = Math.abs((scale * (config.rslora ? Math.sqrt(rank) : rank)) / config.alpha);
    return ratio > MOST_ALPHA_RATIO || ratio < 1 / MOST_ALPHA_RATIO;
  };
  const far = weights.filter((weight) => weight.delta.scale !== 0 && isFar(weight)).length;
  if (far > 0) gaps.push({ name: 'alpha_pattern', reason: `changes the scale of ${far} weights more than ${MOST_ALPHA_RATIO} times, and some loaders ignore it; merge the adapter, and scan what it was merged into`, bytes: 0 });
  return gaps;
}

type Built = { readonly weight: Weight; readonly doubt: string | null } | { readonly refused: string };

function buildWeight(config: PeftConfig, module: string, factors: Factors, cache: RegexCache): Built {
  const pair = pairUp(module, factors);
  if ('refused' in pair) return pair;
  const { role, layer, name } = nameModule(module);
  const objection = objectToPair(pair, role);
  if (objection !== null) return { refused: objection };
  if (config.unusable !== null) return { refused: `under ${config.unusable} the product of the factors is not the change of the weight; merge the adapter into its base` };
  const resolved = resolveScale(config, module, cache);
  if ('undecided' in resolved) return { refused: resolved.undecided };
  const { rank, scale } = resolved.value;
  const stored = pair.a.shape[0] ?? 0;
  if (rank !== stored) {
    return { refused: `the ranks disagree: the configuration says ${rank}, the tensors have ${stored}, so that the scale can't be told; a stack of experts (target_parameters) looks like this too` };
  }
  const targeted: ReturnType<typeof isTargeted> = config.targetsParameters ? { value: true } : isTargeted(config, module, cache);
  if ('value' in targeted && !targeted.value) {
    return { refused: `the configuration gives the module ${quoteText(module)} no adapter, so that PEFT drops this tensor, though other loaders may not; save the adapter again with PEFT` };
  }
  return {
    weight: { name, role, layer, module, shape: shapeOf(pair), delta: { ...lowRankFactors(pair), rank, scale } },
    doubt: 'undecided' in targeted ? targeted.undecided : null,
  };
}

function pairUp(module: string, factors: Factors): Pair | { readonly refused: string } {
  for (const [slot, tensors] of factors) {
    if (tensors.length > 1) return { refused: `${tensors.length} tensors claim to be ${slot} of the module ${quoteText(module)}; keep the one of the adapter to scan` };
  }
  const one = (slot: Slot): TensorInfo | undefined => factors.get(slot)?.[0];
  const [a, b, ea, eb] = [one('lora_A'), one('lora_B'), one('lora_embedding_A'), one('lora_embedding_B')];
  if ((a ?? b) !== undefined && (ea ?? eb) !== undefined) return { refused: `the module ${quoteText(module)} has the factors of a linear layer and of an embedding at once` };
  if (a !== undefined && b !== undefined) return { module, a, b, embedding: false };
  if (ea !== undefined && eb !== undefined) return { module, a: ea, b: eb, embedding: true };
  const missing = (a ?? ea) === undefined ? 'A' : 'B';
  return { refused: `the module ${quoteText(module)} has no lora_${missing} to go with it; download or save the adapter again` };
}

/** What is wrong with two factors; null when nothing is. */
function objectToPair({ module, a, b, embedding }: Pair, role: Role): string | null {
  for (const tensor of [a, b]) {
    if (!FLOATS.has(tensor.dtype)) return `a factor of dtype ${tensor.dtype}, which is not a floating-point number; dequantise the adapter`;
    if (tensor.shape.length !== 2) return `factors of ${tensor.shape.length} dimensions (a convolution, or a stack of experts) are not supported; merge the adapter into its base`;
    if (tensor.shape.includes(0)) return 'a factor without elements, as when the shards of a parallel training were not gathered; save the adapter again';
  }
  if (a.shape[0] !== b.shape[1]) return `the factors do not fit: A is ${a.shape.join(' × ')} and B is ${b.shape.join(' × ')}, but B·A needs A's rows to be B's columns`;
  if (module.split('.').includes('base_layer')) return 'the factors of a layer within another adapter layer (nested targets); which parameter they change is not in the name';
  if (embedding && role !== 'embed' && role !== 'other') return 'the factors of an embedding under the name of a linear layer';
  if (!embedding && role === 'embed') return 'the factors of a linear layer under the name of an embedding, where PEFT keeps lora_embedding_A and lora_embedding_B';
  return null;
}

/**
 * A linear layer: ΔW = scale · B·A, out × in. `fan_in_fan_out` only turns ΔW over for bases that store in × out
 * (transpose in Linear.get_delta_weight), so that it has no part here. An embedding: ΔW = scale · (B·A)ᵀ = scale · Aᵀ·Bᵀ,
 * vocabulary × width (Embedding.get_delta_weight).
 */
function lowRankFactors({ a, b, embedding }: Pair): Pick<Weight['delta'], 'left' | 'right'> {
  return embedding
    ? { left: { tensor: a, transposed: true }, right: { tensor: b, transposed: true } }
    : { left: { tensor: b, transposed: false }, right: { tensor: a, transposed: false } };
}

function shapeOf({ a, b, embedding }: Pair): [number, number] {
  const [, inner = 0] = a.shape;
  const [outer = 0] = b.shape;
  return embedding ? [inner, outer] : [outer, inner];
}

/** Modules that would pass for one weight: none of them can be scored. */
function takeOutClashes(weights: readonly Weight[]): { kept: Weight[]; clashes: Gap[]; clashing: Weight[] } {
  const byName = new Map<string, Weight[]>();
  for (const weight of weights) {
    const same = byName.get(weight.name);
    if (same === undefined) byName.set(weight.name, [weight]);
    else same.push(weight);
  }
  const kept: Weight[] = [], clashes: Gap[] = [], clashing: Weight[] = [];
  for (const [name, same] of byName) {
    if (same.length === 1) kept.push(...same);
    else {
      const reason = `${same.length} modules would both be the weight ${quoteText(name)}: ${same.slice(0, 4).map((weight) => quoteText(weight.module)).join(', ')}`;
      clashing.push(...same);
      for (const { module, delta } of same) clashes.push({ name: module, reason, bytes: delta.left.tensor.bytes + delta.right.tensor.bytes });
    }
  }
  return { kept, clashes, clashing };
}

function sortWeights(weights: readonly Weight[]): Weight[] {
  const named = weights.map((weight) => ({ weight, named: nameModule(weight.module) }));
  return named.sort((a, b) => compareModules(a.named, b.named)).map(({ weight }) => weight);
}
