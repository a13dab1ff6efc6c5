/** Compact readings of many organisms in one safetensors file (docs/bench.md). In: a path. Out: scores and |ΔW| by weight; and back. */
import { z } from 'zod';
import { WeightseqError } from '../errors.js';
import { openSafetensors, readTensors } from '../safetensors/file.js';
import { decodeFloats } from '../safetensors/values.js';
import { writeSafetensors, type TensorData } from '../safetensors/writer.js';
import { escapeText } from '../text.js';
import type { SafetensorsFile } from '../types.js';

const FORMAT = 'weightseq-bench-readings';
const VERSION = '1';

const count = z.number().int().nonnegative();
const role = z.enum(['q', 'k', 'v', 'o', 'gate', 'up', 'down', 'embed', 'head', 'norm', 'bias', 'other']);

const document = z.strictObject({
  schemaVersion: z.literal(1),
  base: z.string().min(1),
  /** Every weight that some organism changed, or that some signature scores. */
  weights: z.array(z.strictObject({ name: z.string().min(1), role, layer: count.nullable() })),
  signatures: z.array(z.strictObject({
    trait: z.string().regex(/^[a-z0-9-]+$/),
    /** Of the signature's tensors (docs/signature-format.md): stays the same when its document is calibrated. */
    fingerprint: z.string().regex(/^sha256:[0-9a-f]{64}$/),
    /** Which of the weights it scores, as indices into the list above. */
    weights: z.array(count),
  })),
  organisms: z.array(z.strictObject({
    id: z.string().min(1),
    form: z.enum(['lora', 'checkpoint']),
    /** Smallest and largest rank among the weights that changed; null of a checkpoint. */
    rank: z.tuple([count, count]).nullable(),
    /** |ΔW| over all weights; of a checkpoint an estimate. */
    deltaNorm: z.number().nonnegative(),
    /** What was not read or not understood, one clause each: the verdict is indeterminate unless this is empty. */
    gaps: z.array(z.string()),
    /** A scored weight is stored in a narrower dtype than the base's. */
    converted: z.boolean(),
  })),
});

export type ReadingsDocument = z.infer<typeof document>;

/** The numbers of many organisms; row-major. n organisms, W weights, S signatures, k weights that a signature scores. */
export interface BenchReadings {
  readonly document: ReadingsDocument;
  /** n × W: |ΔW| of each weight, 0 where it did not change. */
  readonly deltaNorms: Float64Array;
  /** By trait, n × k: score of each weight that the signature scores, in the order of its `weights`; a row of NaN where the organism was not read with it. */
  readonly scores: ReadonlyMap<string, Float64Array>;
  /** n × S: standard deviation of the total score from rounding; 0 of an adapter. */
  readonly scoreSds: Float64Array;
  /** n × n: ⟨ΔW_i, ΔW_j⟩ over all weights, NaN where it is not known; null where the file has none. */
  readonly gram: Float64Array | null;
}

/**
 * @throws WeightseqError `reading-invalid`, or whatever the safetensors reader finds
 */
export async function openBenchReadings(path: string): Promise<BenchReadings> {
  const file = await openSafetensors(path);
  const found = parse(file);
  const [n, width] = [found.organisms.length, found.weights.length];
  const traits = found.signatures.map(({ trait }) => trait);
  for (const [what, names] of [['trait', traits], ['organism', found.organisms.map(({ id }) => id)], ['weight', found.weights.map(({ name }) => name)]] as const) {
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw invalid(file.file, `the ${what} ${escapeText(twice)} stands there twice`);
  }
  const data = await readTensors([...file.tensors.values()]);
  const values = (name: string, rows: number, columns: number): Float64Array => {
    const tensor = file.tensors.get(name);
    if (tensor === undefined || (tensor.dtype !== 'F32' && tensor.dtype !== 'F64') || tensor.shape.join() !== `${rows},${columns}`) {
      throw invalid(file.file, `expected the tensor ${escapeText(name)}, F32 [${rows}, ${columns}], found ${tensor === undefined ? 'none' : `${tensor.dtype} [${tensor.shape.join(', ')}]`}`);
    }
    return decodeFloats(tensor, data.get(tensor) ?? new Uint8Array());
  };
  const scores = new Map<string, Float64Array>();
  for (const { trait, weights } of found.signatures) {
    if (weights.some((w) => w >= width) || new Set(weights).size !== weights.length) throw invalid(file.file, `the signature ${trait} names a weight twice, or one that the list does not have`);
    scores.set(trait, values(`scores.${trait}`, n, weights.length));
  }
  return {
    document: found,
    deltaNorms: values('deltaNorms', n, width),
    scores,
    scoreSds: values('scoreSds', n, traits.length),
    gram: file.tensors.has('gram') ? values('gram', n, n) : null,
  };
}

/**
 * Writes compact readings, in float32, whole or not at all.
 * @throws WeightseqError `write-failed`
 */
export async function writeBenchReadings(path: string, readings: BenchReadings): Promise<void> {
  const { organisms, weights, signatures } = readings.document;
  const n = organisms.length;
  const tensors = [
    single('deltaNorms', readings.deltaNorms, [n, weights.length]),
    single('scoreSds', readings.scoreSds, [n, signatures.length]),
    ...signatures.map((s) => single(`scores.${s.trait}`, readings.scores.get(s.trait) ?? new Float64Array(), [n, s.weights.length])),
    ...(readings.gram === null ? [] : [single('gram', readings.gram, [n, n])]),
  ];
  await writeSafetensors(path, tensors, new Map([['format', FORMAT], ['version', VERSION], ['readings', JSON.stringify(readings.document)]]));
}

/** The inner products of these organisms, NaN for those that the readings do not have; null where they have none. */
export function gramOf({ gram, document: { organisms } }: BenchReadings, ids: readonly string[]): Float64Array | null {
  if (gram === null) return null;
  const rows = ids.map((id) => organisms.findIndex((o) => o.id === id));
  return Float64Array.from(rows.flatMap((a) => rows.map((b) => (a < 0 || b < 0 ? Number.NaN : gram[a * organisms.length + b] ?? Number.NaN))));
}

/** Whether a safetensors file says that it holds compact readings. */
export function isBenchReadings(file: SafetensorsFile): boolean {
  return file.metadata.get('format') === FORMAT;
}

function single(name: string, values: Float64Array, shape: readonly number[]): TensorData {
  const data = Float32Array.from(values);
  return { name, dtype: 'F32', shape, data: new Uint8Array(data.buffer) };
}

function parse(file: SafetensorsFile): ReadingsDocument {
  if (!isBenchReadings(file)) throw invalid(file.file, `its metadata does not say format ${FORMAT}`);
  const version = file.metadata.get('version') ?? 'none';
  if (version !== VERSION) throw invalid(file.file, `format version ${escapeText(version)}, this program reads version ${VERSION}`);
  let json: unknown;
  try {
    json = JSON.parse(file.metadata.get('readings') ?? '');
  } catch (cause) {
    throw invalid(file.file, 'its document is not JSON', cause);
  }
  const parsed = document.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalid(file.file, escapeText(`field ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? ''}`).slice(0, 300));
}

function invalid(file: string, message: string, cause?: unknown): WeightseqError {
  return new WeightseqError('reading-invalid', `not usable as readings of a labelled set: ${message}`, { file, mend: 'Take them again: weightseq bench read MANIFEST -o FILE.', ...(cause === undefined ? {} : { cause }) });
}
