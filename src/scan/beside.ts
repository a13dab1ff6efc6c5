/** What lies beside the weights of a scanned path. In: the path, and what the scan found there. Out: entries of the report. */
import { lookBeside } from '../checkpoint/beside.js';
import type { ErrorCode, WeightseqError } from '../errors.js';
import type { Beside, Checkpoint, ModelCheckpoint } from '../types.js';

/** Where no model was found there is nothing that lies beside one. */
const NO_MODEL: readonly ErrorCode[] = ['not-found', 'not-a-model', 'not-a-file', 'reading-invalid', 'usage', 'unknown-trait', 'unknown-base'];

/**
 * @param checkpoint what was read; null where the scan did not get that far: then nothing counts as read
 * @param error what ended the scan
 */
export async function besideOf(path: string, checkpoint: Pick<Checkpoint | ModelCheckpoint, 'decides'> | null, error?: WeightseqError): Promise<Beside[]> {
  if (checkpoint === null && error !== undefined && NO_MODEL.includes(error.code)) return [];
  return lookBeside(path, checkpoint?.decides.map(({ name }) => name) ?? []);
}
