/** The base's own numbers, which are subtracted from a checkpoint's. In: signatures and a reading of the base. Out: numbers by weight. */
import { WeightseqError } from '../errors.js';
import { SIGNS, type VectorReading } from '../reading/model.js';
import type { KeptModel } from '../reading/reading-file.js';
import { readTensors } from '../safetensors/file.js';
import { decodeFloats } from '../safetensors/values.js';
import type { ListedSignature } from '../signature/library.js';
import { escapeText } from '../text.js';
import type { Dtype, TensorInfo } from '../types.js';

export interface BaseWeight {
  readonly shape: readonly [outputs: number, inputs: number];
  /** Null where only a signature is at hand. */
  readonly dtype: Dtype | null;
  /** X' W0 Y */
  readonly signs: Float64Array;
  /** |W0|; null where only a signature is at hand. */
  readonly norm: number | null;
}

export interface BaseNumbers {
  readonly weights: ReadonlyMap<string, BaseWeight>;
  /** c0 by sha256 of the signature, then by weight. */
  readonly coordinates: ReadonlyMap<string, ReadonlyMap<string, Float64Array>>;
  /** Null without a reading of the base. */
  readonly vectors: ReadonlyMap<string, VectorReading> | null;
}

/** A reading of another model differs by its whole norm, one of the same by float32 sums: far less than this. */
const MOST_DIFFERENCE = 1e-2;

/**
 * What signatures and a reading tell of a base.
 * @throws WeightseqError `base-mismatch` when the reading is not of the signatures' base, `reading-invalid` when it was taken with other sign probes
 */
export async function baseNumbers(signatures: readonly ListedSignature[], kept: KeptModel | null): Promise<BaseNumbers> {
  if (kept && (kept.reading.signs.seed !== SIGNS.seed || kept.reading.signs.columns !== SIGNS.columns)) {
    throw new WeightseqError('reading-invalid', 'the reading of the base was taken with other sign probes', { mend: 'Take it again: weightseq read BASE -o FILE.' });
  }
  const weights = new Map<string, BaseWeight>(kept?.reading.weights.map(({ name, shape, dtype, signs, norm }) => [name, { shape, dtype, signs, norm }]));
  const coordinates = new Map<string, Map<string, Float64Array>>();
  for (const { sha256, document, weights: scored } of signatures) {
    const c0 = new Map<string, Float64Array>();
    const { seed, columns } = document.signProbes;
    const sameSigns = seed === SIGNS.seed && columns === SIGNS.columns;
    const data = await readTensors([...scored.values()].flatMap(({ c0: tensor, probes }) => [tensor, ...(sameSigns ? [probes] : [])]));
    const numbersOf = (tensor: TensorInfo): Float64Array => decodeFloats(tensor, data.get(tensor) ?? new Uint8Array());
    for (const { name, c0: tensor, probes } of scored.values()) {
      c0.set(name, numbersOf(tensor));
      if (!sameSigns) continue;
      const signs = numbersOf(probes);
      const known = weights.get(name);
      if (known === undefined) {
        const shape = document.base.weights[name];
        if (shape) weights.set(name, { shape, dtype: null, signs, norm: null });
      } else if (rms(signs.map((value, i) => value - (known.signs[i] ?? Number.NaN))) > MOST_DIFFERENCE * rms(signs)) {
        throw new WeightseqError('base-mismatch', `the reading of the base is not of ${escapeText(document.base.name)}: ${escapeText(name)} differs`, {
          mend: 'Give the reading of the base that the signatures were made from.',
        });
      }
    }
    coordinates.set(sha256, c0);
  }
  return { weights, coordinates, vectors: kept && new Map(kept.reading.vectors.map((vector) => [vector.name, vector])) };
}

function rms(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / (values.length || 1));
}
