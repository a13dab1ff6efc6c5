/** What stands in a tensor. In: a factor or a dense tensor. Out: how many NaN and infinities, and the largest magnitudes. */
import type { TensorInfo } from '../types.js';
import { elementOf, isFloat } from './dtype.js';
import { newGraph, type Graph, type Value } from './graph.js';
import { ELEMENT } from './onnx.js';
import { both, tiles, type Both, type Side } from './products.js';
import { run, type EngineOptions, type Outputs } from './session.js';

export interface NonFinite {
  readonly nan: number;
  readonly infinite: number;
}

export interface FactorCensus {
  readonly counts: NonFinite;
  /** Largest magnitude at each rank index; without meaning where the factor is not finite. */
  readonly largest: Float64Array;
}

/** 4 MiB in float32. */
const TILE_ELEMENTS = 2 ** 20;
/** Of one session. */
const SESSION_BYTES = 16 * 2 ** 20;

/** The census of both factors, in one session. */
export async function censusOfFactors(sides: Both<Side>, options: EngineOptions): Promise<Both<FactorCensus>> {
  const graph = newGraph();
  const asked = both(sides, (side) => tiles(graph, side, ELEMENT.double).map(({ value }) => {
    const largest = graph.op('ReduceMax', [graph.op('Abs', [value]), graph.ints([side.wide ? 1 : 0])], { keepdims: 0 });
    return { counts: addCounts(graph, value), largest: graph.output(largest, ELEMENT.double, [side.rank]) };
  }));
  const outputs = await run(graph.finish(), options, sides.left.tensor);
  return both(asked, (ofTiles) => {
    const maxima = ofTiles.map(({ largest }) => outputs(largest));
    const largest = Float64Array.from({ length: sides.left.rank }, (_, j) => Math.max(...maxima.map((ofTile) => ofTile[j] ?? 0)));
    return { counts: addUp(ofTiles.map(({ counts }) => counts), outputs), largest };
  });
}

/**
 * How many elements of a tensor are NaN or infinite, read in tiles of at most 4 MiB of float32, so that memory stays bounded.
 * Integers are finite, and are not read.
 * @throws WeightseqError `engine-failed`, `provider-unavailable`
 */
export async function countNonFinite(tensor: TensorInfo, options: EngineOptions): Promise<NonFinite> {
  const elements = tensor.shape.reduce((product, extent) => product * extent, 1);
  if (elements === 0 || !isFloat(tensor.dtype)) return { nan: 0, infinite: 0 };
  const element = elementOf(tensor, elements);
  // A finite float64 may lie beyond float32.
  const type = element.type === ELEMENT.double ? ELEMENT.double : ELEMENT.float;
  const perSession = SESSION_BYTES / element.bytes;
  let total: NonFinite = { nan: 0, infinite: 0 };
  for (let from = 0; from < elements; from += perSession) {
    const graph = newGraph();
    const counts: CountValues[] = [];
    const end = Math.min(from + perSession, elements);
    for (let first = from; first < end; first += TILE_ELEMENTS) {
      const stored = graph.tensor(tensor, elements, { first, count: Math.min(TILE_ELEMENTS, end - first), columns: 1 });
      counts.push(addCounts(graph, graph.op('Cast', [stored], { to: type })));
    }
    const outputs = await run(graph.finish(), options, tensor);
    const found = addUp(counts, outputs);
    total = { nan: total.nan + found.nan, infinite: total.infinite + found.infinite };
  }
  return total;
}

export interface CountValues {
  readonly nan: Value;
  readonly infinite: Value;
}

/** Appends the counts of NaN and infinity in a value. */
export function addCounts(graph: Graph, value: Value): CountValues {
  const count = (test: 'IsNaN' | 'IsInf'): Value => {
    const ones = graph.op('Cast', [graph.op(test, [value])], { to: ELEMENT.int32 });
    return graph.output(graph.op('ReduceSum', [ones], { keepdims: 0 }), ELEMENT.int32, []);
  };
  return { nan: count('IsNaN'), infinite: count('IsInf') };
}

/** The counts of several values together, once they were run. */
export function addUp(counts: readonly CountValues[], outputs: Outputs): NonFinite {
  const sum = (key: keyof CountValues): number => counts.reduce((total, values) => total + (outputs(values[key])[0] ?? 0), 0);
  return { nan: sum('nan'), infinite: sum('infinite') };
}
