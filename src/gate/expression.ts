/**
 * A rule's expression, from text to a function of one item of a report. mathjs reads it into a tree; every node of the tree must be
 * of a listed kind and every name in NAMES, all types are checked, and what runs is built here from that list: nothing of mathjs
 * but its parser is ever called, and the text reaches no object of the program.
 */
import type { ReportItem } from '../report/schema.js';
import { escapeText, quoteText } from '../text.js';
import { didYouMean, ExpressionError } from './expression-error.js';
import { UNKNOWN } from './logic.js';
import { CHOICES, NAMES, writtenAs, type Name } from './names.js';
import { binary, chain, conditional, lifted, requireChoice, requireType, unary, type Part } from './operations.js';
import { operands, type Operand } from './tokens.js';

export type Outcome = 'matched' | 'unmatched' | 'undecided' | 'excused';

export interface Expression {
  readonly text: string;
  /** What it comes to for one item, and what it asked for that the report does not say. Never throws. */
  readonly judge: (item: ReportItem) => { readonly outcome: Outcome; readonly missing: readonly string[] };
}

/** What is used of a node of mathjs's tree. */
interface Node {
  readonly type: string;
  readonly fn?: unknown;
  readonly args?: readonly Node[];
  readonly params?: readonly Node[];
  readonly conditionals?: readonly string[];
  readonly content?: Node;
  readonly condition?: Node;
  readonly trueExpr?: Node;
  readonly falseExpr?: Node;
  readonly object?: Node;
  readonly name?: string;
  readonly value?: unknown;
  readonly optionalChaining?: boolean;
}

const DEEPEST = 100;

const NUMBERS: ReadonlyMap<string, (values: readonly number[]) => number> = new Map([
  ['abs', ([value = Number.NaN]) => Math.abs(value)], ['min', (values) => Math.min(...values)], ['max', (values) => Math.max(...values)],
]);

/**
 * @throws ExpressionError for everything that is not a condition over NAMES
 */
export async function compile(text: string): Promise<Expression> {
  const words = operands(text);
  const tree = await readTree(text);
  const rest = words[Symbol.iterator]();
  const part = build(tree, rest, 0);
  const left = rest.next().value;
  if (left !== undefined) throw new ExpressionError('an expression that can\'t be read', left.offset);
  if (part.type !== 'boolean') throw new ExpressionError(`a rule is a condition, and this is a ${part.type === 'number' ? 'number' : 'text'}`, part.offset, 'Compare it: > 0.1, == "…".');
  return {
    text,
    judge(item) {
      const missing = new Set<string>();
      const value = part.run(item, missing);
      const outcome = value === true ? 'matched' : value === false ? 'unmatched' : value === UNKNOWN ? 'undecided' : 'excused';
      return { outcome, missing: [...missing] };
    },
  };
}

let parser: Promise<(text: string) => Node> | undefined;

/** Loaded when the first rule is read: it takes a third of a second. */
function loadParser(): Promise<(text: string) => Node> {
  return (parser ??= import('mathjs/number').then(({ create, parseDependencies }) => {
    const { parse } = create({ ...parseDependencies });
    return (text) => parse(text);
  }));
}

async function readTree(text: string): Promise<Node> {
  const parse = await loadParser();
  try {
    // A line end would begin another statement.
    return parse(text.replace(/[\t\r\n]/g, ' '));
  } catch (error) {
    if (error instanceof RangeError) throw new ExpressionError('the expression is nested too deeply', 0, 'Make several rules of it.');
    const message = error instanceof Error ? error.message.replace(/ \(char \d+\)$/u, '') : String(error);
    const at = error instanceof Error && 'char' in error && typeof error.char === 'number' ? error.char - 1 : 0;
    throw new ExpressionError(escapeText(message.charAt(0).toLowerCase() + message.slice(1)), Math.min(at, text.length));
  }
}

/** Walks the tree in the order of the text, so that each leaf is the next of `words`. */
function build(node: Node, words: Iterator<Operand, undefined>, depth: number): Part {
  const sub = (child: Node | undefined): Part => {
    if (child === undefined) throw new ExpressionError('an expression that can\'t be read', 0);
    return build(child, words, depth + 1);
  };
  if (depth > DEEPEST) throw new ExpressionError(`more than ${DEEPEST} operations within each other`, next(words).offset, 'Make several rules of it.');
  switch (node.type) {
    case 'ParenthesisNode': return sub(node.content);
    case 'ConstantNode': return constant(node, next(words));
    case 'SymbolNode': return ask(named(node, words), null, null);
    case 'AccessorNode': return property(node, words);
    case 'FunctionNode': return call(node, words, sub);
    case 'OperatorNode': return operation(node.fn, (node.args ?? []).map(sub));
    case 'RelationalNode': return chain(node.conditionals ?? [], (node.params ?? []).map(sub));
    case 'ConditionalNode': return conditional(sub(node.condition), sub(node.trueExpr), sub(node.falseExpr));
    default: throw new ExpressionError('this can\'t stand in a rule', next(words).offset, 'A rule is made of names, numbers, strings, comparisons, + - * / ^, and, or, not, ? :');
  }
}

function next(words: Iterator<Operand, undefined>): Operand {
  const word = words.next().value;
  if (word === undefined) throw new ExpressionError('an expression that can\'t be read', 0);
  return word;
}

