/** A whole checkpoint, or a kept reading of one, from its path to findings. */
import { locateModel } from '../checkpoint/model.js';
import { asWeightseqError, WeightseqError } from '../errors.js';
import { planModel } from '../reading/model-plan.js';
import { readModelApart } from '../reading/apart.js';
import type { ModelPlan, ModelReading } from '../reading/model.js';
import { openModelReading, type KeptModel } from '../reading/reading-file.js';
import type { KnownBase } from '../signature/document.js';
import { baseNorm, openBaseReading, type Library, type ListedSignature } from '../signature/library.js';
import { escapeText } from '../text.js';
import type { Beside, Gap, ModelCheckpoint } from '../types.js';
import type { BaseOf, ResolvedBase } from './base.js';
import { besideOf } from './beside.js';
import { baseNumbers } from './base-numbers.js';
import { changeOf, type Change, type WeightChange } from './change.js';
import { believedBase, measuredBase, signaturesToTake, type Choice } from './choose-base.js';
import { MOST_CHANGE } from './find-base.js';
import { baseClaim } from './model-base.js';
import { digestOf, identify, stampsOf, UNIDENTIFIED, withChanged, type Identity } from './identity.js';
import { isKept, outdated, partError } from './kept.js';
import { changeGaps, modelFindings, nonFiniteGaps, unexplained, type ModelFinding } from './model-verdict.js';
import { checkOptions, type ScanOptions } from './scan.js';

export interface ModelScanOptions extends ScanOptions {
  /** The base itself: W − W0 is read. */
  readonly base?: string | undefined;
  /** A kept reading of the base, in place of the library's. */
  readonly baseReading?: string | undefined;
  /** How the weights are read: in a process of their own unless given, for a caller that can't afford to die of a truncated shard. */
  readonly readModel?: typeof readModelApart | undefined;
  /** Threads of the engine; as many as suit the machine unless given. */
  readonly threads?: number | undefined;
}

/** Everything that scanning one whole checkpoint gave; the parts that were not reached are null. */
export interface ModelScanResult extends Identity {
  readonly path: string;
  readonly kind: 'checkpoint';
  /** Whether the numbers came from a kept reading; `hashed` says whether it lists the sha256 of its shards. */
  readonly source: { readonly from: 'weights' } | { readonly from: 'reading'; readonly hashed: boolean };
  readonly base: BaseOf;
  readonly knownBase: KnownBase | null;
  /** What the configuration says of the base, and what the weights say; null where they do not tell. */
  readonly declaredBase: string | null;
  readonly measuredBase: string | null;
  /** `model_type` of the configuration, and whether the program has a table for it; null where nothing was located. */
  readonly architecture: ModelCheckpoint['architecture'] | null;
  /** What was read: of W, or of ΔW where the base was at hand. */
  readonly reading: ModelReading | null;
  readonly change: Change | null;
  readonly unexplained: readonly WeightChange[];
  readonly findings: readonly ModelFinding[];
  readonly gaps: readonly Gap[];
  /** Empty for a kept reading. */
  readonly beside: readonly Beside[];
  readonly coverage: { readonly bytes: number; readonly bytesTotal: number; readonly read: number; readonly scored: number; readonly total: number };
  readonly errors: readonly WeightseqError[];
  readonly seconds: number;
}

/** A whole checkpoint made ready to be read: nothing of its weights has been touched. */
export interface PreparedModel extends ResolvedBase {
  readonly checkpoint: ModelCheckpoint;
  /** The base itself, where it is given. */
  readonly baseCheckpoint: ModelCheckpoint | null;
  readonly knownBase: KnownBase | null;
  readonly signatures: readonly ListedSignature[];
  readonly plan: ModelPlan;
  readonly gaps: readonly Gap[];
  readonly declaredBase: string | null;
  /** How the files stood when they were located. */
  readonly stamps: ReadonlyMap<string, string>;
  /** That no signature fits, which does not keep the weights from being read. */
  readonly errors: readonly WeightseqError[];
  /** Of the gaps, those that hold whatever the base turns out to be. */
  readonly ofWeights: readonly Gap[];
  /** The base as it is believed before the weights are read. */
  readonly chosen: Choice;
}

/**
 * Everything before the first byte of weights.
 * @throws WeightseqError whatever is wrong with the paths or the signatures
 */
