/** A YAML file held against its schema. In: a path and a zod schema. Out: the value and where in the file each part of it stands, or an error that says both. */
import { isMap, isNode, isPair, isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { WeightseqError, type ErrorCode } from '../errors.js';
import { readSmallFile } from '../safetensors/file.js';
import { escapeText, quoteText } from '../text.js';
import { didYouMean } from './expression-error.js';

export type Path = readonly PropertyKey[];

export interface YamlFile<T> {
  readonly value: T;
  /** `FILE:LINE:COLUMN` of a part, or, where it is a text that stands in the file as it is, of the character `offset` in it. */
  readonly where: (path: Path, offset?: number) => string;
}

const MOST_BYTES = 1_000_000;

/**
 * @throws WeightseqError with the given code, naming file, line, column, field and mend; `not-found` and the like
 */
export async function readYaml<T>(file: string, schema: z.ZodType<T>, code: ErrorCode): Promise<YamlFile<T>> {
  const bytes = await readSmallFile(file, MOST_BYTES);
  if (bytes === null) throw new WeightseqError(code, `larger than ${MOST_BYTES} bytes`, { file, mend: 'Is it the right file?' });
  return parseYaml(textOf(bytes, file, code), file, schema, code);
}

function textOf(bytes: Uint8Array, file: string, code: ErrorCode): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new WeightseqError(code, 'not UTF-8 text', { file, mend: 'Is it the right file?', cause });
  }
}

/**
 * @throws WeightseqError as `readYaml`
 */
export function parseYaml<T>(text: string, file: string, schema: z.ZodType<T>, code: ErrorCode): YamlFile<T> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(1, line)}:${Math.max(1, col)}`;
  };
  const [broken] = [...document.errors, ...document.warnings];
  if (broken) throw new WeightseqError(code, `not valid YAML: ${escapeText(sentence(broken.message))}`, { file: at(broken.pos[0]), mend: 'A text that holds ": ", " #" or starts with a quote must stand in quotes.' });
  const where = (path: Path, offset?: number) => at(offsetOf(document, text, path, offset));
  const checked = schema.safeParse(valueOf(document, file, code), { reportInput: true });
  const issue = checked.error?.issues[0];
  if (issue) {
    const key = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
    const field = fieldName(issue.path);
    const [message, mend] = explain(issue, schema);
    const place = key === undefined ? where(issue.path) : at(keyOffset(document, issue.path, key));
    throw new WeightseqError(code, `${field === '' ? '' : `${field}: `}${message}`, { file: place, ...(mend === undefined ? {} : { mend }) });
  }
  if (!checked.success) throw new WeightseqError(code, 'breaks its schema', { file });
  return { value: checked.data, where };
}

/** Aliases that would grow without bound are refused by the library. */
function valueOf(document: Document, file: string, code: ErrorCode): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw new WeightseqError(code, `not usable YAML: ${escapeText(cause instanceof Error ? sentence(cause.message) : String(cause))}`, { file, cause });
  }
}

/** The message without a full stop, which follows, and without its first letter's case. */
function sentence(message: string): string {
  return (message.charAt(0).toLowerCase() + message.slice(1)).replace(/\.$/u, '');
}

/** Such as `rules[2].level`. */
function fieldName(path: Path): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i === 0 ? '' : '.'}${escapeText(String(key))}`)).join('');
}

/** Where a part begins, or the nearest that is there and holds it. */
function offsetOf(document: Document, text: string, path: Path, within: number | undefined): number {
  for (let length = path.length; length >= 0; length--) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (!isNode(node) || !node.range) continue;
    const [start, end] = node.range;
    if (within === undefined) return start;
    // A quoted or folded text may stand in the file in another form; then its beginning must do.
    const verbatim = length === path.length && isScalar(node) && typeof node.value === 'string' ? text.slice(start, end).indexOf(node.value.trimEnd()) : -1;
    return verbatim < 0 ? start : start + verbatim + within;
  }
  return 0;
}

function keyOffset(document: Document, path: Path, key: string): number {
  const map: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  const pair = isMap(map) ? map.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key) : undefined;
  return pair && isScalar(pair.key) ? pair.key.range?.[0] ?? 0 : 0;
}

type Issue = z.core.$ZodIssue;

/** What is wrong in words, and the mend. */
function explain(issue: Issue, schema: z.ZodType): [message: string, mend?: string | undefined] {
  switch (issue.code) {
    case 'invalid_type': {
      if (issue.input === undefined) return ['is missing', undefined];
      return [`must be ${issue.expected === 'string' ? 'text' : `of type ${issue.expected}`}`, issue.expected === 'string' ? 'Put it in quotes.' : undefined];
    }
    case 'unrecognized_keys': {
      const [key = ''] = issue.keys;
      return [`unknown field ${quoteText(key)}`, didYouMean(key, fieldsOf(schema))];
    }
    case 'invalid_value': {
      const values = issue.values.map(String).join(', ');
      return [issue.input === undefined ? 'is missing' : `must be ${issue.values.length > 1 ? 'one of ' : ''}${values}`, issue.input === undefined ? `It is one of: ${values}.` : undefined];
    }
    default:
      return [escapeText(sentence(issue.message))];
  }
}

/** Names of the fields anywhere in a schema. */
function fieldsOf(schema: unknown): string[] {
  const definition = schema as { readonly shape?: Record<string, unknown>; readonly element?: unknown; unwrap?: () => unknown };
  if (definition.shape) return Object.entries(definition.shape).flatMap(([key, value]) => [key, ...fieldsOf(value)]);
  if (definition.element) return fieldsOf(definition.element);
  return typeof definition.unwrap === 'function' ? fieldsOf(definition.unwrap()) : [];
}
