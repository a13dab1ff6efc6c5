/**
 * Probes and norm of low-rank changes. In: ΔW = scale · L·R as ranges of files. Out: u_i' ΔW v_i and |ΔW|; ΔW itself is never formed.
 *
 * The long products are float32, in tiles; all that is r × r is float64. Where float32 cannot be trusted (overflow, underflow,
 * cancellation) the weight is read again in float64, each rank index scaled by a power of two.
 */
import { WeightseqError } from '../errors.js';
import { combine, constantReading, isTrustworthy, type ProbeReading } from './algebra.js';
import { censusOfFactors, countNonFinite } from './census.js';
import { newGraph } from './graph.js';
import { lowRankInvariants } from './lowrank-invariants.js';
import { ELEMENT } from './onnx.js';
import { addProducts, both, collect, sidesOf, type Both, type ProbeJob, type Products, type Side } from './products.js';
import { run, type EngineOptions } from './session.js';

/** One weight; see probeLowRanks. */
export async function probeLowRank(job: ProbeJob, options: EngineOptions): Promise<ProbeReading> {
  const [reading] = await probeLowRanks([job], options);
  return reading ?? constantReading(job, 0);
}

/**
 * Reads several weights in one session, and gives their readings in the same order.
 * A coordinate is exact to 1e-5 of |scale|·Σ|u|·|L|·|R|·|v|, summed over all products that make it up.
 * The norm is exact to 1e-5 of itself; where L·R cancels almost wholly, to 1e-7 of |scale|·|L|·|R|.
 * @throws WeightseqError `engine-failed`, `provider-unavailable`, or `signature-invalid` for a probe with NaN or infinity
 */
export async function probeLowRanks(jobs: readonly ProbeJob[], options: EngineOptions): Promise<ProbeReading[]> {
  const nonEmpty = jobs.filter(({ delta, shape: [outputs, inputs] }) => delta.rank * outputs * inputs > 0);
  const [first] = nonEmpty;
  const graph = newGraph();
  const values = new Map(nonEmpty.map((job) => [job, both(sidesOf(job), (side) => addProducts(graph, side, ELEMENT.float))]));
  const outputs = first && await run(graph.finish(), options, first.delta.left.tensor);
  const readings: ProbeReading[] = [];
  for (const job of jobs) {
    const ofJob = values.get(job);
    const reading = ofJob === undefined || outputs === undefined ? constantReading(job, 0) : await readingOf(job, both(ofJob, (ofSide) => collect(ofSide, outputs)), options);
    const { invariants: choice } = job;
    readings.push(choice === undefined || reading.nonFinite.length > 0 ? reading : { ...reading, invariants: await lowRankInvariants(job, choice, options) });
  }
  return readings;
}

/** The reading from the float32 products, or from a second look when they do not suffice. */
async function readingOf(job: ProbeJob, products: Both<Products>, options: EngineOptions): Promise<ProbeReading> {
  const sides = sidesOf(job);
  if (isTrustworthy(sides, products)) return combine(job, products);
  const census = await censusOfFactors(sides, options);
  const nonFinite = [
    { tensor: sides.left.tensor, ...census.left.counts },
    { tensor: sides.right.tensor, ...census.right.counts },
  ].filter(({ nan, infinite }) => nan + infinite > 0);
  if (nonFinite.length > 0) return { ...constantReading(job, NaN), nonFinite };
  const largest = both(census, (ofSide) => ofSide.largest);
  if (isZero(largest.left) || isZero(largest.right)) return constantReading(job, 0);
  if (isTrustworthy(sides, products, largest)) return combine(job, products);
  return readExactly(job, sides, largest, options);
}

const isZero = (largest: Float64Array): boolean => largest.every((value) => value === 0);

/** Float64 throughout; column j of L and row j of R are first divided by the powers of two that bring their largest elements to about 1. */
async function readExactly(job: ProbeJob, sides: Both<Side>, largest: Both<Float64Array>, options: EngineOptions): Promise<ProbeReading> {
  const exponents = both(largest, (values) => values.map((value) => (value === 0 ? 0 : Math.max(-1022, Math.floor(Math.log2(value))))));
  const multipliers = both(exponents, (values) => values.map((exponent) => 2 ** -exponent));
  const graph = newGraph();
  const values = {
    left: addProducts(graph, sides.left, ELEMENT.double, multipliers.left),
    right: addProducts(graph, sides.right, ELEMENT.double, multipliers.right),
  };
  const outputs = await run(graph.finish(), options, sides.left.tensor);
  const reading = combine(job, both(values, (ofSide) => collect(ofSide, outputs)), exponents.left.map((exponent, j) => exponent + (exponents.right[j] ?? 0)));
  await requireFiniteProbes(job, reading, options);
  return reading;
}

/** Finite factors give finite coordinates unless the probes are not finite. */
export async function requireFiniteProbes({ probes }: Pick<ProbeJob, 'probes'>, { coordinates }: Pick<ProbeReading, 'coordinates'>, options: EngineOptions): Promise<void> {
  const suspects = probes.filter(({ key }) => coordinates.get(key)?.some((value) => !Number.isFinite(value)));
  for (const tensor of suspects.flatMap(({ U, V }) => [U, V])) {
    const { nan, infinite } = await countNonFinite(tensor, options);
    if (nan + infinite === 0) continue;
    throw new WeightseqError('signature-invalid', `a probe holds ${nan} NaN and ${infinite} infinite numbers`, {
      file: tensor.file, tensor: tensor.name, mend: 'Fetch or build the signature again.',
    });
  }
}
