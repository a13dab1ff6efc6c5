/**
 * Weights that are stored together. Pure. In: the roles in a fused tensor, the sizes of the configuration and how many
 * outputs are stored. Out: which of the outputs belong to which role, or why that can't be told. Source: the forward
 * methods of Phi3Attention, Phi3MLP, GPT2Attention, GPTNeoXAttention, MixtralExperts and Qwen2MoeExperts (transformers 5.23).
 */
import type { TensorInfo } from '../types.js';
import type { BlockRole, Fused } from './architectures.js';
import type { Sizes } from './model-config.js';

export type Range = readonly [first: number, count: number];
export interface Part {
  readonly role: BlockRole;
  readonly outputs: readonly Range[];
}
export type Split = readonly Part[] | { readonly refused: string };

/** More heads or experts than any model has; each becomes a range or a weight of its own. */
const MAX_PIECES = 65_536;

/** @param inner width within the expert or the feed-forward block; null when the configuration does not give it */
export function splitOutputs(fused: Fused, sizes: Sizes, inner: number | null, stored: number): Split {
  const counts = fused.parts.map((role) => outputsOf(role, sizes, inner));
  // Two or more parts of one unknown size are equal ones; a head's share can't be guessed.
  const known = counts.every((count) => count !== null) ? counts : isFeedForward(fused) ? fused.parts.map(() => stored / fused.parts.length) : null;
  if (known === null) return { refused: 'config.json does not give the number and size of the attention heads, by which it is to be divided' };
  const total = known.reduce((sum, count) => sum + count, 0);
  if (total !== stored || known.some((count) => !Number.isInteger(count))) {
    return { refused: `it has ${stored} outputs, where config.json asks for ${known.join(' + ')} (${fused.parts.join(', ')}); check that both are of one model` };
  }
  if (fused.byHead) return splitByHead(fused, sizes, known);
  let first = 0;
  return fused.parts.map((role, i) => {
    const count = known[i] ?? 0;
    const part: Part = { role, outputs: [[first, count]] };
    first += count;
    return part;
  });
}

/** The first head's queries, its keys, its values; then the second's. */
function splitByHead({ parts }: Fused, { heads }: Sizes, counts: readonly number[]): Split {
  const one = counts[0] ?? 0;
  if (heads === null || heads > MAX_PIECES || counts.some((count) => count !== one)) return { refused: 'its parts are not of one size, so that it can\'t be divided by head' };
  const size = one / heads;
  return parts.map((role, i) => ({
    role,
    outputs: Array.from({ length: heads }, (_, head): Range => [(head * parts.length + i) * size, size]),
  }));
}

function isFeedForward({ parts }: Fused): boolean {
  return parts.every((role) => role === 'gate' || role === 'up' || role === 'down') && parts.length > 1;
}

function outputsOf(role: BlockRole, { hidden, heads, keyHeads, headSize }: Sizes, inner: number | null): number | null {
  if (role === 'gate' || role === 'up') return inner;
  if (role === 'o' || role === 'down') return hidden;
  if (heads === null) return null;
  const size = headSize ?? (hidden ?? NaN) / heads;
  if (!Number.isInteger(size)) return null;
  return size * (role === 'q' ? heads : keyHeads ?? heads);
}

/** The experts of a 3-D stack, each a matrix of its own. */
export function unstack(stack: TensorInfo, experts: number | null): readonly TensorInfo[] | { readonly refused: string } {
  const [count = 0, rows = 0, columns = 0] = stack.shape;
  if (experts !== null && count !== experts) return { refused: `a stack of ${count} experts, where config.json asks for ${experts}; check that both are of one model` };
  if (count > MAX_PIECES) return { refused: `a stack of ${count} experts, more than any model has` };
  const bytes = stack.bytes / count;
  return Array.from({ length: count }, (_, i) => ({
    ...stack, name: `${stack.name}[${i}]`, shape: [rows, columns], offset: stack.offset + i * bytes, bytes,
  }));
}
