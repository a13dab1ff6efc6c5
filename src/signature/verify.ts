/** What can be checked of a signature. In: its file. Out: checks of hash, numbers and stated evidence. */
import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { WeightseqError } from '../errors.js';
import { readTensorBytes } from '../safetensors/file.js';
import { decodeFloats } from '../safetensors/values.js';
import type { TensorInfo } from '../types.js';
import type { SignatureDocument } from './document.js';
import type { Signature } from './format.js';
import { openEntry, type Library, type LibraryEntry } from './library.js';

/** One thing that was checked of a signature, or of a library. */
export interface Check {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** A stored singular vector has length 1 up to the rounding of its dtype, summed over its entries. */
const LENGTH_TOLERANCE = 0.01;
/** Agreement of a stated figure with the one computed again. */
const FIGURE_TOLERANCE = 1e-3;

/** Every check of one entry of a library: hash and format, then the numbers, then the evidence. Never throws for a bad signature. */
export async function verifyEntry(library: Library, entry: LibraryEntry): Promise<Check[]> {
  try {
    const signature = await openEntry(library, entry);
    const intact = { what: 'hash and format', ok: true, detail: `sha256 ${signature.sha256.slice(0, 12)}…, as the index lists it` };
    return [intact, ...(await verifySignature(signature))];
  } catch (error) {
    if (!(error instanceof WeightseqError)) throw error;
    return [{ what: 'hash and format', ok: false, detail: error.message }];
  }
}

/** Checks of a signature that has been read: its numbers and its evidence. */
export async function verifySignature(signature: Signature): Promise<Check[]> {
  return [await checkNumbers(signature), checkCorrelation(signature.document), checkNull(signature.document)];
}

/** Files of signatures in a library's folder that its index does not list. */
export async function unlisted(library: Library): Promise<string[]> {
  const listed = new Set([...library.entries.map((e) => e.file), ...library.bases.filter((b) => b.folder === library.folder).map((b) => b.reading)]);
  const found = await readdir(library.folder, { recursive: true });
  return found
    .filter((f) => f.endsWith('.safetensors'))
    .map((f) => relative(library.folder, join(library.folder, f)).split(sep).join('/'))
    .filter((f) => !listed.has(f))
    .sort();
}

async function checkNumbers(signature: Signature): Promise<Check> {
  const what = 'probes';
  for (const weight of signature.weights.values()) {
    for (const tensor of [weight.U, weight.V]) {
      const lengths = await columnLengths(tensor);
      const off = lengths.findIndex((length) => !(Math.abs(length - 1) <= LENGTH_TOLERANCE));
      if (off >= 0) return { what, ok: false, detail: `${tensor.name}: column ${off} has length ${String(lengths[off])}, a singular vector has 1` };
    }
    for (const tensor of [weight.c0, weight.probes]) {
      const values = decodeFloats(tensor, await readTensorBytes(tensor));
      if (!values.every(Number.isFinite)) return { what, ok: false, detail: `${tensor.name} holds NaN or infinity` };
    }
  }
  return { what, ok: true, detail: `${signature.weights.size} weights, singular vectors of length 1, all numbers finite` };
}

/** Euclidean lengths of the columns of a rows × columns tensor. */
async function columnLengths(tensor: TensorInfo): Promise<number[]> {
  const values = decodeFloats(tensor, await readTensorBytes(tensor));
  const columns = tensor.shape[1] ?? 0;
  const squares = new Float64Array(columns);
  values.forEach((value, i) => {
    squares[i % columns] = (squares[i % columns] ?? 0) + value * value;
  });
  return Array.from(squares, Math.sqrt);
}

/** The stated r must be what the held-out rows give. */
function checkCorrelation({ evidence }: SignatureDocument): Check {
  const what = 'evidence';
  const { heldOut, r, n } = evidence;
  if (r === null || heldOut.length < 3) return { what, ok: false, detail: 'no correlation on held-out fine-tunes: the signature is unproven' };
  if (n !== heldOut.length) return { what, ok: false, detail: `n is ${n}, but ${heldOut.length} fine-tunes are listed` };
  const again = correlation(heldOut.map((h) => h.predicted), heldOut.map((h) => h.measured));
  const ok = Math.abs(again - r) <= FIGURE_TOLERANCE;
  return { what, ok, detail: ok ? `r ${r.toFixed(3)} between predicted and measured over ${n} held-out fine-tunes` : `r is stated as ${r}, its rows give ${again.toFixed(4)}` };
}

function checkNull(document: SignatureDocument): Check {
  const what = 'null';
  const sources = document.null.flatMap((g) => g.sources);
  const calibrated = document.calibration !== null;
  return {
    what,
    ok: sources.length > 0 && calibrated,
    detail: `${sources.length} benign sources in ${document.null.length} kinds of fine-tune, ${calibrated ? 'calibrated' : 'not calibrated: every verdict is indeterminate'}`,
  };
}

/** Pearson's r of two samples of equal length. */
export function correlation(x: readonly number[], y: readonly number[]): number {
  const mean = (v: readonly number[]) => v.reduce((a, b) => a + b, 0) / v.length;
  const [mx, my] = [mean(x), mean(y)];
  const dot = (f: (i: number) => number) => x.reduce((sum, _, i) => sum + f(i), 0);
  const dx = (i: number) => (x[i] ?? Number.NaN) - mx;
  const dy = (i: number) => (y[i] ?? Number.NaN) - my;
  return dot((i) => dx(i) * dy(i)) / Math.sqrt(dot((i) => dx(i) ** 2) * dot((i) => dy(i) ** 2));
}
