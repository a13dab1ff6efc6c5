/** An adapter, from its path to findings. In: a path and a library. Out: a result that holds its own errors. */
import { basename } from 'node:path';
import { locate } from '../checkpoint/locate.js';
import type { EngineOptions } from '../engine/index.js';
import { asWeightseqError, WeightseqError } from '../errors.js';
import type { OnProgress } from '../reading/model-read.js';
import { plan } from '../reading/plan.js';
import { SIGNS } from '../reading/model.js';
import { read } from '../reading/read.js';
import type { KnownBase } from '../signature/document.js';
import { baseNorm, knownBases, knownTraits, openEntry, type Library, type LibraryEntry, type ListedSignature } from '../signature/library.js';
import { escapeText } from '../text.js';
import type { Beside, Checkpoint, Gap, Reading, ReadPlan } from '../types.js';
import { checkShapes, resolveBase, shapedOf, type BaseOf } from './base.js';
import type { Finding } from './finding.js';
import { besideOf } from './beside.js';
import { divideFused } from './fused.js';
import { identify, stampsOf, UNIDENTIFIED, withChanged, type Identity } from './identity.js';
import { avoidanceOf } from './avoidance.js';
import { judgeAll } from './judge.js';
import { fineTuneKind } from './null.js';
import { scalesOf, scoredWeights } from './scale.js';
import { score } from './score.js';

