/**
 * What a folder holds, by the names in it. Pure: names in, the adapter's files or one clear error out. Source:
 * SAFETENSORS_WEIGHTS_NAME, WEIGHTS_NAME, CONFIG_NAME (peft/utils/constants.py), load_peft_weights (utils/save_and_load.py).
 */
import { WeightseqError } from '../errors.js';
import { quoteText } from '../text.js';

export const CONFIG_NAME = 'adapter_config.json';
export const WEIGHTS_NAME = 'adapter_model.safetensors';
const PICKLE_NAME = 'adapter_model.bin';

/** Files of a whole model, as transformers and others name them. */
const WHOLE_MODEL = /^(?:config\.json|pytorch_model.*\.(?:bin|bin\.index\.json)|model.*\.(?:safetensors|safetensors\.index\.json)|consolidated.*\.(?:pth|safetensors)|tf_model\.h5|flax_model\.msgpack|.*\.gguf)$/su;
/** Files from which some loader takes weights. */
const WEIGHT_FILE = /\.(?:safetensors|safetensors\.index\.json|bin|bin\.index\.json|pt|pth|ckpt|pkl|gguf|h5|msgpack|npz)$/su;
/** What trainers leave beside an adapter, and no loader of models reads. */
const TRAINER_FILE = /^(?:optimizer(?:_\d+)?\.(?:pt|bin)|scheduler\.(?:pt|bin)|scaler\.pt|rng_state.*\.pth|random_states.*\.pkl|training_args\.bin|tokenizer\.(?:bin|pkl))$/su;

export interface Listing {
  /** Path of the folder. */
  readonly folder: string;
  /** Names of files, or links to them. */
  readonly files: readonly string[];
  /** Paths of adapter folders beneath it, one level down, relative to it. */
  readonly adapters: readonly string[];
}

/** Names of the files in the folder from which some other loader could take weights instead of the adapter's. */
export function otherWeightFiles(files: readonly string[]): string[] {
  return files.filter((name) => name !== WEIGHTS_NAME && WEIGHT_FILE.test(name) && !TRAINER_FILE.test(name)).sort();
}

/**
 * Checks that a folder is an adapter's: both files are there.
 * @throws WeightseqError `weights-missing`, `pickle`, `config-missing`, `several-models`, `not-a-model`, `unsupported-checkpoint`
 */
export function requireAdapterFolder(listing: Listing): void {
  const { folder, files, adapters } = listing;
  const hasConfig = files.includes(CONFIG_NAME);
  if (files.includes(WEIGHTS_NAME)) {
    if (hasConfig) return;
    throw new WeightseqError('config-missing', `expected ${CONFIG_NAME} beside ${WEIGHTS_NAME}, found none`, { file: folder, mend: 'Download the whole adapter folder: rank and scale are in its configuration.' });
  }
  if (files.includes(PICKLE_NAME)) {
    throw new WeightseqError('pickle', `expected ${WEIGHTS_NAME}, found only ${PICKLE_NAME}, a pickle, which is never executed`, { file: folder, mend: 'Ask for safetensors, or load it in a sandbox with PEFT and save it again.' });
  }
  if (hasConfig) {
    const others = otherWeightFiles(files);
    const found = others.length === 0 ? 'none' : others.slice(0, 4).map((name) => quoteText(name)).join(', ');
    throw new WeightseqError('weights-missing', `expected ${WEIGHTS_NAME} beside ${CONFIG_NAME}, found ${found}`, { file: folder, mend: 'Download the adapter again, or save it as one safetensors file.' });
  }
  if (adapters.length > 0) {
    const more = adapters.length > 4 ? ` and ${adapters.length - 4} more` : '';
    throw new WeightseqError('several-models', `expected an adapter, found a folder of adapters: ${adapters.slice(0, 4).map((name) => quoteText(name)).join(', ')}${more}`, { file: folder, mend: 'Give one of them.' });
  }
  if (files.some((name) => WHOLE_MODEL.test(name))) throw wholeModel(folder);
  const loose = files.filter((name) => name.endsWith('.safetensors'));
  throw new WeightseqError('not-a-model', `expected an adapter folder with ${CONFIG_NAME} and ${WEIGHTS_NAME}, found neither`, {
    file: folder,
    mend: loose.length > 0 ? `Give ${quoteText(loose[0] ?? '')} itself, with ${CONFIG_NAME} beside it.` : 'Check the path.',
  });
}

/** The error for a whole model. */
export function wholeModel(file: string): WeightseqError {
  return new WeightseqError('unsupported-checkpoint', 'expected a LoRA adapter, found a whole model', {
    file,
    mend: 'Scan it as one: scanModel or scanPath, in place of scan.',
  });
}
