/**
 * The first fence around an expression: the characters and words that it may be made of, before any parser sees it. In: the text.
 * Out: its operands in their order and where each stands, which the parser's tree does not tell.
 */
import { quoteText } from '../text.js';
import { ExpressionError } from './expression-error.js';

/** A name, a number or a string. */
export interface Operand {
  readonly kind: 'name' | 'number' | 'string';
  readonly text: string;
  /** Characters before it. */
  readonly offset: number;
}

const MOST_CHARACTERS = 1000;
/** Parentheses within each other; the parser calls itself some twenty deep for each. */
const DEEPEST = 30;

const TOKEN = /(?<space>[ \t\r\n]+)|(?<string>"[^"\\\r\n]*"|'[^'\\\r\n]*')|(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<name>[A-Za-z_]\w*)|(?<operator>==|!=|<=|>=|[-+*/^<>(),.?:])/y;

const WORDS: ReadonlySet<string> = new Set(['and', 'or', 'not']);

/** Words that mean something to the parser and nothing in a rule. */
const UNUSED: ReadonlyMap<string, string> = new Map([
  ['null', 'Ask known(…) whether the report says something.'], ['undefined', 'Ask known(…) whether the report says something.'],
  ['NaN', 'Ask known(…) whether the report says something.'], ['Infinity', 'Write a number.'],
  ['xor', 'Write (a or b) and not (a and b).'], ['mod', 'A rule has + - * / ^.'], ['to', 'A rule has no units.'], ['in', 'A rule has no units.'], ['end', 'A rule has no lists.'],
]);

const INSTEAD: ReadonlyMap<string, string> = new Map([
  ['=', 'Write == to compare; a rule sets nothing.'], ['&', 'Write and.'], ['|', 'Write or.'], ['!', 'Write not, or != between two values.'],
  ['%', 'Write 0.05 for 5 %.'], [';', 'A rule is one condition; join two with and.'], ['#', 'Put comments in the YAML, outside of the expression.'],
  ['"', 'End the string with "; it may not hold a backslash or a line end.'], ['\'', 'End the string with \'; it may not hold a backslash or a line end.'],
  ['[', 'A rule has no lists.'], ['{', 'A rule has no objects.'], ['“', 'Write straight quotes: ".'], ['”', 'Write straight quotes: ".'], ['≤', 'Write <=.'], ['≥', 'Write >=.'], ['−', 'Write -.'],
]);

/**
 * @throws ExpressionError that says what to write instead
 */
export function operands(text: string): Operand[] {
  if (text.length > MOST_CHARACTERS) throw new ExpressionError(`the expression has ${text.length} characters, at most ${MOST_CHARACTERS} are allowed`, MOST_CHARACTERS, 'Make several rules of it.');
  const found: Operand[] = [];
  const pattern = new RegExp(TOKEN);
  let before: 'start' | 'operator' | 'word' | 'name' | 'value' | 'close' = 'start';
  let depth = 0;
  for (let offset = 0; offset < text.length; offset = pattern.lastIndex) {
    pattern.lastIndex = offset;
    const groups = pattern.exec(text)?.groups;
    if (!groups) throw unexpected(text, offset);
    const { space, string, number, name, operator } = groups;
    if (space !== undefined) continue;
    const isOperand = string !== undefined || number !== undefined || (name !== undefined && !WORDS.has(name));
    const hint = name === undefined ? undefined : UNUSED.get(name);
    if (hint !== undefined) throw new ExpressionError(`${name ?? ''} has no meaning in a rule`, offset, hint);
    if ((isOperand && (before === 'name' || before === 'value' || before === 'close')) || (operator === '(' && (before === 'value' || before === 'close'))) {
      throw new ExpressionError('an operator is missing before this', offset, 'Join conditions with and, or; numbers with + - * /.');
    }
    // The parser would take the word for a name.
    const joins = name === 'and' || name === 'or';
    if ((joins && (before === 'start' || before === 'operator' || before === 'word')) || (before === 'word' && operator !== undefined && !'(+-'.includes(operator))) {
      throw new ExpressionError('a value is missing before this', offset);
    }
    if (operator === '(' && ++depth > DEEPEST) throw new ExpressionError(`more than ${DEEPEST} parentheses within each other`, offset, 'Make several rules of it.');
    if (operator === ')') depth--;
    if (isOperand) found.push(operandOf(name, number, string ?? '', offset));
    before = name !== undefined ? (isOperand ? 'name' : 'word') : isOperand ? 'value' : operator === ')' ? 'close' : 'operator';
  }
  if (before === 'word') throw new ExpressionError('unexpected end of expression', text.length);
  if (found.length === 0) throw new ExpressionError('the expression is empty', 0, 'Write a condition such as verdict("evil") == "present".');
  return found;
}

function operandOf(name: string | undefined, number: string | undefined, string: string, offset: number): Operand {
  if (name !== undefined) return { kind: 'name', text: name, offset };
  if (number === undefined) return { kind: 'string', text: string.slice(1, -1), offset };
  if (!Number.isFinite(Number(number))) throw new ExpressionError('the number is too large', offset);
  return { kind: 'number', text: number, offset };
}

function unexpected(text: string, offset: number): ExpressionError {
  const character = String.fromCodePoint(text.codePointAt(offset) ?? 0);
  const isString = character === '"' || character === '\'';
  return new ExpressionError(isString ? 'a string that can\'t be read' : `unexpected ${quoteText(character)}`, offset, INSTEAD.get(character));
}
