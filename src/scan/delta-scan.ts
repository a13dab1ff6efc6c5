/** A kept reading of an adapter, from its numbers to findings: what scanning the adapter gives. No weights are read. */
import { WeightseqError } from '../errors.js';
import type { KeptDelta } from '../reading/reading-file.js';
import { readingOfDelta } from '../reading/read.js';
import { baseNorm, openEntry } from '../signature/library.js';
import { checkShapes, resolveBase } from './base.js';
import { digestOf } from './identity.js';
import { outdated, partError } from './kept.js';
import { baseDocument, checkOptions, findingsOf, noSignature, nonFiniteGaps, type ScanOptions, type ScanResult } from './scan.js';

/**
 * Scans a kept reading of an adapter.
 * @throws WeightseqError `reading-part` for a part, `base-mismatch`, and as `openEntry` and `checkOptions`
 */
export async function scanDelta(path: string, { reading: kept, provenance }: KeptDelta, options: ScanOptions): Promise<Omit<ScanResult, 'seconds'>> {
  checkOptions(options);
  const { library, traits, assumeBase } = options;
  const { baseClaim, files, bytes, weightsTotal, part } = provenance;
  const { base, entries } = resolveBase(baseClaim, assumeBase, library);
  const source = { from: 'reading', hashed: files.every(({ sha256 }) => sha256 !== null) } as const;
  const checkpoint = { kind: 'adapter', bytes, baseClaim, weights: { length: weightsTotal } } as const;
  const about = { path, source, checkpoint, base, plan: null, beside: [], files, digest: digestOf(files) } as const;
  if (part !== null) return { ...about, reading: readingOfDelta(kept, []), knownBase: null, baseNorm: null, findings: [], gaps: provenance.gaps, errors: [partError(path, part)] };
  const signatures = await Promise.all(entries.filter((e) => traits === undefined || traits.includes(e.trait)).map((entry) => openEntry(library, entry)));
  const knownBase = await baseDocument(library, entries);
  const usable = signatures.filter(({ sha256 }) => provenance.signatures.some((s) => s.sha256 === sha256));
  const reading = readingOfDelta(kept, usable.map(({ sha256 }) => sha256));
  const gaps = [...provenance.gaps, ...(knownBase ? checkShapes(kept.weights, knownBase, path) : []), ...reading.failed, ...nonFiniteGaps(reading)];
  const findings = knownBase ? findingsOf(usable.map((signature) => ({ ...signature, key: signature.sha256 })), knownBase, reading, gaps.length) : [];
  const errors: WeightseqError[] = signatures.length === 0 ? [noSignature(base, path, options)] : outdated(path, signatures, usable);
  return { ...about, reading, knownBase, baseNorm: knownBase && await baseNorm(library, knownBase.name), findings, gaps, errors };
}
