/**
 * What descent is traced by where weights were permuted, scaled or rotated. In: a dense weight, read strip by strip. Out: norms of its
 * rows and columns, its range sketches, and its leading singular values. The weight is read once more for each product that is asked for.
 */
import type { InvariantChoice, Invariants } from '../types.js';
import type { Runner } from './dense.js';
import type { Real } from './matrix.js';
import { addTo, all, type StripProducts } from './multiply.js';
import { signRows } from './signs.js';
import { orthonormal, singularValues } from './small.js';
import type { Layout, Span } from './strips.js';
import type { DenseJob, Sums } from './sums.js';

/** R (columns of M × width) and L (rows of M × width), of which one may be left out. */
interface Multipliers {
  readonly width: number;
  readonly right?: Float64Array;
  readonly left?: Float64Array;
}

/** M·R (rows × width) and M'·L (columns × width); empty where R or L was left out. */
type Multiply = (given: Multipliers) => Promise<StripProducts>;

interface Asked {
  readonly job: DenseJob;
  readonly choice: InvariantChoice;
  readonly layout: Layout;
  /** Over all strips. */
  readonly sums: Sums;
  /** Absent for a weight without numbers. */
  readonly multiply: Multiply | undefined;
}

/**
 * The invariants of one weight.
 *
 * The spectrum is the one of M V, where V spans M'Q and Q spans M Ω: a rank-c estimate with one step of subspace iteration (Halko,
 * Martinsson, Tropp, SIAM Review 53, 2011, algorithm 4.4). Each value is at most the singular value in its place.
 */
export async function invariantsOf({ job, choice, layout, sums, multiply }: Asked): Promise<Invariants> {
  const { transposed, rows, columns } = layout;
  const c = job.signs?.columns ?? 0;
  const lines = (squares: Float64Array): Float32Array => Float32Array.from(squares, Math.sqrt);
  const sketch = choice.sketch || choice.spectrum ? await sketchOf(job, choice, layout, multiply) : null;
  const width = Math.min(c, rows, columns);
  return {
    ...(choice.lines ? { lines: transposed ? { rows: lines(sums.columnSquares), columns: lines(sums.rowSquares) } : { rows: lines(sums.rowSquares), columns: lines(sums.columnSquares) } } : {}),
    ...(choice.sketch && sketch ? { sketch: transposed ? { range: single(sketch.left), corange: single(sketch.right) } : { range: single(sketch.right), corange: single(sketch.left) } } : {}),
    ...(choice.spectrum && sketch ? { spectrum: await spectrumOf(sketch.right, c, width, multiply) } : {}),
  };
}

/** M·(the signs of its columns), and M'·(the signs of its rows), where that is asked for. */
async function sketchOf({ weight, signs }: DenseJob, { sketch }: InvariantChoice, { rows, columns, transposed }: Layout, multiply: Multiply | undefined): Promise<StripProducts> {
  const width = signs?.columns ?? 0;
  if (signs === null || multiply === undefined) return { right: new Float64Array(rows * width), left: new Float64Array(columns * width) };
  const name = weight.signsAs ?? weight.name;
  const of = (side: 'left' | 'right', count: number): Float64Array => Float64Array.from(signRows({ name, side, ...signs }, 0, count));
  const [ofRows, ofColumns] = transposed ? ['right', 'left'] as const : ['left', 'right'] as const;
  return multiply({ width, right: of(ofColumns, columns), ...(sketch ? { left: of(ofRows, rows) } : {}) });
}

async function spectrumOf(range: Float64Array, c: number, width: number, multiply: Multiply | undefined): Promise<Float32Array> {
  if (multiply === undefined || width === 0) return new Float32Array(width);
  const Q = orthonormal(range, c);
  const { left } = await multiply({ width: c, left: Q });
  const { right } = await multiply({ width: c, right: orthonormal(left, c) });
  return single(singularValues(right, c)).slice(0, width);
}

const single = (values: Float64Array): Float32Array => Float32Array.from(values);

/** Products of a whole weight by way of a runner, strip by strip. */
export async function multiply(runner: Runner, { job: { weight, base }, strips, type, width, right, left }: Multipliers & { job: DenseJob; strips: readonly Span[]; type: Real }): Promise<StripProducts> {
  // Without what the products do not need: a task is copied to its thread.
  const job = { weight, ...(base === undefined ? {} : { base }), probes: [], signs: null };
  const parts = await all(strips.map((strip) => runner.product({
    kind: 'product', job, strip, type, width, right: right ?? null, left: left?.slice(strip.first * width, (strip.first + strip.count) * width) ?? null,
  })));
  const [first, ...others] = parts.map((part) => part.left);
  const total = first ?? new Float64Array();
  for (const other of others) addTo(total, other);
  const rows = new Float64Array(parts.reduce((sum, part) => sum + part.right.length, 0));
  let at = 0;
  for (const part of parts) {
    rows.set(part.right, at);
    at += part.right.length;
  }
  return { right: rows, left: total };
}
