/**
 * The glossary: every noun that passes from one stage to the next.
 * PATH ─ locate ─▶ Checkpoint ─ plan ─▶ ReadPlan ─ read ─▶ Reading ─ score ─▶ Finding[] ─ judge ─▶ Report ─ render ─▶ text
 */

/** Element types of the safetensors format that can be read. */
export type Dtype =
  | 'F64' | 'F32' | 'F16' | 'BF16' | 'F8_E4M3' | 'F8_E5M2'
  | 'I64' | 'I32' | 'I16' | 'I8' | 'U64' | 'U32' | 'U16' | 'U8' | 'BOOL';

/** Where the bytes of one tensor lie. The data are row-major and little endian. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Real path of the file (links resolved). */
  readonly file: string;
  /** First byte of the data, counted from the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

/** A safetensors file whose header has passed every check. */
export interface SafetensorsFile {
  /** Real path of the file. */
  readonly file: string;
  readonly bytes: number;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** `__metadata__`, empty when there is none. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** What a weight does in its block; `other` when its name is not known. */
export type Role = 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down' | 'embed' | 'head' | 'norm' | 'bias' | 'other';

/** A matrix stored as a tensor or as its transpose. */
export interface Factor {
  readonly tensor: TensorInfo;
  readonly transposed: boolean;
  /** The rows of the stored tensor that make up the matrix, in order: some of a fused weight's, of a factor that is not transposed. All when absent. */
  readonly rows?: readonly (readonly [first: number, count: number])[];
}

/** ΔW = scale · L·R, with L out × rank and R rank × in. */
export interface LowRank {
  readonly left: Factor;
  readonly right: Factor;
  readonly rank: number;
  readonly scale: number;
}

/** One logical matrix, always out × in, and its change as the adapter gives it. */
export interface Weight {
  /** Canonical name `layer.role[.expert]`, `embed` or `head`; when the role is `other`, the path in its block (`layers.3.router`) or in the model. */
  readonly name: string;
  readonly role: Role;
  /** Index of the transformer block; null outside the blocks. */
  readonly layer: number | null;
  /** The module path in the model, without wrapper prefixes: `model.layers.5.self_attn.q_proj`. */
  readonly module: string;
  readonly shape: readonly [outputs: number, inputs: number];
  readonly delta: LowRank;
}

/** A tensor that is not read, or is read and can't be scored, and that therefore makes the scan incomplete. */
export interface Gap {
  /** Tensor, module, configuration field or file. */
  readonly name: string;
  /** One clause: what it is, and what would mend it. */
  readonly reason: string;
  /** Bytes of weights behind it; 0 for a configuration field. */
  readonly bytes: number;
}

/** A dense matrix as it lies in a shard. W = the stored rows × columns matrix (or its transpose), of which some outputs are taken. */
export interface Dense {
  /** The stored matrix, always 2-D: a tensor, or one expert of a 3-D stack with its own offset and bytes. */
  readonly tensor: TensorInfo;
  /** Stored as in × out (GPT-2's Conv1D): W is the transpose. */
  readonly transposed: boolean;
  /** The outputs of the stored matrix that make up W, in order: all of them, or some of a fused one (Phi-3, GPT-2, GPT-NeoX). */
  readonly outputs: readonly (readonly [first: number, count: number])[];
}

/** One logical matrix of a whole checkpoint, always out × in. */
export interface DenseWeight {
  /** Canonical name `layer.role[.expert]`, `embed` or `head`; when the role is `other`, the path in its block (`layers.3.router`) or in the model. */
  readonly name: string;
  readonly role: Role;
  readonly layer: number | null;
  readonly module: string;
  readonly shape: readonly [outputs: number, inputs: number];
  /** The name by which its sign probes are drawn, where that is not its own: `embed` for a head that is stored beside the embedding it is tied to. */
  readonly signsAs?: string;
  readonly values: Dense;
}

/** A tensor that is no matrix: a norm, a bias, or another. */
export interface Vector {
  /** Canonical: `5.norm.input_layernorm`, `5.q.bias`, `norm`; the tensor's path when it is not known. */
  readonly name: string;
  readonly role: 'norm' | 'bias' | 'other';
  readonly layer: number | null;
  readonly tensor: TensorInfo;
  /** The elements taken, of a fused bias; all when absent. */
  readonly elements?: readonly (readonly [first: number, count: number])[];
}

/** A file that decides a result: its name in the folder (the last part of its path need not be that, in the Hugging Face cache), and its path. */
export interface NamedFile {
  readonly name: string;
  readonly file: string;
}

/** What lies beside the weights: a file that some loader could run or take instead, or code that the configuration asks for. */
export interface Beside {
  /** Within the folder of the checkpoint, with `/` between folders. */
  readonly name: string;
  /** `unseen` is what could not be looked at, or was not. */
  readonly what: 'pickle' | 'script' | 'archive' | 'remote-code' | 'template' | 'weights' | 'binary' | 'unseen';
  /** One clause. */
  readonly reason: string;
  readonly bytes: number;
}

/** A whole model on disk, in one file or in shards. */
export interface ModelCheckpoint {
  /** As the user gave it. */
  readonly path: string;
  readonly kind: 'checkpoint';
  /** Real paths of the shards. */
  readonly files: readonly string[];
  /** Configuration, index and weights. */
  readonly decides: readonly NamedFile[];
  /** Bytes of tensor data in those files. */
  readonly bytes: number;
  /** `model_type` of config.json, null without one; `known` says whether its names are in the architecture table. */
  readonly architecture: { readonly name: string | null; readonly known: boolean };
  /** Sorted by layer, then by role as the model computes them; weights outside the blocks last. */
  readonly weights: readonly DenseWeight[];
  readonly vectors: readonly Vector[];
  /** Masks and tables that the model computes itself, whatever the file says: read for NaN and infinity, compared with nothing. */
  readonly buffers: readonly TensorInfo[];
  /** Everything that matters and is not understood or can't be read, one entry for each. */
  readonly gaps: readonly Gap[];
}

/** What a path was found to hold. */
export interface Checkpoint {
  /** As the user gave it. */
  readonly path: string;
  readonly kind: 'adapter';
  /** Real paths of the files of weights. */
  readonly files: readonly string[];
  /** Configuration and weights. */
  readonly decides: readonly NamedFile[];
  /** Bytes of tensor data in those files. */
  readonly bytes: number;
  /** The base that the adapter names (`base_model_name_or_path`); null when it names none. */
  readonly baseClaim: string | null;
  /** Sorted by layer, then by role as the model computes them; weights outside the blocks last. */
  readonly weights: readonly Weight[];
  /** Tensors that are no factor of a weight (modules_to_save, biases, what no rule explains): read for NaN and infinity, not scored. */
  readonly unscored: readonly TensorInfo[];
  /** Everything that matters and is not understood or not scored, one entry for each. */
  readonly gaps: readonly Gap[];
}

/** Paired probes: the numbers u_i' W v_i for the columns u_i of U (out × columns) and v_i of V (in × columns). */
export interface Probe {
  /** Which signature asks, unique within a run. */
  readonly key: string;
  readonly U: TensorInfo;
  readonly V: TensorInfo;
  readonly columns: number;
}

/**
 * What a reading may hold of a weight M (W, or ΔW of an adapter) beside its probes: what descent is traced by where hidden
 * units were permuted, scaled or rotated. All numbers are float32, as the file holds them; c is the columns of the sign probes.
 */
export interface Invariants {
  /** |M_i·| of every row (out), and |M_·j| of every column (in): Euclidean. */
  readonly lines?: { readonly rows: Float32Array; readonly columns: Float32Array };
  /** Leading singular values, largest first: of an adapter all of them, of a checkpoint c estimates from below. */
  readonly spectrum?: Float32Array;
  /** Y = M Ω (out × c) and Z = M' Ψ (in × c), row-major, with Ω and Ψ the right and the left sign probes of the weight. */
  readonly sketch?: { readonly range: Float32Array; readonly corange: Float32Array };
}

/** Which invariants to take; none unless asked for. */
export interface InvariantChoice {
  readonly lines: boolean;
  readonly spectrum: boolean;
  readonly sketch: boolean;
}

/** One weight and the probes to take of it. */
export interface ReadStep {
  readonly weight: Weight;
  readonly probes: readonly Probe[];
  /** Bytes of weights that this step reads. */
  readonly bytes: number;
}

/** What will be read, in which order; a pure value that `--dry-run` prints. */
export interface ReadPlan {
  readonly steps: readonly ReadStep[];
  readonly unscored: readonly TensorInfo[];
  readonly bytes: number;
}

/** The numbers that reading one weight gives. */
export interface WeightReading {
  readonly name: string;
  readonly role: Role;
  readonly layer: number | null;
  readonly shape: readonly [outputs: number, inputs: number];
  /** Rank of the low-rank product. */
  readonly rank: number;
  /** Frobenius norm |ΔW|, exact up to rounding. */
  readonly deltaNorm: number;
  /** By probe key: u_i' ΔW v_i. */
  readonly coordinates: ReadonlyMap<string, Float64Array>;
  /** X' ΔW Y, where sign probes were asked for. */
  readonly signs?: Float64Array;
  readonly invariants?: Invariants;
}

/** Numbers only; every later stage works from it. */
export interface Reading {
  readonly weights: readonly WeightReading[];
  /** Weights and unscored tensors that could not be read, or whose reading is not to be trusted, and why. */
  readonly failed: readonly Gap[];
  /** Bytes of weights that were read. */
  readonly bytes: number;
  /** Tensors that hold NaN or infinity, with how many. */
  readonly nonFinite: readonly { readonly name: string; readonly nan: number; readonly infinite: number; readonly bytes: number }[];
}
