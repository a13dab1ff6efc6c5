/** What will be read of a whole checkpoint. In: a checkpoint, probes, perhaps the base. Out: a plan, which tests assert and --dry-run prints. Pure. */
import type { DenseWeight, Gap, ModelCheckpoint, Probe } from '../types.js';
import { SIGNS, type ModelPlan, type ModelStep } from './model.js';
import type { ProbeSet } from './plan.js';

/** Shapes of the base's weights by canonical name. */
export type BaseShapes = ReadonlyMap<string, readonly [outputs: number, inputs: number]>;

/**
 * What will be read of a whole checkpoint: every weight once with all probes that fit it and the sign probes, and every vector. Pure.
 * @param shapes of the base, where it is known: embedding and head are read over the first min(V, V0) rows
 * @param base at hand: then W − W0 is read in place of W
 */
export function planModel(checkpoint: ModelCheckpoint, probeSets: readonly ProbeSet[], shapes: BaseShapes = new Map(), base: ModelCheckpoint | null = null): ModelPlan {
  const gaps: Gap[] = [];
  const baseWeights = new Map(base?.weights.map((weight) => [weight.name, weight]));
  const steps = checkpoint.weights.flatMap((stored): ModelStep[] => {
    const other = baseWeights.get(stored.name) ?? (stored.signsAs === undefined ? undefined : baseWeights.get(stored.signsAs));
    const size = bytesOf(stored);
    if (base !== null && other === undefined) {
      gaps.push({ name: stored.name, reason: 'the base has no such weight, so that it can\'t be compared', bytes: size });
      return [];
    }
    const shape = other?.shape ?? shapes.get(stored.name) ?? stored.shape;
    const rows = isVocabulary(stored) && shape[1] === stored.shape[1] ? Math.min(stored.shape[0], shape[0]) : stored.shape[0];
    if (rows < stored.shape[0]) {
      gaps.push({ name: stored.name, reason: `rows ${rows} to ${stored.shape[0] - 1} are not in the base, whose vocabulary has ${rows}: the rows in common are compared, these are not`, bytes: Math.round((size / stored.shape[0]) * (stored.shape[0] - rows)) });
    } else if (rows < shape[0] && isVocabulary(stored)) {
      gaps.push({ name: stored.name, reason: `vocabulary of ${rows}, the base has ${shape[0]}: the missing rows can't be compared`, bytes: 0 });
    }
    const weight = firstRows(stored, rows);
    const cut = other && firstRows(other, isVocabulary(other) ? Math.min(rows, other.shape[0]) : other.shape[0]);
    if (cut && cut.shape.join() !== weight.shape.join()) {
      gaps.push({ name: stored.name, reason: `${weight.shape.join(' × ')}, where the base has ${cut.shape.join(' × ')}: it can't be compared`, bytes: size });
      return [];
    }
    const probes = probeSets.flatMap(({ key, weights }): Probe[] => {
      const found = weights.get(weight.name);
      const fits = found && found.U.shape[0] === weight.shape[0] && found.V.shape[0] === weight.shape[1];
      return fits ? [{ key, U: found.U, V: found.V, columns: found.U.shape[1] ?? 0 }] : [];
    });
    return [{ weight, base: cut ?? null, probes, bytes: bytesOf(weight) + (cut ? bytesOf(cut) : 0) }];
  });
  const baseVectors = new Map(base?.vectors.map((vector) => [vector.name, vector]));
  const vectors = checkpoint.vectors.map((vector) => ({ vector, base: baseVectors.get(vector.name) ?? null }));
  const names = new Set([...checkpoint.weights, ...checkpoint.vectors].map(({ name }) => name));
  for (const { name } of [...(base?.weights ?? []), ...(base?.vectors ?? [])]) {
    if (!names.has(name)) gaps.push({ name, reason: 'the base has it, the checkpoint does not', bytes: 0 });
  }
  const { buffers } = checkpoint;
  const others = [...vectors.map(({ vector }) => vector.tensor), ...buffers];
  const bytes = [...steps, ...others].reduce((sum, part) => sum + part.bytes, 0);
  return { of: base === null ? 'weights' : 'change', steps, vectors, buffers, signs: SIGNS, bytes, gaps };
}

function isVocabulary({ role }: DenseWeight): boolean {
  return role === 'embed' || role === 'head';
}

/** Bytes of the stored matrix that make up the weight. */
function bytesOf({ values: { tensor, outputs }, shape }: DenseWeight): number {
  const elements = tensor.shape.reduce((product, extent) => product * extent, 1);
  const taken = outputs.reduce((sum, [, count]) => sum + count, 0) * shape[1];
  return elements === 0 ? 0 : Math.round(tensor.bytes * (taken / elements));
}

function firstRows(weight: DenseWeight, rows: number): DenseWeight {
  if (rows >= weight.shape[0]) return weight;
  let left = rows;
  const outputs = weight.values.outputs.flatMap(([first, count]): [number, number][] => {
    const take = Math.min(count, left);
    left -= take;
    return take > 0 ? [[first, take]] : [];
  });
  return { ...weight, shape: [rows, weight.shape[1]], values: { ...weight.values, outputs } };
}
