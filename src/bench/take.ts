/** Compact readings of a labelled set. In: a manifest, signatures, and the organisms on disk. Out: numbers, and what could not be read. */
import { join } from 'node:path';
import { WeightseqError } from '../errors.js';
import { scanPath, type AnyScanResult } from '../scan/any.js';
import type { Finding } from '../scan/finding.js';
import type { Library } from '../signature/library.js';
import { escapeText } from '../text.js';
import type { Role } from '../types.js';
import type { OpenManifest } from './manifest.js';
import type { BenchReadings, ReadingsDocument } from './readings-file.js';
import type { BenchSignature } from './signatures.js';

export interface Taken {
  readonly readings: BenchReadings;
  /** Organisms that could not be read, and why: they are not in the readings. */
  readonly failed: readonly { readonly id: string; readonly error: WeightseqError }[];
}

interface One {
  readonly row: ReadingsDocument['organisms'][number];
  readonly weights: readonly { readonly name: string; readonly role: Role; readonly layer: number | null; readonly deltaNorm: number }[];
  readonly findings: ReadonlyMap<string, Finding & { readonly scoreSd?: number }>;
}

/**
 * Scans every organism of a manifest, one after the other.
 * @param onDone how many are done
 * @throws WeightseqError `manifest-invalid` for an organism without a path
 */
export async function takeReadings({ manifest, folder, file }: OpenManifest, { signatures, library }: { readonly signatures: readonly BenchSignature[]; readonly library: Library }, onDone: (count: number) => void = () => undefined): Promise<Taken> {
  const without = manifest.organisms.find(({ path }) => path === undefined);
  if (without !== undefined) throw new WeightseqError('manifest-invalid', `the organism ${escapeText(without.id)} has no path`, { file, mend: 'Say where it lies, or work from the readings that the manifest names.' });
  const taken: One[] = [];
  const failed: Taken['failed'][number][] = [];
  for (const [i, { id, path = '' }] of manifest.organisms.entries()) {
    const result = await scanPath(join(folder, path), { library, assumeBase: manifest.base });
    const [error] = result.errors;
    if (error === undefined) taken.push(oneOf(id, result));
    else failed.push({ id, error });
    onDone(i + 1);
  }
  return { readings: together(taken, manifest.base, signatures), failed };
}

function oneOf(id: string, result: AnyScanResult): One {
  const findings = new Map(result.findings.map((finding) => [finding.trait, finding]));
  const gaps = result.gaps.map(({ name, reason }) => escapeText(`${name}: ${reason}`));
  if ('kind' in result) {
    const weights = result.change?.weights ?? [];
    const scored = new Set(result.findings.flatMap((finding) => finding.weights.map(({ name }) => name)));
    const converted = weights.some((w) => w.isConverted && scored.has(w.name));
    return { row: { id, form: 'checkpoint', rank: null, deltaNorm: result.change?.norm.value ?? 0, gaps, converted }, weights, findings };
  }
  const weights = result.reading?.weights ?? [];
  const ranks = weights.filter((w) => w.deltaNorm !== 0).map((w) => w.rank);
  const rank: [number, number] = [ranks.reduce((least, r) => Math.min(least, r), ranks[0] ?? 0), ranks.reduce((most, r) => Math.max(most, r), 0)];
  return { row: { id, form: 'lora', rank, deltaNorm: Math.hypot(...weights.map((w) => w.deltaNorm)), gaps, converted: false }, weights, findings };
}

function together(taken: readonly One[], base: string, signatures: readonly BenchSignature[]): BenchReadings {
  const known = new Map(taken.flatMap(({ weights }) => weights.map(({ name, role, layer }) => [name, { name, role, layer }])));
  const weights = [...known.values()];
  const at = new Map(weights.map(({ name }, i) => [name, i]));
  const deltaNorms = new Float64Array(taken.length * weights.length);
  const scoreSds = new Float64Array(taken.length * signatures.length);
  taken.forEach((one, row) => {
    for (const { name, deltaNorm } of one.weights) deltaNorms[row * weights.length + (at.get(name) ?? 0)] = deltaNorm;
    signatures.forEach(({ trait }, column) => { scoreSds[row * signatures.length + column] = one.findings.get(trait)?.scoreSd ?? 0; });
  });
  const scores = new Map<string, Float64Array>();
  const scored = signatures.map(({ trait, fingerprint, weights: own }) => {
    // In the order of the list: a weight that no organism changed adds nothing to any score.
    const indices = weights.flatMap(({ name }, i) => (own.has(name) ? [i] : []));
    const values = new Float64Array(taken.length * indices.length);
    taken.forEach(({ findings }, row) => {
      const byName = new Map(findings.get(trait)?.weights.map((w) => [w.name, w.score]));
      indices.forEach((index, column) => { values[row * indices.length + column] = byName.get(weights[index]?.name ?? '') ?? 0; });
    });
    scores.set(trait, values);
    return { trait, fingerprint, weights: indices };
  });
  return { document: { schemaVersion: 1, base, weights, signatures: scored, organisms: taken.map(({ row }) => row) }, deltaNorms, scores, scoreSds, gram: null };
}
