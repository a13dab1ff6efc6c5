/** Parts of a plan, for reading a checkpoint on several machines. In: a plan and which part of how many. Out: a smaller plan. Pure. */
import { createHash } from 'node:crypto';
import type { ReadPlan, TensorInfo } from '../types.js';
import type { InvariantChoice, ModelPlan, Part } from './model.js';

/**
 * Part `index` of `count` of anything with bytes, in its order: an item belongs to the part in which the middle of its bytes
 * lies, so that parts are consecutive, about equally large, and each item lies whole in exactly one.
 */
function cut<T extends { readonly bytes: number }>(items: readonly T[], { index, count }: Part): Set<T> {
  const total = items.reduce((sum, { bytes }) => sum + bytes, 0);
  let before = 0;
  return new Set(items.filter(({ bytes }) => {
    const middle = before + bytes / 2;
    before += bytes;
    return (total === 0 ? 0 : Math.min(count - 1, Math.floor((middle / total) * count))) === index - 1;
  }));
}

/** Part of the plan of a whole checkpoint: weights first, then vectors, then buffers. */
export function partOfModel(plan: ModelPlan, part: Part): ModelPlan {
  const vectors = plan.vectors.map((entry) => ({ entry, bytes: entry.vector.tensor.bytes }));
  const items = [...plan.steps, ...vectors, ...plan.buffers];
  const taken = cut<(typeof items)[number]>(items, part);
  return {
    ...plan,
    steps: plan.steps.filter((step) => taken.has(step)),
    vectors: vectors.filter((vector) => taken.has(vector)).map(({ entry }) => entry),
    buffers: plan.buffers.filter((buffer) => taken.has(buffer)),
    bytes: sum([...taken]),
  };
}

/** Part of the plan of an adapter: weights first, then what is not scored. */
export function partOfDelta(plan: ReadPlan, part: Part): ReadPlan {
  const items = [...plan.steps, ...plan.unscored];
  const taken = cut<(typeof items)[number]>(items, part);
  return { steps: plan.steps.filter((step) => taken.has(step)), unscored: plan.unscored.filter((tensor) => taken.has(tensor)), bytes: sum([...taken]) };
}

function sum(items: readonly { readonly bytes: number }[]): number {
  return items.reduce((total, { bytes }) => total + bytes, 0);
}

/** sha256, hexadecimal, of what a whole plan reads and takes, in its order: the same for all parts of one reading. */
export function digestOfModel(plan: ModelPlan): string {
  return digest({
    of: 'weights', signs: plan.signs, invariants: invariantsOf(plan.invariants),
    weights: plan.steps.map(({ weight: { name, shape, values: { tensor } }, probes, bytes }) => [name, shape, tensor.dtype, bytes, probes.map(({ key }) => key)]),
    vectors: plan.vectors.map(({ vector: { name, tensor } }) => [name, ...ofTensor(tensor)]),
    buffers: plan.buffers.map(ofTensor),
  });
}

/** The same of the plan of an adapter. */
export function digestOfDelta(plan: ReadPlan, signs: ModelPlan['signs'], invariants: InvariantChoice): string {
  return digest({
    of: 'delta', signs, invariants: invariantsOf(invariants),
    weights: plan.steps.map(({ weight: { name, shape, delta: { rank, scale } }, probes, bytes }) => [name, shape, rank, scale, bytes, probes.map(({ key }) => key)]),
    unscored: plan.unscored.map(ofTensor),
  });
}

function invariantsOf(choice: InvariantChoice = { lines: false, spectrum: false, sketch: false }): boolean[] {
  return [choice.lines, choice.spectrum, choice.sketch];
}

function ofTensor({ name, shape, dtype, bytes }: TensorInfo): unknown[] {
  return [name, shape, dtype, bytes];
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
