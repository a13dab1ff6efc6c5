/** A saved report, read again. In: a path, or - for stdin. Out: the Report. */
import { text } from 'node:stream/consumers';
import { WeightseqError } from '../errors.js';
import { readSmallFile } from '../safetensors/file.js';
import { escapeText } from '../text.js';
import { reportSchema, type Report } from './schema.js';

/** A thousand items of a thousand weights take about a tenth of it. */
const MOST_BYTES = 500_000_000;

/**
 * @throws WeightseqError `report-invalid` naming the field that breaks the schema; `not-found` and the like
 */
export async function openReport(path: string): Promise<Report> {
  const file = path === '-' ? 'stdin' : path;
  const checked = reportSchema.safeParse(parse(await contentOf(path, file), file));
  const issue = checked.error?.issues[0];
  if (issue) throw invalid(file, `field ${escapeText(issue.path.join('.') || '(whole)')}: ${escapeText(issue.message)}`);
  if (!checked.success) throw invalid(file, 'it breaks the schema');
  return checked.data;
}

async function contentOf(path: string, file: string): Promise<string> {
  if (path === '-') return text(process.stdin);
  const bytes = await readSmallFile(path, MOST_BYTES);
  if (bytes === null) throw invalid(file, `larger than ${MOST_BYTES} bytes`);
  return new TextDecoder().decode(bytes);
}

function parse(json: string, file: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw invalid(file, 'it is not JSON', cause);
  }
}

function invalid(file: string, message: string, cause?: unknown): WeightseqError {
  return new WeightseqError('report-invalid', `not a saved report: ${message}`, {
    file, mend: 'Give a report that weightseq scan --format json wrote, of this version.', ...(cause === undefined ? {} : { cause }),
  });
}
