/**
 * Python's regular expressions, as far as adapter configurations use them. In: a pattern. Out: its syntax tree, or null
 * when it is not valid in Python or beyond this subset. JavaScript's own expressions are not used: they differ ($, \Z, \s,
 * named groups), and a hostile pattern such as (a+)+ would hold the scan up for ever. Source: re/_parser.py of Python 3.11.
 */

/** A test of one character, by code unit; the texts are ASCII (see python-regex-match.ts). */
export type CharTest = (code: number) => boolean;

export type RegexNode =
  | { readonly kind: 'char'; readonly test: CharTest }
  | { readonly kind: 'sequence'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly options: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly body: RegexNode; readonly min: number; readonly max: number }
  | { readonly kind: 'at'; readonly where: 'start' | 'line-end' | 'end' | 'word-edge' | 'not-word-edge' }
  | { readonly kind: 'look'; readonly body: RegexNode; readonly negative: boolean };

const MAX_LENGTH = 5000;
const MAX_DEPTH = 50;
const MAX_REPEAT = 4_294_967_294; // re/_constants.py, MAXREPEAT − 1

const isDigit: CharTest = (c) => c >= 48 && c <= 57;
const isSpace: CharTest = (c) => (c >= 9 && c <= 13) || (c >= 28 && c <= 32); // str.isspace() within ASCII
export const isWord: CharTest = (c) => isDigit(c) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95;
const not = (test: CharTest): CharTest => (c) => !test(c);

const CATEGORIES: ReadonlyMap<string, CharTest> = new Map([
  ['d', isDigit], ['D', not(isDigit)], ['s', isSpace], ['S', not(isSpace)], ['w', isWord], ['W', not(isWord)],
]);
const CONTROLS: ReadonlyMap<string, number> = new Map([['n', 10], ['t', 9], ['r', 13], ['f', 12], ['v', 11], ['a', 7]]);
const ANCHORS: ReadonlyMap<string, 'start' | 'end' | 'word-edge' | 'not-word-edge'> = new Map([
  ['A', 'start'], ['Z', 'end'], ['b', 'word-edge'], ['B', 'not-word-edge'],
]);

/** Thrown within this file only. */
const UNSUPPORTED = Symbol('unsupported');

interface Cursor {
  readonly source: string;
  at: number;
}

/** The tree of a pattern; null when Python would refuse it, or when it uses what this subset leaves out. */
export function parseRegex(source: string): RegexNode | null {
  if (source.length > MAX_LENGTH || /[\u{d800}-\u{dfff}\u{10000}-\u{10ffff}]/u.test(source)) return null; // one unit, one character
  const cursor: Cursor = { source, at: 0 };
  try {
    const node = parseChoice(cursor, 0);
    return cursor.at === source.length ? node : null; // an unmatched ")"
  } catch (error) {
    if (error === UNSUPPORTED) return null;
    throw error;
  }
}

function unsupported(): never {
  // a symbol, not an error: it never leaves this file
  // eslint-disable-next-line @typescript-eslint/only-throw-error
  throw UNSUPPORTED;
}

const peek = (c: Cursor): string => c.source[c.at] ?? '';
function next(c: Cursor): string {
  const char = c.source[c.at];
  if (char === undefined) return unsupported();
  c.at++;
  return char;
}
function accept(c: Cursor, text: string): boolean {
  if (!c.source.startsWith(text, c.at)) return false;
  c.at += text.length;
  return true;
}

function parseChoice(c: Cursor, depth: number): RegexNode {
  if (depth > MAX_DEPTH) unsupported();
  const options = [parseSequence(c, depth)];
  while (accept(c, '|')) options.push(parseSequence(c, depth));
  const only = options[0];
  return options.length === 1 && only !== undefined ? only : { kind: 'choice', options };
}

function parseSequence(c: Cursor, depth: number): RegexNode {
  const parts: RegexNode[] = [];
  while (peek(c) !== '' && peek(c) !== '|' && peek(c) !== ')') parts.push(parseRepeat(c, depth));
  return { kind: 'sequence', parts };
}

function parseRepeat(c: Cursor, depth: number): RegexNode {
  const body = parseAtom(c, depth);
  const bounds = parseQuantifier(c);
  if (bounds === null) return body;
  if (body.kind === 'at') unsupported(); // "nothing to repeat"
  if (!accept(c, '?') && peek(c) === '+') unsupported(); // lazy is the same language; possessive is not
  const again = c.at;
  if (parseQuantifier(c) !== null) unsupported(); // "multiple repeat"
  c.at = again;
  return { kind: 'repeat', body, ...bounds };
}

