/**
 * config.json of a whole model, pure. In: its text. Out: what the reading of tensors needs of it, and a Gap for what in it
 * is broken: a model without a usable configuration is still read by its names and shapes.
 */
import { WeightseqError } from '../errors.js';
import { quoteText } from '../text.js';
import type { Gap } from '../types.js';
import { layoutOf, SIZE_FIELDS, type Layout, type SizeName } from './architectures.js';
import { isObject, parseConfigText, type Json, type JsonObject } from './json.js';

/** A size that config.json does not give is null. */
export type Sizes = Readonly<Record<SizeName, number | null>>;

export interface ModelConfig {
  /** `model_type`; null without one. */
  readonly name: string | null;
  /** Null when the table has no such architecture. */
  readonly layout: Layout | null;
  readonly sizes: Sizes;
  /** `tie_word_embeddings`; null when it is not said. */
  readonly ties: boolean | null;
  /** Whether it is saved as a model that writes text, with a head. */
  readonly hasHead: boolean;
  /** `quant_method` of the quantisation that it names; null for none. */
  readonly quantisation: string | null;
  readonly gaps: readonly Gap[];
}

export const MODEL_CONFIG_NAME = 'config.json';
/** Far beyond any model's; it bounds what a hostile configuration can ask for. */
const MAX_SIZE = 2 ** 24;
const NO_SIZES: Sizes = { hidden: null, heads: null, keyHeads: null, headSize: null, inner: null, expertInner: null, experts: null, layers: null };

/** Of a model without config.json. */
export const NO_CONFIG: ModelConfig = { name: null, layout: null, sizes: NO_SIZES, ties: null, hasHead: false, quantisation: null, gaps: [] };

/** Of a model whose config.json can't be used, and why. */
export function brokenConfig(why: string): ModelConfig {
  return { ...NO_CONFIG, gaps: [{ name: MODEL_CONFIG_NAME, reason: `${why}; the model is read by the names and shapes of its tensors alone; download the file again`, bytes: 0 }] };
}

/** What the configuration says; never throws. */
export function parseModelConfig(text: string, file: string): ModelConfig {
  let root: JsonObject;
  try {
    root = parseConfigText(text, file);
  } catch (error) {
    if (error instanceof WeightseqError) return brokenConfig(error.message);
    throw error;
  }
  const name = root.get('model_type') ?? null;
  if (name !== null && (typeof name !== 'string' || !/^[\w.-]{1,100}$/u.test(name))) {
    return brokenConfig(`expected model_type to be the name of an architecture, found ${typeof name === 'string' ? quoteText(name, 40) : 'no text'}`);
  }
  // A model with a tower for images keeps the language model's sizes apart.
  const nested = root.get('text_config') ?? null;
  const text_ = isObject(nested) ? nested : root;
  const nestedName = text_.get('model_type');
  const layout = layoutOf(name ?? '') ?? (typeof nestedName === 'string' ? layoutOf(nestedName) : null);
  const gaps: Gap[] = [];
  const sizes = readSizes(text_, layout === null ? null : gaps);
  const ties = root.get('tie_word_embeddings') ?? text_.get('tie_word_embeddings') ?? null;
  const quantisation = root.get('quantization_config') ?? text_.get('quantization_config') ?? null;
  return { name, layout, sizes, ties: typeof ties === 'boolean' ? ties : null, hasHead: hasHead(root.get('architectures') ?? null), quantisation: methodOf(quantisation), gaps };
}

/** @param gaps where to say what is wrong; null where sizes have no part in the reading */
function readSizes(config: JsonObject, gaps: Gap[] | null): Sizes {
  const sizes: Record<SizeName, number | null> = { ...NO_SIZES };
  for (const [size, fields] of SIZE_FIELDS) {
    const given = fields.map((field) => ({ field, value: config.get(field) ?? null })).filter(({ value }) => value !== null);
    const first = given[0];
    if (first === undefined) continue;
    const wrong = given.find(({ value }) => typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_SIZE);
    const other = given.find(({ value }) => value !== first.value);
    if (wrong !== undefined) gaps?.push({ name: wrong.field, reason: `expected a whole number of 1 to ${MAX_SIZE} in ${MODEL_CONFIG_NAME}; correct it, or download the file again`, bytes: 0 });
    else if (other !== undefined) gaps?.push({ name: other.field, reason: `${MODEL_CONFIG_NAME} gives it and ${first.field} with two values for one size; correct it, or download the file again`, bytes: 0 });
    else if (typeof first.value === 'number') sizes[size] = first.value;
  }
  return sizes;
}

function hasHead(architectures: Json): boolean {
  return Array.isArray(architectures) && architectures.some((name) => typeof name === 'string' && /(?:ForCausalLM|ForConditionalGeneration|LMHeadModel)$/u.test(name));
}

function methodOf(quantisation: Json): string | null {
  if (!isObject(quantisation) || quantisation.size === 0) return null;
  const method = quantisation.get('quant_method');
  return typeof method === 'string' ? method : 'an unnamed method';
}
