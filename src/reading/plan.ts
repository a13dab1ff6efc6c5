/** What will be read of an adapter. In: a checkpoint and probes. Out: a plan. Pure. */
import type { Checkpoint, Probe, ReadPlan, ReadStep, TensorInfo } from '../types.js';

/** The files that a plan reads. */
export function filesOfDelta({ steps, unscored }: ReadPlan): string[] {
  return [...steps.flatMap(({ weight: { delta } }) => [delta.left.tensor.file, delta.right.tensor.file]), ...unscored.map(({ file }) => file)];
}

/** The probes of one signature by canonical weight name, under the key that its coordinates are kept by. */
export interface ProbeSet {
  readonly key: string;
  readonly weights: ReadonlyMap<string, Pick<Probe, 'U' | 'V'>>;
}

/**
 * What will be read, in which order: every weight once, with all probes that any signature takes of it. Pure.
 * Weights whose shape does not fit a signature's probes take none of them.
 */
export function plan(checkpoint: Checkpoint, probeSets: readonly ProbeSet[]): ReadPlan {
  const counted = new Set<TensorInfo>(); // what the parts of a fused weight share counts once
  const once = (tensor: TensorInfo): number => {
    const bytes = counted.has(tensor) ? 0 : tensor.bytes;
    counted.add(tensor);
    return bytes;
  };
  const steps = checkpoint.weights.map((weight): ReadStep => {
    const probes = probeSets.flatMap(({ key, weights }): Probe[] => {
      const found = weights.get(weight.name);
      const fits = found && found.U.shape[0] === weight.shape[0] && found.V.shape[0] === weight.shape[1];
      return fits ? [{ key, U: found.U, V: found.V, columns: found.U.shape[1] ?? 0 }] : [];
    });
    return { weight, probes, bytes: once(weight.delta.left.tensor) + once(weight.delta.right.tensor) };
  });
  const { unscored } = checkpoint;
  const bytes = [...steps, ...unscored].reduce((total, part) => total + part.bytes, 0);
  return { steps, unscored, bytes };
}
