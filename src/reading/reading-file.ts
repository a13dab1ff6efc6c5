/** A reading on disk: one safetensors file (docs/reading-format.md). In: numbers and where they come from. Out: the same. */
import { isWide } from '../engine/index.js';
import { WeightseqError } from '../errors.js';
import { openSafetensors, readTensors } from '../safetensors/file.js';
import { decodeFloats } from '../safetensors/values.js';
import { writeSafetensors, type TensorData } from '../safetensors/writer.js';
import { escapeText } from '../text.js';
import type { SafetensorsFile } from '../types.js';
import type { DeltaReading, DeltaWeight, DenseReading, Invariants, ModelReading } from './model.js';
import { readingDocuments, type DeltaDocument, type ReadingDocument, type WeightsDocument } from './reading-document.js';

/** Where the numbers of a reading come from. `part` is null for a whole one. */
export type Provenance = Pick<ReadingDocument, 'tool' | 'architecture' | 'bytes' | 'baseClaim' | 'files' | 'signatures' | 'weightsTotal' | 'gaps' | 'plan' | 'part'>;

/** A reading of W and its provenance. Coordinates are kept by the sha256 of the signature that they belong to. */
export interface KeptModel {
  readonly of: 'weights';
  readonly reading: ModelReading;
  readonly provenance: Provenance;
}

/** The same of an adapter: a reading of ΔW. */
export interface KeptDelta {
  readonly of: 'delta';
  readonly reading: DeltaReading;
  readonly provenance: Provenance;
}

export type KeptReading = KeptModel | KeptDelta;

export const READING_FORMAT = 'weightseq-reading';
const VERSION = '2';

/**
 * Writes a reading, whole or not at all.
 * @throws WeightseqError `write-failed`
 */
export async function writeReading(path: string, kept: KeptReading): Promise<void> {
  const { reading, provenance } = kept;
  const { signs, failed, nonFinite, bytes: bytesRead } = reading;
  const common = { schemaVersion: 2 as const, ...provenance, bytesRead, signProbes: { algorithm: 'murmur3-sign-1' as const, ...signs }, failed: [...failed], nonFinite: [...nonFinite] };
  const ofWeight = ({ name, role, layer, shape, dtype, bytes, norm, invariants = {} }: DenseReading | DeltaWeight) => {
    const holds = HOLDS.filter((what) => invariants[what] !== undefined);
    return { name, role, layer, shape: [...shape] as [number, number], dtype, bytes, norm: Number.isFinite(norm) ? norm : null, ...(holds.length > 0 ? { holds } : {}) };
  };
  const vectors = kept.of === 'weights' ? kept.reading.vectors : [];
  const document: ReadingDocument = kept.of === 'weights' ? {
    ...common, of: 'weights',
    weights: kept.reading.weights.map((weight) => ({ ...ofWeight(weight), ...(weight.signsAs === undefined ? {} : { signsAs: weight.signsAs }) })),
    vectors: vectors.map(({ name, role, layer, dtype }) => ({ name, role, layer, dtype })),
  } : {
    ...common, of: 'delta',
    weights: kept.reading.weights.map((weight) => ({ ...ofWeight(weight), module: weight.module, rank: weight.rank })),
    vectors: [],
  };
  const tensors = [
    ...reading.weights.flatMap((weight) => tensorsOf(weight, signs.columns)),
    ...vectors.map(({ name, dtype, values }) => (isWide(dtype) ? doubles : singles)(`vector/${name}`, values)),
  ];
  await writeSafetensors(path, tensors, new Map([['format', READING_FORMAT], ['version', VERSION], ['reading', JSON.stringify(document, sortKeys)]]));
}

/** Objects with their keys in order: the same document is the same bytes, however it came about. */
function sortKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const HOLDS = ['lines', 'spectrum', 'sketch'] as const;

function tensorsOf({ name, shape: [outputs, inputs], signs, coordinates, invariants: { lines, spectrum, sketch } = {} }: DenseReading | DeltaWeight, c: number): TensorData[] {
  const at = `weight/${name}`;
  return [
    doubles(`${at}/signs`, signs, [c, c]),
    ...[...coordinates].map(([key, values]) => doubles(`${at}/${key}`, values)),
    ...(lines ? [singles(`${at}/rows`, lines.rows), singles(`${at}/columns`, lines.columns)] : []),
    ...(spectrum ? [singles(`${at}/spectrum`, spectrum)] : []),
    ...(sketch ? [singles(`${at}/range`, sketch.range, [outputs, c]), singles(`${at}/corange`, sketch.corange, [inputs, c])] : []),
  ];
}

/** Whether a safetensors file says that it is a reading. */
export function isReading(file: SafetensorsFile): boolean {
  return file.metadata.get('format') === READING_FORMAT;
}

/**
 * Reads a kept reading back, every number as it was.
 * @throws WeightseqError `reading-invalid`, or whatever the safetensors reader finds
 */
export async function openReading(path: string): Promise<KeptReading> {
  const file = await openSafetensors(path);
  const document = parseDocument(file);
  const { bytesRead: bytes, signProbes: { seed, columns }, failed, nonFinite } = document;
  const values = await tensorReader(file);
  const common = { failed, nonFinite, bytes, signs: { seed, columns } };
  const { tool, architecture, bytes: bytesTotal, baseClaim, files, signatures, weightsTotal, gaps, plan, part } = document;
  const provenance = { tool, architecture, bytes: bytesTotal, baseClaim, files, signatures, weightsTotal, gaps, plan, part };
  const numbers = ({ name, shape, norm, holds = [] }: ReadingDocument['weights'][number]) => numbersOf({ name, shape, norm, holds }, document, values);
  if (document.of === 'delta') {
    const weights = document.weights.map(({ holds, norm, ...weight }): DeltaWeight => ({ ...weight, ...numbers({ holds, norm, ...weight }) }));
    return { of: 'delta', reading: { of: 'delta', weights, ...common }, provenance };
  }
  const weights = document.weights.map(({ holds, norm, ...weight }): DenseReading => ({ ...weight, baseDtype: null, ...numbers({ holds, norm, ...weight }) }));
  const vectors = document.vectors.map((vector) => ({ ...vector, values: values.some(`vector/${vector.name}`) }));
  return { of: 'weights', reading: { of: 'weights', weights, vectors, baseVectors: [], ...common }, provenance };
}

