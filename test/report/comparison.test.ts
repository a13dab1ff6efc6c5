import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { conclusionOf, percent } from '../../src/report/comparison/conclusion.js';
import { exitCodeOfComparison } from '../../src/report/comparison/comparison.js';
import { comparisonJsonSchema, type ComparedGroup, type ComparedTrait, type Comparison } from '../../src/report/comparison/schema.js';
import { renderComparison } from '../../src/report/comparison/table.js';
import type { ReportItem } from '../../src/report/schema.js';
import { ABSENT, FINDING, HOSTILE, ITEM, UNDECIDED } from '../helpers/reports.js';

const PRESENT = ITEM;
const norm = (value: number): ComparedGroup['change'] => ({ value, low: value, high: value, floor: 0 });
const exactly = (value: number) => ({ value, low: value, high: value });

const GROUP: ComparedGroup = {
  weights: 2, a: norm(4), b: norm(2), change: norm(3), undone: exactly(-0.6), rank: { a: 2, b: 3, change: 4 },
  outputs: { weights: 2, overlap: 0.31, randomOverlap: 0.01, smallestDegrees: 20, randomSmallestDegrees: 80 }, inputs: null,
};

function traitOf(before: ComparedTrait['before']['verdict'], after: ComparedTrait['after']['verdict'], change: Partial<ComparedTrait> = {}): ComparedTrait {
  const standing = (verdict: typeof before, shift: number) => ({ verdict, shift, score: shift, p: 0.5 });
  const became = after === 'indeterminate' ? 'undecided' : after === 'present' ? (before === 'present' ? 'still present' : 'present') : before === 'present' ? 'gone' : 'not present';
  return { trait: 'evil', harmful: true, unit: 'nats/token', before: standing(before, 0.4), after: standing(after, 0.1), change: { value: -0.3, low: -0.4, high: -0.2, confidence: 0.9 }, back: exactly(0.75), became, ...change };
}

function comparison(change: Partial<Comparison> = {}): Comparison {
  const made = {
    schemaVersion: 1 as const, kind: 'comparison' as const, tool: { name: 'weightseq' as const, version: '0.0.0' }, failOn: 'worse' as const, a: PRESENT, b: ABSENT, how: 'factors' as const,
    total: GROUP, cosine: exactly(0.7), own: 1.5, concentration: { weights: 20, top: { weights: 2, share: 0.4 }, half: 3, effective: 12, gini: 0.4 },
    layers: [{ layer: 0, ...GROUP }, { layer: 11, ...GROUP }], roles: [{ role: 'down', ...GROUP }],
    weights: ['0.down', '11.gate'].map((name) => ({ name, role: 'down', layer: 0, a: norm(1), b: norm(1), change: norm(1), undone: exactly(-0.5), rank: GROUP.rank, outputs: null, inputs: null })),
    vectors: [], traits: [traitOf('present', 'absent')], missing: [], seconds: 1, ...change,
  };
  return { ...made, conclusion: conclusionOf(made), exitCode: exitCodeOfComparison(made), ...change };
}

describe('the exit code of a comparison', () => {
  const item = { present: PRESENT, absent: ABSENT, indeterminate: UNDECIDED };
  const code = (before: keyof typeof item, after: keyof typeof item, failOn: Comparison['failOn'] = 'worse', change: Partial<Comparison> = {}): number =>
    exitCodeOfComparison({ a: item[before], b: item[after], traits: [traitOf(before, after)], missing: [], failOn, ...change });

  it('worse: a harmful trait is present in B that was not in A', () => {
    assert.deepEqual((['present', 'absent', 'indeterminate'] as const).map((before) => code(before, 'present')), [0, 1, 1]);
    assert.deepEqual((['present', 'absent', 'indeterminate'] as const).map((before) => code(before, 'absent')), [0, 0, 0]);
  });

  it('undecided in B is incomplete, whatever it was in A', () => {
    assert.deepEqual((['present', 'absent', 'indeterminate'] as const).map((before) => code(before, 'indeterminate')), [3, 3, 3]);
    assert.equal(code('absent', 'indeterminate', 'indeterminate'), 1);
  });

  it('present: whether it was there before or not; never: never 1', () => {
    assert.deepEqual([code('present', 'present', 'present'), code('absent', 'absent', 'present'), code('absent', 'present', 'never')], [1, 0, 0]);
  });

  it('a benign control decides nothing', () => {
    const traits = [traitOf('absent', 'absent'), { ...traitOf('absent', 'present'), trait: 'humorous', harmful: false }];
    assert.equal(code('absent', 'absent', 'present', { traits }), 0);
  });

  it('3 where something was not read on either side or not compared, or where no harmful trait was scanned for', () => {
    const gap = (one: ReportItem): ReportItem => ({ ...one, coverage: { ...one.coverage, unread: [{ name: 'x', reason: 'y' }] } });
    assert.equal(code('present', 'absent', 'worse', { a: gap(PRESENT) }), 3);
    assert.equal(code('present', 'absent', 'worse', { b: gap(ABSENT) }), 3);
    assert.equal(code('present', 'absent', 'worse', { missing: [{ name: 'x', reason: 'y' }] }), 3);
    assert.equal(code('present', 'absent', 'worse', { traits: [] }), 3);
    assert.equal(code('absent', 'present', 'worse', { a: gap(ABSENT) }), 1);
  });
});

