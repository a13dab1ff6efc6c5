/**
 * Whether a Python pattern matches a text. In: a syntax tree and an ASCII text. Out: yes or no. It works on sets of
 * positions instead of backtracking, so that the time is bounded for every pattern; without captures the answer is the same.
 */
import { isWord, parseRegex, type RegexNode } from './python-regex.js';

/** How many single steps one match may take; a real pattern takes some hundreds. */
const MAX_STEPS = 1_000_000;
const MAX_TEXT = 2000;

interface Run {
  readonly text: string;
  steps: number;
}

/** Positions in a text, one byte each. */
type Positions = Uint8Array;

/** What all matches of one adapter may cost together: some seconds. A hostile configuration can hold 10 MB of patterns. */
const MAX_COST = 500_000_000;
const STEP_COST = 10;

/** Compiled patterns, as a configuration asks the same ones of each module, and what they have cost. */
export interface RegexCache {
  readonly trees: Map<string, RegexNode | null>;
  cost: number;
}

/** Compiled expressions of one configuration: each is asked about every module. */
export function newRegexCache(): RegexCache {
  return { trees: new Map(), cost: 0 };
}

/** Adds to the cost; true while there is some left. */
export function spend(cache: RegexCache, cost: number): boolean {
  cache.cost += cost;
  return cache.cost <= MAX_COST;
}

/**
 * `re.match(pattern, text) is not None`, or `re.fullmatch`; null when it can't be told: the pattern is not valid in
 * Python, is beyond the subset or too costly, or the text is not plain ASCII (whose \w is no matter of versions of Unicode).
 */
export function regexMatches(pattern: string, text: string, mode: 'match' | 'fullmatch', cache: RegexCache): boolean | null {
  if (!spend(cache, STEP_COST)) return null;
  let tree = cache.trees.get(pattern);
  if (tree === undefined) {
    tree = parseRegex(pattern);
    cache.trees.set(pattern, tree);
  }
  if (tree === null || text.length > MAX_TEXT || !/^[\x20-\x7e]*$/u.test(text)) return null;
  const run: Run = { text, steps: 0 };
  const start = new Uint8Array(text.length + 1);
  start[0] = 1;
  const ends = walk(tree, start, run);
  spend(cache, run.steps * STEP_COST);
  if (run.steps > MAX_STEPS) return null;
  return mode === 'match' ? isAny(ends) : ends[text.length] === 1;
}

/** All positions that the node can lead to from any of these. After too many steps the result means nothing. */
function walk(node: RegexNode, from: Positions, run: Run): Positions {
  const n = run.text.length;
  run.steps += n + 1;
  if (run.steps > MAX_STEPS) return new Uint8Array(n + 1);
  switch (node.kind) {
    case 'char': {
      const to = new Uint8Array(n + 1);
      for (let i = 0; i < n; i++) {
        if (from[i] === 1 && node.test(run.text.charCodeAt(i))) to[i + 1] = 1;
      }
      return to;
    }
    case 'sequence': {
      let at = from;
      for (const part of node.parts) {
        at = walk(part, at, run);
        if (!isAny(at)) break;
      }
      return at;
    }
    case 'choice': {
      const to = new Uint8Array(n + 1);
      for (const option of node.options) addTo(to, walk(option, from, run));
      return to;
    }
    case 'repeat': return walkRepeat(node, from, run);
    case 'at': return from.map((set, i) => (set === 1 && isAt(node.where, run.text, i) ? 1 : 0));
    case 'look': return from.map((set, i) => {
      if (set === 0) return 0;
      const here = new Uint8Array(n + 1);
      here[i] = 1;
      return isAny(walk(node.body, here, run)) !== node.negative ? 1 : 0;
    });
  }
}

function walkRepeat(node: RegexNode & { kind: 'repeat' }, from: Positions, run: Run): Positions {
  // Each turn moves a position on or leaves it, so that after text.length + 1 turns nothing changes any more.
  const turns = run.text.length + 1;
  let at = from;
  for (let i = 0; i < Math.min(node.min, turns); i++) at = walk(node.body, at, run);
  const reached = at.slice();
  for (let i = node.min; i < Math.min(node.max, node.min + turns) && isAny(at) && run.steps <= MAX_STEPS; i++) {
    at = walk(node.body, at, run);
    if (!addTo(reached, at)) break;
  }
  return reached;
}

/** Adds a set to another; whether anything was new. */
function addTo(to: Positions, more: Positions): boolean {
  let grew = false;
  for (let i = 0; i < more.length; i++) {
    if (more[i] === 1 && to[i] === 0) {
      to[i] = 1;
      grew = true;
    }
  }
  return grew;
}

function isAny(at: Positions): boolean {
  return at.includes(1);
}

function isAt(where: (RegexNode & { kind: 'at' })['where'], text: string, i: number): boolean {
  switch (where) {
    case 'start': return i === 0;
    case 'end': return i === text.length;
    case 'line-end': return i === text.length; // texts have no newline, before which $ would match too
    case 'word-edge': return isEdge(text, i);
    case 'not-word-edge': return text !== '' && !isEdge(text, i); // until Python 3.14 \B does not match an empty text
  }
}

function isEdge(text: string, i: number): boolean {
  const before = i > 0 && isWord(text.charCodeAt(i - 1));
  const after = i < text.length && isWord(text.charCodeAt(i));
  return before !== after;
}
