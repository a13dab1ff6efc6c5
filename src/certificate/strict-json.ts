/** JSON that another reader can't read otherwise. In: text. Out: the value; no key stands twice in an object, and nesting is bounded. Pure. */
import { visit } from 'jsonc-parser';
import { WeightseqError, type ErrorCode } from '../errors.js';
import { jsonDepth, quoteText } from '../text.js';

/** Objects and arrays within each other. */
const MAX_DEPTH = 64;

/**
 * The value of a JSON text. Of a key that stands twice JSON.parse takes the last, other readers the first: it is refused.
 * @param code of the error
 * @throws WeightseqError with the code
 */
export function parseUnambiguous(text: string, file: string, code: ErrorCode, mend: string): unknown {
  const invalid = (message: string, cause?: unknown) => new WeightseqError(code, message, { file, mend, ...(cause === undefined ? {} : { cause }) });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(text.trim() === '' ? 'the file is empty' : 'not JSON', cause);
  }
  if (jsonDepth(text) > MAX_DEPTH) throw invalid(`objects and arrays stand more than ${MAX_DEPTH} deep in each other`);
  const open: Set<string>[] = [];
  visit(text, {
    onObjectBegin: () => { open.push(new Set()); },
    onObjectEnd: () => { open.pop(); },
    onObjectProperty: (key) => {
      const keys = open.at(-1);
      if (keys?.has(key)) throw invalid(`the field ${quoteText(key)} stands twice in one object`);
      keys?.add(key);
    },
  });
  return value;
}