export async function prepareModel(path: string, options: ModelScanOptions): Promise<PreparedModel> {
  checkOptions(options);
  const checkpoint = await locateModel(path);
  const stamps = await stampsOf(checkpoint);
  const claim = await baseClaim(path);
  const what = { weights: checkpoint.weights, claim, file: checkpoint.files[0] ?? path };
  const chosen = await believedBase(what, options);
  const base = options.base === undefined ? null : await locateModel(options.base);
  const shapes = new Map(Object.entries(chosen.knownBase?.weights ?? {}));
  const taken = await signaturesToTake(what, chosen, options);
  const planned = planModel(checkpoint, taken.map(({ sha256, weights }) => ({ key: sha256, weights })), shapes, base);
  const plan = options.lineage === true ? { ...planned, invariants: { lines: true, spectrum: false, sketch: false } } : planned;
  const baseGaps = base?.gaps.map((gap) => ({ ...gap, name: `base: ${gap.name}` })) ?? [];
  const errors = chosen.problem === null ? [] : [chosen.problem];
  return { ...chosen, checkpoint, baseCheckpoint: base, plan, stamps, errors, declaredBase: claim, ofWeights: [...checkpoint.gaps, ...baseGaps, ...plan.gaps], gaps: [...checkpoint.gaps, ...baseGaps, ...plan.gaps, ...chosen.gaps], chosen };
}

/**
 * Scans a whole checkpoint, or a reading that was kept of one. What goes wrong with this path becomes part of its result.
 * @throws WeightseqError `unknown-trait` or `unknown-base` when the options name what the library does not hold
 */
export async function scanModel(path: string, options: ModelScanOptions): Promise<ModelScanResult> {
  const start = performance.now();
  checkOptions(options);
  const nothing: Omit<ModelScanResult, 'errors' | 'seconds'> = {
    path, kind: 'checkpoint', source: { from: 'weights' }, base: { name: null, how: 'unknown' }, knownBase: null, declaredBase: null, measuredBase: null, architecture: null, change: null, reading: null,
    ...UNIDENTIFIED, unexplained: [], findings: [], gaps: [], beside: [], coverage: { bytes: 0, bytesTotal: 0, read: 0, scored: 0, total: 0 },
  };
  const seconds = () => (performance.now() - start) / 1000;
  try {
    const result = await isKept(path) ? await scanReading(path, options) : await scanWeights(path, options);
    return { ...nothing, ...result, seconds: seconds() };
  } catch (error) {
    const known = asWeightseqError(error);
    return { ...nothing, beside: await besideOf(path, null, known), errors: [known], seconds: seconds() };
  }
}

/**
 * Holds the base that is given against what the signatures and the library know of it: whatever is subtracted is believed.
 * @throws WeightseqError `base-mismatch` naming the first weight that is another's, and as `readModelApart`
 */
async function verifyBase(given: ModelCheckpoint, { signatures, knownBase }: PreparedModel, library: Library, read: (plan: ModelPlan) => Promise<ModelReading>): Promise<void> {
  if (signatures.length === 0 || knownBase === null) return;
  const plan = planModel(given, signatures.map(({ sha256, weights }) => ({ key: sha256, weights })), new Map(Object.entries(knownBase.weights)));
  const steps = plan.steps.filter(({ probes }) => probes.length > 0);
  const scored = { ...plan, steps, vectors: [], buffers: [], bytes: steps.reduce((sum, { bytes }) => sum + bytes, 0) };
  const { weights } = changeOf(await read(scored), await baseNumbers(signatures, await openBaseReading(library, knownBase.name)));
  const other = weights.find(({ deltaNorm }) => deltaNorm !== 0);
  if (other === undefined) return;
  throw new WeightseqError('base-mismatch', `the weights given with --base are not those of ${escapeText(knownBase.name)}: ${escapeText(other.name)} differs by ${other.deltaNorm.toPrecision(2)}`, {
    file: given.path, mend: 'Give the base that the signatures were made from, or scan without --base.',
  });
}

type Outcome = Omit<ModelScanResult, 'path' | 'kind' | 'seconds'>;

async function scanWeights(path: string, options: ModelScanOptions): Promise<Outcome> {
  const prepared = await prepareModel(path, options);
  const { executionProvider = 'cpu', threads, readModel = readModelApart, onProgress } = options;
  const engine = { executionProvider, ...(threads === undefined ? {} : { threads }) };
  if (prepared.baseCheckpoint !== null) await verifyBase(prepared.baseCheckpoint, prepared, options.library, (plan) => readModel(plan, engine));
  const reading = await readModel(prepared.plan, engine, onProgress);
  const { checkpoint, declaredBase } = prepared;
  const chosen = await measuredBase(reading, { weights: checkpoint.weights, claim: declaredBase, file: checkpoint.files[0] ?? path }, prepared.chosen, options);
  const { changed, ...identity } = await identify(checkpoint, prepared.stamps, options.hash);
  const { bytes, weights } = checkpoint;
  const about = { bytesTotal: bytes, total: weights.length, source: { from: 'weights' }, declaredBase, architecture: checkpoint.architecture, ...identity, beside: await besideOf(path, checkpoint) } as const;
  const gaps = withChanged([...prepared.ofWeights, ...chosen.gaps], changed.filter(({ name }) => !reading.failed.some((gap) => gap.name === name)));
  return assess(reading, { ...chosen, gaps }, about, options);
}

