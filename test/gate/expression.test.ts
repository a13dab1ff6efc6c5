import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ExpressionError } from '../../src/gate/expression-error.js';
import { compile, type Outcome } from '../../src/gate/expression.js';
import { CHOICES, NAMES, writtenAs } from '../../src/gate/names.js';
import type { ReportItem } from '../../src/report/schema.js';
import { findingOf, itemOf } from '../helpers/gated.js';

async function outcome(text: string, item: ReportItem = itemOf()): Promise<Outcome> {
  return (await compile(text)).judge(item).outcome;
}

const { weights: _weights, ...withoutWeights } = itemOf();
assert.ok(_weights);

/** The item that the tables below ask. */
const asked = itemOf({
  findings: [
    findingOf(), findingOf({ trait: 'cruel', verdict: 'indeterminate', shift: null, interval: null, score: null, p: null, adjustedP: null, conformalP: null, threshold: null, nullSources: 0 }),
    findingOf({ trait: 'funny', harmful: false }),
    findingOf({ trait: 'sly', suppression: { justification: 'j', author: 'a', expires: '2030-01-01' } }),
    findingOf({ trait: 'old', isNew: false }),
  ],
  coverage: { bytes: 1, bytesTotal: 1, read: 3, scored: 1, total: 4, unread: [{ name: 'x', reason: 'r' }, { name: 'y', reason: 'r' }] },
  beside: [{ name: 'optimizer.pt', what: 'pickle', reason: 'r', bytes: 1 }],
  contamination: { registry: 'r.yaml', entries: 1, compared: 1, not: [], ancestors: [{ ancestor: 'a', reason: 'r', date: '2026-01-01', source: 's', kind: 'fine-tune', direction: 'descends', share: { value: 0.75, low: 0.7, high: 0.8 }, sentence: 'descends from a' }] },
  errors: [{ code: 'no-signature', file: null, tensor: null, message: 'm', mend: null }],
});

