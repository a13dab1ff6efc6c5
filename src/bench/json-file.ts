/** A JSON file held against its schema. In: a path. Out: its value, or one line that says which field is wrong. */
import type { z } from 'zod';
import { WeightseqError, type ErrorCode } from '../errors.js';
import { readSmallFile } from '../safetensors/file.js';
import { escapeText } from '../text.js';

/** More than any manifest of organisms has. */
const MAX_BYTES = 2 ** 26;

/**
 * @throws WeightseqError with the code given, naming the field; `not-found`, `not-a-file`, `unreadable-file`
 */
export async function readJson<T extends z.ZodType>(file: string, schema: T, code: ErrorCode, mend: string): Promise<z.infer<T>> {
  const bytes = await readSmallFile(file, MAX_BYTES);
  if (bytes === null) throw new WeightseqError(code, `the file is larger than ${MAX_BYTES} bytes`, { file, mend });
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8').replace(/^\ufeff/u, ''));
  } catch (cause) {
    throw new WeightseqError(code, bytes.length === 0 ? 'the file is empty' : 'the file is not JSON', { file, mend, cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue === undefined || issue.path.length === 0 ? 'the whole' : `field ${issue.path.map(String).join('.')}`;
  throw new WeightseqError(code, escapeText(`${field}: ${issue?.message ?? 'not understood'}`).slice(0, 300), { file, mend });
}
