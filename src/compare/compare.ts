/** Two models of one base, from their paths to what changed between them. In: two paths and a library. Out: a result for the report. */
import { locateModel } from '../checkpoint/model.js';
import { WeightseqError, type ErrorCode } from '../errors.js';
import { readModelApart } from '../reading/apart.js';
import { planModel } from '../reading/model-plan.js';
import type { OnProgress } from '../reading/model-read.js';
import { openModelReading, type KeptModel } from '../reading/reading-file.js';
import { preparePath, scanPath, type AnyScanOptions, type AnyScanResult } from '../scan/any.js';
import { changeOf } from '../scan/change.js';
import { isKept } from '../scan/kept.js';
import type { ModelScanResult } from '../scan/model-scan.js';
import { openBaseReading, openEntry, type Library } from '../signature/library.js';
import type { Calibration } from '../signature/document.js';
import { escapeText } from '../text.js';
import type { Checkpoint, Gap } from '../types.js';
import { pairAdapters, type Pairs } from './adapters.js';
import type { WeightPair } from './pair.js';
import { changedMeanwhile, updatesOfAdapter, updatesOfModel, weightsOfModel } from './sides.js';
import { traitChanges, type TraitChange } from './traits.js';
import { minus, pairUpdates, type Side, type Update } from './updates.js';
import { changedVectors, type ChangedVector } from './vectors.js';

