/**
 * One factor of ΔW = scale · L·R in a graph: its Gram matrix and its projections on the probes, in tiles along its long side.
 * L (out × r) gives L'L and P = U'L; R (r × in) is L's mirror image and gives R R' and Q' = V'R'. Out: r × r and k × r each.
 */
import type { Factor, InvariantChoice, LowRank, Probe, TensorInfo } from '../types.js';
import { elementOf } from './dtype.js';
import type { Graph, Value } from './graph.js';
import { ELEMENT } from './onnx.js';
import type { Numbers, Outputs } from './session.js';
import { signRows, type ProbeSide, type SignMatrix } from './signs.js';

/** What the left side of a product has, and the right. */
export interface Both<T> {
  readonly left: T;
  readonly right: T;
}

/** The same for each side. */
export function both<T, U>({ left, right }: Both<T>, of: (side: T) => U): Both<U> {
  return { left: of(left), right: of(right) };
}

/** One weight's change, its shape, and the probes to take of it. */
export interface ProbeJob {
  readonly delta: LowRank;
  readonly shape: readonly [outputs: number, inputs: number];
  readonly probes: readonly Probe[];
  /** Random ±1 probes of docs/signature-format.md, drawn by the name of the weight; none when absent. */
  readonly signs?: { readonly name: string; readonly seed: number; readonly columns: number };
  /** Norms of rows and columns, spectrum, sketches; the last needs sign probes. */
  readonly invariants?: InvariantChoice;
}

/** A factor as it lies in its file: `length` × rank, or `wide`: rank × `length`. */
export interface Side {
  readonly tensor: TensorInfo;
  readonly wide: boolean;
  readonly length: number;
  readonly rank: number;
  /** Of a factor that is not wide, the stored rows that it consists of; all when absent. */
  readonly rows?: Factor['rows'];
  /** Probes of this side, each `length` × columns; the sign probes last. */
  readonly probes: readonly SideProbe[];
}

/** A tensor of a signature, or signs. */
export type SideProbe = { readonly tensor: TensorInfo; readonly columns: number } | SignMatrix;

/** What a run gives for one side. */
export interface Products {
  /** rank × rank, symmetric up to rounding. */
  readonly gram: Float64Array;
  /** In the order of the side's probes: columns × rank. */
  readonly projections: readonly Float64Array[];
}

/** Values of a graph that become Products when it has run: those of each tile. */
export interface ProductValues {
  readonly grams: readonly Value[];
  /** In the order of the side's probes. */
  readonly projections: readonly (readonly Value[])[];
}

/** 1 MiB in float32: a tile that is cast stays in the cache until it is multiplied. */
const TILE_ELEMENTS = 2 ** 18;
const MOST_TILES = 16;

/** Both sides of a job; probes without columns are left out. */
export function sidesOf({ delta: { left, right, rank }, shape: [outputs, inputs], probes, signs }: ProbeJob): Both<Side> {
  const used = probes.filter(({ columns }) => columns > 0);
  const signsOf = (side: ProbeSide): SignMatrix[] => (signs === undefined ? [] : [{ ...signs, side }]);
  return {
    left: { tensor: left.tensor, wide: left.transposed, length: outputs, rank, ...(left.rows ? { rows: left.rows } : {}), probes: [...used.map(({ U, columns }) => ({ tensor: U, columns })), ...signsOf('left')] },
    right: { tensor: right.tensor, wide: !right.transposed, length: inputs, rank, probes: [...used.map(({ V, columns }) => ({ tensor: V, columns })), ...signsOf('right')] },
  };
}

/** The tiles of a factor in the type asked for: `count` × rank, or rank × `count` when it is wide. */
export function tiles(graph: Graph, side: Side, type: typeof ELEMENT.float | typeof ELEMENT.double): { value: Value; first: number; count: number }[] {
  const { tensor, wide, length, rank, rows } = side;
  const elements = rows === undefined ? length * rank : tensor.shape.reduce((product, extent) => product * extent, 1);
  const whole = wide ? graph.tensor(tensor, elements, { first: 0, count: rank, columns: length }) : null;
  const step = wide && elementOf(tensor, elements).castOnly ? length : tileLength(length, rank);
  return cutsOf(rows ?? [[0, length]], step).map(({ first, at, count }) => {
    const stored = whole === null ? graph.tensor(tensor, elements, { first: at, count, columns: rank })
      : count === length ? whole
      : graph.op('Slice', [whole, graph.ints([first]), graph.ints([first + count]), graph.ints([1])]);
    return { value: graph.op('Cast', [stored], { to: type }), first, count };
  });
}

/** Tiles of at most `step` rows: where each lies in the factor (`first`) and in the stored tensor (`at`). */
function cutsOf(rows: NonNullable<Factor['rows']>, step: number): { first: number; at: number; count: number }[] {
  let first = 0;
  return rows.flatMap(([start, length]) => Array.from({ length: Math.ceil(length / step) }, (_, tile) => {
    const count = Math.min(step, length - tile * step);
    const cut = { first, at: start + tile * step, count };
    first += count;
    return cut;
  }));
}

/** Rows of a tile, such that the rank × rank outputs of all tiles stay small beside one tile. */
function tileLength(length: number, rank: number): number {
  return Math.max(Math.floor(TILE_ELEMENTS / rank), 8 * rank, Math.ceil(length / MOST_TILES));
}

/**
 * Appends the products of one side to a graph. Each tile has outputs of its own: a chain of sums through the graph would make
 * the runtime cast every tile before it multiplies the first.
 * @param multipliers one for each rank index, multiplied onto the factor first (float64 only)
 */
export function addProducts(graph: Graph, side: Side, type: typeof ELEMENT.float | typeof ELEMENT.double, multipliers?: Float64Array): ProductValues {
  const { wide, length, rank, probes } = side;
  const factor = multipliers && graph.doubles(multipliers, wide ? [rank, 1] : [1, rank]);
  const ofTiles = tiles(graph, side, type).map(({ value, first, count }) => {
    const tile = factor === undefined ? value : graph.op('Mul', [value, factor]);
    const gram = graph.op('Gemm', [tile, tile], wide ? { transB: 1 } : { transA: 1 });
    const projections = probes.map((of) => {
      const { columns } = of;
      const stored = 'tensor' in of ? graph.tensor(of.tensor, length * columns, { first, count, columns }) : graph.bytes(signRows(of, first, count), [count, columns]);
      const probe = graph.op('Cast', [stored], { to: type });
      return graph.output(graph.op('Gemm', [probe, tile], wide ? { transA: 1, transB: 1 } : { transA: 1 }), type, [columns, rank]);
    });
    return { gram: graph.output(gram, type, [rank, rank]), projections };
  });
  return {
    grams: ofTiles.map(({ gram }) => gram),
    projections: probes.map((_, index) => ofTiles.flatMap(({ projections }) => projections.slice(index, index + 1))),
  };
}

/** The products when the graph has run: the sums over the tiles, in float64. */
export function collect({ grams, projections }: ProductValues, outputs: Outputs): Products {
  return { gram: sum(grams.map(outputs)), projections: projections.map((values) => sum(values.map(outputs))) };
}

function sum([first = new Float64Array(), ...others]: readonly Numbers[]): Float64Array {
  const total = Float64Array.from(first);
  for (const other of others) {
    for (let i = 0; i < total.length; i++) total[i] = (total[i] ?? 0) + (other[i] ?? 0);
  }
  return total;
}
