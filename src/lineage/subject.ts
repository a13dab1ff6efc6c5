/** What lineage compares: one model or adapter, as its reading has it. Pure. In: a kept reading. Out: its weights by name. */
import type { DeltaWeight, DenseReading, Invariants, SignProbes, VectorReading } from '../reading/model.js';
import type { KeptReading } from '../reading/reading-file.js';
import type { Dtype, Gap, Role } from '../types.js';

export interface SubjectWeight {
  readonly name: string;
  readonly role: Role;
  readonly layer: number | null;
  readonly shape: readonly [outputs: number, inputs: number];
  readonly dtype: Dtype;
  /** |W|, or |ΔW| of an adapter. */
  readonly norm: number;
  /** X' W Y */
  readonly signs: Float64Array;
  readonly signsAs?: string | undefined;
  readonly invariants: Invariants;
}

export interface Subject {
  /** As the report calls it. */
  readonly name: string;
  /** Whether its numbers are of W, or of the ΔW of an adapter. */
  readonly of: 'weights' | 'delta';
  readonly weights: ReadonlyMap<string, SubjectWeight>;
  readonly vectors: ReadonlyMap<string, VectorReading>;
  readonly signs: SignProbes;
  /** `model_type` of its configuration. */
  readonly architecture: string | null;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string | null }[];
  /** What of it is not read or not understood. */
  readonly gaps: readonly Gap[];
  readonly weightsTotal: number;
  /** Read from disk for it: of weights, or of its reading; 0 where that was not counted. */
  readonly bytes: number;
}

/** A kept reading under the name that the report gives it. */
export function subjectOf(name: string, kept: KeptReading): Subject {
  const { reading, provenance: { architecture, files, gaps, weightsTotal } } = kept;
  const weights = new Map<string, SubjectWeight>();
  for (const weight of reading.weights) weights.set(weight.name, subjectWeight(weight));
  const vectors = kept.of === 'weights' ? kept.reading.vectors : [];
  const nonFinite = reading.nonFinite.map((n): Gap => ({ name: n.name, reason: `holds ${n.nan} NaN and ${n.infinite} infinite values`, bytes: n.bytes }));
  return {
    name, of: kept.of, weights, files, weightsTotal, signs: reading.signs, bytes: 0,
    vectors: new Map(vectors.map((vector) => [vector.name, vector])),
    architecture: architecture.name, gaps: [...gaps, ...reading.failed, ...nonFinite],
  };
}

function subjectWeight({ name, role, layer, shape, dtype, norm, signs, invariants = {}, ...rest }: DenseReading | DeltaWeight): SubjectWeight {
  const { signsAs } = rest as Pick<DenseReading, 'signsAs'>;
  return { name, role, layer, shape, dtype, norm, signs, invariants, ...(signsAs === undefined ? {} : { signsAs }) };
}

/** Number of blocks, by the highest index of a weight. */
export function layersOf({ weights }: Pick<Subject, 'weights'>): number {
  let most = -1;
  for (const { layer } of weights.values()) most = Math.max(most, layer ?? -1);
  return most + 1;
}

/** The sha256 of the files of weights, sorted; null where one was not hashed or none is known. */
export function shardHashes({ files }: Pick<Subject, 'files'>): readonly string[] | null {
  const shards = files.filter(({ name }) => name.endsWith('.safetensors'));
  const hashes = shards.flatMap(({ sha256 }) => sha256 ?? []);
  return hashes.length > 0 && hashes.length === shards.length ? hashes.sort() : null;
}
