/**
 * Every field of PEFT's LoraConfig, and what it does to the weights. In: a field and its value. Out: whether
 * scale · B·A is then still the whole change of the base. Source: peft/tuners/lora/config.py and peft/config.py,
 * 0.21.2, with the fields of older versions. Data, apart from the two predicates.
 */
import { quoteText } from '../text.js';
import { isObject, type Json } from './json.js';

/** Read and acted on by the rules of this folder. */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  'peft_type', 'base_model_name_or_path',
  'r', 'lora_alpha', 'use_rslora', 'rank_pattern', 'alpha_pattern', // the scale
  'fan_in_fan_out', // only turns B·A over for storage: Linear.get_delta_weight, lora/layer.py
  'target_modules', 'exclude_modules', 'layers_to_transform', 'layers_pattern', // targets.ts
  'modules_to_save', 'bias', 'lora_bias', // their tensors tell
  'init_lora_weights',
]);

/** Without effect on what the saved tensors mean once they are loaded for inference. */
const IRRELEVANT: ReadonlySet<string> = new Set([
  'task_type', // which head PeftModel wraps around; a new head comes with its own tensors
  'auto_mapping', 'peft_version', 'revision', // where to look for the base, who wrote the file
  'inference_mode', // requires_grad
  'lora_dropout', // training only
  'megatron_core', // a module name, used with megatron_config only
  'qalora_group_size', // used with use_qalora only
  // used only if init_lora_weights names the method: LoraConfig.__post_init__ warns and LoraLayer.update_layer skips
  'loftq_config', 'eva_config', 'corda_config', 'lora_ga_config',
  'velora_config', // another backward pass; forward and merge are plain: VeloraLinearVariant, lora/variants.py
  'monteclora_config', // perturbs A in training only; merge is plain: MontecloraLinearVariant, lora/variants.py
  'runtime_config', // dropped when read: PeftConfigMixin.from_json_file, peft/config.py
  'merge_weights', // PEFT up to 0.2: when to merge, not what
]);

/** Fields under which scale · B·A is not the whole change of the base at hand: why, and what the score then misses. */
const CHANGES_MEANING: ReadonlyMap<string, string> = new Map([
  ['use_dora', 'DoRA rescales each row of base + B·A by a stored magnitude; only B·A is scored, which misses the rescaling; merge the adapter into its base to see it all'],
  ['target_parameters', 'parameters, among them stacks of experts, are targeted directly; which of them a tensor changes is not in its name, and stacks are not scored'],
  ['alora_invocation_tokens', 'activated LoRA: the change acts only after these tokens; the score holds for text in which they stand'],
  ['arrow_config', 'Arrow mixes several adapters by a router; the score holds for this one alone, at full weight'],
  ['trainable_token_indices', 'single rows of the embedding are replaced; they are not scored'],
  ['megatron_config', 'the weights may be one shard of a tensor-parallel layer; only what the file holds is scored'],
  ['ensure_weight_tying', 'tied layers share one pair of factors when loaded, so that one tensor of the file may overwrite another; each is scored as it stands'],
]);

/** Fields under which B·A is not even a part of the change, so that no weight is made of the factors. */
const CHANGES_FACTORS: ReadonlyMap<string, string> = new Map([
  ['layer_replication', 'the layers of the base are stacked anew, so that a tensor\'s name does not tell which of them it changes; nothing is scored'],
  ['use_qalora', 'QALoRA pools the inputs in groups before A, so that B·A has another shape and scale than the change; nothing is scored'],
  ['use_bdlora', 'BD-LoRA stores block-diagonal factors, whose plain product is not the change; nothing is scored'],
  ['kasa_config', 'KaSA puts a diagonal between B and A, and cuts the smallest singular values from the base; nothing is scored'],
  ['enable_lora', 'a merged layer of PEFT 0.2 and before, with one pair of factors for each enabled part; nothing is scored'],
]);

/** Initialisations that leave the base as it is: LoraLayer.update_layer and the *_init methods, lora/layer.py. */
const INIT_KEEPS_BASE: ReadonlySet<string> = new Set(['eva', 'orthogonal']);
/** The same, compared in lower case by PEFT. */
const INIT_KEEPS_BASE_ANY_CASE: ReadonlySet<string> = new Set(['gaussian', 'mica']);
/** Initialisations that take scale · B₀·A₀ out of the base, or quantise it, so that the change of the named base is not B·A. */
const INIT_CHANGES_BASE = /^(?:pissa.*|corda.*|[oO][lL][oO][rR][aA]|loftq|lora_ga)$/su;

/** Null, false, or empty: a field that is there but says nothing. */
function isNeutral(field: string, value: Json): boolean {
  if (value === null || value === false || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  // an empty object switches these on with their defaults: _get_lora_subconfig, lora/config.py
  if (isObject(value)) return value.size === 0 && field !== 'arrow_config' && field !== 'use_bdlora' && field !== 'kasa_config';
  return false;
}

/** Why this field makes B·A less than the whole change; null when it does not. */
export function fieldObjection(field: string, value: Json): string | null {
  if (field === 'init_lora_weights') return initObjection(value);
  if (UNDERSTOOD.has(field) || IRRELEVANT.has(field)) return null;
  // Of a field that no table names, not even false or {} can be taken for nothing: some switch on with their defaults.
  if (value === null || (isClassified(field) && isNeutral(field, value))) return null;
  return CHANGES_FACTORS.get(field) ?? CHANGES_MEANING.get(field)
    ?? 'this field is not known, and may change what the weights mean; scan with a version of weightseq that knows it';
}

/** Whether a field, with a value that fieldObjection objects to, leaves nothing to score. */
export function changesFactors(field: string): boolean {
  return CHANGES_FACTORS.has(field);
}

/**
 * After `save_pretrained(path_initial_model_for_weight_conversion=…)` the field is true and the rank doubled
 * (PeftModel.save_pretrained, LoraModel.subtract_mutated_init), and B·A is the change of the base again.
 */
function initObjection(value: Json): string | null {
  if (typeof value === 'boolean' || value === null) return null;
  if (typeof value !== 'string') return 'neither true, false nor the name of a method; it may change what the weights mean';
  if (INIT_KEEPS_BASE.has(value) || INIT_KEEPS_BASE_ANY_CASE.has(value.toLowerCase())) return null;
  const name = quoteText(value);
  if (INIT_CHANGES_BASE.test(value)) {
    return `${name} changes the base's weights before training, so that B·A holds that part of the base too; the score is of all of it; save with path_initial_model_for_weight_conversion to get the change alone`;
  }
  return `the initialisation ${name} is not known, and may change the base's weights; scan with a version of weightseq that knows it`;
}

/** A field that some table names. */
export function isClassified(field: string): boolean {
  return UNDERSTOOD.has(field) || IRRELEVANT.has(field) || CHANGES_MEANING.has(field) || CHANGES_FACTORS.has(field);
}
