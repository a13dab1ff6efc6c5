/**
 * One strip of a weight, in one session. In: a job and some rows of its matrix M (W as stored: W, or W' when transposed).
 * Out: the strip's share of all sums, which add up in float64.
 *
 * Z = M·[R_1 | R_2 | … | Y] is the one large product, in tiles of float32, with R_i the probes on the side of the columns;
 * what is left, Σ_rows L∘Z and X'Z_Y with L the probes on the side of the rows, is a few numbers a row and done here.
 */
import type { DenseWeight, InvariantChoice, Probe, TensorInfo } from '../types.js';
import { isWide } from './dtype.js';
import { newGraph, type Graph, type Value } from './graph.js';
import { isOnePiece, join, matrix, storedTiles, type Real } from './matrix.js';
import { ELEMENT, type Output } from './onnx.js';
import { run, type EngineOptions, type Numbers } from './session.js';
import { signRows } from './signs.js';
import { GROUP, layoutOf, tileRows, tilesOf, type Span } from './strips.js';

/** What to take of one weight. */
export interface DenseJob {
  readonly weight: DenseWeight;
  /** W0, of the shape of W, in any file and of any dtype: then everything is of W − W0. */
  readonly base?: DenseWeight;
  readonly probes: readonly Probe[];
  /** Random ±1 probes of docs/signature-format.md; null for none. */
  readonly signs: { readonly seed: number; readonly columns: number } | null;
  /** Norms of rows and columns, spectrum, sketches of docs/reading-format.md; the last two need sign probes. */
  readonly invariants?: InvariantChoice;
}

/** Sums over the rows of a strip. */
export interface Sums {
  /** Σ M². */
  squares: number;
  /** By used probe and column: Σ L Z. */
  readonly coordinates: readonly Float64Array[];
  /** By used probe and column: Σ L². */
  readonly leftSquares: readonly Float64Array[];
  /** By used probe and column: Σ R², over the whole side and therefore the same in each strip. */
  readonly rightSquares: readonly Float64Array[];
  /** X'WY, row-major; empty without sign probes. */
  readonly signs: Float64Array;
  /** By row of the strip, and by column of M: Σ M² along it; empty unless asked for. */
  readonly rowSquares: Float64Array;
  readonly columnSquares: Float64Array;
}

/** The probes that have columns. */
export const usedProbes = ({ probes }: DenseJob): readonly Probe[] => probes.filter(({ columns }) => columns > 0);

/** The type of the long sums that a dtype asks for. */
export function realOf({ weight: { values }, base }: DenseJob): Real {
  return isWide(values.tensor.dtype) || (base !== undefined && isWide(base.values.tensor.dtype)) ? ELEMENT.double : ELEMENT.float;
}

/**
 * The sums of one strip.
 * @throws WeightseqError `engine-failed`, `provider-unavailable`
 */
export async function sumStrip(job: DenseJob, strip: Span, type: Real, options: EngineOptions): Promise<Sums> {
  const { weight, signs } = job;
  const layout = layoutOf(weight.values, weight.shape);
  const probes = usedProbes(job).map((probe) => sides(probe, layout.transposed));
  const c = signs?.columns ?? 0;
  const width = probes.reduce((total, { columns }) => total + columns, c);
  const graph = newGraph();
  const R = width > 0 ? { value: rightProbes(graph, job, probes, layout.columns, type), width } : null;
  const rightSquares = R === null ? null : graph.output(graph.op('ReduceSumSquare', [R.value, graph.ints([0])], { keepdims: 0 }), type, [width]);
  const lefts = probes.map(({ left, columns }) => {
    const rows = graph.tensor(left, layout.rows * columns, { ...strip, columns });
    return graph.output(graph.op('Cast', [rows], { to: type }), type, [strip.count, columns]);
  });
  const blocks = addBlocks(graph, job, strip, type, R, options.executionProvider === 'cpu');
  const outputs = await run(graph.finish(), options, weight.values.tensor);

  const sums = emptySums(probes.map(({ columns }) => columns), c, job.invariants?.lines ? [strip.count, layout.columns] : undefined);
  if (rightSquares !== null) splitColumns(outputs(rightSquares), sums.rightSquares);
  const X = signs === null ? new Int8Array() : signRows({ name: weight.signsAs ?? weight.name, side: layout.transposed ? 'right' : 'left', ...signs }, strip.first, strip.count);
  const L = lefts.map((left) => outputs(left));
  for (const { Z, squares, rowSquares, first, count } of blocks) {
    const ofColumns = outputs(squares);
    sums.squares += total(ofColumns);
    const rows = { first: first - strip.first, count };
    if (rowSquares !== null) {
      sums.rowSquares.set(outputs(rowSquares), rows.first);
      addColumns(sums.columnSquares, ofColumns);
    }
    if (Z === null) continue;
    const numbers = outputs(Z);
    let from = 0;
    probes.forEach(({ columns }, index) => {
      addDiagonal(sums, index, L[index] ?? new Float64Array(), numbers, { rows, columns, width, from });
      from += columns;
    });
    addSigns(sums.signs, X, numbers, { rows, columns: c, width, from });
  }
  // For W' the product is Y'W'X.
  return layout.transposed ? { ...sums, signs: transpose(sums.signs, c) } : sums;
}