export interface CompareOptions extends Omit<AnyScanOptions, 'onProgress' | 'baseReading' | 'readModel'> {
  /** The base of whole checkpoints: its weights, or a kept reading of it. */
  readonly base?: string | undefined;
  /** Of whole checkpoints: take sketches, from which effective ranks and principal angles follow; their weights are read once more. */
  readonly sketch?: boolean | undefined;
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
const HARMLESS: readonly ErrorCode[] = ['no-signature', 'base-ambiguous', 'reading-outdated'];

/**
 * Compares B with A: scans both, and reads W_B − W_A weight by weight.
 * @throws WeightseqError what is wrong with a path, `base-mismatch` where the two have different bases or shapes, `unknown-base` where an
 *   adapter stands beside a checkpoint of no known base, `usage`
 */
export async function compare(pathA: string, pathB: string, { onProgress = () => undefined, base, sketch = false, ...rest }: CompareOptions): Promise<ComparisonResult> {
  const start = performance.now();
  const at = (phase: 0 | 1 | 2): OnProgress => (done, total) => { onProgress(phase, done, total); };
  const options: AnyScanOptions = { ...rest, ...await baseOptions(base, [pathA, pathB]), readModel: sketch ? withSketch : readModelApart };
  const a = await side(pathA, { ...options, onProgress: at(0) });
  const b = await side(pathB, { ...options, onProgress: at(1) });
  requireOneBase(a, b);
  const { how, pairs, failed, vectors } = await pairsOf(a, b, options, at(2));
  const lines = await calibrations(options.library, [a, b]);
  return { a, b, how, pairs, vectors, gaps: failed, traits: traitChanges(a.findings, b.findings, (sha256) => lines.get(sha256) ?? null), seconds: (performance.now() - start) / 1000 };
}

const withSketch: typeof readModelApart = (plan, engine, onProgress) => readModelApart({ ...plan, invariants: { lines: false, spectrum: false, sketch: true } }, engine, onProgress);

/** @throws WeightseqError `usage` where a reading is to be held against weights */
async function baseOptions(base: string | undefined, paths: readonly string[]): Promise<Pick<AnyScanOptions, 'base' | 'baseReading'>> {
  if (base === undefined) return {};
  if (await isKept(base)) return { baseReading: base };
  for (const file of paths) {
    if (await isKept(file)) throw new WeightseqError('usage', 'a reading can\'t be held against the weights of a base', { file, mend: 'Give --base a reading of it: weightseq read BASE -o FILE.' });
  }
  return { base };
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
  const isSame = a.knownBase && b.knownBase ? a.knownBase.fingerprint === b.knownBase.fingerprint : x === y;
  if (x === null || y === null || isSame) return;
  throw new WeightseqError('base-mismatch', `belongs to the base ${escapeText(y)}, and ${escapeText(a.path)} to ${escapeText(x)}`, {
    file: b.path, mend: 'Compare two models of one base; where the names stand for the same one, add --assume-base NAME.',
  });
}

type Compared = Pick<ComparisonResult, 'how' | 'vectors'> & Pairs;

async function pairsOf(a: AnyScanResult, b: AnyScanResult, options: AnyScanOptions, onProgress: OnProgress): Promise<Compared> {
  if (isModel(a) && isModel(b)) return models(a, b, options, onProgress);
  if (!isModel(a) && !isModel(b)) {
    if (options.base !== undefined || options.baseReading !== undefined) throw new WeightseqError('usage', '--base is of whole checkpoints: an adapter is its own change', { mend: 'Leave --base out.' });
    if (a.source.from === 'weights' && b.source.from === 'weights') {
      const engine = { executionProvider: options.executionProvider ?? 'cpu' };
      return { how: 'factors', vectors: [], ...await pairAdapters(await adapterAt(a.path, options), await adapterAt(b.path, options), engine, onProgress) };
    }
  }
  for (const one of [a, b]) {
    if (!isModel(one) || one.change !== null) continue;
    throw new WeightseqError('unknown-base', 'a checkpoint whose base is not known can\'t be compared with an adapter', { file: one.path, mend: 'Give the base with --base, or name it with --assume-base.' });
  }
  const base = await readingOfBase([a, b], options);
  const sideOf = async (one: AnyScanResult): Promise<Side> => (isModel(one) ? { updates: updatesOfModel(one, base), isWhole: true } : { updates: await updatesOfAdapter(one.path, options), isWhole: false });
  return { how: 'signs', vectors: [], ...pairUpdates(await sideOf(a), await sideOf(b), null, b.path) };
}

function isModel(result: AnyScanResult): result is ModelScanResult {
  return 'kind' in result;
}

/** The adapter with fused weights divided as its scan divided them. */
async function adapterAt(path: string, options: AnyScanOptions): Promise<Checkpoint> {
  const { checkpoint } = await preparePath(path, options);
  if (checkpoint.kind === 'adapter') return checkpoint;
  throw changedMeanwhile(path);
}

/** The reading of the base that the user gives, or that the library has. */
async function readingOfBase(results: readonly AnyScanResult[], { library, baseReading }: AnyScanOptions): Promise<KeptModel | null> {
  if (baseReading !== undefined) return openModelReading(baseReading);
  const name = results.map(({ base }) => base.name).find((known) => known !== null);
  return name === undefined ? null : openBaseReading(library, name);
}

async function models(a: ModelScanResult, b: ModelScanResult, options: AnyScanOptions, onProgress: OnProgress): Promise<Compared> {
  const base = await readingOfBase([a, b], options);
  const sideOf = (one: ModelScanResult): Side => ({ updates: updatesOfModel(one, base), isWhole: true });
  if (a.source.from === 'weights' && b.source.from === 'weights') {
    const { reading, gaps } = await difference(a.path, b.path, options, onProgress);
    const read = updatesOfModel({ reading, change: changeOf(reading, null) }, base);
    const { pairs, failed } = pairUpdates(sideOf(a), sideOf(b), byName(read), b.path);
    return { how: 'weights', pairs, failed: [...failed, ...gaps], vectors: changedVectors(reading.baseVectors, reading.vectors) };
  }
  const [p, q] = [byName(weightsOfModel(a)), byName(weightsOfModel(b))];
  // Of the weights themselves, so that no number of the base is needed.
  const both = [...p].flatMap(([name, weight]): Update[] => {
    const other = q.get(name);
    return other?.shape.join() === weight.shape.join() ? [minus(other, weight)] : [];
  });
  const compared = byName(both);
  const alone = [...new Set([...p.keys(), ...q.keys()])].filter((name) => !compared.has(name)).map((name): Gap => ({ name, reason: 'A and B do not both have it in the same shape', bytes: 0 }));
  const known = ({ updates, isWhole }: Side): Side => ({ updates: updates.filter(({ name }) => compared.has(name)), isWhole });
  const { pairs, failed } = pairUpdates(known(sideOf(a)), known(sideOf(b)), compared, b.path);
  return { how: 'signs', pairs, failed: [...failed, ...alone], vectors: changedVectors(a.reading?.vectors ?? [], b.reading?.vectors ?? []) };
}

function byName(updates: readonly Update[]): Map<string, Update> {
  return new Map(updates.map((update) => [update.name, update]));
}

/** W_B − W_A, streamed from both. */
async function difference(pathA: string, pathB: string, { executionProvider = 'cpu', threads, readModel = readModelApart }: AnyScanOptions, onProgress: OnProgress) {
  const plan = planModel(await locateModel(pathB), [], new Map(), await locateModel(pathA));
  const reading = await readModel(plan, { executionProvider, ...(threads === undefined ? {} : { threads }) }, onProgress);
  // The plan takes A for the base.
  return { reading, gaps: [...plan.gaps, ...reading.failed].map((gap) => ({ ...gap, reason: gap.reason.replaceAll('the base', 'A') })) };
}

/** The calibrations of the signatures behind some findings, by sha256. */
async function calibrations(library: Library, results: readonly AnyScanResult[]): Promise<Map<string, Calibration | null>> {
  const asked = new Set(results.flatMap(({ findings }) => findings.map(({ signature }) => signature.sha256)));
  const opened = await Promise.all(library.entries.filter(({ sha256 }) => asked.has(sha256)).map((entry) => openEntry(library, entry)));
  return new Map(opened.map(({ sha256, document }) => [sha256, document.calibration]));
}
