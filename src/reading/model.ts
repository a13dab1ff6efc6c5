/** The nouns of readings: what will be read of a checkpoint, and the numbers that reading it, or an adapter, gives. */
import type { DenseWeight, Dtype, Gap, InvariantChoice, Invariants, Probe, Role, TensorInfo, Vector } from '../types.js';

export type { InvariantChoice, Invariants };

/** The random ±1 probes X and Y (docs/signature-format.md). */
export interface SignProbes {
  readonly seed: number;
  readonly columns: number;
}

/** Those of every reading and of the shipped signatures. */
export const SIGNS: SignProbes = { seed: 0, columns: 16 };

/** Part `index` (from 1) of `count`: whole weights, consecutive in the order of the plan (`partOf`). */
export interface Part {
  readonly index: number;
  readonly count: number;
}

/** One weight, and what to take of it; with `base`, of W − W0. */
export interface ModelStep {
  readonly weight: DenseWeight;
  readonly base: DenseWeight | null;
  readonly probes: readonly Probe[];
  /** Bytes of weights that this step reads, the base's included. */
  readonly bytes: number;
}

/** What will be read of a whole checkpoint, in which order; a pure value. */
export interface ModelPlan {
  /** What the numbers are of: W, or ΔW = W − W0. */
  readonly of: 'weights' | 'change';
  readonly steps: readonly ModelStep[];
  readonly vectors: readonly { readonly vector: Vector; readonly base: Vector | null }[];
  /** Read for NaN and infinity only. */
  readonly buffers: readonly TensorInfo[];
  readonly signs: SignProbes;
  /** None when absent. */
  readonly invariants?: InvariantChoice;
  readonly bytes: number;
  /** What has no counterpart in the base, or only in part. */
  readonly gaps: readonly Gap[];
}

/** The numbers of one weight: of W, or of ΔW where the reading is of a change. */
export interface DenseReading {
  readonly name: string;
  readonly role: Role;
  readonly layer: number | null;
  /** Of what was read: an embedding held against a smaller base has the rows in common. */
  readonly shape: readonly [outputs: number, inputs: number];
  readonly dtype: Dtype;
  /** Of the base's tensor, where the reading is of a change; null otherwise. */
  readonly baseDtype: Dtype | null;
  readonly bytes: number;
  /** The name by which its sign probes were drawn, where that is not its own. */
  readonly signsAs?: string | undefined;
  /** By probe key: u_i' W v_i. */
  readonly coordinates: ReadonlyMap<string, Float64Array>;
  /** X' W Y, columns × columns. */
  readonly signs: Float64Array;
  /** Frobenius norm. */
  readonly norm: number;
  /** What was asked for; absent where nothing was. */
  readonly invariants?: Invariants;
}

export interface VectorReading {
  readonly name: string;
  readonly role: Vector['role'];
  readonly layer: number | null;
  readonly dtype: Dtype;
  readonly values: Float64Array;
}

/** Numbers only; every later stage works from it. */
export interface ModelReading {
  readonly of: ModelPlan['of'];
  readonly weights: readonly DenseReading[];
  readonly vectors: readonly VectorReading[];
  /** The base's vectors, where the reading is of a change; empty otherwise. */
  readonly baseVectors: readonly VectorReading[];
  readonly failed: readonly Gap[];
  readonly nonFinite: readonly { readonly name: string; readonly nan: number; readonly infinite: number; readonly bytes: number }[];
  readonly bytes: number;
  readonly signs: SignProbes;
}

/** The numbers of one weight that an adapter changes: of ΔW = scale · L·R, exact up to rounding. */
export interface DeltaWeight {
  readonly name: string;
  readonly role: Role;
  readonly layer: number | null;
  /** The module path in the model, without wrapper prefixes. */
  readonly module: string;
  readonly shape: readonly [outputs: number, inputs: number];
  /** Of the left factor. */
  readonly dtype: Dtype;
  /** Of both factors; what the parts of a fused weight share counts once. */
  readonly bytes: number;
  readonly rank: number;
  /** By probe key: u_i' ΔW v_i. */
  readonly coordinates: ReadonlyMap<string, Float64Array>;
  /** X' ΔW Y, columns × columns. */
  readonly signs: Float64Array;
  /** |ΔW|, Frobenius. */
  readonly norm: number;
  readonly invariants?: Invariants;
}

/** A reading of an adapter. */
export interface DeltaReading {
  readonly of: 'delta';
  readonly weights: readonly DeltaWeight[];
  readonly failed: readonly Gap[];
  readonly nonFinite: ModelReading['nonFinite'];
  readonly bytes: number;
  readonly signs: SignProbes;
}