export interface ScanOptions {
  readonly library: Library;
  /** Only these traits; all when absent. */
  readonly traits?: readonly string[] | undefined;
  /** Overrides the base that an adapter claims. */
  readonly assumeBase?: string | undefined;
  /** cpu unless given. */
  readonly executionProvider?: EngineOptions['executionProvider'] | undefined;
  /** Whether the files that decide are hashed: all their bytes are read once more. */
  readonly hash?: boolean | undefined;
  /** Whether what descent is traced by is kept in the result: sign coordinates of an adapter, norms of rows and columns of a checkpoint. */
  readonly lineage?: boolean | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** Everything that scanning one path gave; the parts that were not reached are null. */
export interface ScanResult extends Identity {
  readonly path: string;
  /** Whether the numbers came from a kept reading; `hashed` says whether it lists the sha256 of the files. */
  readonly source: { readonly from: 'weights' } | { readonly from: 'reading'; readonly hashed: boolean };
  readonly checkpoint: (Pick<Checkpoint, 'kind' | 'bytes' | 'baseClaim'> & { readonly weights: { readonly length: number } }) | null;
  readonly base: BaseOf;
  readonly knownBase: KnownBase | null;
  readonly plan: ReadPlan | null;
  readonly reading: Reading | null;
  readonly findings: readonly Finding[];
  /** What was not read, not understood or not scored and matters. */
  readonly gaps: readonly Gap[];
  readonly beside: readonly Beside[];
  readonly errors: readonly WeightseqError[];
  readonly seconds: number;
}

/** A path made ready to be read: nothing of its weights has been touched. */
export interface Prepared {
  readonly checkpoint: Checkpoint;
  readonly base: BaseOf;
  readonly knownBase: KnownBase | null;
  readonly signatures: readonly KeyedListed[];
  readonly plan: ReadPlan;
  /** How the files stood when they were located. */
  readonly stamps: ReadonlyMap<string, string>;
  /** That no signature fits, which does not keep the weights from being read. */
  readonly errors: readonly WeightseqError[];
  readonly gaps: readonly Gap[];
}

/** A signature, and the key under which its coordinates are kept. */
export interface KeyedListed extends ListedSignature {
  readonly key: string;
}

/**
 * Scans one path against a library of signatures.
 * What goes wrong with this path becomes part of its result, so that one bad path never hides the others.
 * @throws WeightseqError `unknown-trait` or `unknown-base` when the options name what the library does not hold
 */
export async function scan(path: string, options: ScanOptions): Promise<ScanResult> {
  const start = performance.now();
  checkOptions(options);
  const nothing = { path, source: { from: 'weights' } as const, checkpoint: null, knownBase: null, plan: null, reading: null, findings: [], gaps: [] };
  let prepared: Prepared | null = null;
  try {
    prepared = await prepare(path, options);
    const { checkpoint, knownBase, stamps } = prepared;
    const extras = options.lineage === true ? { signs: SIGNS, invariants: { lines: false, spectrum: false, sketch: false } } : undefined;
    const reading = await read(prepared.plan, { executionProvider: options.executionProvider ?? 'cpu' }, options.onProgress, extras);
    const { changed, ...identity } = await identify(checkpoint, stamps, options.hash);
    const gaps = withChanged([...prepared.gaps, ...reading.failed, ...nonFiniteGaps(reading)], changed);
    const findings = knownBase ? findingsOf(prepared.signatures, knownBase, reading, gaps.length) : [];
    const norm = knownBase && await baseNorm(options.library, knownBase.name);
    const beside = await besideOf(path, checkpoint);
    return { ...prepared, ...identity, baseNorm: norm, path, source: { from: 'weights' }, reading, findings, gaps, beside, seconds: secondsSince(start) };
  } catch (error) {
    const base: BaseOf = prepared?.base ?? { name: null, how: 'unknown' };
    const known = asWeightseqError(error);
    const beside = await besideOf(path, prepared?.checkpoint ?? null, known);
    return { ...nothing, ...UNIDENTIFIED, ...prepared, base, beside, errors: [known], seconds: secondsSince(start) };
  }
}

/**
 * Everything before the first byte of weights: files, base, signatures, plan (what `--dry-run` shows).
 * @throws WeightseqError whatever is wrong with the path or the signatures
 */
export async function prepare(path: string, options: ScanOptions): Promise<Prepared> {
  checkOptions(options);
  const { library, traits, assumeBase } = options;
  const located = await locate(path);
  const stamps = await stampsOf(located);
  const { base, entries } = resolveBase(located.baseClaim, assumeBase, library);
  const wanted = entries.filter((e) => traits === undefined || traits.includes(e.trait));
  const signatures = await Promise.all(
    wanted.map(async (entry) => ({ ...(await openEntry(library, entry)), key: entry.file })),
  );
  const knownBase = await baseDocument(library, entries);
  const checkpoint = knownBase ? divideFused(located, knownBase) : located;
  const gaps = [...checkpoint.gaps, ...(knownBase ? checkShapes(shapedOf(checkpoint), knownBase, checkpoint.files[0] ?? checkpoint.path) : [])];
  const errors = signatures.length === 0 ? [noSignature(base, checkpoint.files[0] ?? checkpoint.path, options)] : [];
  return { checkpoint, base, knownBase, signatures, stamps, plan: plan(checkpoint, signatures), gaps, errors };
}

/** @throws WeightseqError `unknown-trait` or `unknown-base` */
export function checkOptions({ library, traits, assumeBase }: ScanOptions): void {
  const unknown = traits?.find((t) => !library.entries.some((e) => e.trait === t));
  if (unknown !== undefined) {
    throw new WeightseqError('unknown-trait', `no signature for the trait ${escapeText(unknown)}`, {
      file: library.folder,
      mend: `Name one of: ${knownTraits(library)}.`,
    });
  }
  if (assumeBase !== undefined) resolveBase(null, assumeBase, library);
}

/** The base that these signatures were made at, which must be one and the same. */
export async function baseDocument(library: Library, entries: readonly LibraryEntry[]): Promise<KnownBase | null> {
  const [first, ...others] = await Promise.all(entries.map((entry) => openEntry(library, entry)));
  const stranger = others.find((other) => other.document.base.fingerprint !== first?.document.base.fingerprint);
  if (stranger) {
    throw new WeightseqError('signature-invalid', `two signatures for ${escapeText(stranger.document.base.name)} were made at different weights`, {
      file: stranger.file, mend: 'Keep one of them in the library, or give the other base another name.',
    });
  }
  return first?.document.base ?? null;
}

/** What each signature says of a reading, in which it finds its coordinates under its key; judged together. */
export function findingsOf(signatures: readonly KeyedListed[], knownBase: KnownBase, reading: Reading, gaps: number): Finding[] {
  const found = signatures.map((signature) => {
    const scored = score(reading, signature, signature.key);
    const kind = fineTuneKind(reading, knownBase, (name) => signature.weights.has(name));
    const sizes = scoredWeights(signature.weights);
    const [scales, avoidance] = [scalesOf(kind?.deltaNorm ?? 0, reading.weights, sizes), avoidanceOf(scored.weights, sizes)];
    return { signature, scored, rules: signature.document, evidence: { score: scored.score, kind, gaps, scored: scored.weights.filter((w) => w.deltaNorm !== 0).length, scales, avoidance } };
  });
  const judgements = judgeAll(found);
  return found.flatMap(({ signature, scored }, i): Finding[] => {
    const judgement = judgements[i];
    if (judgement === undefined) return [];
    const { document } = signature;
    return [{
      ...scored,
      ...judgement,
      trait: document.trait,
      description: document.description,
      kind: document.kind,
      harmful: document.harmful,
      unit: document.unit,
      level: document.level,
      smallestMeaningfulShift: document.smallestMeaningfulShift,
      signature: { file: basename(signature.file), sha256: signature.sha256 },
    }];
  });
}

/** What holds NaN or infinity. */
export function nonFiniteGaps(reading: Reading): Gap[] {
  // The parts of a fused weight share a factor: each says the same of it.
  const counts = new Map(reading.nonFinite.map((found) => [`${found.name} ${found.nan} ${found.infinite}`, found]));
  return [...counts.values()].map(({ name, nan, infinite, bytes }) => ({
    name,
    reason: `holds ${nan} NaN and ${infinite} infinite values: no score can be computed, the file is damaged or was made to break scanners`,
    bytes,
  }));
}

/** That the library holds no wanted signature for the base of an adapter. */
export function noSignature(base: BaseOf, file: string, { library, traits }: ScanOptions): WeightseqError {
  const of = traits ? ` of ${traits.join(', ')}` : '';
  const name = base.name === null ? 'a base that the adapter does not name' : escapeText(base.name);
  return new WeightseqError('no-signature', `no signature${of} for ${name}`, {
    file,
    mend: `If you know its base, add --assume-base NAME (known: ${knownBases(library)}); for another base build a signature (README, "Signatures for another base").`,
  });
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
