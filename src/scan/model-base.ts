/** Which base a whole checkpoint belongs to. In: its configuration and shapes. Out: the base and its signatures, or a contradiction. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isObject, parseConfigText } from '../checkpoint/json.js';
import { WeightseqError } from '../errors.js';
import type { BaseShapes } from '../reading/model-plan.js';
import { readSmallFile } from '../safetensors/file.js';
import type { KnownBase } from '../signature/document.js';
import { openEntry, type Library } from '../signature/library.js';
import { escapeText } from '../text.js';
import type { DenseWeight, Gap } from '../types.js';
import { resolveBase, type ResolvedBase } from './base.js';

/** What identifies a weight of the checkpoint, or of its reading. */
export type Shaped = Pick<DenseWeight, 'name' | 'role' | 'layer' | 'shape'>;

const CONFIG = 'config.json';
const MAX_CONFIG_BYTES = 10_000_000;

/** `_name_or_path` of config.json, by which transformers notes what a model was loaded from; null where it says nothing. Never throws. */
export async function baseClaim(path: string): Promise<string | null> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    const file = isFolder ? join(path, CONFIG) : basename(path) === CONFIG ? path : join(dirname(path), CONFIG);
    const bytes = await readSmallFile(file, MAX_CONFIG_BYTES);
    if (bytes === null) return null;
    const config = parseConfigText(new TextDecoder().decode(bytes), file);
    const claim = isObject(config) ? config.get('_name_or_path') : null;
    return typeof claim === 'string' && claim !== '' ? claim : null;
  } catch (error) {
    if (error instanceof WeightseqError || error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

/**
 * The base: as the user says, as the configuration claims, or the only known one whose weights all are there with their shapes.
 * @throws WeightseqError `unknown-base`, and as `openEntry`
 */
export async function resolveModelBase(weights: readonly Shaped[], claim: string | null, assume: string | undefined, library: Library): Promise<ResolvedBase> {
  if (assume !== undefined) return resolveBase(null, assume, library);
  const claimed = resolveBase(claim, undefined, library);
  if (claimed.entries.length > 0) return claimed;
  const fitting = await fittingBases(weights, library);
  const [only] = fitting;
  if (only === undefined || fitting.length > 1) return { base: { name: null, how: 'unknown' }, entries: [] };
  return { base: { name: only, how: 'shape' }, entries: library.entries.filter(({ base }) => base === only) };
}

/** Names of the bases that signatures know and whose weights all are there with their shapes. Throws as `openEntry`. */
export async function fittingBases(weights: readonly Shaped[], library: Library): Promise<string[]> {
  const shapes: BaseShapes = new Map(weights.map(({ name, shape }) => [name, shape]));
  const fitting: string[] = [];
  for (const name of new Set(library.entries.map((entry) => entry.base))) {
    const entry = library.entries.find(({ base }) => base === name);
    if (entry && fits(shapes, (await openEntry(library, entry)).document.base)) fitting.push(name);
  }
  return fitting;
}

function fits(shapes: BaseShapes, base: KnownBase): boolean {
  return Object.entries(base.weights).every(([name, [outputs, inputs]]) => {
    const found = shapes.get(name);
    if (found === undefined) return isTied(name, new Set(shapes.keys()), base);
    return found[1] === inputs && (found[0] === outputs || name === 'embed' || name === 'head');
  });
}

/** A head that is the embedding itself is listed among the base's weights, and stored in no file. */
function isTied(name: string, present: ReadonlySet<string>, { weights }: KnownBase): boolean {
  return name === 'head' && present.has('embed') && weights['head']?.join() === weights['embed']?.join();
}

/**
 * Holds shapes against the base's.
 * @returns weights of the base that the checkpoint does not have
 * @throws WeightseqError `base-mismatch` naming the first weight that contradicts the base
 */
export function checkModelShapes(weights: readonly Shaped[], base: KnownBase, file: string): Gap[] {
  for (const { name, role, layer, shape } of weights) {
    const known = Object.hasOwn(base.weights, name) ? base.weights[name] : undefined;
    if (known === undefined ? layer === null || role === 'other' : known[1] === shape[1] && (known[0] === shape[0] || role === 'embed' || role === 'head')) continue;
    const contradiction = known === undefined ? 'which has no such weight' : `where it is ${known[0]} × ${known[1]}`;
    throw new WeightseqError('base-mismatch', `holds ${escapeText(name)} (${shape.join(' × ')}) as a fine-tune of ${escapeText(base.name)}, ${contradiction}`, {
      file, mend: 'The checkpoint has another base: name it with --assume-base.',
    });
  }
  const names = new Set(weights.map(({ name }) => name));
  return Object.keys(base.weights).filter((name) => !names.has(name) && !isTied(name, names, base)).map((name) => ({ name, reason: `the base ${base.name} has it, the checkpoint does not`, bytes: 0 }));
}
