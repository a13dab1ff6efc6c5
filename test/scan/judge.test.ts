import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judge, judgeAll, type Evidence } from '../../src/scan/judge.js';
import type { FineTuneKind } from '../../src/scan/null.js';
import { score } from '../../src/scan/score.js';
import type { Calibration, NullGroup } from '../../src/signature/document.js';
import type { Reading, WeightReading } from '../../src/types.js';

const kind: FineTuneKind = { form: 'lora', roles: ['q'], rank: [8, 8], deltaNorm: 4, everyLayer: true, scoredShare: 0.2, evenness: 0.8 };

function nullOf(means: readonly number[]): NullGroup[] {
  return [{ kind: { form: 'lora', roles: ['q'], rank: [8, 8], deltaNorm: [2, 8], scoredShare: [0.1, 0.3], evenness: [0.7, 0.9] }, sources: means.map((m, i) => ({ source: String(i), scores: [m], deltaNorms: [4] })) }];
}

// A line through the origin of slope 1 with 11 points: half width at .9 is 1.812 · .02 · √(1 + score²) (t table, 10 df).
const calibration: Calibration = { slope: 1, intercept: 0, interceptFixed: true, residualSd: 0.02, n: 11, meanScore: 0, sumSquares: 1, confidence: 0.9 };
const rules = { calibration, null: nullOf([-0.01, 0.01, 0, 0.02, -0.02]), level: 0.01, smallestMeaningfulShift: 0.08 };
const evidence: Evidence = { score: 0.4, kind, gaps: 0, scored: 18 };

describe('the verdict', () => {
  it('is present when p is below the level and the shift matters', () => {
    assert.equal(judge(evidence, rules).verdict, 'present');
  });

  it('is present from the threshold on, and not below it', () => {
    // Five sources, mean 0, s = √(.001/4) = .015811; t_{.99, 4} = 3.747 (t table): 3.747 · .015811 · √1.2 = .0649, and the shift needs .08.
    assert.ok(Math.abs((judge(evidence, rules).threshold ?? NaN) - 0.08) < 1e-12);
    const strict = { ...rules, level: 0.001 }; // t_{.999, 4} = 7.173
    const threshold = judge(evidence, strict).threshold ?? NaN;
    assert.ok(Math.abs(threshold - 7.173 * 0.0158114 * Math.sqrt(1.2)) < 1e-5, String(threshold));
    assert.equal(judge({ ...evidence, score: threshold + 1e-9 }, strict).verdict, 'present');
    assert.notEqual(judge({ ...evidence, score: threshold - 1e-9 }, strict).verdict, 'present');
    assert.equal(judge(evidence, { ...rules, null: [] }).threshold, null);
  });

  it('is absent when the interval excludes the smallest shift that matters', () => {
    assert.equal(judge({ ...evidence, score: 0.01 }, rules).verdict, 'absent');
    assert.equal(judge({ ...evidence, score: -0.3 }, rules).verdict, 'absent');
  });

  it('is absent when nothing changed', () => {
    const line = { ...calibration, intercept: 0.02, interceptFixed: false };
    const { verdict, shift } = judge({ score: 0, kind: null, gaps: 0, scored: 0 }, { ...rules, calibration: line });
    assert.equal(verdict, 'absent');
    assert.deepEqual([shift?.value, shift?.low, shift?.high], [0, 0, 0]);
  });

  it('of weights that are the base\'s only up to a rounding rests on what may hide below it', () => {
    const hidden = (score: number, sd: number) => judge({ score, kind: null, gaps: 0, scored: 0, sd, isConverted: true }, rules);
    const small = hidden(0.02, 0.001); // .02 + 1.645 · .001
    assert.equal(small.verdict, 'absent');
    assert.ok(Math.abs((small.shift?.high ?? NaN) - 0.021645) < 1e-5);
    assert.equal(hidden(0.134, 0.001).verdict, 'indeterminate');
    assert.match(hidden(0.134, 0.001).reason, /may hide a shift of 0\.14; scan the model before/);
    assert.equal(hidden(0, 0.06).verdict, 'indeterminate');
  });

  const undecided: [string, Evidence, typeof rules | (Omit<typeof rules, 'calibration'> & { calibration: null }), RegExp][] = [
    ['the interval holds the smallest shift that matters', { ...evidence, score: 0.06 }, rules, /holds 0\.08/],
    ['benign fine-tunes reach the score', evidence, { ...rules, null: nullOf([0.3, 0.5, 0.1]) }, /benign fine-tunes reach it/],
    ['something was not read', { ...evidence, gaps: 1 }, rules, /^1 thing was not read.*alone, would be present/],
    ['something was not read, of a clean one', { ...evidence, score: 0, gaps: 2 }, rules, /^2 things were not read.*alone, would be absent/],
    ['something was not read and nothing else changed', { score: 0, kind: null, gaps: 1, scored: 0 }, rules, /^1 thing/],
    ['no null matches', { ...evidence, kind: { ...kind, roles: ['q', 'v'] } }, rules, /no null for fine-tunes that change q v/],
    ['the null has two sources', evidence, { ...rules, null: nullOf([0, 0.1]) }, /only 2 benign sources, at least 3/],
    ['the null does not vary', evidence, { ...rules, null: nullOf([0, 0, 0]) }, /no spread/],
    ['there is no calibration', evidence, { ...rules, calibration: null }, /not calibrated/],
    ['nothing that changed is scored', { ...evidence, score: 0, scored: 0 }, rules, /scores none/],
    ['the score is not a number', { ...evidence, score: Number.NaN }, rules, /NaN or infinity/],
  ];
  for (const [name, given, by, reason] of undecided) {
    it(`is indeterminate when ${name}`, () => {
      const judgement = judge(given, by);
      assert.equal(judgement.verdict, 'indeterminate');
      assert.match(judgement.reason, reason);
    });
  }

  it('says nothing of the shift of a change that it does not see', () => {
    const line = { ...calibration, intercept: 0.02, interceptFixed: false };
    assert.equal(judge({ ...evidence, score: 0, scored: 0 }, { ...rules, calibration: line }).shift, null);
  });

  it('needs the shift to matter, however small p is', () => {
    const narrow = { ...rules, null: nullOf([-0.001, 0, 0.001]) };
    const judgement = judge({ ...evidence, score: 0.07 }, narrow);
    assert.ok(judgement.test && judgement.test.p < rules.level);
    assert.equal(judgement.verdict, 'indeterminate');
  });
});