/** `*`, `+`, `?`, `{m}`, `{m,}`, `{,n}`, `{m,n}`; any other `{` is itself. */
function parseQuantifier(c: Cursor): { min: number; max: number } | null {
  if (accept(c, '*')) return { min: 0, max: Infinity };
  if (accept(c, '+')) return { min: 1, max: Infinity };
  if (accept(c, '?')) return { min: 0, max: 1 };
  const braces = /\{(\d*)(,?)(\d*)\}/uy;
  braces.lastIndex = c.at;
  const found = braces.exec(c.source);
  if (found === null || found[0] === '{}') return null;
  const [whole, low = '', comma, high = ''] = found;
  c.at += whole.length;
  const min = low === '' ? 0 : Number(low);
  const max = comma === '' ? min : high === '' ? Infinity : Number(high);
  if (min > MAX_REPEAT || max < min || (max !== Infinity && max > MAX_REPEAT)) unsupported();
  return { min, max };
}

function parseAtom(c: Cursor, depth: number): RegexNode {
  const char = next(c);
  switch (char) {
    case '.': return { kind: 'char', test: (code) => code !== 10 };
    case '^': return { kind: 'at', where: 'start' };
    case '$': return { kind: 'at', where: 'line-end' };
    case '[': return { kind: 'char', test: parseClass(c) };
    case '(': return parseGroup(c, depth);
    case '\\': return parseEscape(c);
    case '*': case '+': case '?': return unsupported(); // "nothing to repeat"
    case '{':
      c.at--;
      if (parseQuantifier(c) !== null) return unsupported();
      c.at++;
      return literal(char);
    default: return literal(char);
  }
}

function literal(char: string): RegexNode {
  const code = char.charCodeAt(0);
  return { kind: 'char', test: (other) => other === code };
}

function parseGroup(c: Cursor, depth: number): RegexNode {
  let look: 'positive' | 'negative' | null = null;
  if (accept(c, '?')) {
    if (accept(c, '=')) look = 'positive';
    else if (accept(c, '!')) look = 'negative';
    else if (accept(c, 'P<')) {
      let name = '';
      while (peek(c) !== '>') name += next(c);
      c.at++;
      if (!/^[A-Za-z_]\w*$/u.test(name)) unsupported();
    } else if (!accept(c, ':')) unsupported(); // flags, comments, look-behind, back references, atomic groups, conditions
  }
  const body = parseChoice(c, depth + 1);
  if (!accept(c, ')')) unsupported();
  return look === null ? body.kind === 'at' ? { kind: 'sequence', parts: [body] } : body : { kind: 'look', body, negative: look === 'negative' };
}

function parseEscape(c: Cursor): RegexNode {
  const char = next(c);
  const where = ANCHORS.get(char);
  if (where !== undefined) return { kind: 'at', where };
  const category = CATEGORIES.get(char);
  if (category !== undefined) return { kind: 'char', test: category };
  const code = escapedCode(c, char);
  return { kind: 'char', test: (other) => other === code };
}

/** The code unit of `\n`, `\x2e`, `.`…; other letters and digits are errors or back references in Python. */
function escapedCode(c: Cursor, char: string): number {
  const control = CONTROLS.get(char);
  if (control !== undefined) return control;
  const digits = char === 'x' ? 2 : char === 'u' ? 4 : 0;
  if (digits > 0) {
    const hex = c.source.slice(c.at, c.at + digits);
    if (hex.length !== digits || !/^[0-9a-fA-F]+$/u.test(hex)) unsupported();
    c.at += digits;
    return parseInt(hex, 16);
  }
  return /[0-9A-Za-z]/u.test(char) ? unsupported() : char.charCodeAt(0);
}

function parseClass(c: Cursor): CharTest {
  const negative = accept(c, '^');
  const tests: CharTest[] = [];
  let first = true;
  while (first || peek(c) !== ']') {
    first = false;
    const low = parseClassItem(c);
    if (peek(c) === '-' && c.source[c.at + 1] !== ']') {
      c.at++;
      const high = parseClassItem(c);
      if (typeof low !== 'number' || typeof high !== 'number' || high < low) unsupported();
      else tests.push((code) => code >= low && code <= high);
    } else tests.push(typeof low === 'number' ? (code) => code === low : low);
  }
  c.at++;
  return (code) => tests.some((test) => test(code)) !== negative;
}

function parseClassItem(c: Cursor): number | CharTest {
  const char = next(c);
  if (char !== '\\') return char.charCodeAt(0);
  const escaped = next(c);
  if (escaped === 'b') return 8;
  return CATEGORIES.get(escaped) ?? escapedCode(c, escaped);
}
