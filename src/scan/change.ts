/** What changed between a checkpoint and its base. Pure. In: a reading and the base's numbers. Out: ΔW in coordinates and norms, in float64. */
import type { DenseReading, ModelReading, VectorReading } from '../reading/model.js';
import { estimateNorm, type NormEstimate } from '../reading/norms.js';
import type { Gap, Role } from '../types.js';
import type { BaseNumbers, BaseWeight } from './base-numbers.js';
import { norm } from './null.js';
import { computingNorm, computingSd, conversionNorm, coordinateSd, isSameRounded, roundingNorm } from './rounding.js';

/**
 * |ΔW|, Frobenius, with a 90 % interval; `floor` is what rounding alone can make of it, already subtracted from value and low.
 * Where little was changed, less was rounded than the floor: the upper end takes nothing away.
 */
export interface FlooredNorm {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly floor: number;
}

export interface WeightChange {
  readonly name: string;
  readonly role: Role;
  readonly layer: number | null;
  readonly shape: readonly [outputs: number, inputs: number];
  readonly norm: FlooredNorm;
  /** norm.value where the weight changed, else 0. */
  readonly deltaNorm: number;
  /** By signature: u_i' ΔW v_i, and the standard deviation of each. */
  readonly coordinates: ReadonlyMap<string, Float64Array>;
  readonly sds: ReadonlyMap<string, Float64Array>;
  /** X'ΔWY as it was read, rounding included. */
  readonly signs: Float64Array;
  /** The numbers may differ from the base's by the rounding to a narrower dtype, below which a change can hide. */
  readonly isConverted: boolean;
}

/** A weight's change, and its norm before anything is taken off. */
interface Measured {
  readonly weight: WeightChange;
  readonly raw: NormEstimate;
}

export interface Change {
  /** Weights that were compared with the base's. */
  readonly weights: readonly WeightChange[];
  /** Weights and vectors that were read and of which the base's numbers are not at hand. */
  readonly notCompared: readonly { readonly name: string; readonly bytes: number }[];
  /** Vectors that are not the base's, one Gap for each. */
  readonly vectors: readonly Gap[];
  readonly norm: FlooredNorm;
  /** |ΔW| / |W| over the compared weights; null where |W| is not known. */
  readonly ratio: number | null;
}

/** An unchanged weight lies below its floor by this much. */
const MARGIN = 2;
/** A coordinate so many standard deviations from the base's is a change. */
const FAR = 8;

/** @param base null where the reading itself is of ΔW */
export function changeOf(reading: ModelReading, base: BaseNumbers | null): Change {
  const measured: Measured[] = [];
  const notCompared: Change['notCompared'][number][] = [];
  let squares = 0;
  for (const weight of reading.weights) {
    const known = base?.weights.get(weight.name) ?? (weight.signsAs === undefined ? undefined : base?.weights.get(weight.signsAs));
    if (base === null) measured.push(direct(weight));
    else if (known && known.shape.join() === weight.shape.join()) {
      measured.push(subtracted(weight, known, base));
      squares += weight.norm ** 2;
    } else notCompared.push({ name: weight.name, bytes: weight.bytes });
  }
  const vectors = base === null ? new Map(reading.baseVectors.map((v) => [v.name, v])) : base.vectors;
  if (vectors === null) notCompared.push(...reading.vectors.map(({ name, values }) => ({ name, bytes: values.byteLength })));
  const norm = total(measured, base === null);
  return { weights: measured.map(({ weight }) => weight), notCompared, vectors: vectors === null ? [] : vectorGaps(reading.vectors, vectors), norm, ratio: squares > 0 ? norm.value / Math.sqrt(squares) : null };
}

function direct(weight: DenseReading): Measured {
  const { name, role, layer, norm, coordinates, signs, dtype, baseDtype, shape } = weight;
  const floor = conversionNorm({ dtype, shape, norm: 0 }, baseDtype ?? dtype);
  const sds = new Map([...coordinates].map(([key, c]) => [key, c.map((v) => computingSd(weight, v))]));
  const raw = { value: norm, low: norm, high: norm };
  const deltaNorm = norm > MARGIN * floor || Number.isNaN(norm) ? norm : 0;
  return { raw, weight: { name, role, layer, shape, norm: { ...raw, floor }, deltaNorm, coordinates, sds, signs, isConverted: floor > 0 } };
}