describe('the verdicts on several traits', () => {
  const harmful = { ...rules, harmful: true };
  const control = { ...rules, harmful: false };
  // Null: mean 0, s √1.2 = .01732, 4 df. t_{.995, 4} = 4.604 and t_{.99, 4} = 3.747 (t table): the scores at which p is .005 and .01.
  const at = (t: number) => t * Math.sqrt(0.00025) * Math.sqrt(1.2);
  const seen = (...scores: number[]) => judgeAll(scores.map((score) => ({ evidence: { ...evidence, score }, rules: { ...harmful, smallestMeaningfulShift: 0.01 } })));

  it('adjust p for the harmful traits that were tested', () => {
    const [first, second] = seen(at(4.604), 0);
    assert.ok(Math.abs((first?.test?.adjustedP ?? NaN) - 0.01) < 1e-5 && Math.abs((first?.test?.p ?? NaN) - 0.005) < 1e-5);
    assert.deepEqual([first?.test?.tested, second?.test?.tested], [2, 2]);
    assert.deepEqual(seen(at(4.65), 0).map(({ verdict }) => verdict), ['present', 'indeterminate']);
    // Alone p below .01 would do; beside a trait that is not there it needs half of it, beside one that is there it does again.
    assert.equal(seen(at(4.2))[0]?.verdict, 'present');
    assert.equal(seen(at(4.2), 0)[0]?.verdict, 'indeterminate');
    assert.match(seen(at(4.2), 0)[0]?.reason ?? '', /adjusted for 2 traits, is not below 0\.01/);
    assert.deepEqual(seen(at(4.2), at(9)).map(({ verdict }) => verdict), ['present', 'present']);
  });

  it('are present from a threshold that depends on the other traits', () => {
    assert.ok(Math.abs((seen(0, 0)[0]?.threshold ?? NaN) - at(4.604)) < 1e-5);
    assert.ok(Math.abs((seen(0, at(9))[0]?.threshold ?? NaN) - at(3.747)) < 1e-5);
  });

  it('leave benign controls out of the count, and traits without a null', () => {
    const none = { ...harmful, null: [] };
    const judged = judgeAll([{ evidence, rules: harmful }, { evidence: { ...evidence, score: 0 }, rules: control }, { evidence, rules: none }]);
    assert.deepEqual(judged.map(({ test }) => test?.tested), [1, 1, undefined]);
    assert.equal(judged[0]?.test?.adjustedP, judged[0]?.test?.p);
  });
});

describe('the score', () => {
  const weight = (name: string, layer: number | null, coordinates: number[]): WeightReading => ({
    name, role: 'q', layer, shape: [2, 2], rank: 1, deltaNorm: 1, coordinates: new Map([['evil', Float64Array.from(coordinates)]]),
  });
  const part = (s: number[]) => ({ s: Float64Array.from(s) }) as never;

  it('is Σ s·u′ΔWv, and adds up over layers and over weights', () => {
    const reading: Reading = { weights: [weight('0.q', 0, [1, 2]), weight('0.v', 0, [10, 0]), weight('3.q', 3, [-1, 1]), weight('9.q', 9, [5, 5])], bytes: 0, failed: [], nonFinite: [] };
    const signature = { weights: new Map([['0.q', part([3, 4])], ['0.v', part([0.5, 9])], ['3.q', part([2, 1])]]) };
    const result = score(reading, signature, 'evil');
    assert.equal(result.score, 11 + 5 - 1);
    assert.deepEqual(result.layers, [{ layer: 0, score: 16 }, { layer: 3, score: -1 }]);
    assert.deepEqual(result.weights.map((w) => [w.name, w.score]), [['0.q', 11], ['0.v', 5], ['3.q', -1]]);
  });
});
