/** The item of a path whose scan ended before it gave a result. In: the error. Out: an item of a report. Pure. */
import type { WeightseqError } from '../errors.js';
import { exitCodeOf } from './exit.js';
import type { FailOn, ReportItem } from './schema.js';

/** What a report says of a path of which nothing is known but an error. */
export function failedItem(path: string, error: WeightseqError, failOn: FailOn, seconds = 0): ReportItem {
  const item = {
    path,
    kind: 'unknown' as const,
    findings: [],
    deltaNorm: null,
    coverage: { bytes: 0, bytesTotal: 0, read: 0, scored: 0, total: 0, unread: [] },
    base: { name: null, how: 'unknown' as const, layers: null, declared: null, measured: null, norm: null },
    files: [],
    digest: null,
    beside: [],
    errors: [{ code: error.code, file: error.file ?? null, tensor: error.tensor ?? null, message: error.message, mend: error.mend ?? null }],
    seconds,
  };
  return { ...item, exitCode: exitCodeOf(item, failOn) };
}
