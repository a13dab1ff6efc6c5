/** Signature files (docs/signature-format.md). In: a path. Out: probes that stay on disk, coefficients and the document; and back. */
import { basename } from 'node:path';
import type { z } from 'zod';
import { WeightseqError } from '../errors.js';
import { openSafetensors, readTensors } from '../safetensors/file.js';
import { decodeFloats } from '../safetensors/values.js';
import { writeSafetensors } from '../safetensors/writer.js';
import { escapeText } from '../text.js';
import type { Dtype, SafetensorsFile, TensorInfo } from '../types.js';
import { signatureDocument, type SignatureDocument } from './document.js';

/** The probes of one weight (out × in): k columns each, and what they are multiplied with. */
export interface SignatureWeight {
  readonly name: string;
  /** out × k */
  readonly U: TensorInfo;
  /** in × k */
  readonly V: TensorInfo;
  /** Coefficients, k. */
  readonly s: Float64Array;
  /** The base's own coordinates u_i' W0 v_i, F64, k; read when a whole checkpoint is scanned. */
  readonly c0: TensorInfo;
  /** The base's sign-probe coordinates X' W0 Y, c × c. */
  readonly probes: TensorInfo;
}

export interface Signature {
  /** Real path of the file. */
  readonly file: string;
  readonly bytes: number;
  readonly document: SignatureDocument;
  readonly weights: ReadonlyMap<string, SignatureWeight>;
}

const FORMAT = 'weightseq-signature';
const VERSIONS = ['1', '2'];
const PARTS = ['U', 's', 'V', 'c0', 'probes'] as const;
const PROBE_DTYPES: readonly Dtype[] = ['F32', 'F16', 'BF16'];

type Part = (typeof PARTS)[number];

/**
 * Reads a signature file: header, metadata and coefficients; U and V stay on disk for the engine to map.
 * @throws WeightseqError `signature-invalid`, or whatever the safetensors reader finds.
 */
export async function readSignature(path: string): Promise<Signature> {
  const file = await openSafetensors(path);
  const document = parseDocument(file);
  const grouped = groupByWeight(file);
  const weights = new Map<string, SignatureWeight>();
  for (const [name, parts] of grouped) checkParts(file.file, name, parts, document);
  const coefficients = await readTensors([...grouped.values()].map((parts) => parts.s));
  for (const [name, parts] of grouped) {
    const s = decodeFloats(parts.s, coefficients.get(parts.s) ?? new Uint8Array());
    if (!s.every(Number.isFinite)) throw invalid(file.file, 'a coefficient is not a finite number', parts.s.name);
    weights.set(name, { name, U: parts.U, V: parts.V, s, c0: parts.c0, probes: parts.probes });
  }
  return { file: file.file, bytes: file.bytes, document, weights };
}

/** One weight of a signature to be written; the matrices are row-major in `dtype`, as bytes. */
export interface SignatureWeightData {
  readonly name: string;
  readonly shape: readonly [outputs: number, inputs: number];
  readonly columns: number;
  readonly dtype: 'F32' | 'F16' | 'BF16';
  readonly U: Uint8Array;
  readonly V: Uint8Array;
  /** k */
  readonly s: Float32Array;
  /** k, of U and V as stored */
  readonly c0: Float64Array;
  /** c × c */
  readonly probes: Float32Array;
}

/**
 * Writes a signature file, whole or not at all.
 * @throws WeightseqError `signature-invalid` when the document breaks the format, `write-failed` when the disk refuses.
 */
export async function writeSignature(path: string, document: SignatureDocument, weights: readonly SignatureWeightData[]): Promise<void> {
  const checked = signatureDocument.safeParse(document);
  if (!checked.success) throw invalid(path, describe(checked.error));
  const side = document.signProbes.columns;
  const tensors = weights.flatMap((w) => [
    { name: `${w.name}.U`, dtype: w.dtype, shape: [w.shape[0], w.columns], data: w.U },
    { name: `${w.name}.V`, dtype: w.dtype, shape: [w.shape[1], w.columns], data: w.V },
    { name: `${w.name}.s`, dtype: 'F32' as const, shape: [w.columns], data: bytesOf(w.s) },
    { name: `${w.name}.c0`, dtype: 'F64' as const, shape: [w.columns], data: bytesOf(w.c0) },
    { name: `${w.name}.probes`, dtype: 'F32' as const, shape: [side, side], data: bytesOf(w.probes) },
  ]);
  const metadata = new Map([
    ['format', FORMAT],
    ['version', String(document.schemaVersion)],
    ['signature', JSON.stringify(document)],
  ]);
  await writeSafetensors(path, tensors, metadata);
}

