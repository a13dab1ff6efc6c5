/**
 * Where the bytes of a dense weight lie, and how it is cut. In: a matrix in a file. Out: strips (one session each), tiles
 * (what is in float32 at one time) and byte ranges. Pure.
 */
import { WeightseqError } from '../errors.js';
import type { Dense, TensorInfo } from '../types.js';
import { storedElement } from './dtype.js';

/** Consecutive rows or columns. */
export interface Span {
  readonly first: number;
  readonly count: number;
}

/** A matrix as it lies in its file: W itself, or W' when the weight is stored as its transpose. */
export interface Layout {
  readonly rows: number;
  readonly columns: number;
  readonly transposed: boolean;
}

/** float32 elements of a tile: it and its squares stay in the cache until they are multiplied and added. */
const TILE_ELEMENTS = 2 ** 18;
/** Rows that a tile has nevertheless, unless that makes it larger than MOST_ELEMENTS. */
const FEW_ROWS = 16;
const MOST_ELEMENTS = 2 ** 22;
/** Rows whose squares are added in float32: exactly for bfloat16 of one size, else to 64·2^-25. More would cost digits of the norm. */
export const GROUP = 64;
/** Bytes of weights that one session maps. A session costs a millisecond whatever it reads. */
const STRIP_BYTES = 32 * 2 ** 20;
/** Numbers that one session gives back: rows × columns of all probes. */
const STRIP_NUMBERS = 2 ** 20;

/** @param shape outputs × inputs of W */
export function layoutOf({ transposed }: Dense, [outputs, inputs]: readonly [number, number]): Layout {
  return transposed ? { rows: inputs, columns: outputs, transposed } : { rows: outputs, columns: inputs, transposed };
}

/** Outputs of the stored matrix, taken or not. */
export function storedOutputs({ tensor, transposed, outputs }: Dense, inputs: number): number {
  const elements = tensor.bytes / storedElement(tensor).bytes;
  const all = elements / inputs;
  const inRange = outputs.every(([first, count]) => Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count >= 0 && first + count <= all);
  if (Number.isInteger(all) && inRange) return all;
  throw new WeightseqError('engine-failed', `${tensor.bytes} bytes of ${tensor.dtype} do not hold the ${transposed ? 'columns' : 'rows'} that its weight asks for`, {
    file: tensor.file, tensor: tensor.name, mend: 'Check that the shape of the tensor fits its weight.',
  });
}

/**
 * Whether the tensor holds what the shape asks for, so that no range leaves it.
 * @throws WeightseqError `engine-failed`
 */
export function requireFit(dense: Dense, [outputs, inputs]: readonly [number, number]): void {
  const { tensor } = dense;
  storedOutputs(dense, inputs);
  const taken = dense.outputs.reduce((total, [, count]) => total + count, 0);
  if (taken === outputs) return;
  throw new WeightseqError('engine-failed', `${taken} outputs are taken of a weight of ${outputs}`, {
    file: tensor.file, tensor: tensor.name, mend: 'Check that the shape of the tensor fits its weight.',
  });
}

/**
 * The rows of each session; both weights of a difference are mapped by it.
 * @param width columns of all probes together
 */
export function stripsOf({ rows, columns }: Layout, tensors: readonly TensorInfo[], width: number): Span[] {
  const bytes = tensors.reduce((total, tensor) => total + storedElement(tensor).bytes, 0);
  const most = Math.min(STRIP_BYTES / (columns * bytes), STRIP_NUMBERS / Math.max(1, width));
  const tile = Math.min(tileRows(columns), Math.max(GROUP, Math.floor(most)));
  return cut({ first: 0, count: rows }, Math.max(1, Math.floor(most / tile)) * tile);
}

/** The tiles of a strip: each a multiple of GROUP rows, or fewer than GROUP. */
export function tilesOf(columns: number, strip: Span): Span[] {
  return cut(strip, tileRows(columns)).flatMap(({ first, count }) => {
    const even = count - (count % GROUP);
    return [{ first, count: even }, { first: first + even, count: count - even }].filter((tile) => tile.count > 0);
  });
}

/** Which stored outputs the outputs `first … first + count` of W are. */
export function outputSpans({ outputs }: Dense, { first, count }: Span): Span[] {
  const spans: Span[] = [];
  let start = 0;
  for (const [at, length] of outputs) {
    const from = Math.max(first, start);
    const to = Math.min(first + count, start + length);
    if (to > from) spans.push({ first: at + from - start, count: to - from });
    start += length;
  }
  return spans;
}

/** Ranges of the file behind rows of W as stored; for a transposed weight whole stored rows, of which some columns are used. */
export function byteRanges(dense: Dense, inputs: number, rows: Span): { readonly position: number; readonly length: number }[] {
  const { tensor, transposed } = dense;
  const { bytes } = storedElement(tensor);
  const row = bytes * (transposed ? storedOutputs(dense, inputs) : inputs);
  const spans = transposed ? [rows] : outputSpans(dense, rows);
  return spans.map(({ first, count }) => ({ position: tensor.offset + first * row, length: count * row }));
}

/** Rows of a tile: a multiple of GROUP, or fewer than GROUP. */
export function tileRows(columns: number): number {
  // A product packs its right side for each tile: some rows must share that, also where rows are long.
  const few = Math.min(FEW_ROWS, Math.floor(MOST_ELEMENTS / columns));
  const rows = Math.max(1, few, Math.floor(TILE_ELEMENTS / columns));
  return rows < GROUP ? rows : rows - (rows % GROUP);
}

function cut({ first, count }: Span, step: number): Span[] {
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => ({ first: first + i * step, count: Math.min(step, count - i * step) }));
}