/**
 * As `openReading`, for what has to be a reading of a whole checkpoint.
 * @throws WeightseqError `reading-invalid` also for a reading of an adapter
 */
export async function openModelReading(path: string): Promise<KeptModel> {
  const kept = await openReading(path);
  if (kept.of === 'weights') return kept;
  throw new WeightseqError('reading-invalid', 'a reading of an adapter, where one of a whole checkpoint is needed', { file: path, mend: 'Take it of the checkpoint: weightseq read PATH -o FILE.' });
}

/**
 * |W| over all weights of a kept reading, Frobenius, from its document alone; null where a weight was not finite.
 * @throws WeightseqError as `openReading`
 */
export async function readingNorm(path: string): Promise<number | null> {
  const { weights } = parseDocument(await openSafetensors(path));
  const squares = weights.map(({ norm }) => (norm ?? Number.NaN) ** 2).reduce((sum, square) => sum + square, 0);
  return Number.isFinite(squares) ? Math.sqrt(squares) : null;
}

interface TensorReader {
  readonly file: string;
  readonly has: (name: string) => boolean;
  /** Numbers of an F64 or F32 tensor. */
  readonly some: (name: string) => Float64Array;
  /** So many numbers of it. */
  readonly exactly: (name: string, count: number) => Float64Array;
}

async function tensorReader(file: SafetensorsFile): Promise<TensorReader> {
  const data = await readTensors([...file.tensors.values()]);
  const some = (name: string): Float64Array => {
    const tensor = file.tensors.get(name);
    if (tensor?.dtype !== 'F64' && tensor?.dtype !== 'F32') throw invalid(file.file, `expected the F64 or F32 tensor ${escapeText(name)}, found ${tensor?.dtype ?? 'none'}`);
    return decodeFloats(tensor, data.get(tensor) ?? new Uint8Array());
  };
  const exactly = (name: string, count: number): Float64Array => {
    const values = some(name);
    if (values.length !== count) throw invalid(file.file, `expected ${count} numbers in ${escapeText(name)}, found ${values.length}`);
    return values;
  };
  return { file: file.file, has: (name) => file.tensors.has(name), some, exactly };
}

/** What both kinds of weights have in tensors. */
function numbersOf(
  { name, shape: [outputs, inputs], norm, holds }: Pick<ReadingDocument['weights'][number], 'name' | 'shape' | 'norm'> & { holds: readonly (typeof HOLDS)[number][] },
  { signatures, signProbes: { columns: c } }: Pick<WeightsDocument | DeltaDocument, 'signatures' | 'signProbes'>, tensors: TensorReader,
): Pick<DenseReading, 'coordinates' | 'signs' | 'norm' | 'invariants'> {
  const at = `weight/${name}`;
  const coordinates = new Map(signatures.filter(({ sha256 }) => tensors.has(`${at}/${sha256}`)).map(({ sha256 }) => [sha256, tensors.some(`${at}/${sha256}`)]));
  const single = (what: string, count: number): Float32Array => Float32Array.from(tensors.exactly(`${at}/${what}`, count));
  const invariants: Invariants = {
    ...(holds.includes('lines') ? { lines: { rows: single('rows', outputs), columns: single('columns', inputs) } } : {}),
    ...(holds.includes('spectrum') ? { spectrum: Float32Array.from(tensors.some(`${at}/spectrum`)) } : {}),
    ...(holds.includes('sketch') ? { sketch: { range: single('range', outputs * c), corange: single('corange', inputs * c) } } : {}),
  };
  return { norm: norm ?? Number.NaN, coordinates, signs: tensors.exactly(`${at}/signs`, c ** 2), ...(holds.length > 0 ? { invariants } : {}) };
}

function doubles(name: string, values: Float64Array, shape: readonly number[] = [values.length]): TensorData {
  return { name, dtype: 'F64', shape, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

function singles(name: string, given: Float32Array | Float64Array, shape: readonly number[] = [given.length]): TensorData {
  const values = Float32Array.from(given);
  return { name, dtype: 'F32', shape, data: new Uint8Array(values.buffer) };
}

function parseDocument(file: SafetensorsFile): ReadingDocument {
  if (!isReading(file)) throw invalid(file.file, `its metadata does not say format ${READING_FORMAT}`);
  const version = file.metadata.get('version') ?? 'none';
  const schema = Object.hasOwn(readingDocuments, version) ? readingDocuments[version] : undefined;
  if (schema === undefined) throw invalid(file.file, `format version ${escapeText(version)}, this program reads versions ${Object.keys(readingDocuments).join(' and ')}`);
  let json: unknown;
  try {
    json = JSON.parse(file.metadata.get('reading') ?? '');
  } catch (cause) {
    throw invalid(file.file, 'its document is not JSON', cause);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalid(file.file, `field ${escapeText(issue?.path.join('.') ?? '')}: ${escapeText(issue?.message ?? '')}`);
}

function invalid(file: string, message: string, cause?: unknown): WeightseqError {
  return new WeightseqError('reading-invalid', `not a usable reading: ${message}`, { file, mend: 'Take the reading again: weightseq read PATH -o FILE.', ...(cause === undefined ? {} : { cause }) });
}
