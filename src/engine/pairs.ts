/**
 * Two low-rank changes of one weight. In: ΔA = s_A L_A R_A and ΔB = s_B L_B R_B as ranges of files. Out: the Gram matrices of their
 * factors in float64, from which norms, inner product, singular values and principal angles of both follow; ΔA and ΔB are never formed.
 */
import type { Factor, LowRank } from '../types.js';
import { elementOf } from './dtype.js';
import { newGraph, type Graph, type Value } from './graph.js';
import { ELEMENT } from './onnx.js';
import { both, sidesOf, type Both, type Side } from './products.js';
import { run, type EngineOptions, type Outputs } from './session.js';

/** Gram matrices of two factors with as many rows, P (n × p) and Q (n × q). Row-major. */
export interface PairGrams {
  /** P'P, p × p. */
  readonly aa: Float64Array;
  /** P'Q, p × q. */
  readonly ab: Float64Array;
  /** Q'Q, q × q. */
  readonly bb: Float64Array;
}

/** Two changes of one weight. */
export interface PairJob {
  readonly a: LowRank;
  readonly b: LowRank;
  readonly shape: readonly [outputs: number, inputs: number];
}

/** 8 MiB in float64 for each factor. */
const TILE_ELEMENTS = 2 ** 20;

/**
 * left: of L_A and L_B (out × rank); right: of R_A' and R_B' (in × rank). NaN where a factor is not finite; 0 where either rank is 0.
 * @throws WeightseqError `engine-failed`, `provider-unavailable`
 */
export async function gramsOfPair({ a, b, shape }: PairJob, options: EngineOptions): Promise<Both<PairGrams>> {
  const sidesA = sidesOf({ delta: a, shape, probes: [] });
  const sidesB = sidesOf({ delta: b, shape, probes: [] });
  const graph = newGraph();
  const pairs: Both<readonly [Side, Side]> = { left: [sidesA.left, sidesB.left], right: [sidesA.right, sidesB.right] };
  const values = both(pairs, ([p, q]) => ({ p, q, tiles: p.length === 0 || p.rank * q.rank === 0 ? [] : addGrams(graph, p, q) }));
  const isEmpty = values.left.tiles.length + values.right.tiles.length === 0;
  const outputs: Outputs = isEmpty ? () => new Float64Array() : await run(graph.finish(), options, a.left.tensor);
  return both(values, ({ p, q, tiles }) => ({
    aa: sum(tiles.map(({ aa }) => aa), p.rank * p.rank, outputs),
    ab: sum(tiles.map(({ ab }) => ab), p.rank * q.rank, outputs),
    bb: sum(tiles.map(({ bb }) => bb), q.rank * q.rank, outputs),
  }));
}

interface TileGrams {
  readonly aa: Value;
  readonly ab: Value;
  readonly bb: Value;
}

/** Both factors in tiles of the same rows. Each tile has outputs of its own, which are added up afterwards. */
function addGrams(graph: Graph, p: Side, q: Side): TileGrams[] {
  const castOnly = (side: Side): boolean => side.wide && elementOf(side.tensor, side.length * side.rank).castOnly;
  const step = castOnly(p) || castOnly(q) ? p.length : Math.max(1, Math.floor(TILE_ELEMENTS / Math.max(p.rank, q.rank)));
  const ofP = pieces(graph, p);
  const ofQ = pieces(graph, q);
  return cuts(p, q, step).map(({ first, count }) => {
    const P = ofP(first, count);
    const Q = ofQ(first, count);
    const product = (x: Value, y: Value, xs: Side, ys: Side): Value =>
      graph.output(graph.op('Gemm', [x, y], { ...(xs.wide ? {} : { transA: 1 }), ...(ys.wide ? { transB: 1 } : {}) }), ELEMENT.double, [xs.rank, ys.rank]);
    return { aa: product(P, P, p, p), ab: product(P, Q, p, q), bb: product(Q, Q, q, q) };
  });
}

/** Rows `first …` of a factor in float64: count × rank, or rank × count where it is wide. They lie in one of its stored pieces. */
function pieces(graph: Graph, { tensor, wide, length, rank, rows }: Side): (first: number, count: number) => Value {
  const elements = rows === undefined ? length * rank : tensor.shape.reduce((product, extent) => product * extent, 1);
  const cast = (value: Value): Value => graph.op('Cast', [value], { to: ELEMENT.double });
  if (wide) {
    const whole = graph.tensor(tensor, elements, { first: 0, count: rank, columns: length });
    return (first, count) => cast(count === length ? whole : graph.op('Slice', [whole, graph.ints([first]), graph.ints([first + count]), graph.ints([1])]));
  }
  const starts = spans(rows, length);
  return (first, count) => {
    const span = starts.find((s) => first >= s.first && first < s.first + s.count);
    return cast(graph.tensor(tensor, elements, { first: (span?.at ?? 0) + first - (span?.first ?? 0), count, columns: rank }));
  };
}

/** The stored pieces of a factor: where each lies in the factor (`first`) and in its tensor (`at`). */
function spans(rows: Factor['rows'], length: number): { first: number; at: number; count: number }[] {
  let first = 0;
  return (rows ?? [[0, length]]).map(([at, count]) => {
    const span = { first, at, count };
    first += count;
    return span;
  });
}

/** Consecutive rows of at most `step` that cross no border of a stored piece of either factor. */
function cuts(p: Side, q: Side, step: number): { first: number; count: number }[] {
  const borders = new Set([p, q].flatMap(({ rows, length }) => spans(rows, length)).flatMap(({ first, count }) => [first, first + count]));
  const sorted = [...borders].sort((x, y) => x - y);
  return sorted.slice(1).flatMap((end, i) => {
    const start = sorted[i] ?? 0;
    return Array.from({ length: Math.ceil((end - start) / step) }, (_, tile) => ({ first: start + tile * step, count: Math.min(step, end - start - tile * step) }));
  });
}

function sum(values: readonly Value[], length: number, outputs: Outputs): Float64Array {
  const total = new Float64Array(length);
  for (const value of values) outputs(value).forEach((v, i) => { total[i] = (total[i] ?? 0) + v; });
  return total;
}
