/** Two models weight by weight. Pure. In: a path's subject and a candidate's. Out: what differs, by how much, and what rounding alone could make. */
import { compareReadings, type Comparison, type WeightComparison } from '../reading/compare.js';
import type { NormEstimate } from '../reading/norms.js';
import { computingNorm, conversionNorm, isSameRounded, roundingNorm } from '../scan/rounding.js';
import type { VectorReading } from '../reading/model.js';
import type { Gap } from '../types.js';
import type { Subject, SubjectWeight } from './subject.js';

/** equal: the same numbers. converted: the same, up to the rounding to a narrower type. changed: neither. */
export type State = 'equal' | 'converted' | 'changed';

export interface WeightPair extends Pick<WeightComparison, 'correlation' | 'standardError' | 'counts'> {
  /** Of the path; `b` is the candidate's. */
  readonly a: SubjectWeight;
  readonly b: SubjectWeight;
  readonly state: State;
  /** X'(W − W_candidate)Y */
  readonly difference: Float64Array;
  /** |W − W_candidate|, with a 90 % interval; rounding is in it. */
  readonly distance: NormEstimate;
  /** How much of it rounding can make. */
  readonly floor: number;
}

export interface VectorPair {
  readonly a: VectorReading;
  readonly b: VectorReading;
  /** `converted`: the same numbers up to the rounding of either to the other's type. */
  readonly state: State;
}

export interface Pairing {
  readonly weights: readonly WeightPair[];
  readonly vectors: readonly VectorPair[];
  /** What has no counterpart, or one of another shape. */
  readonly not: readonly Gap[];
  readonly comparison: Comparison;
}

/** An estimate of nothing but rounding lies below its floor by this much. */
const MARGIN = 2;

/**
 * Holds two subjects against each other by name.
 * @throws WeightseqError `reading-invalid` when they were read with different sign probes
 */
export function pairUp(path: Subject, candidate: Subject): Pairing {
  const comparison = compareReadings({ weights: [...path.weights.values()], signs: path.signs }, { weights: [...candidate.weights.values()], signs: candidate.signs });
  const weights = comparison.weights.flatMap((compared): WeightPair[] => {
    const a = path.weights.get(compared.name);
    const b = a && (candidate.weights.get(a.name) ?? candidate.weights.get(a.signsAs ?? ''));
    return a && b ? [pairOf(a, b, compared)] : [];
  });
  const vectors = [...path.vectors.values()].flatMap((a): VectorPair[] => {
    const b = candidate.vectors.get(a.name);
    return b?.values.length === a.values.length ? [{ a, b, state: stateOfVectors(a, b) }] : [];
  });
  return { weights, vectors, comparison, not: notCompared(path, candidate, comparison, vectors) };
}

function pairOf(a: SubjectWeight, b: SubjectWeight, { correlation, standardError, counts, distance }: WeightComparison): WeightPair {
  const difference = a.signs.map((v, i) => v - (b.signs[i] ?? Number.NaN));
  const computing = Math.hypot(computingNorm(a), computingNorm(b));
  const conversion = Math.max(conversionNorm(a, b.dtype), conversionNorm({ ...b, norm: a.norm }, a.dtype));
  const rms = distance.value;
  const state = rms <= MARGIN * computing ? 'equal' : rms <= MARGIN * Math.hypot(computing, conversion) ? 'converted' : 'changed';
  return { a, b, state, difference, distance, floor: Math.hypot(computing, Math.max(roundingNorm(a), roundingNorm(b))), correlation, standardError, counts };
}

function stateOfVectors(a: VectorReading, b: VectorReading): State {
  if (a.values.every((value, i) => value === b.values[i])) return 'equal';
  const same = a.values.every((value, i) => {
    const other = b.values[i] ?? Number.NaN;
    return isSameRounded(value, other, a.dtype, b.dtype) || isSameRounded(other, value, b.dtype, a.dtype);
  });
  return same ? 'converted' : 'changed';
}

function notCompared(path: Subject, candidate: Subject, { onlyFirst, onlySecond, otherShape }: Comparison, vectors: readonly VectorPair[]): Gap[] {
  const gap = (name: string, reason: string): Gap => ({ name, reason, bytes: 0 });
  const paired = new Set(vectors.map(({ a }) => a.name));
  return [
    ...onlyFirst.map((name) => gap(name, 'the candidate has no such weight')),
    ...onlySecond.map((name) => gap(name, 'the candidate has it, the path does not')),
    ...otherShape.map((name) => gap(name, `another shape: ${path.weights.get(name)?.shape.join(' × ') ?? ''}, the candidate's is ${candidate.weights.get(name)?.shape.join(' × ') ?? ''}`)),
    ...[...path.vectors.keys()].filter((name) => !paired.has(name)).map((name) => gap(name, 'the candidate has no such tensor of this length')),
    ...[...candidate.vectors.keys()].filter((name) => !path.vectors.has(name)).map((name) => gap(name, 'the candidate has it, the path does not')),
  ];
}
