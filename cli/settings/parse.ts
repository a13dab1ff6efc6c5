/** What is written in a weightseq.yaml. In: its text. Out: entries with their places. Pure. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node } from 'yaml';
import { WeightseqError } from '../../src/errors.js';
import { escapeText, quoteText } from '../../src/text.js';
import { errorAt, type Entry, type Place } from './file.js';
import type { Raw } from './options.js';

/**
 * The entries of a configuration, in their order. Pure.
 * @param file its path, for messages
 * @throws WeightseqError `usage`
 */
export function parseConfig(text: string, file: string): Entry[] {
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const document = parse(text, lines, file);
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) throw errorAt(file, placeAt(problem.pos[0]), `not a valid YAML file: ${escapeText(problem.message.split('\n')[0] ?? '')}`);

  const resolved = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node);
  const placeOf = (node: unknown): Place => placeAt((node as Node | null)?.range?.[0] ?? 0);

  const rawOf = (node: unknown, key: string): Raw | null => {
    const value = resolved(node);
    if (value === null || (isScalar(value) && value.value === null)) return null;
    if (isScalar(value)) return typeof value.value === 'boolean' ? value.value : textOf(value);
    if (!isSeq(value) || value.items.length === 0) throw errorAt(file, placeOf(node), `${quoteText(key)}: expected a value or a list of values, found neither`);
    return value.items.map((item) => {
      const element = resolved(item);
      if (isScalar(element) && element.value !== null && typeof element.value !== 'boolean') return textOf(element);
      throw errorAt(file, placeOf(item), `expected a list of texts for ${quoteText(key)}, found something else in it`);
    });
  };

  const entriesOf = (node: unknown, section: readonly string[]): Entry[] => {
    if (!isMap(node)) throw errorAt(file, placeOf(node), 'expected options, each as NAME: VALUE', 'weightseq config print shows the names.');
    return node.items.flatMap((pair): Entry[] => {
      const { key: keyNode, value } = pair;
      if (!isScalar(keyNode)) throw errorAt(file, placeOf(keyNode), 'expected the name of an option');
      const key = textOf(keyNode);
      const isSection = section.length < 3 && isMap(resolved(value));
      const valuePlace = value === null ? placeOf(keyNode) : placeOf(value);
      const entry = { section, key, value: isSection ? null : rawOf(value, key), isSection, ...placeOf(keyNode), valuePlace };
      return [entry, ...(isSection ? entriesOf(resolved(value), [...section, key]) : [])];
    });
  };
  return document.contents === null || (isScalar(document.contents) && document.contents.value === null) ? [] : entriesOf(document.contents, []);
}

function parse(text: string, lineCounter: LineCounter, file: string): ReturnType<typeof parseDocument> {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, version: '1.2' });
  } catch (cause) {
    // Thousands of brackets within each other.
    throw new WeightseqError('usage', 'not a valid YAML file', { file, cause });
  }
}

/** As written: 1.0 is the name "1.0", not the number 1. */
function textOf(node: { value?: unknown; source?: string | undefined; type?: string | undefined }): string {
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
}