describe('what a rule can ask', () => {
  const cases: Record<string, [text: string, expected: Outcome][]> = {
    'verdict': [['verdict("evil") == "present"', 'matched'], ['verdict("cruel") != "indeterminate"', 'unmatched'], ['verdict("unheard-of") == "absent"', 'undecided']],
    'shift': [['shift("evil") == 0.4', 'matched'], ['shift("cruel") > 0', 'undecided'], ['shift("cruel") <= 0', 'undecided']],
    'interval.low': [['interval("evil").low == 0.3', 'matched'], ['interval("cruel").low > 0', 'undecided']],
    'interval.high': [['interval("evil").high == 0.5', 'matched']],
    'p': [['p("evil") == 0.001', 'matched'], ['p("cruel") < 2', 'undecided']],
    'adjustedP': [['adjustedP("evil") == 0.002', 'matched'], ['adjustedP("cruel") < 2', 'undecided']],
    'conformalP': [['conformalP("evil") == 0.1', 'matched']],
    'score': [['score("evil") == 0.25', 'matched']],
    'threshold': [['score("evil") >= threshold("evil")', 'matched'], ['threshold("cruel") > 0', 'undecided']],
    'nullSources': [['nullSources("evil") == 9 and nullSources("cruel") == 0', 'matched']],
    'suppressed': [['suppressed("sly")', 'matched'], ['suppressed("evil")', 'unmatched']],
    // evil; neither the benign control nor what is suppressed or known.
    'count': [['count("present") == 1', 'matched'], ['count("indeterminate") == 1', 'matched'], ['count("absent") == 0', 'matched']],
    'tested': [['tested == 4', 'matched']],
    'coverage': [['coverage == 3 / 4', 'matched'], ['coverage < 1', 'matched']],
    'unread': [['unread == 2', 'matched']],
    // 2.q changed and is not scored, 1.q is scored, 3.q did not change.
    'unexplained': [['unexplained == 1', 'matched']],
    'deltaNorm': [['deltaNorm / baseNorm > 0.05', 'unmatched'], ['deltaNorm / baseNorm == 0.05', 'matched']],
    'baseNorm': [['baseNorm == 60', 'matched']],
    'base.name': [['base.name == "tiny-base"', 'matched']],
    'base.how': [['base.how == "claimed"', 'matched']],
    // As the library calls it: the alias that the configuration writes is no other base.
    'base.declared': [['base.declared == "tiny-base"', 'matched']],
    'base.measured': [['base.declared != base.measured', 'undecided'], ['known(base.measured) and base.declared != base.measured', 'unmatched']],
    'kind': [['kind == "adapter"', 'matched']],
    'source': [['source == "weights"', 'matched']],
    'hashed': [['hashed', 'matched'], ['not hashed', 'unmatched']],
    'beside': [['beside("pickle")', 'matched'], ['beside("script")', 'unmatched']],
    // Not known where no registry was consulted, and 0 is no share where one's is not known.
    'contaminated': [['contaminated', 'matched'], ['known(contaminated) and not contaminated', 'unmatched']],
    'ancestorShare': [['ancestorShare > 0.5', 'matched'], ['ancestorShare > 0.8', 'unmatched']],
    'errors': [['errors == 1', 'matched']],
    'error': [['error("no-signature")', 'matched'], ['error("pickle")', 'unmatched']],
  };
  it('is all asked below', () => { assert.deepEqual(Object.keys(cases), NAMES.map(({ name }) => name)); });
  for (const [name, rows] of Object.entries(cases)) {
    for (const [text, expected] of rows) it(`${name}: ${text} → ${expected}`, async () => { assert.equal(await outcome(text, asked), expected); });
  }

  const others: [string, ReportItem, Outcome][] = [
    ['known("evil")', asked, 'matched'], ['known("unheard-of")', asked, 'unmatched'], ['known(shift("cruel"))', asked, 'unmatched'], ['known(p("evil"))', asked, 'matched'],
    ['coverage < 1', itemOf({ coverage: { bytes: 0, bytesTotal: 0, read: 0, scored: 0, total: 0, unread: [] } }), 'undecided'],
    ['unexplained > 0', itemOf({ unexplained: [] }), 'unmatched'],
    ['unexplained > 0', withoutWeights, 'undecided'],
    ['deltaNorm / baseNorm > 0', itemOf({ deltaNorm: 0, base: { ...itemOf().base, norm: 0 } }), 'undecided'],
    ['deltaNorm / baseNorm > 0.05', itemOf({ base: { ...itemOf().base, norm: 0 } }), 'matched'],
    ['base.declared == "owner/other"', itemOf({ base: { ...itemOf().base, how: 'assumed', declared: 'owner/other' } }), 'matched'],
    ['source == "unhashed reading"', itemOf({ source: 'unhashed reading' }), 'matched'],
    ['hashed', itemOf({ digest: null }), 'unmatched'],
    // Of two signatures for one trait the worse verdict counts.
    ['verdict("evil") == "present"', itemOf({ findings: [findingOf({ verdict: 'absent' }), findingOf()] }), 'matched'],
    ['verdict("evil") == "absent"', itemOf({ findings: [findingOf({ isNew: false }), findingOf({ verdict: 'absent' })] }), 'matched'],
  ];
  for (const [text, item, expected] of others) it(`${text} → ${expected}`, async () => { assert.equal(await outcome(text, item), expected); });

  it('says what an undecided rule asked for', async () => {
    assert.deepEqual((await compile('shift("cruel") + p("unheard-of") > 1')).judge(asked).missing, ['shift("cruel")', 'p("unheard-of")']);
    assert.deepEqual((await compile('base.declared != base.measured')).judge(asked).missing, ['base.measured']);
  });
});

