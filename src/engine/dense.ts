/**
 * Probes of dense weights. In: W, or W and its base W0, as ranges of files. Out: u_i'Wv_i, X'WY and |W|, of W − W0 when there is a base.
 *
 * Strips of 32 MiB give float64 sums that add up; Z = M·[R … Y] is float32, all that is summed over rows float64. Where float32
 * does not suffice (overflow, underflow), the weight is read again in float64.
 */
import { WeightseqError } from '../errors.js';
import type { Invariants } from '../types.js';
import { addCounts, addUp, type NonFinite } from './census.js';
import { isFloat } from './dtype.js';
import { newGraph } from './graph.js';
import { requireFiniteProbes } from './lowrank.js';
import { matrix, type Real } from './matrix.js';
import { invariantsOf, multiply } from './invariants.js';
import { ELEMENT } from './onnx.js';
import { all, multiplyStrip, type ProductTask, type StripProducts } from './multiply.js';
import { run, type EngineOptions } from './session.js';
import { layoutOf, requireFit, stripsOf, tilesOf, type Span } from './strips.js';
import { emptySums, realOf, sumStrip, usedProbes, type DenseJob, type Sums } from './sums.js';

/** The numbers of one weight. All are NaN when the weight holds NaN or infinity. */
export interface DenseReading {
  /** By probe key: u_i' W v_i. */
  readonly coordinates: ReadonlyMap<string, Float64Array>;
  /**
   * By probe key: an estimated standard error of each coordinate from rounding in float32,
   * `2^-24 (10 |u||v||W|/√(out·in) + 4 |u'Wv|)`: the first term for a W that is not aligned with the probe, the second for the part
   * that is. Measured against float64 in test/engine/dense-error.test.ts; it is no bound.
   */
  readonly errors: ReadonlyMap<string, Float64Array>;
  /** X'WY, columns × columns, row-major; null without sign probes. */
  readonly signs: Float64Array | null;
  /** Frobenius norm |W|, exact to 1e-6 of itself. */
  readonly norm: number;
  /** Numbers of W that are NaN or infinite. */
  readonly nonFinite: NonFinite;
  /** What was asked for; absent where W holds NaN or infinity. */
  readonly invariants?: Invariants;
}

/** One session's work; plain data, so that it can go to another thread. */
export type Task =
  | { readonly kind: 'sums'; readonly job: DenseJob; readonly strip: Span; readonly type: Real }
  | { readonly kind: 'census'; readonly job: DenseJob; readonly of: 'weight' | 'base'; readonly strip: Span }
  | ProductTask;

/** Does the work of one session, here or elsewhere. */
export interface Runner {
  readonly sums: (task: Extract<Task, { kind: 'sums' }>) => Promise<Sums>;
  readonly census: (task: Extract<Task, { kind: 'census' }>) => Promise<NonFinite>;
  readonly product: (task: ProductTask) => Promise<StripProducts>;
}

/** float32: half a unit in the last place of 1. */
const EPSILON = 2 ** -24;

/**
 * One weight, read in this thread.
 * @throws WeightseqError `engine-failed`, `provider-unavailable`, or `signature-invalid` for a probe with NaN or infinity
 */
export async function probeDense(job: DenseJob, options: EngineOptions): Promise<DenseReading> {
  return readDense(job, options, { sums: (task) => runSums(task, options), census: (task) => runCensus(task, options), product: (task) => multiplyStrip(task, options) });
}

/** Carries out one task in this thread. */
export function runTask(task: Task, options: EngineOptions): Promise<Sums | NonFinite | StripProducts> {
  return task.kind === 'sums' ? runSums(task, options) : task.kind === 'census' ? runCensus(task, options) : multiplyStrip(task, options);
}

const runSums = ({ job, strip, type }: Extract<Task, { kind: 'sums' }>, options: EngineOptions): Promise<Sums> => sumStrip(job, strip, type, options);

/** Counts NaN and infinities in one strip. */
async function runCensus({ job, of, strip }: Extract<Task, { kind: 'census' }>, options: EngineOptions): Promise<NonFinite> {
  const dense = (of === 'base' ? job.base ?? job.weight : job.weight).values;
  const layout = layoutOf(job.weight.values, job.weight.shape);
  const graph = newGraph();
  const counts = tilesOf(layout.columns, strip).map((tile) => addCounts(graph, matrix(graph, layout, dense, undefined, tile, dense.tensor.dtype === 'F64' ? ELEMENT.double : ELEMENT.float)));
  const outputs = await run(graph.finish(), options, dense.tensor);
  return addUp(counts, outputs);
}

/** Which share of a weight has been read since the last call; they add up to 1. */
export type OnShare = (share: number) => void;

