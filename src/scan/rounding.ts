/** What rounding adds to a difference of two readings. In: a weight's dtype, shape and norm. Out: standard deviations and floors. */
import type { Dtype } from '../types.js';

/** Fraction bits of the types that weights are stored in. */
const FRACTION_BITS: Partial<Record<Dtype, number>> = { F64: 52, F32: 23, F16: 10, BF16: 7, F8_E4M3: 3, F8_E5M2: 2 };
/** Exponent of the smallest step of the types whose small numbers are rounded absolutely. */
const SMALLEST_STEP: Partial<Record<Dtype, number>> = { F16: -24, F8_E4M3: -9, F8_E5M2: -16 };
/**
 * rms rounding error over rms value, in units of 2^−bits: an error is uniform within half a step, a step is 2^−bits of its
 * binade, and normal numbers are spread over binades so that √(E[step²]/12 / E[w²]) is .2125 (10⁶ normal numbers, bf16 and f16; .2136 for t with 4 df).
 */
const RMS_STEP = 0.2125;
/** Half a step of float32 at 1. */
const SINGLE = 2 ** -24;

export interface Rounded {
  readonly dtype: Dtype;
  readonly shape: readonly [outputs: number, inputs: number];
  /** |W|, Frobenius. */
  readonly norm: number;
}

/** |E|, the Frobenius norm of the rounding of W to its dtype, when every element was rounded: an upper estimate. */
export function roundingNorm({ dtype, shape, norm }: Rounded): number {
  const step = SMALLEST_STEP[dtype];
  const absolute = step === undefined ? 0 : (2 ** step / Math.sqrt(12)) * Math.sqrt(shape[0] * shape[1]);
  return Math.hypot(norm * RMS_STEP * 2 ** -(FRACTION_BITS[dtype] ?? 0), absolute);
}

/** What float32 alone makes of |ΔW|: the engine's standard error of a number u'Wv, 2^−24 (8 |u||v||W|/√(out·in) + 4 |u'Wv|), for probes of signs. */
export function computingNorm({ norm }: Pick<Rounded, 'norm'>): number {
  return norm * SINGLE * 12;
}

/** Standard deviation of one coordinate u'Wv with |u| = |v| = 1 from float32 alone, as above. */
export function computingSd({ shape, norm }: Pick<Rounded, 'shape' | 'norm'>, coordinate: number): number {
  return SINGLE * (8 * norm / (Math.sqrt(shape[0] * shape[1]) || 1) + 4 * Math.abs(coordinate));
}

/** The same with the rounding of W, whose errors are independent from element to element: the rms error is |E|/√(out·in). */
export function coordinateSd(weight: Rounded, coordinate: number): number {
  return Math.hypot(roundingNorm(weight) / (Math.sqrt(weight.shape[0] * weight.shape[1]) || 1), computingSd(weight, coordinate));
}

/** Whether a number of the checkpoint is the base's, up to one rounding to the checkpoint's dtype. */
export function isSameRounded(value: number, base: number, dtype: Dtype, baseDtype: Dtype): boolean {
  if (Object.is(value, base) || value === base) return true;
  const bits = FRACTION_BITS[dtype] ?? 52;
  if (bits >= (FRACTION_BITS[baseDtype] ?? 52) && SMALLEST_STEP[dtype] === undefined) return false;
  if (dtype === baseDtype) return false;
  const half = Math.max(Math.abs(base) * 2 ** -(bits + 1), SMALLEST_STEP[dtype] === undefined ? 0 : 2 ** ((SMALLEST_STEP[dtype] ?? 0) - 1));
  return Math.abs(value - base) <= half * (1 + 2 ** -20);
}

/** Up to which |ΔW| storing the base's own numbers in the checkpoint's dtype can lead: 0 where it holds them all. */
export function conversionNorm(weight: Rounded, baseDtype: Dtype): number {
  if (weight.dtype === baseDtype) return 0;
  const narrower = (FRACTION_BITS[weight.dtype] ?? 0) < (FRACTION_BITS[baseDtype] ?? 52);
  return roundingNorm(narrower ? weight : { ...weight, norm: 0 });
}