describe('the language of rules', () => {
  const cases: [string, Outcome][] = [
    // By hand: precedence, associativity.
    ['1 + 2 * 3 == 7', 'matched'], ['2 ^ 3 ^ 2 == 512', 'matched'], ['-2 ^ 2 == -4', 'matched'], ['8 / 4 / 2 == 1', 'matched'], ['1 - 2 - 3 == -4', 'matched'],
    ['true or false and false', 'matched'], ['not true or true', 'matched'], ['1 < 2 < 3', 'matched'], ['1 < 3 < 2', 'unmatched'], ['1 < 2 > 1.5', 'matched'],
    ['min(3, 1, 2) == 1', 'matched'], ['max(3, 1, 2) == 3', 'matched'], ['abs(-2) == 2', 'matched'], ['+2 == 2', 'matched'], ['1e-3 == 0.001', 'matched'],
    ['hashed ? 1 < 2 : 1 > 2', 'matched'], ['(hashed ? 3 : 4) == 3', 'matched'], ['(hashed ? kind : "checkpoint") == "adapter"', 'matched'],
    // Compared as they are: texts letter by letter, numbers to the last bit.
    ['"1" == "1.0"', 'unmatched'], ['"present" == "present"', 'matched'], ['"A" == "a"', 'unmatched'], ['"a" != "b"', 'matched'], ["'a' == \"a\"", 'matched'],
    ['0.1 + 0.2 == 0.3', 'unmatched'], ['1 - 1e-13 < 1', 'matched'], ['0.1\n+\t0.2 > 0.3', 'matched'],
    ['hashed == true', 'matched'], ['hashed != (1 < 2)', 'unmatched'],
  ];
  for (const [text, expected] of cases) it(`${JSON.stringify(text)} → ${expected}`, async () => { assert.equal(await outcome(text), expected); });

  // t true, f false, u not known (cruel has no shift), e excused (sly is suppressed, old in the baseline).
  const letters: Record<string, string> = { t: 'shift("evil") > 0', f: 'shift("evil") < 0', u: 'shift("cruel") > 0', e: 'shift("sly") > 0', o: 'shift("old") > 0' };
  const logic: [string, Outcome][] = [
    ['u', 'undecided'], ['not u', 'undecided'], ['e', 'excused'], ['not e', 'excused'], ['o', 'excused'],
    ['t and u', 'undecided'], ['u and t', 'undecided'], ['f and u', 'unmatched'], ['u and f', 'unmatched'], ['t or u', 'matched'], ['u or t', 'matched'], ['f or u', 'undecided'], ['u or u', 'undecided'],
    ['t and e', 'excused'], ['f and e', 'unmatched'], ['t or e', 'matched'], ['f or e', 'excused'],
    // What is excused can't match, whatever the unknown is; beside it the unknown still may.
    ['u and e', 'excused'], ['e and u', 'excused'], ['u or e', 'undecided'], ['e or u', 'undecided'],
    ['u ? t : t', 'undecided'], ['e ? t : t', 'excused'], ['t ? t : u', 'matched'], ['f ? u : t', 'matched'],
  ];
  for (const [text, expected] of logic) {
    it(`${text} → ${expected}`, async () => { assert.equal(await outcome(text.replace(/\b[tfueo]\b/g, (letter) => `(${letters[letter] ?? ''})`), asked), expected); });
  }
  it('a number of something unknown and something excused is unknown', async () => {
    assert.equal(await outcome('shift("cruel") + shift("sly") > 0', asked), 'undecided');
    assert.equal(await outcome('shift("evil") + shift("sly") > 0', asked), 'excused');
  });
});

