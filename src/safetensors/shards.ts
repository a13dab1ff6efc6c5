/**
 * A model in shards, pure. In: the bytes of `model.safetensors.index.json`, and the headers of the shards. Out: which file
 * holds which tensor, once both agree, and what a shard holds that the index hides; or one clear error. Source:
 * get_checkpoint_shard_files (transformers, utils/hub.py), which believes the index, and load_state_dict, which does not.
 */
import { WeightseqError, type ErrorCode } from '../errors.js';
import { escapeText, quoteText } from '../text.js';
import type { SafetensorsFile, TensorInfo } from '../types.js';
import { parseStrictJson, type JsonObject, type JsonValue } from './json.js';

export const INDEX_NAME = 'model.safetensors.index.json';
/** Several times what the largest models need: half a million tensors. */
export const MAX_INDEX_BYTES = 50_000_000;

const MAX_NAME = 1024;
const MEND = 'Download the index again; if it is complete, save the model again.';

/** What the index says. */
export interface ShardIndex {
  /** Path of the index. */
  readonly file: string;
  /** Names of the shards, sorted: paths relative to the folder, which do not lead out of it. */
  readonly shards: readonly string[];
  /** Tensor → shard. */
  readonly tensors: ReadonlyMap<string, string>;
}

/** What the shards hold. */
export interface ShardedTensors {
  /** In the order of the shards, then of their data. */
  readonly tensors: readonly TensorInfo[];
  /** Tensors of the shards that the index does not list. */
  readonly hidden: readonly TensorInfo[];
}

/**
 * Reads an index.
 * @param bytes all of it; null when it is larger than MAX_INDEX_BYTES
 * @throws WeightseqError `config-invalid`, `duplicate-key`, `git-lfs-pointer`, `unsafe-name`, `weights-missing`
 */
export function parseIndex(bytes: Uint8Array | null, file: string): ShardIndex {
  const fail = (code: ErrorCode, message: string, mend = MEND, tensor?: string): never => {
    throw new WeightseqError(code, message, { file, mend, ...(tensor === undefined ? {} : { tensor: escapeText(tensor.slice(0, 120)) }) });
  };
  if (bytes === null) return fail('config-invalid', `expected an index of at most ${MAX_INDEX_BYTES} bytes, found more`);
  if (Buffer.from(bytes.subarray(0, 32)).toString('latin1').startsWith('version https://git-lfs')) {
    return fail('git-lfs-pointer', 'expected the index, found a git-LFS pointer in its place', 'Fetch the file itself: git lfs pull.');
  }
  const map = parseJson(bytes, file).get('weight_map');
  if (!isMap(map)) return fail('config-invalid', `expected weight_map, a map from tensors to files, in the index, found ${map === undefined ? 'none' : 'something else'}`);
  const tensors = new Map<string, string>();
  for (const [tensor, shard] of map) {
    if (typeof shard !== 'string') return fail('config-invalid', 'expected the name of a file for each tensor in the index, found something else', MEND, tensor);
    const wrong = objectToName(shard);
    if (wrong !== null) {
      return fail('unsafe-name', `expected the name of a safetensors file in the model's folder, found ${wrong}: ${quoteText(shard)}`, 'Do not trust this index; ask its author for one that names the files beside it.', tensor);
    }
    tensors.set(tensor, shard);
  }
  if (tensors.size === 0) return fail('weights-missing', 'expected an index that lists tensors, found an empty one');
  return { file, shards: [...new Set(tensors.values())].sort(), tensors };
}

/** The strict reading of headers, with its errors told of the index. */
function parseJson(bytes: Uint8Array, file: string): JsonObject {
  try {
    return parseStrictJson(bytes, file);
  } catch (error) {
    if (!(error instanceof WeightseqError)) throw error;
    if (error.code !== 'duplicate-key') throw new WeightseqError('config-invalid', error.message.replaceAll('header', 'index'), { file, mend: MEND, cause: error });
    const tensor = error.tensor === undefined ? {} : { tensor: error.tensor };
    throw new WeightseqError('duplicate-key', `the index is ambiguous: ${error.message}`, { file, mend: MEND, cause: error, ...tensor });
  }
}

function isMap(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map;
}

/** What is wrong with the name of a shard; null when nothing is. A name for every system: what is a path on one is refused on all. */
function objectToName(name: string): string | null {
  if (name.length > MAX_NAME || escapeText(name) !== name) return 'what is no printable name';
  if (name.includes('\\')) return 'one with a backslash';
  if (name.startsWith('/') || name.includes(':')) return 'an absolute path';
  if (name.split('/').some((part) => part === '..' || part === '.' || part === '')) return 'a path that may lead elsewhere';
  return name.endsWith('.safetensors') ? null : 'another kind of file';
}

/**
 * Holds the index against the shards.
 * @param files by the names that the index gives
 * @throws WeightseqError `duplicate-key` for a tensor in two shards, `weights-missing` for one that is not in its shard
 */
export function joinShards(index: ShardIndex, files: ReadonlyMap<string, SafetensorsFile>): ShardedTensors {
  const foundIn = new Map<string, string>();
  const tensors: TensorInfo[] = [], hidden: TensorInfo[] = [];
  for (const [shard, { file, tensors: inside }] of files) {
    for (const tensor of inside.values()) {
      const other = foundIn.get(tensor.name);
      if (other !== undefined) {
        throw new WeightseqError('duplicate-key', `expected each tensor in one shard, found it in ${quoteText(other)} and in ${quoteText(shard)}`, {
          file, tensor: tensor.name, mend: 'Save the model again: it can\'t be told which of the two a loader takes.',
        });
      }
      foundIn.set(tensor.name, shard);
      (index.tensors.has(tensor.name) ? tensors : hidden).push(tensor);
    }
  }
  for (const [tensor, shard] of index.tensors) {
    const found = foundIn.get(tensor);
    if (found === shard) continue;
    throw new WeightseqError('weights-missing', `expected the tensor in ${quoteText(shard)}, as the index says, found it ${found === undefined ? 'in no shard' : `in ${quoteText(found)}`}`, {
      file: files.get(shard)?.file ?? index.file, tensor: escapeText(tensor.slice(0, 120)), mend: 'Download index and shards again, all of one revision.',
    });
  }
  return { tensors, hidden };
}
