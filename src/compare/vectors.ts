/** Norms and biases of two models. In: their numbers. Out: those that are not the same. Pure. */
import type { VectorReading } from '../reading/model.js';
import { isSameRounded } from '../scan/rounding.js';

export interface ChangedVector {
  readonly name: string;
  /** Numbers that differ by more than one rounding to the narrower dtype; all where one model lacks the vector, or has another length of it. */
  readonly changed: number;
  readonly of: number;
}

export function changedVectors(a: readonly VectorReading[], b: readonly VectorReading[]): ChangedVector[] {
  const [inA, inB] = [new Map(a.map((vector) => [vector.name, vector])), new Map(b.map((vector) => [vector.name, vector]))];
  return [...new Set([...inA.keys(), ...inB.keys()])].flatMap((name): ChangedVector[] => {
    const [p, q] = [inA.get(name), inB.get(name)];
    const of = Math.max(p?.values.length ?? 0, q?.values.length ?? 0);
    const changed = p === undefined || q === undefined || p.values.length !== q.values.length ? of
      : p.values.filter((value, i) => !isSame(value, q.values[i] ?? Number.NaN, p, q)).length;
    return changed === 0 ? [] : [{ name, changed, of }];
  });
}

function isSame(x: number, y: number, a: VectorReading, b: VectorReading): boolean {
  return (Number.isNaN(x) && Number.isNaN(y)) || isSameRounded(x, y, a.dtype, b.dtype) || isSameRounded(y, x, b.dtype, a.dtype);
}
