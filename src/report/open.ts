/** A saved report read again. In: a path. Out: a Report that has the schema. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { WeightseqError, type ErrorDetail } from '../errors.js';
import { systemCode } from '../files.js';
import { escapeText, quoteText } from '../text.js';
import { reportSchema, type Report } from './schema.js';

const MEND = 'Give a report that weightseq scan --format json wrote.';
/** Longer parts of a message come from the file and are cut. */
const LONGEST = 300;

/**
 * Reads a report that was saved as JSON.
 * @param path `-` for standard input
 * @throws WeightseqError `report-invalid` naming the field that breaks the schema; `not-found`, `not-a-file`, `unreadable-file`
 */
export async function openReport(path: string): Promise<Report> {
  const file = path === '-' ? 'standard input' : path;
  return parseReport(path === '-' ? await text(process.stdin) : await readText(path), file);
}

/**
 * The report in a text. Pure.
 * @param file named in errors
 * @throws WeightseqError `report-invalid`
 */
export function parseReport(json: string, file: string): Report {
  const invalid = (message: string, detail: ErrorDetail = {}) => new WeightseqError('report-invalid', message, { file, mend: MEND, ...detail });
  let value: unknown;
  try {
    value = JSON.parse(json.replace(/^\ufeff/u, ''));
  } catch (cause) {
    throw invalid(json.trim() === '' ? 'the report is empty' : 'the report is not JSON', { cause });
  }
  const version = typeof value === 'object' && value !== null && 'schemaVersion' in value ? value.schemaVersion : undefined;
  if (typeof version === 'number' && version !== 1) {
    throw invalid(`the report has schema version ${version}, this program reads version 1`, { mend: 'Use the version of weightseq that wrote it.' });
  }
  const parsed = reportSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue === undefined || issue.path.length === 0 ? 'the report' : `field ${issue.path.map(String).join('.')}`;
  throw invalid(cut(`${field}: ${issue?.message ?? 'not understood'}`));
}

function cut(message: string): string {
  const escaped = escapeText(message);
  return escaped.length > LONGEST ? `${escaped.slice(0, LONGEST)}…` : escaped;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = systemCode(cause);
    const detail: ErrorDetail = { file: path, mend: MEND, cause };
    if (code === 'ENOENT') throw new WeightseqError('not-found', 'no such file', detail);
    if (code === 'EISDIR') throw new WeightseqError('not-a-file', 'the path is a folder, not a report', detail);
    throw new WeightseqError('unreadable-file', `the report cannot be read: ${quoteText(code)}`, detail);
  }
}