/** u'(W − W0)v = u'Wv − c0, and |ΔW|² = E (X'WY − X'W0Y)²: the mean of its squares. */
function subtracted(weight: DenseReading, known: BaseWeight, base: BaseNumbers): Measured {
  const { name, role, layer, shape } = weight;
  const signs = weight.signs.map((v, i) => v - (known.signs[i] ?? Number.NaN));
  const raw = estimateNorm(signs, Math.sqrt(signs.length));
  const { value: rms, low, high } = raw;
  const computing = computingNorm(weight);
  const conversion = known.dtype === null ? 0 : conversionNorm(weight, known.dtype);
  const unchanged = Math.hypot(computing, conversion);
  const floor = Math.hypot(computing, roundingNorm(weight));
  const without = (value: number): number => Math.sqrt(Math.max(0, value ** 2 - floor ** 2));
  const norm = { value: without(rms), low: without(low), high, floor };
  const coordinates = new Map<string, Float64Array>();
  let largest = 0;
  let isChanged = !(rms <= MARGIN * unchanged);
  for (const [key, values] of weight.coordinates) {
    const c0 = base.coordinates.get(key)?.get(name);
    if (c0 === undefined) continue;
    const change = values.map((v, i) => v - (c0[i] ?? Number.NaN));
    coordinates.set(key, change);
    // The sign probes are public: a change may be made to evade them, and shows here.
    largest = change.reduce((most, v) => Math.max(most, Math.abs(v)), largest);
    isChanged ||= change.some((v, i) => !(Math.abs(v) <= FAR * coordinateSd(weight, values[i] ?? Number.NaN)));
  }
  // What did not change was not rounded, unless it was stored in a narrower dtype.
  const sd = isChanged || conversion > 0 ? coordinateSd : computingSd;
  const sds = new Map([...coordinates.keys()].map((key) => [key, (weight.coordinates.get(key) ?? new Float64Array()).map((v) => sd(weight, v))]));
  // Changed, but by less than rounding may explain: it counts as changed all the same. |ΔW| ≥ |u'ΔWv| for u, v of length 1.
  const deltaNorm = isChanged ? norm.value || Math.max(rms, largest) : 0;
  return { raw, weight: { name, role, layer, shape, norm, deltaNorm, coordinates, sds, signs, isConverted: conversion > 0 } };
}

/** Over the weights that changed; the upper end also holds what may hide below the rounding of the others. */
function total(measured: readonly Measured[], isExact: boolean): FlooredNorm {
  const changed = measured.filter(({ weight }) => weight.deltaNorm !== 0);
  const floor = norm(changed.map(({ weight }) => weight.norm.floor));
  const squares = (of: readonly number[]): number => of.reduce((sum, v) => sum + v ** 2, 0);
  const square = squares(changed.map(({ weight }) => weight.norm.value));
  if (isExact) return { value: Math.sqrt(square), low: Math.sqrt(square), high: Math.sqrt(square), floor };
  const open = measured.filter(({ weight }) => weight.deltaNorm !== 0 || weight.isConverted);
  const whole = squares(open.map(({ raw }) => raw.value));
  // The weights' signs are independent, and so are the errors of their squares.
  const half = norm(open.map(({ raw: { low, high } }) => (high ** 2 - low ** 2) / 2));
  return { value: Math.sqrt(square), low: Math.sqrt(Math.max(0, squares(changed.map(({ raw }) => raw.value)) - floor ** 2 - half)), high: Math.sqrt(whole + half), floor };
}

function vectorGaps(vectors: readonly VectorReading[], base: ReadonlyMap<string, VectorReading>): Gap[] {
  const names = new Set(vectors.map(({ name }) => name));
  const gaps = vectors.flatMap(({ name, role, dtype, values }): Gap[] => {
    const other = base.get(name);
    const bytes = values.byteLength;
    if (other === undefined) return [{ name, reason: `unexplained change: a ${role === 'other' ? 'tensor' : role} that the base does not have`, bytes }];
    if (other.values.length !== values.length) return [{ name, reason: `unexplained change: ${values.length} numbers, the base has ${other.values.length}`, bytes }];
    const changed = values.filter((value, i) => !isSameRounded(value, other.values[i] ?? Number.NaN, dtype, other.dtype)).length;
    return changed === 0 ? [] : [{ name, reason: `unexplained change: ${changed} of ${values.length} numbers are not the base's, and no signature scores them`, bytes }];
  });
  const missing = [...base.values()].filter(({ name }) => !names.has(name));
  return [...gaps, ...missing.map(({ name, values }): Gap => ({ name, reason: 'the base has it, the checkpoint does not', bytes: values.byteLength }))];
}
