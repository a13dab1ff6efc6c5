/** Two models of one base, from their paths to what changed between them. In: two paths and a library. Out: a result for the report. */
import { locateModel } from '../checkpoint/model.js';
import { WeightseqError, type ErrorCode } from '../errors.js';
import { readModelApart } from '../reading/apart.js';
import { planModel } from '../reading/model-plan.js';
import type { OnProgress } from '../reading/model-read.js';
import { preparePath, scanPath, type AnyScanOptions, type AnyScanResult } from '../scan/any.js';
import { changeOf } from '../scan/change.js';
import type { ModelScanResult } from '../scan/model-scan.js';
import type { ScanResult } from '../scan/scan.js';
import { openEntry, type Library } from '../signature/library.js';
import type { Calibration } from '../signature/document.js';
import { escapeText } from '../text.js';
import type { Gap } from '../types.js';
import { pairAdapters, type Pairs } from './adapters.js';
import type { WeightPair } from './pair.js';
import { traitChanges, type TraitChange } from './traits.js';
import { pairUpdates, type Update } from './updates.js';
import { changedVectors, type ChangedVector } from './vectors.js';

export interface CompareOptions extends Omit<AnyScanOptions, 'onProgress'> {
  /** `phase` counts what is read: A, B, and B − A. */
  readonly onProgress?: ((phase: 0 | 1 | 2, done: number, total: number) => void) | undefined;
}

/** Everything that comparing two paths gave. */
export interface ComparisonResult {
  readonly a: AnyScanResult;
  readonly b: AnyScanResult;
  /** How W_B − W_A was read: from the factors of two adapters, from the weights of two checkpoints, or from sign coordinates. */
  readonly how: 'factors' | 'weights' | 'signs';
  readonly pairs: readonly WeightPair[];
  /** Norms and biases that are not the same in A and B. */
  readonly vectors: readonly ChangedVector[];
  readonly traits: readonly TraitChange[];
  /** What could not be compared, beside what the scans of A and of B name. */
  readonly gaps: readonly Gap[];
  readonly seconds: number;
}

/** Errors of a scan that leave its numbers of use. */
const HARMLESS: readonly ErrorCode[] = ['no-signature', 'reading-outdated'];

/**
 * Compares B with A: scans both, and reads W_B − W_A weight by weight.
 * @throws WeightseqError what is wrong with a path, `base-mismatch` where the two have different bases or shapes, `usage`
 */
export async function compare(pathA: string, pathB: string, { onProgress = () => undefined, ...options }: CompareOptions): Promise<ComparisonResult> {
  const start = performance.now();
  const at = (phase: 0 | 1 | 2): OnProgress => (done, total) => { onProgress(phase, done, total); };
  const a = await side(pathA, { ...options, onProgress: at(0) });
  const b = await side(pathB, { ...options, onProgress: at(1) });
  requireOneBase(a, b);
  const { how, pairs, failed, vectors } = await pairsOf(a, b, options, at(2));
  const lines = await calibrations(options.library, [a, b]);
  return { a, b, how, pairs, vectors, gaps: failed, traits: traitChanges(a.findings, b.findings, (sha256) => lines.get(sha256) ?? null), seconds: (performance.now() - start) / 1000 };
}

async function side(path: string, options: AnyScanOptions): Promise<AnyScanResult> {
  const result = await scanPath(path, options);
  const fatal = result.errors.find(({ code }) => !HARMLESS.includes(code));
  if (fatal !== undefined) throw fatal;
  return result;
}

/** @throws WeightseqError `base-mismatch` */
function requireOneBase(a: AnyScanResult, b: AnyScanResult): void {
  const [x, y] = [a.base.name, b.base.name];
  const known = a.knownBase && b.knownBase ? a.knownBase.fingerprint === b.knownBase.fingerprint : x === y;
  if (x === null || y === null || known) return;
  throw new WeightseqError('base-mismatch', `belongs to the base ${escapeText(y)}, and ${escapeText(a.path)} to ${escapeText(x)}`, {
    file: b.path, mend: 'Compare two models of one base; where the names stand for the same one, add --assume-base NAME.',
  });
}

type Compared = Pick<ComparisonResult, 'how' | 'vectors'> & Pairs;

async function pairsOf(a: AnyScanResult, b: AnyScanResult, options: AnyScanOptions, onProgress: OnProgress): Promise<Compared> {
  if (isModel(a) && isModel(b)) return models(a, b, options, onProgress);
  if (isModel(a) || isModel(b)) throw new WeightseqError('usage', 'an adapter and a whole checkpoint');
  if (options.base !== undefined || options.baseReading !== undefined) {
    throw new WeightseqError('usage', '--base is of whole checkpoints: an adapter is its own change', { mend: 'Leave --base out.' });
  }
  const engine = { executionProvider: options.executionProvider ?? 'cpu' };
  const [p, q] = [await adapterAt(a.path, options), await adapterAt(b.path, options)];
  return { how: 'factors', vectors: [], ...await pairAdapters(p, q, engine, onProgress) };
}

function isModel(result: AnyScanResult): result is ModelScanResult {
  return 'kind' in result;
}

/** The adapter with fused weights divided as its scan divided them. */
async function adapterAt(path: string, options: AnyScanOptions): Promise<NonNullable<ScanResult['checkpoint']>> {
  const { checkpoint } = await preparePath(path, options);
  if (checkpoint.kind === 'adapter') return checkpoint;
  throw new WeightseqError('engine-failed', 'it is no adapter any more', { file: path, mend: 'Make sure that nothing writes to it, and compare again.' });
}

async function models(a: ModelScanResult, b: ModelScanResult, options: AnyScanOptions, onProgress: OnProgress): Promise<Compared> {
  const [first, second] = [a, b].map(({ change }) => ({ updates: change === null ? [] : updatesOf(change.weights, options.base !== undefined), isWhole: true }));
  if (first === undefined || second === undefined) throw new TypeError('two sides');
  const [p, q] = [await locateModel(a.path), await locateModel(b.path)];
  const { executionProvider = 'cpu', threads, readModel = readModelApart } = options;
  const plan = planModel(q, [], new Map(), p);
  const reading = await readModel(plan, { executionProvider, ...(threads === undefined ? {} : { threads }) }, onProgress);
  const difference = new Map(updatesOf(changeOf(reading, null).weights, true).map((update) => [update.name, update]));
  const { pairs, failed } = pairUpdates(first, second, difference, b.path);
  // The plan takes A for the base.
  const gaps = [...plan.gaps, ...reading.failed].map((gap) => ({ ...gap, reason: gap.reason.replaceAll('the base', 'A') }));
  return { how: 'weights', pairs, failed: [...failed, ...gaps], vectors: changedVectors(reading.baseVectors, reading.vectors) };
}

type Changes = NonNullable<ModelScanResult['change']>['weights'];

function updatesOf(weights: Changes, isExact: boolean): Update[] {
  return weights.map(({ name, role, layer, shape, norm, deltaNorm, signs }) => ({
    name, role, layer, shape, norm, isChanged: deltaNorm !== 0, signs, rounding: norm.floor, isExact, sketch: null,
  }));
}

/** The calibrations of the signatures behind some findings, by sha256. */
async function calibrations(library: Library, results: readonly AnyScanResult[]): Promise<Map<string, Calibration | null>> {
  const asked = new Set(results.flatMap(({ findings }) => findings.map(({ signature }) => signature.sha256)));
  const opened = await Promise.all(library.entries.filter(({ sha256 }) => asked.has(sha256)).map((entry) => openEntry(library, entry)));
  return new Map(opened.map(({ sha256, document }) => [sha256, document.calibration]));
}