async function scanReading(path: string, options: ModelScanOptions): Promise<Outcome> {
  if (options.base !== undefined) throw new WeightseqError('usage', 'a reading can\'t be held against the weights of a base', { file: path, mend: 'Give --base-reading, or the checkpoint itself.' });
  const { reading, provenance } = await openModelReading(path);
  const { files, part } = provenance;
  const source = { from: 'reading', hashed: files.every(({ sha256 }) => sha256 !== null) } as const;
  const about = { bytesTotal: provenance.bytes, total: provenance.weightsTotal, source, declaredBase: provenance.baseClaim, architecture: provenance.architecture, files, digest: digestOf(files), beside: [] };
  if (part !== null) {
    const nothing: Choice = { base: { name: null, how: 'unknown' }, entries: [], knownBase: null, signatures: [], gaps: provenance.gaps, problem: partError(path, part) };
    return assess(reading, nothing, about, { library: options.library });
  }
  const what = { weights: reading.weights, claim: provenance.baseClaim, file: path };
  const chosen = await measuredBase(reading, what, await believedBase(what, options), options);
  const usable = chosen.signatures.filter(({ sha256 }) => provenance.signatures.some((s) => s.sha256 === sha256));
  const outcome = await assess(reading, { ...chosen, signatures: usable, gaps: [...provenance.gaps, ...chosen.gaps] }, about, options);
  return { ...outcome, errors: [...outcome.errors, ...outdated(path, chosen.signatures, usable)] };
}

type About = Pick<ModelScanResult['coverage'], 'bytesTotal' | 'total'> & Pick<ModelScanResult, 'source' | 'declaredBase' | 'architecture' | 'files' | 'digest' | 'beside'>;

async function assess(reading: ModelReading, chosen: Choice, { bytesTotal, total, ...about }: About, options: ModelScanOptions): Promise<Outcome> {
  const { base, knownBase, signatures, problem } = chosen;
  const kept = reading.of === 'change' ? null : await baseReading(base.how === 'measured' ? base.name : knownBase?.name ?? null, options);
  const isComparable = reading.of === 'change' || knownBase !== null || kept !== null;
  const change = isComparable ? changeOf(reading, reading.of === 'change' ? null : await baseNumbers(signatures, kept)) : null;
  const gaps = [...chosen.gaps, ...reading.failed, ...nonFiniteGaps(reading), ...(change ? changeGaps(change, signatures) : [])];
  const scored = reading.weights.filter(({ name }) => signatures.some(({ weights }) => weights.has(name))).length;
  const isOther = change?.ratio != null && change.ratio > MOST_CHANGE;
  return {
    ...about, base, knownBase, change, gaps, reading,
    measuredBase: base.how === 'measured' ? base.name : change?.ratio != null && !isOther ? knownBase?.name ?? null : null,
    baseNorm: base.name === null ? null : await baseNorm(options.library, base.name),
    unexplained: change ? unexplained(change, signatures) : [],
    findings: change && knownBase && !isOther ? modelFindings(change, signatures, knownBase, gaps.length) : [],
    coverage: { bytes: reading.bytes, bytesTotal, read: reading.weights.length, scored, total },
    errors: isOther ? [otherBase(change.ratio, base)] : problem === null ? [] : [problem],
  };
}

function otherBase(ratio: number, { name }: BaseOf): WeightseqError {
  return new WeightseqError('base-mismatch', `|ΔW| is ${ratio.toFixed(2)} of |W|: this is no fine-tune of ${escapeText(name ?? 'that base')}`, {
    mend: 'The checkpoint has another base: name it with --assume-base.',
  });
}

/** The reading of the base that the user gives, or that the library has. */
async function baseReading(name: string | null, options: ModelScanOptions): Promise<KeptModel | null> {
  if (options.baseReading !== undefined) return openModelReading(options.baseReading);
  return name === null ? null : openBaseReading(options.library, name);
}
