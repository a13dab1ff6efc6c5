/** A strip of a weight times matrices that are in memory. In: rows of M as stored, R (columns × width), L (rows × width). Out: M·R and M'·L. */
import { newGraph, type Graph, type Value } from './graph.js';
import { matrix, type Real } from './matrix.js';
import { run, type EngineOptions } from './session.js';
import { layoutOf, tilesOf, type Span } from './strips.js';
import type { DenseJob } from './sums.js';

/** One session's work; plain data. */
export interface ProductTask {
  readonly kind: 'product';
  readonly job: DenseJob;
  readonly strip: Span;
  readonly type: Real;
  readonly width: number;
  /** Columns of M × width. */
  readonly right: Float64Array | null;
  /** Rows of the strip × width. */
  readonly left: Float64Array | null;
}

export interface StripProducts {
  /** M·R, rows of the strip × width; empty without R. */
  readonly right: Float64Array;
  /** The strip's share of M'·L, columns of M × width; empty without L. */
  readonly left: Float64Array;
}

/**
 * The products of one strip, in tiles: each tile's share of M'·L comes back by itself and is added up here, in float64.
 * @throws WeightseqError `engine-failed`, `provider-unavailable`
 */
export async function multiplyStrip({ job: { weight, base }, strip, type, width, right, left }: ProductTask, options: EngineOptions): Promise<StripProducts> {
  const layout = layoutOf(weight.values, weight.shape);
  const graph = newGraph();
  const R = right && constant(graph, right, [layout.columns, width], type);
  const asked = tilesOf(layout.columns, strip).map(({ first, count }) => {
    const M = matrix(graph, layout, weight.values, base?.values, { first, count }, type);
    const at = first - strip.first;
    const L = left && constant(graph, left.subarray(at * width, (at + count) * width), [count, width], type);
    return {
      at,
      right: R && graph.output(graph.op('MatMul', [M, R]), type, [count, width]),
      left: L && graph.output(graph.op('Gemm', [M, L], { transA: 1 }), type, [layout.columns, width]),
    };
  });
  const outputs = await run(graph.finish(), options, weight.values.tensor);
  const products = { right: new Float64Array(right ? strip.count * width : 0), left: new Float64Array(left ? layout.columns * width : 0) };
  for (const tile of asked) {
    if (tile.right !== null) products.right.set(outputs(tile.right), tile.at * width);
    if (tile.left !== null) addTo(products.left, outputs(tile.left));
  }
  return products;
}

function constant(graph: Graph, values: Float64Array, dims: readonly number[], type: Real): Value {
  return graph.op('Cast', [graph.doubles(values, dims)], { to: type });
}

/** to += from */
export function addTo(to: Float64Array, from: ArrayLike<number>): void {
  for (let i = 0; i < to.length; i++) (to[i] as number) += from[i] as number;
}

/** All results in order; when one fails, after the others have ended. */
export async function all<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