/** [R_1 | R_2 | … | Y], columns of M × width. */
interface Probes {
  readonly value: Value;
  readonly width: number;
}

/** Rows of M, what they give, and where the values come back. */
interface Rows extends Span {
  /** count × width; null without probes. */
  readonly Z: Value | null;
  /** Sums of squares, groups × columns, which add up to Σ M² of these rows. */
  readonly squares: Value;
  /** Σ M² of each row; null unless asked for. */
  readonly rowSquares: Value | null;
}

/** Appends Z and the squares of a strip: whole tiles in one loop where they lie in one piece, the others one by one. */
function addBlocks(graph: Graph, { weight, base, invariants }: DenseJob, strip: Span, type: Real, R: Probes | null, canLoop: boolean): Rows[] {
  const layout = layoutOf(weight.values, weight.shape);
  const sources = [weight.values, ...(base === undefined ? [] : [base.values])];
  const axis = graph.ints([1]);
  const shapes = new Map<number, Value>();
  const withLines = invariants?.lines === true;
  /** Of one tile: Z and the squares, summed over groups of rows. */
  const products = (tile: Span, given?: readonly Value[]): Output[] => {
    const M = matrix(graph, layout, weight.values, base?.values, tile, type, given);
    const group = Math.min(tile.count, GROUP);
    const shape = shapes.get(group) ?? graph.ints([-1, group, layout.columns]);
    shapes.set(group, shape);
    const squared = graph.op('Mul', [M, M]);
    const squares = graph.op('ReduceSum', [graph.op('Reshape', [squared, shape]), axis], { keepdims: 0 });
    const results: Output[] = [{ name: squares, elemType: type, dims: [tile.count / group, layout.columns] }];
    if (withLines) results.push({ name: graph.op('ReduceSum', [squared, axis], { keepdims: 0 }), elemType: type, dims: [tile.count] });
    if (R !== null) results.push({ name: graph.op('MatMul', [M, R.value]), elemType: type, dims: [tile.count, R.width] });
    return results;
  };
  const block = (rows: Span, values: readonly Output[], tiles: readonly number[] = []): Rows => {
    const names = values.map(({ name, dims }) => graph.output(name, type, [...tiles, ...dims]));
    const [squares = '', rowSquares = null] = withLines ? names : names.slice(0, 1);
    return { ...rows, Z: R === null ? null : names.at(-1) ?? null, squares, rowSquares };
  };

  const height = tileRows(layout.columns);
  const tiles = canLoop && sources.every((dense) => isOnePiece(layout, dense, strip)) ? Math.floor(strip.count / height) : 0;
  const rest = { first: strip.first + tiles * height, count: strip.count - tiles * height };
  const others = tilesOf(layout.columns, rest).map((tile) => block(tile, products(tile)));
  if (tiles === 0) return others;
  const looped = { first: strip.first, count: tiles * height };
  let results: readonly Output[] = [];
  const values = graph.forEachTile(sources.map((dense) => storedTiles(graph, layout, dense, looped, tiles)), (given) => results = products({ ...looped, count: height }, given));
  return [block(looped, results.map((result, index) => ({ ...result, name: values[index] ?? '' })), [tiles]), ...others];
}

