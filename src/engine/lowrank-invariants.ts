/**
 * Invariants of a low-rank change, exact from its factors. In: ΔW = scale · L·R as ranges of files. Out: norms of its rows and columns,
 * all its singular values, its range sketches; ΔW itself is never formed. All is float64, in tiles along the long sides.
 */
import type { InvariantChoice, Invariants } from '../types.js';
import { newGraph, type Value } from './graph.js';
import { ELEMENT } from './onnx.js';
import { addProducts, both, collect, sidesOf, tiles, type Both, type ProbeJob, type Products, type Side } from './products.js';
import { run, type EngineOptions, type Outputs } from './session.js';
import { product, symmetricEigen, transpose } from './small.js';

/**
 * The invariants of one weight whose factors are finite. What float64 cannot hold is left out.
 * @throws WeightseqError `engine-failed`, `provider-unavailable`
 */
export async function lowRankInvariants(job: ProbeJob, choice: InvariantChoice, options: EngineOptions): Promise<Invariants> {
  const { delta, shape, signs } = job;
  const { rank, scale, left } = delta;
  const [outputs, inputs] = shape;
  const c = signs?.columns ?? 0;
  if (rank * outputs * inputs === 0) return zeros(job, choice);
  const sides = sidesOf({ delta, shape, probes: [], ...(choice.sketch && signs ? { signs } : {}) });
  const first = newGraph();
  const values = both(sides, (side) => addProducts(first, side, ELEMENT.double));
  const found = await run(first.finish(), options, left.tensor);
  const products = both(values, (of) => collect(of, found));
  if (![products.left, products.right].every(({ gram, projections }) => [gram, ...projections].every((numbers) => numbers.every(Number.isFinite)))) return {};
  const spectrum = choice.spectrum ? { spectrum: spectrumOf(products, rank, scale).slice(0, Math.min(rank, outputs, inputs)) } : {};
  if (!choice.lines && !choice.sketch) return spectrum;

  // A row of ΔW is l'R with l a row of L: its square is l' (R R') l, and its sketch scale · l' (R Ω).
  const second = newGraph();
  const given = { left: { gram: products.right.gram, signs: products.right.projections[0] }, right: { gram: products.left.gram, signs: products.left.projections[0] } };
  const append = (side: Side, { gram, signs: ofSigns }: (typeof given)['left']): SideValues[] => {
    const G = second.doubles(gram, [rank, rank]);
    const S = choice.sketch && ofSigns ? second.doubles(transpose(ofSigns, rank), [rank, c]) : null;
    return tiles(second, side, ELEMENT.double).map(({ value, first: at, count }) => {
      const tile = side.wide ? second.op('Transpose', [value]) : value;
      const squares = second.op('ReduceSum', [second.op('Mul', [second.op('MatMul', [tile, G]), tile]), second.ints([1])], { keepdims: 0 });
      return {
        at,
        squares: second.output(squares, ELEMENT.double, [count]),
        sketch: S && second.output(second.op('MatMul', [tile, S]), ELEMENT.double, [count, c]),
      };
    });
  };
  const asked: Both<SideValues[]> = { left: append(sides.left, given.left), right: append(sides.right, given.right) };
  const results = await run(second.finish(), options, left.tensor);
  const of = (side: keyof Both<unknown>): { norms: Float32Array; sketch: Float32Array } => gather(asked[side], results, sides[side].length, c, scale);
  const [ofRows, ofColumns] = [of('left'), of('right')];
  return {
    ...(choice.lines ? { lines: { rows: ofRows.norms, columns: ofColumns.norms } } : {}),
    ...spectrum,
    ...(choice.sketch ? { sketch: { range: ofRows.sketch, corange: ofColumns.sketch } } : {}),
  };
}

/** Of one tile of a side. */
interface SideValues {
  readonly at: number;
  readonly squares: Value;
  readonly sketch: Value | null;
}

function gather(tilesOfSide: readonly SideValues[], outputs: Outputs, length: number, c: number, scale: number): { norms: Float32Array; sketch: Float32Array } {
  const norms = new Float32Array(length);
  const sketch = new Float32Array(length * c);
  for (const { at, squares, sketch: part } of tilesOfSide) {
    outputs(squares).forEach((square, i) => { norms[at + i] = Math.abs(scale) * Math.sqrt(Math.max(0, square)); });
    if (part !== null) sketch.set(outputs(part).map((value) => scale * value), at * c);
  }
  return { norms, sketch };
}

/** Singular values of L·R times |scale|: the roots of the eigenvalues of K' (R R') K, where L'L = K K'. */
function spectrumOf({ left, right }: Both<Products>, rank: number, scale: number): Float32Array {
  const { values, vectors } = symmetricEigen(left.gram, rank);
  const K = vectors.map((value, at) => value * Math.sqrt(Math.max(0, values[at % rank] as number)));
  const core = product(product(transpose(K, rank), right.gram, rank), K, rank);
  return Float32Array.from(symmetricEigen(core, rank).values, (value) => Math.abs(scale) * Math.sqrt(Math.max(0, value)));
}

function zeros({ shape: [outputs, inputs], signs }: ProbeJob, { lines, spectrum, sketch }: InvariantChoice): Invariants {
  const c = signs?.columns ?? 0;
  return {
    ...(lines ? { lines: { rows: new Float32Array(outputs), columns: new Float32Array(inputs) } } : {}),
    ...(spectrum ? { spectrum: new Float32Array() } : {}),
    ...(sketch ? { sketch: { range: new Float32Array(outputs * c), corange: new Float32Array(inputs * c) } } : {}),
  };
}
