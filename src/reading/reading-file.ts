/** A reading on disk: one safetensors file (docs/reading-format.md). In: numbers and where they come from. Out: the same. */
import { WeightseqError } from '../errors.js';
import { openSafetensors, readTensors } from '../safetensors/file.js';
import { decodeFloats } from '../safetensors/values.js';
import { writeSafetensors, type TensorData } from '../safetensors/writer.js';
import { escapeText } from '../text.js';
import type { SafetensorsFile } from '../types.js';
import type { DenseReading, ModelReading } from './model.js';
import { readingDocument, type ReadingDocument } from './reading-document.js';

/** A reading of W and its provenance. Coordinates are kept by the sha256 of the signature that they belong to. */
export interface KeptReading {
  readonly reading: ModelReading;
  readonly provenance: Pick<ReadingDocument, 'tool' | 'architecture' | 'bytes' | 'baseClaim' | 'files' | 'signatures' | 'weightsTotal' | 'gaps'>;
}

export const READING_FORMAT = 'weightseq-reading';
const VERSION = '1';

/**
 * Writes a reading, whole or not at all.
 * @throws WeightseqError `write-failed`
 */
export async function writeReading(path: string, { reading, provenance }: KeptReading): Promise<void> {
  const { signs } = reading;
  const document: ReadingDocument = {
    schemaVersion: 1,
    ...provenance,
    bytesRead: reading.bytes,
    signProbes: { algorithm: 'murmur3-sign-1', ...signs },
    weights: reading.weights.map(({ name, role, layer, shape, dtype, bytes, signsAs, norm }) => ({ name, role, layer, shape: [...shape], dtype, bytes, signsAs, norm: Number.isFinite(norm) ? norm : null })),
    vectors: reading.vectors.map(({ name, role, layer, dtype }) => ({ name, role, layer, dtype })),
    failed: [...reading.failed],
    nonFinite: [...reading.nonFinite],
  };
  const tensors = [
    ...reading.weights.flatMap((weight) => [
      floats(`weight/${weight.name}/signs`, weight.signs, [signs.columns, signs.columns]),
      ...[...weight.coordinates].map(([key, values]) => floats(`weight/${weight.name}/${key}`, values)),
    ]),
    ...reading.vectors.map(({ name, values }) => floats(`vector/${name}`, values)),
  ];
  await writeSafetensors(path, tensors, new Map([['format', READING_FORMAT], ['version', VERSION], ['reading', JSON.stringify(document)]]));
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
  const { weights, vectors, bytesRead, signProbes: { seed, columns }, failed, nonFinite, ...document } = parseDocument(file);
  const data = await readTensors([...file.tensors.values()]);
  const values = (name: string): Float64Array => {
    const tensor = file.tensors.get(name);
    if (tensor?.dtype !== 'F64') throw invalid(file.file, `expected the F64 tensor ${escapeText(name)}, found ${tensor?.dtype ?? 'none'}`);
    return decodeFloats(tensor, data.get(tensor) ?? new Uint8Array());
  };
  const dense: DenseReading[] = [];
  for (const { norm, ...weight } of weights) {
    const coordinates = new Map<string, Float64Array>();
    for (const { sha256 } of document.signatures) {
      const name = `weight/${weight.name}/${sha256}`;
      if (file.tensors.has(name)) coordinates.set(sha256, values(name));
    }
    const signs = values(`weight/${weight.name}/signs`);
    if (signs.length !== columns ** 2) throw invalid(file.file, `expected ${columns} × ${columns} sign coordinates of ${escapeText(weight.name)}, found ${signs.length} numbers`);
    dense.push({ ...weight, baseDtype: null, norm: norm ?? Number.NaN, coordinates, signs });
  }
  const read = [];
  for (const vector of vectors) read.push({ ...vector, values: values(`vector/${vector.name}`) });
  const { tool, architecture, bytes, baseClaim, files, signatures, weightsTotal, gaps } = document;
  return {
    reading: { of: 'weights', weights: dense, vectors: read, baseVectors: [], failed, nonFinite, bytes: bytesRead, signs: { seed, columns } },
    provenance: { tool, architecture, bytes, baseClaim, files, signatures, weightsTotal, gaps },
  };
}

/**
 * |W| over all weights of a kept reading, Frobenius, from its document alone; null where a weight was not finite.
 * @throws WeightseqError as `openReading`
 */
export async function readingNorm(path: string): Promise<number | null> {
  const { weights } = parseDocument(await openSafetensors(path));
  const squares = weights.reduce((sum, { norm }) => sum + (norm ?? Number.NaN) ** 2, 0);
  return Number.isFinite(squares) ? Math.sqrt(squares) : null;
}

function floats(name: string, values: Float64Array, shape: readonly number[] = [values.length]): TensorData {
  return { name, dtype: 'F64', shape, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

function parseDocument(file: SafetensorsFile): ReadingDocument {
  if (!isReading(file)) throw invalid(file.file, `its metadata does not say format ${READING_FORMAT}`);
  const version = file.metadata.get('version') ?? 'none';
  if (version !== VERSION) throw invalid(file.file, `format version ${escapeText(version)}, this program reads version ${VERSION}`);
  let json: unknown;
  try {
    json = JSON.parse(file.metadata.get('reading') ?? '');
  } catch (cause) {
    throw invalid(file.file, 'its document is not JSON', cause);
  }
  const parsed = readingDocument.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalid(file.file, `field ${escapeText(issue?.path.join('.') ?? '')}: ${escapeText(issue?.message ?? '')}`);
}

function invalid(file: string, message: string, cause?: unknown): WeightseqError {
  return new WeightseqError('reading-invalid', `not a usable reading: ${message}`, { file, mend: 'Take the reading again: weightseq read PATH -o FILE.', ...(cause === undefined ? {} : { cause }) });
}