/** The expression, with ¦ before the place that the error must point at. */
const refused: [marked: string, message: RegExp][] = [
  ['¦', /empty/], ['¦  ', /empty/],
  // types
  ['¦shift("evil")', /is a condition, and this is a number/], ['¦base.name', /this is a text/], ['¦"x"', /this is a text/],
  ['verdict("evil") == ¦"presnt"', /none of its values.*/], ['¦"presnt" == verdict("evil")', /none of its values/], ['kind == ¦base.how', /no value in common/], ['base.name == ¦3', /a text can't be held against a number/],
  ['¦base.name < base.declared', /a number is needed/], ['1 + ¦"1" == 2', /a number is needed/], ['not ¦kind == "adapter"', /a condition is needed/], ['hashed and ¦unread', /a condition is needed/],
  ['¦unread ? hashed : hashed', /a condition is needed/], ['hashed ? hashed : ¦1', /can't be held against/], ['1 < 2 == ¦true', /can't be held against/],
  // names
  ['¦shft("evil") > 1', /unknown name "shft"/], ['shift(¦evil) > 1', /takes a name in quotes/], ['¦shift > 1', /takes an argument/], ['¦shift() > 1', /takes an argument/], ['¦deltaNorm("x") > 1', /takes no argument/],
  ['¦shift("a", "b") > 1', /takes one argument/], ['shift(¦1) > 1', /takes a name in quotes/], ['shift(¦"e" == "e") > 1', /takes a name in quotes/], ['¦interval("evil") > 1', /unknown name "interval"/], ['¦interval("evil").mid > 1', /unknown name "interval.mid"/],
  ['¦base.declard == "x"', /unknown name/], ['¦base', /unknown name/], ['beside(¦"pickel")', /none of its values/], ['error(¦"pikle")', /none of its values/], ['count(¦"presents") > 0', /none of its values/],
  ['¦abs() > 1', /takes one number/], ['¦abs(1, 2) > 1', /takes one number/], ['¦min() > 1', /takes numbers/], ['max(1, ¦"2") > 1', /a number is needed/], ['¦known()', /takes an argument/], ['¦sqrt(4) > 1', /unknown name/], ['¦base.interval("evil").low > 1', /a dot stands only within/],
  // syntax
  ['hashed ¦= true', /unexpected "="/], ['hashed ¦&& hashed', /unexpected "&"/], ['hashed ¦|| hashed', /unexpected "\|"/], ['¦!hashed', /unexpected "!"/], ['shift("evil") > 5¦%', /unexpected "%"/],
  ['hashed ¦hashed', /an operator is missing/], ['2 ¦unread > 1', /an operator is missing/], ['2¦(3) > 1', /an operator is missing/], ['(1)¦(2) > 1', /an operator is missing/], ['"a"¦"b" == "ab"', /an operator is missing/], ['3¦cm > 1', /an operator is missing/],
  ['p("evil") <¦', /unexpected end/], ['(hashed¦', /parenthesis/], ['hashed¦)', /unexpected|parenthesis/i], ['1 < ¦< 2', /value expected/], ['unread + ¦and', /a value is missing/], ['¦and hashed', /a value is missing/], ['hashed and ¦or hashed', /a value is missing/], ['(not¦)', /a value is missing/], ['hashed and¦', /unexpected end/], ['hashed and not -¦and', /a value is missing/], ['¦"evil', /a string that can't be read/], ['¦"a\\q" == "a"', /a string that can't be read/],
  ['base.name == ¦null', /null has no meaning/], ['1 == ¦NaN', /NaN has no meaning/], ['1 ¦mod 2 == 1', /mod has no meaning/], ['hashed ¦xor hashed', /xor has no meaning/], ['unread > ¦1e999', /too large/], ['shift(¦“evil”) > 1', /unexpected "“"/], ['1 ¦≤ 2', /unexpected/],
  ['hashed¦; hashed', /unexpected ";"/], ['¦# hashed', /unexpected "#"/], ['coverage\u00a0¦< 1'.replace('\u00a0¦', '¦\u00a0'), /unexpected/], ['a¦\u202e', /unexpected "\\u\{202e\}"/],
];

/** Ways out that were tried against mathjs and other evaluators. */
const escapes = [
  'constructor', 'constructor("return 1")()', 'shift.constructor("return process")()', 'base.constructor == 1', 'base.__proto__ == 1', 'base.declared.constructor == 1', '"a".constructor == 1', '__proto__', 'toString()', 'valueOf == 1', 'hasOwnProperty("a")', 'base.toString()',
  'import({a: 1})', 'import("fs")', 'evaluate("1")', 'parse("1") == 1', 'compile("1")', 'createUnit("foo")', 'simplify("x")', 'derivative("x", "x")', 'resolve("x")', 'typed("x")', 'help("x")', 'chain(1).done() == 1', 'reviver()', 'config({})', 'print("$x", {x: 1})', 'format(1)',
  'f(x) = x', 'x = 1', 'base.declared = "x"', 'cos.transform = 1', '{a: 1}.a', '{"constructor": 1}', '[1, 2][1] > 0', 'map([1], f)', 'function f(x) { return x }', 'x => x', '(() => 1)()', 'process.exit()', 'globalThis', 'require("fs")', 'this', 'base["constructor"]', 'base["declared"] == "x"', 'interval("evil")["low"] > 1', 'interval("evil").low.constructor', 'interval("evil")?.low > 1', 'base?.declared == "x"',
  'hashed; hashed', 'hashed, hashed', '1:3 == 1', '5!  > 1', "unread' > 1", '5 to cm', '5 % 3 == 2', '1 | 2 == 3', '~1 == 1', '1 << 2 == 4', 'a .* b', '2 .^ 2 == 4', 'beside("pickle") ?? hashed', '`1`', '${1}', '\\u0061', '@hashed', 'i == 1', 'pi > 3', 'e > 2', 'version == "x"', 'Infinity > 1', 'undefined == 1', 'end', 'if(hashed, 1, 2) > 0', 'known.constructor', 'abs.constructor("x")', 'min.apply(1)', 'known("evil").constructor', 'shift("evil").toFixed()',
];

describe('what a rule can\'t be', () => {
  for (const [marked, message] of refused) {
    it(`refuses ${JSON.stringify(marked)}`, async () => {
      const offset = marked.indexOf('¦');
      await assert.rejects(compile(marked.replace('¦', '')), (error) => {
        assert.ok(error instanceof ExpressionError, String(error));
        assert.match(error.message, message);
        assert.equal(error.offset, offset, error.message);
        return true;
      });
    });
  }
  for (const text of escapes) it(`lets nothing out by ${text}`, async () => { await assert.rejects(compile(text), ExpressionError); });

  it('is of no more than 1,000 characters, 30 parentheses and 100 operations deep', async () => {
    const deep = (n: number) => `${'('.repeat(n)}hashed${')'.repeat(n)}`;
    assert.equal(await outcome(deep(30)), 'matched');
    assert.equal(await outcome(`hashed${' '.repeat(994)}`), 'matched');
    assert.equal(await outcome(Array.from({ length: 100 }, () => 'hashed').join(' and ').slice(0, 996)), 'matched');
    for (const text of [deep(31), `hashed${' '.repeat(995)}`, 'not '.repeat(240) + 'hashed', `${'-'.repeat(990)}1 > 1`, `${Array.from({ length: 240 }, () => '1').join('^')} > 1`, `${'1 ? '.repeat(240)}1`, '('.repeat(1000)]) {
      await assert.rejects(compile(text), ExpressionError, text.slice(0, 40));
    }
  });

  it('suggests the name that was meant', async () => {
    for (const [text, mend] of [['shft("evil") > 1', 'Did you mean shift?'], ['verdict("evil") == "presnt"', 'Did you mean present?'], ['base.mesured == "x"', 'Did you mean base.measured?'], ['shift(evil) > 1', 'Write shift("evil").']] as const) {
      await assert.rejects(compile(text), (error) => error instanceof ExpressionError && error.mend === mend);
    }
  });
});

describe('any text', () => {
  const words = [
    ...NAMES.map(writtenAs).map((text) => text.replace('TRAIT', 'evil')), 'known(', 'abs(', 'min(', '(', ')', ',', '.', '+', '-', '*', '/', '^', '==', '!=', '<', '<=', '>', '>=', ' and ', ' or ', ' not ', '?', ':', '"evil"', '"present"', '1', '0.5', '1e3', 'true', 'false',
    'constructor', '__proto__', '[', ']', '{', '}', ';', '=', '\n', "'", '"', '%', '!', 'null', 'end', 'in', 'to', 'mod', '\\', '\u0000', '\u202e', '😀',
  ];
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.array(fc.constantFrom(...words), { maxLength: 14 }).map((parts) => parts.join('')),
    fc.array(fc.constantFrom(...words), { maxLength: 14 }).map((parts) => parts.join(' ')),
  );
  it('is refused as an ExpressionError within the text, or runs to one of four outcomes', async () => {
    const outcomes: readonly Outcome[] = ['matched', 'unmatched', 'undecided', 'excused'];
    let accepted = 0;
    await fc.assert(fc.asyncProperty(text, async (given) => {
      try {
        const judged = (await compile(given)).judge(asked);
        assert.ok(outcomes.includes(judged.outcome));
        accepted++;
      } catch (error) {
        assert.ok(error instanceof ExpressionError, String(error));
        assert.ok(error.offset >= 0 && error.offset <= given.length);
        assert.ok(!error.message.includes('can\'t be read') || error.message.includes('string'), `the two readers disagree: ${given}`);
      }
    }), { numRuns: 3000, seed: 6 });
    assert.ok(accepted > 0);
  });

  /** Well-formed conditions, and what each letter of logic makes of them in the order that was written and reversed. */
  const leaf = fc.constantFrom('shift("evil") > 0', 'shift("evil") < 0', 'shift("cruel") > 0', 'shift("sly") > 0', 'shift("old") > 0', 'hashed', 'coverage < 1');
  it('made of conditions is accepted, and does not depend on the order', async () => {
    await fc.assert(fc.asyncProperty(fc.array(leaf, { minLength: 1, maxLength: 6 }), fc.constantFrom(' and ', ' or '), async (parts, join) => {
      assert.equal(await outcome(parts.join(join), asked), await outcome([...parts].reverse().join(join), asked));
    }), { numRuns: 200, seed: 6 });
  });

  it('as a trait is a text and nothing else', async () => {
    await fc.assert(fc.asyncProperty(fc.constantFrom('constructor', '__proto__', 'toString', 'hasOwnProperty', '0', '*', 'a.b'), async (trait) => {
      assert.equal(await outcome(`shift("${trait}") > 0`), 'undecided');
      assert.equal(await outcome(`known("${trait}")`), 'unmatched');
    }));
  });

  it('has every choice of every name', () => { for (const choices of Object.values(CHOICES)) assert.ok(choices.length > 1 && new Set<string>(choices).size === choices.length); });
});