/** Sums of no rows. `columns`: of each used probe; `c`: sign probes a side; `lines`: rows and columns of M whose squares are asked for. */
export function emptySums(columns: readonly number[], c: number, [rows, width]: readonly [number, number] = [0, 0]): Sums {
  const zeros = (): Float64Array[] => columns.map((count) => new Float64Array(count));
  return { squares: 0, coordinates: zeros(), leftSquares: zeros(), rightSquares: zeros(), signs: new Float64Array(c * c), rowSquares: new Float64Array(rows), columnSquares: new Float64Array(width) };
}

/** [R_1 | R_2 | … | Y], columns of M × width. */
function rightProbes(graph: Graph, { weight, signs }: DenseJob, probes: readonly Sided[], length: number, type: Real): Value {
  const parts = probes.map(({ right, columns }) => graph.op('Cast', [graph.tensor(right, length * columns, { first: 0, count: length, columns })], { to: type }));
  if (signs !== null && signs.columns > 0) {
    const side = weight.values.transposed ? 'left' : 'right';
    parts.push(graph.op('Cast', [graph.bytes(signRows({ name: weight.signsAs ?? weight.name, side, ...signs }, 0, length), [length, signs.columns])], { to: type }));
  }
  return join(graph, parts, 1);
}

/** A probe by the sides of M: `left` on its rows, `right` on its columns. */
interface Sided {
  readonly left: TensorInfo;
  readonly right: TensorInfo;
  readonly columns: number;
}

const sides = ({ U, V, columns }: Probe, transposed: boolean): Sided => (transposed ? { left: V, right: U, columns } : { left: U, right: V, columns });

/** Columns `from …` of Z (rows.count × width), which belong to rows `rows.first …` of the strip. */
interface Block {
  readonly rows: Span;
  readonly columns: number;
  readonly width: number;
  readonly from: number;
}

function addDiagonal({ coordinates, leftSquares }: Sums, index: number, L: Numbers, Z: Numbers, { rows, columns, width, from }: Block): void {
  const sum = coordinates[index] ?? new Float64Array();
  const squares = leftSquares[index] ?? new Float64Array();
  for (let row = 0; row < rows.count; row++) {
    const left = (rows.first + row) * columns;
    const at = row * width + from;
    for (let i = 0; i < columns; i++) {
      const value = L[left + i] ?? NaN;
      sum[i] = (sum[i] ?? 0) + value * (Z[at + i] ?? NaN);
      squares[i] = (squares[i] ?? 0) + value * value;
    }
  }
}

/** S += X'Z, four rows at a time: this loop runs for every row of the model. */
function addSigns(S: Float64Array, X: Int8Array, Z: Numbers, { rows, columns: c, width, from }: Block): void {
  const even = rows.count - (rows.count % 4);
  for (let row = 0; row < even; row += 4) {
    const x = (rows.first + row) * c;
    const z = row * width + from;
    for (let i = 0; i < c; i++) {
      const x0 = X[x + i] as number, x1 = X[x + c + i] as number, x2 = X[x + 2 * c + i] as number, x3 = X[x + 3 * c + i] as number;
      for (let j = 0; j < c; j++) {
        const at = z + j;
        (S[i * c + j] as number) += x0 * (Z[at] as number) + x1 * (Z[at + width] as number) + x2 * (Z[at + 2 * width] as number) + x3 * (Z[at + 3 * width] as number);
      }
    }
  }
  for (let row = even; row < rows.count; row++) {
    for (let i = 0; i < c; i++) {
      const x = X[(rows.first + row) * c + i] as number;
      for (let j = 0; j < c; j++) (S[i * c + j] as number) += x * (Z[row * width + from + j] as number);
    }
  }
}

/** Adds groups × columns to columns. */
function addColumns(to: Float64Array, from: Numbers): void {
  for (let at = 0; at < from.length; at += to.length) {
    for (let i = 0; i < to.length; i++) (to[i] as number) += from[at + i] as number;
  }
}

function total(values: Numbers): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum;
}

function splitColumns(values: Numbers, parts: readonly Float64Array[]): void {
  let from = 0;
  for (const part of parts) {
    part.set(values.subarray(from, from + part.length));
    from += part.length;
  }
}

function transpose(S: Float64Array, c: number): Float64Array {
  return S.map((_, at) => S[(at % c) * c + Math.floor(at / c)] ?? 0);
}
