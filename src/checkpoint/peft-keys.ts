/**
 * The keys under which PEFT saves tensors, pure. In: a tensor's name. Out: what it is, by its name alone. Source:
 * LoraLayer.adapter_layer_names (lora/layer.py), get_peft_model_state_dict (utils/save_and_load.py),
 * ModulesToSaveWrapper and TrainableTokensWrapper (utils/other.py), BaseTuner._get_learnable_bias_state_dict
 * (tuners/tuners_utils.py). PEFT takes the adapter's name out of the keys; other programs leave it in.
 */
import { PEFT_PREFIX } from './names.js';

/** One of the two factors; those of an embedding are stored the other way round. */
export type Slot = 'lora_A' | 'lora_B' | 'lora_embedding_A' | 'lora_embedding_B';

export type PeftKey =
  | { readonly kind: 'factor'; readonly module: string; readonly slot: Slot }
  /** What PEFT understands and no score covers; `why` is one clause. */
  | { readonly kind: 'unscored'; readonly why: string }
  /** Acts in training only: VeLoRA and MonteCLoRA. */
  | { readonly kind: 'training' }
  | { readonly kind: 'unknown' };

const FACTOR = /^(?<module>.+)\.(?<slot>lora_[AB])(?:\.[^.]+)?\.weight$/su;
const EMBEDDING_FACTOR = /^(?<module>.+)\.(?<slot>lora_embedding_[AB])(?:\.[^.]+)?$/su;
const TRAINING = /\.lora_(?:velora_embed(?:\.[^.]+)?|monteclora_sampler(?:\.[^.]+)+)$/su;

/** Names whose tensors are known and not scored; the first that matches counts. */
const UNSCORED: readonly (readonly [RegExp, string])[] = [
  [/\.lora_magnitude_vector(?:\.[^.]+)?(?:\.weight)?$/su, 'the magnitude of a DoRA layer, which rescales the rows of base + B·A; it is not scored; merge the adapter into its base to see it'],
  [/\.lora_B(?:\.[^.]+)?\.bias$/su, 'a bias that the adapter adds; it is not scored'],
  [/\.lora_diag(?:\.[^.]+)?$/su, 'the diagonal of a KaSA layer; it is not scored'],
  [/\.lora_/su, ''],
  [/\.token_adapter\.trainable_tokens_(?:delta|original)(?:\.[^.]+)?$/su, 'rows that replace rows of the embedding; they are not scored; merge the adapter into its base to see them'],
  [/\.modules_to_save(?:\.[^.]+)*\.(?:weight|bias)$/su, 'a whole tensor in place of the base\'s (modules_to_save); it is not scored, as the base\'s is not at hand'],
  [/\.base_layer\.weight$/su, 'a whole weight under the adapter\'s own change, in place of the base\'s; it is not scored, as the base\'s is not at hand'],
  [/\.bias$/su, 'a whole bias in place of the base\'s; it is not scored, as the base\'s is not at hand'],
  [/\.weight$/su, 'a whole tensor in place of the base\'s; it is not scored, as the base\'s is not at hand'],
];

/** Far beyond any module path; it bounds the time that the expressions above take. */
const MAX_NAME = 2000;

/** What a tensor is, by its name. */
export function parsePeftKey(name: string): PeftKey {
  if (name.length > MAX_NAME) return { kind: 'unknown' };
  const key = name.startsWith(PEFT_PREFIX) ? name.slice(PEFT_PREFIX.length) : name;
  const groups = (FACTOR.exec(key) ?? EMBEDDING_FACTOR.exec(key))?.groups;
  const module = groups?.['module'];
  const slot = groups?.['slot'];
  if (module !== undefined && isSlot(slot)) return { kind: 'factor', module, slot };
  if (TRAINING.test(key)) return { kind: 'training' };
  const why = UNSCORED.find(([pattern]) => pattern.test(`.${key}`))?.[1] ?? '';
  return why === '' ? { kind: 'unknown' } : { kind: 'unscored', why };
}

/** True for a name that only a LoRA adapter has. */
export function isLoraKey(name: string): boolean {
  return parsePeftKey(name).kind === 'factor';
}

function isSlot(text: string | undefined): text is Slot {
  return text === 'lora_A' || text === 'lora_B' || text === 'lora_embedding_A' || text === 'lora_embedding_B';
}
