/**
 * PEFT's adapter_config.json, pure. In: its text. Out: what the weights need from it, and a Gap for each field that makes
 * scale · B·A less than the whole change. Source: peft/tuners/lora/config.py (LoraConfig), peft/config.py, 0.21.2.
 */
import { z } from 'zod';
import { WeightseqError } from '../errors.js';
import { quoteText } from '../text.js';
import type { Gap } from '../types.js';
import { changesFactors, fieldObjection } from './config-fields.js';
import { isObject, parseConfigText, type Json, type JsonObject } from './json.js';

const MEND = 'Save the adapter again with PEFT, or correct the field by hand.';

const rank = z.int().positive();
const alpha = z.number(); // zod's numbers are finite
const names = z.array(z.string());
/** Lists that are gone through for each module; PEFT's own have a few entries. */
const fewNames = names.max(1000);

/** PEFT asks these for their truth alone: null is false. */
const flag = z.boolean().nullable().default(false).transform((value) => value ?? false);

/** Fields with a type that the rules rely on. PEFT's own defaults stand in only where every version has had the same. */
const schema = z.object({
  peft_type: z.literal('LORA'),
  base_model_name_or_path: z.string().nullable().default(null),
  r: rank,
  lora_alpha: alpha,
  use_rslora: flag,
  rank_pattern: z.map(z.string(), rank).nullable().default(null),
  alpha_pattern: z.map(z.string(), alpha).nullable().default(null),
  fan_in_fan_out: flag,
  bias: z.enum(['none', 'all', 'lora_only']).default('none'),
  lora_bias: flag,
  use_dora: flag,
  modules_to_save: fewNames.nullable().default(null),
  target_modules: z.union([z.string(), names]).nullable().default(null),
  exclude_modules: z.union([z.string(), names]).nullable().default(null),
  layers_to_transform: z.union([z.int(), z.array(z.int())]).nullable().default(null),
  layers_pattern: z.union([z.string(), fewNames]).nullable().default(null),
});

/** What peft.ts works from; the names are PEFT's. */
export interface PeftConfig {
  readonly baseClaim: string | null;
  readonly r: number;
  readonly alpha: number;
  readonly rslora: boolean;
  /** In the order of the file: the first key that matches counts. */
  readonly rankPattern: ReadonlyMap<string, number>;
  readonly alphaPattern: ReadonlyMap<string, number>;
  readonly bias: 'none' | 'all' | 'lora_only';
  readonly loraBias: boolean;
  readonly useDora: boolean;
  /** target_parameters is set, so that modules get adapters that target_modules does not name. */
  readonly targetsParameters: boolean;
  /** ensure_weight_tying is set, so that a head gets an adapter that only the embedding is named for. */
  readonly tiesWeights: boolean;
  /** velora_config or monteclora_config is set, whose extra tensors act in training only. */
  readonly trainingExtras: boolean;
  readonly modulesToSave: readonly string[];
  /** A regular expression, or names; null when not set. */
  readonly targetModules: string | ReadonlySet<string> | null;
  readonly excludeModules: string | ReadonlySet<string>;
  /** Empty: all layers. */
  readonly layersToTransform: ReadonlySet<number>;
  readonly layersPattern: readonly string[];
  /** A field under which B·A is no part of the change; null when there is none. */
  readonly unusable: string | null;
  /** One for each field that changes what the weights mean. */
  readonly gaps: readonly Gap[];
}

/**
 * The configuration of a LoRA adapter.
 * @throws WeightseqError `config-invalid`, `duplicate-key`, `not-lora`
 */
export function parsePeftConfig(text: string, file: string): PeftConfig {
  const fields = parseConfigText(text, file);
  checkPeftType(fields, file);
  const known = Object.fromEntries(Object.keys(schema.shape).flatMap((key) => (fields.has(key) ? [[key, fields.get(key)]] : [])));
  const parsed = schema.safeParse(known);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = (issue?.path ?? []).map((part) => quoteText(String(part))).join(' → ');
    throw new WeightseqError('config-invalid', `field ${path}: ${quoteText(issue?.message ?? 'not valid')}`, { file, mend: MEND, cause: parsed.error });
  }
  const c = parsed.data;
  const gaps = fieldGaps(fields);
  return {
    baseClaim: c.base_model_name_or_path,
    r: c.r,
    alpha: c.lora_alpha,
    rslora: c.use_rslora,
    rankPattern: c.rank_pattern ?? new Map<string, number>(),
    alphaPattern: c.alpha_pattern ?? new Map<string, number>(),
    bias: c.bias,
    loraBias: c.lora_bias,
    useDora: c.use_dora,
    targetsParameters: isList(fields.get('target_parameters') ?? null),
    tiesWeights: fields.get('ensure_weight_tying') === true,
    trainingExtras: isObject(fields.get('velora_config') ?? null) || isObject(fields.get('monteclora_config') ?? null),
    modulesToSave: c.modules_to_save ?? [],
    targetModules: Array.isArray(c.target_modules) ? new Set(c.target_modules) : c.target_modules,
    excludeModules: typeof c.exclude_modules === 'string' ? c.exclude_modules : new Set(c.exclude_modules),
    layersToTransform: new Set(typeof c.layers_to_transform === 'number' ? [c.layers_to_transform] : c.layers_to_transform),
    layersPattern: typeof c.layers_pattern === 'string' ? [c.layers_pattern].filter((head) => head !== '') : c.layers_pattern ?? [],
    unusable: gaps.find((gap) => changesFactors(gap.name))?.name ?? null,
    gaps,
  };
}

function isList(value: Json): boolean {
  return Array.isArray(value) && value.length > 0;
}

function checkPeftType(fields: JsonObject, file: string): void {
  const type: Json | undefined = fields.get('peft_type');
  if (type === undefined) {
    throw new WeightseqError('config-invalid', 'field "peft_type" is missing', { file, mend: MEND });
  }
  if (type !== 'LORA') {
    const found = typeof type === 'string' ? quoteText(type) : 'another value';
    throw new WeightseqError('not-lora', `expected peft_type "LORA", found ${found}`, {
      file,
      mend: 'Only LoRA adapters can be scanned; convert it with PEFT\'s convert_to_lora, or merge it.',
    });
  }
}

function fieldGaps(fields: JsonObject): Gap[] {
  const gaps: Gap[] = [];
  for (const [name, value] of fields) {
    const reason = fieldObjection(name, value);
    if (reason !== null) gaps.push({ name, reason, bytes: 0 });
  }
  return gaps;
}
