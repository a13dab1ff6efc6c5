/** Which base an adapter belongs to. In: its claim and its shapes. Out: the base and its signatures, or a contradiction. Pure. */
import { WeightseqError } from '../errors.js';
import type { KnownBase } from '../signature/document.js';
import { knownBases, namesBase, type Library, type LibraryEntry } from '../signature/library.js';
import { escapeText } from '../text.js';
import type { Checkpoint, Gap, Weight } from '../types.js';
import type { FoundBase } from './find-base.js';
import { fusedIn } from './fused.js';

/**
 * measured: the weights show it. claimed: the configuration says so, nothing verified it. assumed: the user says so. shape: of the
 * bases that signatures know, its shapes alone fit. unknown: nobody does, or no signature knows it.
 */
export interface BaseOf {
  readonly name: string | null;
  readonly how: 'measured' | 'claimed' | 'assumed' | 'shape' | 'unknown';
  /** What the weights show; absent where nobody looked, as for an adapter. */
  readonly found?: FoundBase;
  /** The base that the configuration claims, as the library calls it; null where it knows none of that name. */
  readonly declaredAs?: string | null;
}

/** The base of a checkpoint, and the signatures that the library holds for it. */
export interface ResolvedBase {
  readonly base: BaseOf;
  readonly entries: readonly LibraryEntry[];
}

/**
 * Which base a checkpoint belongs to. An adapter's own word is a claim; `assume` overrides it.
 * @throws WeightseqError `unknown-base` when the library holds no signature for the assumed base.
 */
export function resolveBase(claim: string | null, assume: string | undefined, library: Library): ResolvedBase {
  const entriesFor = (name: string) =>
    library.entries.filter((e) => namesBase(name, { name: e.base, aliases: e.aliases ?? [] }));
  if (assume !== undefined) {
    const entries = entriesFor(assume);
    const first = entries[0];
    if (!first) {
      throw new WeightseqError('unknown-base', `--assume-base ${escapeText(assume)}: no signature for this base`, {
        file: library.folder,
        mend: `Name one of: ${knownBases(library)}.`,
      });
    }
    return { base: { name: first.base, how: 'assumed' }, entries };
  }
  if (claim === null) return { base: { name: null, how: 'unknown' }, entries: [] };
  const entries = entriesFor(claim);
  return { base: { name: entries[0]?.base ?? claim, how: entries.length > 0 ? 'claimed' : 'unknown' }, entries };
}

/** What identifies a weight that an adapter changes, and the bytes behind it. */
export interface ShapedDelta extends Pick<Weight, 'name' | 'role' | 'layer' | 'module' | 'shape'> {
  readonly bytes: number;
  /** For messages: a tensor that it is made of. */
  readonly tensor?: string;
}

/**
 * Holds the adapter's shapes against the base that it is said to belong to.
 * @returns what the base does not have and what therefore can't be judged
 * @throws WeightseqError `base-mismatch` naming the first weight that contradicts the base
 */
export function checkShapes(weights: readonly ShapedDelta[], base: KnownBase, file: string): Gap[] {
  const gaps: Gap[] = [];
  for (const weight of weights) {
    const known = Object.hasOwn(base.weights, weight.name) ? base.weights[weight.name] : undefined;
    const [outputs, inputs] = weight.shape;
    const vocabulary = weight.role === 'embed' || weight.role === 'head';
    if (!known) {
      if (weight.layer !== null && weight.role !== 'other') throw mismatch(file, weight, base, 'which has no such weight');
      const fused = fusedIn(weight);
      const reason = fused === null ? `the base ${base.name} has no linear weight of this name`
        : `a fused weight (${fused} together) that the base ${base.name} does not tell how to divide; merge the adapter and scan the checkpoint`;
      gaps.push({ name: weight.name, reason, bytes: weight.bytes });
    } else if (vocabulary && outputs !== known[0] && inputs === known[1]) {
      gaps.push({ name: weight.name, reason: `vocabulary of ${outputs}, the base has ${known[0]}: resized embeddings are not scored`, bytes: weight.bytes });
    } else if (outputs !== known[0] || inputs !== known[1]) {
      throw mismatch(file, weight, base, `where it is ${known[0]} × ${known[1]}`);
    }
  }
  return gaps;
}

/** Weights of an adapter as `checkShapes` takes them. */
export function shapedOf({ weights }: Pick<Checkpoint, 'weights'>): ShapedDelta[] {
  return weights.map(({ name, role, layer, module, shape, delta: { left, right } }) => (
    { name, role, layer, module, shape, bytes: left.tensor.bytes + right.tensor.bytes, tensor: right.tensor.name }
  ));
}

function mismatch(file: string, weight: ShapedDelta, base: KnownBase, contradiction: string): WeightseqError {
  const message = `changes ${escapeText(weight.name)} (${weight.shape.join(' × ')}) of ${base.name}, ${contradiction}`;
  return new WeightseqError('base-mismatch', message, {
    file, ...(weight.tensor === undefined ? {} : { tensor: weight.tensor }),
    mend: 'The adapter belongs to another base: name it with --assume-base, or correct base_model_name_or_path.',
  });
}
