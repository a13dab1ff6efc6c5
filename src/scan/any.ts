/** Any path that can be scanned: an adapter, a whole checkpoint, or a kept reading of one. */
import { locate } from '../checkpoint/locate.js';
import { locateModel } from '../checkpoint/model.js';
import { asWeightseqError, WeightseqError, type ErrorCode } from '../errors.js';
import { openReading } from '../reading/reading-file.js';
import type { Checkpoint, ModelCheckpoint } from '../types.js';
import { scanDelta } from './delta-scan.js';
import { isKept } from './kept.js';
import { prepareModel, scanModel, type ModelScanOptions, type ModelScanResult, type PreparedModel } from './model-scan.js';
import { prepare, scan, type Prepared, type ScanResult } from './scan.js';

export type AnyScanOptions = ModelScanOptions;
export type AnyScanResult = ScanResult | ModelScanResult;

/** Errors that are of the options, and of no path. */
const FROM_OPTIONS: readonly ErrorCode[] = ['unknown-trait', 'unknown-base'];

/** What `locate` says of a path that is no adapter, and may be a whole checkpoint or a reading. */
const NO_ADAPTER: readonly ErrorCode[] = ['unsupported-checkpoint', 'not-a-model', 'text'];

/**
 * Scans a path, whatever it holds. What goes wrong with it becomes part of its result.
 * @throws WeightseqError `unknown-trait` or `unknown-base` when the options name what the library does not hold
 */
export async function scanPath(path: string, options: AnyScanOptions): Promise<AnyScanResult> {
  const result = await scan(path, options);
  if (result.checkpoint !== null || !isOther(result.errors[0])) return result;
  const start = performance.now();
  try {
    const kept = await isKept(path) ? await openReading(path) : null;
    if (kept?.of !== 'delta') return await scanModel(path, options);
    return { ...await scanDelta(path, kept, options), seconds: result.seconds + (performance.now() - start) / 1000 };
  } catch (error) {
    const known = asWeightseqError(error);
    if (FROM_OPTIONS.includes(known.code)) throw error;
    return { ...result, errors: [known] };
  }
}

/**
 * Everything before the first byte of weights, whatever the path holds.
 * @throws WeightseqError whatever is wrong with the path or the signatures
 */
export async function preparePath(path: string, options: AnyScanOptions): Promise<Prepared | PreparedModel> {
  try {
    return await prepare(path, options);
  } catch (error) {
    if (error instanceof WeightseqError && isOther(error)) return prepareModel(path, options);
    throw error;
  }
}

/**
 * What lies at a path, an adapter or else a whole checkpoint (as which a kept reading is found too); no weights are read.
 * @throws WeightseqError as `locate` and `locateModel`
 */
export async function locateAny(path: string): Promise<Checkpoint | ModelCheckpoint> {
  try {
    return await locate(path);
  } catch (error) {
    if (error instanceof WeightseqError && isOther(error)) return locateModel(path);
    throw error;
  }
}

function isOther(error: WeightseqError | undefined): boolean {
  return error !== undefined && NO_ADAPTER.includes(error.code);
}