function bytesOf(values: Float32Array | Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function parseDocument(file: SafetensorsFile): SignatureDocument {
  if (file.metadata.get('format') !== FORMAT) throw invalid(file.file, `its metadata does not say format ${FORMAT}`);
  const version = file.metadata.get('version') ?? 'none';
  if (!VERSIONS.includes(version)) {
    throw new WeightseqError('signature-invalid', `signature format version ${escapeText(version)}, this program reads versions ${VERSIONS.join(' and ')}`, {
      file: file.file,
      mend: 'Update weightseq.',
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(file.metadata.get('signature') ?? '');
  } catch (cause) {
    throw invalid(file.file, 'its signature document is not JSON', undefined, cause);
  }
  const parsed = signatureDocument.safeParse(json);
  if (!parsed.success) throw invalid(file.file, describe(parsed.error));
  if (String(parsed.data.schemaVersion) !== version) throw invalid(file.file, `its document is of version ${parsed.data.schemaVersion}, its metadata says ${version}`);
  return parsed.data;
}

function groupByWeight(file: SafetensorsFile): Map<string, Record<Part, TensorInfo>> {
  const grouped = new Map<string, Partial<Record<Part, TensorInfo>>>();
  for (const tensor of file.tensors.values()) {
    const dot = tensor.name.lastIndexOf('.');
    const part = PARTS.find((p) => p === tensor.name.slice(dot + 1));
    if (dot <= 0 || part === undefined) throw invalid(file.file, 'a tensor that the format does not know', tensor.name);
    const name = tensor.name.slice(0, dot);
    grouped.set(name, { ...grouped.get(name), [part]: tensor });
  }
  const whole = new Map<string, Record<Part, TensorInfo>>();
  for (const [name, parts] of grouped) {
    const { U, s, V, c0, probes } = parts;
    if (!U || !s || !V || !c0 || !probes) {
      const missing = PARTS.filter((p) => !parts[p]).map((p) => `${name}.${p}`);
      throw invalid(file.file, `${escapeText(missing.join(', '))} missing`);
    }
    whole.set(name, { U, s, V, c0, probes });
  }
  return whole;
}

function checkParts(file: string, name: string, parts: Record<Part, TensorInfo>, document: SignatureDocument): void {
  const k = parts.s.shape[0] ?? 0;
  const side = document.signProbes.columns;
  const shape = Object.hasOwn(document.base.weights, name) ? document.base.weights[name] : undefined;
  if (!shape) throw invalid(file, 'a weight that base.weights does not list', name);
  const rules: [Part, readonly Dtype[], readonly number[]][] = [
    ['U', PROBE_DTYPES, [shape[0], k]],
    ['V', PROBE_DTYPES, [shape[1], k]],
    ['s', ['F32'], [k]],
    ['c0', ['F64'], [k]],
    ['probes', ['F32'], [side, side]],
  ];
  for (const [part, dtypes, expected] of rules) {
    const tensor = parts[part];
    if (!dtypes.includes(tensor.dtype) || tensor.shape.join() !== expected.join()) {
      throw invalid(file, `${tensor.dtype} [${tensor.shape.join(', ')}], expected ${dtypes.join(' or ')} [${expected.join(', ')}]`, tensor.name);
    }
  }
}

function describe(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue ? `field ${escapeText(issue.path.join('.') || '(whole)')}: ${escapeText(issue.message)}` : 'its document breaks the format';
}

function invalid(file: string, message: string, tensor?: string, cause?: unknown): WeightseqError {
  return new WeightseqError('signature-invalid', `not a usable signature: ${message}`, {
    file,
    mend: `Take ${basename(file)} again from where it came, or build it again.`,
    ...(tensor === undefined ? {} : { tensor }),
    ...(cause === undefined ? {} : { cause }),
  });
}
