/** The operations of a rule: each checks the types of its parts when it is built, so that running it can't fail. */
import type { ReportItem } from '../report/schema.js';
import { quoteText } from '../text.js';
import { didYouMean, ExpressionError } from './expression-error.js';
import { and, choose, lift, not, or, UNKNOWN, type Plain, type Value } from './logic.js';
import { CHOICES, type Type } from './names.js';

/** What is asked for and not known is noted in `missing`. */
export type Run = (item: ReportItem, missing: Set<string>) => Value;

/** A part of the expression. */
export interface Part {
  readonly type: Type;
  readonly offset: number;
  /** The text itself, of a string. */
  readonly literal?: string;
  readonly run: Run;
}

const ARITHMETIC: ReadonlyMap<string, (a: number, b: number) => number> = new Map([
  ['add', (a, b) => a + b], ['subtract', (a, b) => a - b], ['multiply', (a, b) => a * b], ['divide', (a, b) => a / b], ['pow', (a, b) => a ** b],
]);
const ORDER: ReadonlyMap<string, (a: number, b: number) => boolean> = new Map([
  ['smaller', (a, b) => a < b], ['smallerEq', (a, b) => a <= b], ['larger', (a, b) => a > b], ['largerEq', (a, b) => a >= b],
]);

/** Every operation there is, for who wrote another. */
const OPERATIONS = 'There are + - * / ^ == != < <= > >= and or not ? :';

export function unary(name: string, a: Part): Part {
  if (name === 'not') {
    const { run } = requireType(a, 'boolean');
    return { type: 'boolean', offset: a.offset, run: (item, missing) => not(run(item, missing)) };
  }
  if (name === 'unaryMinus') return lifted('number', a.offset, [requireType(a, 'number')], ([v]) => -Number(v));
  if (name === 'unaryPlus') return requireType(a, 'number');
  throw new ExpressionError('an operator that a rule does not have', a.offset, OPERATIONS);
}

export function binary(name: string, a: Part, b: Part): Part {
  const of = ARITHMETIC.get(name);
  if (of) return lifted('number', a.offset, [requireType(a, 'number'), requireType(b, 'number')], ([x, y]) => of(Number(x), Number(y)));
  if (name !== 'and' && name !== 'or') return compared(name, a, b);
  const join = name === 'and' ? and : or;
  const [left, right] = [requireType(a, 'boolean'), requireType(b, 'boolean')];
  return { type: 'boolean', offset: a.offset, run: (item, missing) => join(left.run(item, missing), right.run(item, missing)) };
}

function compared(name: string, a: Part, b: Part): Part {
  const order = ORDER.get(name);
  if (order) return lifted('boolean', a.offset, [requireType(a, 'number'), requireType(b, 'number')], ([x, y]) => order(Number(x), Number(y)));
  if (name !== 'equal' && name !== 'unequal') throw new ExpressionError('an operator that a rule does not have', a.offset, OPERATIONS);
  common(a, b);
  // Texts are the same letter by letter: mathjs's own == would take them for numbers.
  return lifted('boolean', a.offset, [a, b], ([x, y]) => (x === y) === (name === 'equal'));
}

/** `0.1 < p("evil") <= 0.5`: each neighbours' comparison, and all of them. */
export function chain(names: readonly string[], parts: readonly Part[]): Part {
  const pairs = parts.slice(1).map((right, i) => compared(names[i] ?? '', parts[i] ?? right, right));
  return { type: 'boolean', offset: parts[0]?.offset ?? 0, run: (item, missing) => pairs.map(({ run }) => run(item, missing)).reduce(and, true) };
}

export function conditional(condition: Part, yes: Part, no: Part): Part {
  const { run } = requireType(condition, 'boolean');
  const type = common(yes, no);
  return { type, offset: condition.offset, run: (item, missing) => choose(run(item, missing), () => yes.run(item, missing), () => no.run(item, missing)) };
}

/** The type of two parts that are held against each other; a text against one of few values must be one of them. */
function common(a: Part, b: Part): Type {
  if (a.type === b.type) return a.type;
  for (const [few, text] of [[a, b], [b, a]] as const) {
    if (!(few.type in CHOICES) || text.type !== 'text') continue;
    if (text.literal !== undefined) requireChoice(text.literal, CHOICES[few.type as keyof typeof CHOICES], text.offset);
    return few.type;
  }
  const [what, other] = [spoken(a.type), spoken(b.type)];
  throw new ExpressionError(what === other ? 'these two have no value in common' : `a ${what} can't be held against a ${other}`, b.offset);
}

export function requireType(part: Part, type: 'number' | 'boolean'): Part {
  if (part.type === type) return part;
  throw new ExpressionError(`a ${spoken(type)} is needed here, and this is a ${spoken(part.type)}`, part.offset);
}

function spoken(type: Type): string {
  return type === 'boolean' ? 'condition' : type === 'number' ? 'number' : 'text';
}

export function lifted(type: Type, offset: number, parts: readonly Part[], of: (values: readonly Plain[]) => Plain): Part {
  const apply = lift(of);
  return {
    type, offset,
    run(item, missing) {
      const values = parts.map(({ run }) => run(item, missing));
      const value = apply(values);
      if (value === UNKNOWN && !values.includes(UNKNOWN)) missing.add('a number that is none, such as 0 / 0');
      return value;
    },
  };
}

export function requireChoice(text: string, choices: readonly string[], offset: number): void {
  if (choices.includes(text)) return;
  throw new ExpressionError(`${quoteText(text)} is none of its values`, offset, didYouMean(text, choices) ?? (choices.length < 10 ? `It is one of: ${choices.join(', ')}.` : undefined));
}