/** The next of `words`, which must be this name. */
function named({ name }: Node, words: Iterator<Operand, undefined>): Operand {
  const word = next(words);
  if (word.kind !== 'name' || word.text !== name) throw new ExpressionError('an expression that can\'t be read', word.offset);
  return word;
}

function constant({ value }: Node, { kind, offset }: Operand): Part {
  if (kind === 'string' && typeof value === 'string') return { type: 'text', offset, literal: value, run: () => value };
  if (kind === 'number' && typeof value === 'number') return { type: 'number', offset, run: () => value };
  if (kind === 'name' && typeof value === 'boolean') return { type: 'boolean', offset, run: () => value };
  throw new ExpressionError('an expression that can\'t be read', offset);
}

/** A name, with its field or argument: one of NAMES, or an error that says which. */
function ask({ text, offset }: Operand, field: Operand | null, argument: Part | null): Part {
  const written = field === null ? text : `${text}.${field.text}`;
  const name = NAMES.find((known) => known.name === written && (known.argument === null) === (argument === null));
  if (!name) throw unknownName(text, field, offset);
  if (name.argument === null || argument === null) return part(name, '', offset);
  if (argument.literal === undefined) throw new ExpressionError(`${text} takes a name in quotes`, argument.offset, `Write ${writtenAs(name)}.`);
  if (name.argument !== 'trait') requireChoice(argument.literal, CHOICES[name.argument], argument.offset);
  return part(name, argument.literal, offset);
}

function part(name: Name, argument: string, offset: number): Part {
  const asked = name.argument === null ? name.name : writtenAs(name).replace(/".*"/u, () => quoteText(argument));
  return {
    type: name.type, offset,
    run(item, missing) {
      const value = name.of(item, argument);
      if (value === UNKNOWN) missing.add(asked);
      return value;
    },
  };
}

function unknownName(text: string, field: Operand | null, offset: number): ExpressionError {
  const written = field === null ? text : `${text}.${field.text}`;
  const functions = [...NUMBERS.keys(), 'known'];
  if (functions.includes(written)) return new ExpressionError(`${written} takes an argument`, offset, `Write ${written}(…).`);
  const alike = NAMES.filter(({ name }) => name === written || (name.split('.')[0] === text)).map(writtenAs);
  const exact = NAMES.find(({ name }) => name === written);
  const message = exact ? `${text} takes ${exact.argument === null ? 'no argument' : 'an argument'}` : `unknown name ${quoteText(written)}`;
  const near = exact ? `Write ${writtenAs(exact)}.` : didYouMean(written, [...NAMES.map(({ name }) => name), ...functions]);
  return new ExpressionError(message, offset, near ?? (alike.length > 0 ? `There are ${alike.join(', ')}.` : 'weightseq policy names lists all names.'));
}

/** `base.declared` or `interval("evil").low`; mathjs gives the field's name as a constant after the object. */
function property({ object, optionalChaining, name }: Node, words: Iterator<Operand, undefined>): Part {
  const head = next(words);
  const refused = new ExpressionError('a dot stands only within such names as base.declared and interval("evil").low', head.offset);
  if (object === undefined || optionalChaining === true || head.kind !== 'name') throw refused;
  let argument: Part | null = null;
  if (object.type === 'FunctionNode') {
    const [only, ...others] = object.args ?? [];
    if ((object.fn as Node | undefined)?.type !== 'SymbolNode' || only?.type !== 'ConstantNode' || others.length > 0) throw refused;
    argument = constant(only, next(words));
  } else if (object.type !== 'SymbolNode') throw refused;
  const field = next(words);
  if (field.kind !== 'name' || field.text !== name) throw refused;
  return ask(head, field, argument);
}

function call({ fn, args = [] }: Node, words: Iterator<Operand, undefined>, sub: (node: Node) => Part): Part {
  const name = next(words);
  if ((fn as Node | undefined)?.type !== 'SymbolNode') throw new ExpressionError('only a name such as shift can stand before a parenthesis', name.offset);
  const [bare] = args;
  if (bare?.type === 'SymbolNode' && NAMES.some((known) => known.name === name.text && known.argument !== null)) {
    const { text, offset } = next(words);
    throw new ExpressionError(`${name.text} takes a name in quotes`, offset, `Write ${name.text}("${text}").`);
  }
  const given = args.map(sub);
  const [first] = given;
  const of = NUMBERS.get(name.text);
  if (of) {
    if (first === undefined || (name.text === 'abs' && given.length > 1)) throw new ExpressionError(`${name.text} takes ${name.text === 'abs' ? 'one number' : 'numbers'}`, name.offset);
    return lifted('number', name.offset, given.map((g) => requireType(g, 'number')), (values) => of(values as readonly number[]));
  }
  if (given.length > 1) throw new ExpressionError(`${name.text} takes one argument`, name.offset);
  if (name.text === 'known' && first) return isKnown(first, name.offset);
  return ask(name, null, first ?? null);
}

/** `known("evil")` asks whether the trait was tested, `known(…)` of anything else whether the report says it. */
function isKnown({ literal, run }: Part, offset: number): Part {
  if (literal !== undefined) return { type: 'boolean', offset, run: (item) => item.findings.some(({ trait }) => trait === literal) };
  return { type: 'boolean', offset, run: (item) => run(item, new Set()) !== UNKNOWN };
}

function operation(fn: unknown, [a, b]: readonly Part[]): Part {
  if (a === undefined || typeof fn !== 'string') throw new ExpressionError('an expression that can\'t be read', 0);
  return b === undefined ? unary(fn, a) : binary(fn, a, b);
}
