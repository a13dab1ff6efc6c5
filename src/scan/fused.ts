/**
 * Adapters on weights that are several in one (Phi-3's qkv_proj, GPT-2's c_attn, GPT-NeoX's query_key_value). Pure. In: an adapter
 * and the base's weights. Out: the same adapter with the change of each part: rows of B times all of A.
 */
import { FUSED } from '../checkpoint/architectures.js';
import { compareModules, splitBlock } from '../checkpoint/names.js';
import type { KnownBase } from '../signature/document.js';
import type { Checkpoint, Factor, Weight } from '../types.js';

/** Divides what the base knows in parts only, where the parts' shapes leave no doubt how; everything else stays as it is. */
export function divideFused(checkpoint: Checkpoint, base: KnownBase): Checkpoint {
  const names = new Set(checkpoint.weights.map(({ name }) => name));
  const weights = checkpoint.weights.flatMap((weight) => {
    const parts = partsOf(weight, base);
    return parts?.every(({ name }) => !names.has(name)) === true ? parts : [weight];
  });
  const order = ({ role, layer }: Weight) => ({ role, layer, name: '', expert: null });
  return { ...checkpoint, weights: weights.sort((a, b) => compareModules(order(a), order(b))) };
}

/** What a module holds together, such as `q, k, v`; null for one that is no fused weight of any architecture. */
export function fusedIn({ role, module }: Pick<Weight, 'role' | 'module'>): string | null {
  const candidates = role === 'other' ? FUSED.get(splitBlock(module)?.path ?? '') : undefined;
  return candidates?.[0]?.parts.join(', ') ?? null;
}

function partsOf(weight: Weight, base: KnownBase): Weight[] | null {
  const { role, name, layer, module, shape: [outputs, inputs], delta } = weight;
  if (role !== 'other' || layer === null || Object.hasOwn(base.weights, name) || delta.left.transposed) return null;
  for (const fused of FUSED.get(splitBlock(module)?.path ?? '') ?? []) {
    const shapes = fused.parts.map((part) => base.weights[`${layer}.${part}`] ?? [0, 0] as const);
    const counts = shapes.map(([count]) => count);
    if (shapes.some(([count, width]) => count === 0 || width !== inputs) || counts.reduce((sum, count) => sum + count, 0) !== outputs) continue;
    const rows = fused.byHead ? rowsByHead(counts, base.heads) : rowsInOrder(counts);
    if (rows === null) continue;
    return fused.parts.map((part, i): Weight => ({
      ...weight, name: `${layer}.${part}`, role: part, shape: [counts[i] ?? 0, inputs], delta: { ...delta, left: { ...delta.left, rows: rows[i] ?? [] } },
    }));
  }
  return null;
}

type Rows = NonNullable<Factor['rows']>;

function rowsInOrder(counts: readonly number[]): Rows[] {
  let first = 0;
  return counts.map((count) => {
    const rows: Rows = [[first, count]];
    first += count;
    return rows;
  });
}

/** The first head's queries, its keys, its values; then the second's. Null where the number of heads is not known, or does not divide them. */
function rowsByHead(counts: readonly number[], heads: number | undefined): Rows[] | null {
  const size = (counts[0] ?? 0) / (heads ?? NaN);
  if (heads === undefined || !Number.isInteger(size) || counts.some((count) => count !== counts[0])) return null;
  return counts.map((_, i) => Array.from({ length: heads }, (__, head) => [(head * counts.length + i) * size, size] as const));
}
