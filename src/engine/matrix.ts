/** A piece of a dense weight in a graph. In: some of its rows as stored. Out: them as a matrix in float32 or float64. */
import { WeightseqError } from '../errors.js';
import type { Dense } from '../types.js';
import { isWide, storedElement } from './dtype.js';
import type { Graph, Value } from './graph.js';
import { ELEMENT } from './onnx.js';
import { outputSpans, storedOutputs, type Layout, type Span } from './strips.js';

export type Real = typeof ELEMENT.float | typeof ELEMENT.double;

/** 64 MiB in float32. */
const LARGEST_TURNED = 2 ** 24;

/** Whether the rows of a strip lie in one piece of the file, as the layout has them: then its tiles can be the blocks of one range. */
export function isOnePiece(layout: Layout, dense: Dense, strip: Span): boolean {
  return dense.transposed === layout.transposed && (dense.transposed || outputSpans(dense, strip).length === 1);
}

/** A strip in one piece, as tiles × rows × stored columns in its own type. */
export function storedTiles(graph: Graph, layout: Layout, dense: Dense, strip: Span, tiles: number): Value {
  const [span = strip] = dense.transposed ? [strip] : outputSpans(dense, strip);
  return graph.stored(dense.tensor, { ...span, columns: dense.transposed ? storedOutputs(dense, layout.rows) : layout.columns, tiles });
}

/**
 * `rows.count` × columns numbers of W (or W', as the layout says), or of W − W0, in the type asked for.
 * Types that float32 does not hold are subtracted in float64.
 * @param given the stored rows of W and W0 where the graph has them already, as one tile of `storedTiles`
 */
export function matrix(graph: Graph, layout: Layout, weight: Dense, base: Dense | undefined, rows: Span, type: Real, given: readonly Value[] = []): Value {
  if (base === undefined) return piece(graph, layout, weight, rows, type, given[0]);
  const between = isWide(weight.tensor.dtype) || isWide(base.tensor.dtype) ? ELEMENT.double : type;
  const delta = graph.op('Sub', [piece(graph, layout, weight, rows, between, given[0]), piece(graph, layout, base, rows, between, given[1])]);
  return between === type ? delta : graph.op('Cast', [delta], { to: type });
}

/** Rows of the layout, out of a tensor that may be stored the other way round. */
function piece(graph: Graph, layout: Layout, dense: Dense, rows: Span, type: Real, given?: Value): Value {
  const all = { first: 0, count: layout.columns };
  const [outputs, inputs] = layout.transposed ? [all, rows] : [rows, all];
  const length = layout.transposed ? layout.rows : layout.columns;
  if (given !== undefined) {
    const [columns, spans] = dense.transposed ? [storedOutputs(dense, length), outputSpans(dense, outputs)] : [length, [inputs]];
    return columnsOf(graph, dense, given, rows.count, columns, spans, type);
  }
  const turned = dense.transposed !== layout.transposed;
  const stored = dense.transposed ? transposedPiece(graph, dense, outputs, inputs, length, type) : plainPiece(graph, dense, outputs, inputs, length, type);
  return turned ? graph.op('Transpose', [stored]) : stored;
}

/** Outputs × inputs, from rows of the file. */
function plainPiece(graph: Graph, dense: Dense, outputs: Span, inputs: Span, length: number, type: Real): Value {
  const parts = outputSpans(dense, outputs).map(({ first, count }) => {
    const rows = graph.stored(dense.tensor, { first, count, columns: length });
    return columnsOf(graph, dense, rows, count, length, [inputs], type);
  });
  return join(graph, parts, 0);
}

/** Inputs × outputs, from rows of the file. */
function transposedPiece(graph: Graph, dense: Dense, outputs: Span, inputs: Span, length: number, type: Real): Value {
  const columns = storedOutputs(dense, length);
  const rows = graph.stored(dense.tensor, { ...inputs, columns });
  return columnsOf(graph, dense, rows, inputs.count, columns, outputSpans(dense, outputs), type);
}

/** Some columns of stored rows, cast. They are cut out before the cast where the runtime can. */
function columnsOf(graph: Graph, { tensor }: Dense, rows: Value, count: number, columns: number, spans: readonly Span[], type: Real): Value {
  const cast = (value: Value): Value => graph.op('Cast', [value], { to: type });
  const [only] = spans;
  if (spans.length === 1 && only?.count === columns) return cast(rows);
  const { castOnly } = storedElement(tensor);
  if (castOnly && count * columns > LARGEST_TURNED) {
    throw new WeightseqError('engine-failed', `a ${tensor.dtype} weight and its base are stored one as the transpose of the other`, {
      file: tensor.file, tensor: tensor.name, mend: 'Store both the same way, or as BF16.',
    });
  }
  const source = castOnly ? cast(rows) : rows;
  const parts = spans.map(({ first, count: width }) => {
    const part = graph.op('Slice', [source, graph.ints([first]), graph.ints([first + width]), graph.ints([1])]);
    return castOnly ? part : cast(part);
  });
  return join(graph, parts, 1);
}

/** One after the other along an axis. */
export function join(graph: Graph, parts: readonly Value[], axis: 0 | 1): Value {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : graph.op('Concat', parts, { axis });
}
