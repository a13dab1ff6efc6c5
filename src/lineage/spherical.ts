/** Spherical interpolation of two models (slerp). Pure. In: a path and two parents. Out: how far it lies between them, with an interval. */
import { estimateNorm } from '../reading/norms.js';
import { leastSquares } from './regress.js';
import type { Interval } from './schema.js';
import type { Subject } from './subject.js';

export interface Spherical {
  /** 0 at the first parent, 1 at the second. */
  readonly t: Interval;
  /** Σ (z − z(t))² over all sign coordinates. */
  readonly residual: number;
}

/** Closer tensors than this are interpolated linearly by mergekit, which made the method common (its `DOT_THRESHOLD`). */
const STRAIGHT = 0.9995;
const MOST_STEPS = 20;

/** The numbers of one weight: of the path and of both parents, and the angle between these. */
interface Tensor {
  readonly z: Float64Array;
  readonly a: Float64Array;
  readonly b: Float64Array;
  readonly angle: number;
}

/**
 * W(t) = [sin((1 − t)θ) A + sin(tθ) B] / sin θ tensor by tensor, θ the angle between A and B (Shoemake, SIGGRAPH 1985), solved for one t
 * by Gauss and Newton. cos θ comes from |A|, |B| and the estimate of |A − B|.
 * @returns null where no weight is in all three
 */
export function sphericalBetween(path: Subject, first: Subject, second: Subject, start: number): Spherical | null {
  const c = path.signs.columns;
  const tensors: Tensor[] = [];
  for (const { name, signs: z } of path.weights.values()) {
    const [A, B] = [first.weights.get(name), second.weights.get(name)];
    if (A?.signs.length !== z.length || B?.signs.length !== z.length) continue;
    const apart = estimateNorm(A.signs.map((v, i) => v - (B.signs[i] ?? 0)), c).value;
    const cosine = Math.min(1, Math.max(-1, (A.norm ** 2 + B.norm ** 2 - apart ** 2) / (2 * A.norm * B.norm)));
    if (Number.isFinite(cosine)) tensors.push({ z, a: A.signs, b: B.signs, angle: cosine > STRAIGHT ? 0 : Math.acos(cosine) });
  }
  let t = Math.min(1, Math.max(0, start));
  for (let step = 0; step < MOST_STEPS; step++) {
    const fit = leastSquares(tensors.map((tensor) => ({ y: subtract(tensor.z, between(tensor, t)), x: [slope(tensor, t)] })), c);
    const change = fit?.coefficients[0];
    if (fit === null || change === undefined) return null;
    t = Math.min(1.5, Math.max(-0.5, t + change.value));
    if (Math.abs(change.value) < 1e-9) return { t: { value: t, low: t + change.low, high: t + change.high }, residual: fit.residual };
  }
  return null;
}

function between({ a, b, angle }: Tensor, t: number): Float64Array {
  const [p, q] = angle === 0 ? [1 - t, t] : [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
  return a.map((v, i) => p * v + q * (b[i] ?? 0));
}

/** dW/dt */
function slope({ a, b, angle }: Tensor, t: number): Float64Array {
  const [p, q] = angle === 0 ? [-1, 1] : [(-angle * Math.cos((1 - t) * angle)) / Math.sin(angle), (angle * Math.cos(t * angle)) / Math.sin(angle)];
  return a.map((v, i) => p * v + q * (b[i] ?? 0));
}

function subtract(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((v, i) => v - (b[i] ?? 0));
}
