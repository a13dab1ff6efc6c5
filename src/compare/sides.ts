/** What is known of one side: its updates by weight. In: the result of a scan, or an adapter. Out: updates. */
import { estimateNorm } from '../reading/norms.js';
import type { DenseReading } from '../reading/model.js';
import { openReading, type KeptDelta, type KeptModel } from '../reading/reading-file.js';
import type { AnyScanOptions } from '../scan/any.js';
import { keepReading } from '../scan/keep.js';
import { isKept } from '../scan/kept.js';
import type { ModelScanResult } from '../scan/model-scan.js';
import { computingNorm, roundingNorm } from '../scan/rounding.js';
import { WeightseqError } from '../errors.js';
import { exactly } from './pair.js';
import { sketchOf, type Sketch, type Update } from './updates.js';

/**
 * The updates of a whole checkpoint against its base, as its scan found them. Pure.
 * @param base its kept reading, for sketches, which are linear, and for |W0|, from which the rounding of stored numbers follows
 */
export function updatesOfModel({ reading, change }: Pick<ModelScanResult, 'reading' | 'change'>, base: KeptModel | null): Update[] {
  const read = new Map(reading?.weights.map((weight) => [weight.name, weight]));
  const ofBase = new Map(base?.reading.weights.map((weight) => [weight.name, weight]));
  const isExact = reading?.of === 'change';
  return (change?.weights ?? []).map(({ name, role, layer, shape, norm, deltaNorm, signs }) => {
    const weight = read.get(name);
    const sketch = weight && deltaNorm !== 0 ? sketchOfWeight(weight, isExact, ofBase.get(name)) : null;
    return { name, role, layer, shape, norm, isChanged: deltaNorm !== 0, signs, rounding: isExact ? 0 : norm.floor, isExact, sketch };
  });
}

function sketchOfWeight(weight: DenseReading, isChange: boolean, base: DenseReading | undefined): Sketch | null {
  const { sketch } = weight.invariants ?? {};
  if (sketch === undefined) return null;
  if (isChange) return { ...sketch, noise: base === undefined ? 0 : noiseOf({ ...weight, norm: base.norm }) };
  const known = base?.invariants?.sketch;
  const fits = known?.range.length === sketch.range.length && known.corange.length === sketch.corange.length;
  return known && fits ? sketchOf(sketch, known, noiseOf(weight)) : null;
}

function noiseOf(weight: Pick<DenseReading, 'dtype' | 'shape' | 'norm'>): number {
  return Math.hypot(roundingNorm(weight), computingNorm(weight));
}

/** W itself in place of an update, where no base is known: the difference of two of these is that of the weights. Pure. */
export function weightsOfModel({ reading }: Pick<ModelScanResult, 'reading'>): Update[] {
  return (reading?.weights ?? []).map((weight): Update => {
    const { name, role, layer, shape, signs, norm, invariants } = weight;
    const { value, low, high } = estimateNorm(signs, Math.sqrt(signs.length));
    const noise = noiseOf(weight);
    return { name, role, layer, shape, norm: { value: Number.isFinite(norm) ? norm : value, low, high, floor: noise }, isChanged: true, signs, rounding: noise, isExact: false, sketch: invariants?.sketch ? { ...invariants.sketch, noise } : null };
  });
}

/**
 * The updates of an adapter, or of a kept reading of one: sign coordinates and, of an adapter, sketches.
 * @throws WeightseqError as `keepReading` and `openReading`
 */
export async function updatesOfAdapter(path: string, { library, assumeBase }: Pick<AnyScanOptions, 'library' | 'assumeBase'>): Promise<Update[]> {
  const { reading } = await isKept(path) ? await openDelta(path) : await readDelta(path, { library, assumeBase });
  return reading.weights.map(({ name, role, layer, shape, norm, signs, invariants }) => ({
    name, role, layer, shape, norm: exactly(norm), isChanged: norm !== 0, signs, rounding: computingNorm({ norm }), isExact: true,
    sketch: invariants?.sketch ? { ...invariants.sketch, noise: computingNorm({ norm }) } : null,
  }));
}

async function openDelta(path: string): Promise<KeptDelta> {
  const kept = await openReading(path);
  if (kept.of === 'delta') return kept;
  throw changedMeanwhile(path);
}

async function readDelta(path: string, { library, assumeBase }: Pick<AnyScanOptions, 'library' | 'assumeBase'>): Promise<KeptDelta> {
  const { kept } = await keepReading(path, {
    library, assumeBase, withSignatures: false, hash: false, invariants: { lines: false, spectrum: false, sketch: true }, part: null, version: '',
  });
  if (kept.of === 'delta') return kept;
  throw changedMeanwhile(path);
}

/** That a path does not hold any more what its scan found there. */
export function changedMeanwhile(path: string): WeightseqError {
  return new WeightseqError('engine-failed', 'the path does not hold the adapter any more that was scanned', { file: path, mend: 'Make sure that nothing writes to it, and compare again.' });
}