/** One weight by way of a runner, which may share the strips out. */
export async function readDense(job: DenseJob, options: EngineOptions, runner: Runner, onShare: OnShare = () => undefined): Promise<DenseReading> {
  const { weight: { values, shape } } = job;
  const base = job.base?.values;
  const layout = layoutOf(values, shape);
  if (layout.rows * layout.columns === 0) return finish(emptySums(usedProbes(job).map(({ columns }) => columns), job.signs?.columns ?? 0, [layout.rows, layout.columns]), 0);
  requireFit(values, shape);
  if (base !== undefined) requireFit(base, shape);
  const width = job.probes.reduce((total, { columns }) => total + columns, job.signs?.columns ?? 0);
  const strips = stripsOf(layout, base === undefined ? [values.tensor] : [values.tensor, base.tensor], width);
  const sumAs = async (type: Real, onStrip?: OnShare): Promise<Sums> => addSums(await all(strips.map(async (strip) => {
    const sums = await runner.sums({ kind: 'sums', job, strip, type });
    onStrip?.(strip.count / layout.rows);
    return sums;
  })));

  const type = realOf(job);
  const sums = await sumAs(type, onShare);
  if (suffices(sums, shape, type)) return finish(sums, type === ELEMENT.float ? EPSILON : 0, type);
  if (!Number.isFinite(sums.squares)) {
    const bad = await countIn('weight');
    if (bad.nan + bad.infinite > 0) return nanReading(job, bad);
    const { nan, infinite } = await countIn('base');
    if (base !== undefined && nan + infinite > 0) {
      throw new WeightseqError('engine-failed', `the base holds ${nan} NaN and ${infinite} infinite numbers`, { file: base.tensor.file, tensor: base.tensor.name, mend: 'Fetch the base again.' });
    }
  }
  const exact = await finish(type === ELEMENT.double ? sums : await sumAs(ELEMENT.double), 0, ELEMENT.double);
  await requireFiniteProbes(job, exact, options);
  if (Number.isFinite(exact.norm)) return exact;
  throw new WeightseqError('engine-failed', 'its numbers are so large that float64 does not hold their squares', { file: values.tensor.file, tensor: values.tensor.name, mend: 'Check how the file was written.' });

  async function finish(found: Sums, epsilon: number, as?: Real): Promise<DenseReading> {
    const numbers = reading(job, found, epsilon);
    const { invariants: choice } = job;
    if (choice === undefined || !Number.isFinite(numbers.norm)) return numbers;
    const invariants = await invariantsOf({ job, choice, layout, sums: found, multiply: as && ((given) => multiply(runner, { job, strips, type: as, ...given })) });
    return { ...numbers, invariants };
  }

  async function countIn(of: 'weight' | 'base'): Promise<NonFinite> {
    const dense = of === 'weight' ? values : base;
    if (dense === undefined || !isFloat(dense.tensor.dtype)) return { nan: 0, infinite: 0 };
    const counts = await all(strips.map((strip) => runner.census({ kind: 'census', job, of, strip })));
    return { nan: counts.reduce((sum, { nan }) => sum + nan, 0), infinite: counts.reduce((sum, { infinite }) => sum + infinite, 0) };
  }
}

/** Whether nothing overflowed and, but for rounding, nothing vanished. Squares under 2^-126 are lost in float32. */
function suffices({ squares, coordinates, signs }: Sums, [outputs, inputs]: readonly [number, number], type: Real): boolean {
  const sums = [...coordinates, signs];
  if (!Number.isFinite(squares) || !sums.every((values) => values.every(Number.isFinite))) return false;
  const least = type === ELEMENT.float ? outputs * inputs * 2 ** -106 : 0;
  // Sign probes that see nothing: W is zero, as it is when a weight did not change.
  const isZero = squares === 0 && signs.length > 0 && sums.every((values) => values.every((value) => value === 0));
  return squares >= least || isZero;
}

function addSums(parts: readonly Sums[]): Sums {
  const [first, ...others] = parts;
  if (first === undefined) return emptySums([], 0);
  const add = (to: Float64Array, from: Float64Array | undefined): void => {
    from?.forEach((value, i) => { to[i] = (to[i] ?? 0) + value; });
  };
  const rowSquares = Float64Array.from(parts.flatMap((part) => [...part.rowSquares]));
  for (const part of others) {
    first.squares += part.squares;
    add(first.signs, part.signs);
    add(first.columnSquares, part.columnSquares);
    first.coordinates.forEach((to, index) => { add(to, part.coordinates[index]); });
    first.leftSquares.forEach((to, index) => { add(to, part.leftSquares[index]); });
  }
  return { ...first, rowSquares };
}

function reading(job: DenseJob, sums: Sums, epsilon: number): DenseReading {
  const norm = Math.sqrt(sums.squares);
  const [outputs, inputs] = job.weight.shape;
  const spread = norm / Math.sqrt(Math.max(1, outputs * inputs));
  const used = usedProbes(job);
  const coordinates = new Map<string, Float64Array>(job.probes.map(({ key }) => [key, new Float64Array()]));
  const errors = new Map(coordinates);
  used.forEach(({ key }, index) => {
    const values = sums.coordinates[index] ?? new Float64Array();
    coordinates.set(key, values);
    errors.set(key, values.map((value, i) => {
      const sizes = Math.sqrt((sums.leftSquares[index]?.[i] ?? NaN) * (sums.rightSquares[index]?.[i] ?? NaN));
      return epsilon === 0 ? 0 : epsilon * (10 * sizes * spread + 4 * Math.abs(value));
    }));
  });
  return { coordinates, errors, signs: job.signs === null ? null : sums.signs, norm, nonFinite: { nan: 0, infinite: 0 } };
}

function nanReading(job: DenseJob, nonFinite: NonFinite): DenseReading {
  const filled = (): Map<string, Float64Array> => new Map(job.probes.map(({ key, columns }) => [key, new Float64Array(columns).fill(NaN)]));
  return { coordinates: filled(), errors: filled(), signs: job.signs === null ? null : new Float64Array(job.signs.columns ** 2).fill(NaN), norm: NaN, nonFinite };
}