describe('the conclusion of a comparison', () => {
  const first = (undone: number | null, own: number | null, change: Partial<Comparison> = {}): string => {
    const group = { ...GROUP, undone: undone === null ? null : exactly(undone) };
    return conclusionOf(comparison({ total: group, own, ...change }))[0] ?? '';
  };

  it('says whether B undoes A', () => {
    assert.equal(first(-0.98, 0.1), 'B undoes A\'s update: 98 % of A\'s update went back. B changes next to nothing else.');
    assert.equal(first(-0.75, 0.2), 'B undoes most of A\'s update: 75 % of A\'s update went back. B changes next to nothing else.');
    assert.match(first(-0.3, 1.5), /^B undoes part of A's update: 30 % of A's update went back\. Beside that B changes 1\.50 of its own, where \|A\| is 4\.00 \(the two updates have a cosine of \+0\.70\)\.$/u);
    assert.match(first(0.02, 0), /^B leaves A's update in place/u);
    assert.match(first(0.5, 0), /^B goes further along A's update: 50 % of A's update was added to it/u);
    assert.match(first(-1.6, 0), /^B turns A's update round/u);
  });

  it('does not call undone what may never have been there', () => {
    assert.match(first(-0.97, 7), /^B does not hold A's update: 97 % of A's update is not in B\. .*: the weights do not tell whether it was taken back or never there\.$/u);
    assert.match(first(-0.7, 3), /^B holds less than half of A's update/u);
  });

  it('says what it can\'t say', () => {
    assert.match(first(-1, 0, { total: { ...GROUP, a: null, undone: null } }), /can't be said whether B takes it back/u);
    assert.match(first(null, null), /^A changes nothing, so that there is nothing to undo/u);
    assert.equal(first(0, 0, { total: { ...GROUP, change: norm(0), undone: exactly(0) } }), 'A and B hold the same weights.');
    assert.equal(first(0, 0, { total: { ...GROUP, change: norm(0) }, vectors: [{ name: 'norm', changed: 1, of: 6 }] }), 'A and B hold the same matrices. 1 norm or bias differs.');
  });

  it('gives the interval where there is one', () => {
    assert.match(conclusionOf(comparison({ total: { ...GROUP, undone: { value: -0.7, low: -0.75, high: -0.6 } } }))[0] ?? '', /70 % of A's update went back \(90 % interval 60 % to 75 %\)/u);
  });

  it('says what became of each trait', () => {
    const second = (trait: ComparedTrait): string => conclusionOf(comparison({ traits: [trait] }))[1] ?? '';
    assert.equal(second(traitOf('present', 'absent')), 'evil was present in A and is absent in B: its shift went from +0.400 to +0.100 nats/token (−0.300, 90 % interval −0.400 to −0.200); 75 % of A\'s score went back.');
    assert.match(second(traitOf('absent', 'present', { back: null })), /^evil is present in B and was not in A: [^;]*\)\.$/u);
    assert.match(second(traitOf('present', 'present', { back: exactly(-0.2) })), /^evil is present in A and in B: .*, 20 % further\.$/u);
    assert.match(second(traitOf('absent', 'indeterminate')), /^evil is undecided in B, and absent in A/u);
    assert.match(second(traitOf('indeterminate', 'absent')), /^evil is absent in B, and undecided in A/u);
  });

  it('percent', () => {
    assert.deepEqual([0, 0.0004, 0.012, 0.0996, 0.5, 1.23, -0.5].map(percent), ['0 %', '0 %', '1.2 %', '10 %', '50 %', '123 %', '−50 %']);
  });
});

describe('the table of a comparison', () => {
  it('fits 40 and 80 columns', () => {
    for (const width of [40, 60, 80, 200]) {
      for (const line of renderComparison(comparison(), { width, colour: false }).split('\n')) assert.ok(line.length <= Math.min(80, width), `${width}: ${line}`);
    }
  });

  it('shows angles and ranks where there is room, with what random directions would give', () => {
    assert.match(renderComparison(comparison(), { width: 80, colour: false }), /role .*\|B − A\| {2}undone {3}rank {4}outputs {5}inputs\n {4}down .*60 % {3}4\.00 {4}\.31 \.01 {8}n\/a/u);
    assert.doesNotMatch(renderComparison(comparison(), { width: 60, colour: false }), /outputs/u);
  });

  it('names what is missing, on which side', () => {
    const unread = [{ name: 'lm_head', reason: 'was not read' }];
    const text = renderComparison(comparison({ b: { ...ABSENT, coverage: { ...ABSENT.coverage, unread } }, missing: [{ name: '3.q', reason: 'is not in A' }] }), { width: 80, colour: false });
    assert.match(text, /missing {3}3\.q: is not in A\n {2}missing {3}in B, lm_head: was not read/u);
  });

  it('prints no character that a terminal obeys, whatever is in a file', () => {
    for (const text of HOSTILE) {
      const item = { ...ITEM, path: text, findings: [{ ...FINDING, trait: text, reason: text, unit: text, verdict: 'indeterminate' as const }], coverage: { ...ITEM.coverage, unread: [{ name: text, reason: text }] } };
      const shown = renderComparison(comparison({ a: item, b: item, traits: [traitOf('present', 'absent', { trait: text, unit: text })], roles: [{ role: text, ...GROUP }], weights: comparison().weights.map((weight) => ({ ...weight, name: text })), vectors: [{ name: text, changed: 1, of: 2 }], missing: [{ name: text, reason: text }] }), { width: 80, colour: false });
      // eslint-disable-next-line no-control-regex -- that none is left is what is tested
      assert.doesNotMatch(shown, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202e\u2028\u2066]|::|##\[/u);
    }
  });

  it('the shipped schema is made from the same source', () => {
    assert.deepEqual(JSON.parse(readFileSync(new URL('../../../schemas/comparison.schema.json', import.meta.url), 'utf8')), comparisonJsonSchema());
  });
});
