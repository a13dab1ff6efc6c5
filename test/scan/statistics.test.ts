import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { kindOf, matchNull, norm, testAgainstNull, type FineTuneKind } from '../../src/scan/null.js';
import { calibratedShift } from '../../src/scan/shift.js';
import { studentQuantile, studentUpperTail } from '../../src/scan/student.js';
import type { Calibration, NullGroup } from '../../src/signature/document.js';
import { fixture } from '../helpers/fixtures.js';

interface Statistics {
  readonly tails: { t: number; df: number; p: number }[];
  readonly quantiles: { probability: number; df: number; t: number }[];
  readonly shifts: { calibration: Calibration; score: number; value: number; low: number; high: number }[];
  readonly nulls: { sources: number[][]; score: number; p: number; conformalP: number; mean: number; sd: number }[];
}

// Made by test/fixtures/make_statistics.py with scipy and numpy.
const golden = JSON.parse(readFileSync(fixture('statistics.json'), 'utf8')) as Statistics;

function close(actual: number, expected: number, relative: number): void {
  assert.ok(Math.abs(actual - expected) <= relative * Math.max(Math.abs(expected), 1e-300), `${actual} is not ${expected}`);
}

describe("Student's t", () => {
  it('has the upper tail that scipy gives, small ones with all their digits', () => {
    for (const { t, df, p } of golden.tails) close(studentUpperTail(t, df), p, 1e-10);
  });

  it('has the quantiles that scipy gives', () => {
    for (const { probability, df, t } of golden.quantiles) assert.ok(Math.abs(studentQuantile(probability, df) - t) <= 1e-8 * Math.max(1, t));
  });

  it('is symmetric, falls in t, and the quantile undoes it', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 30, noNaN: true }), fc.integer({ min: 1, max: 500 }), (t, df) => {
        const tail = studentUpperTail(t, df);
        assert.ok(Math.abs(studentUpperTail(-t, df) + tail - 1) < 1e-12);
        assert.ok(studentUpperTail(t * 1.01, df) < tail);
        if (tail > 1e-9) close(studentQuantile(1 - tail, df), t, 1e-5);
      }),
    );
  });

  it('is the arctangent for one degree of freedom', () => {
    for (const t of [1e-9, 0.1, 1, 12]) close(studentUpperTail(t, 1), 0.5 - Math.atan(t) / Math.PI, 1e-12);
  });

  it('gives NaN for what is no distribution', () => {
    assert.ok(Number.isNaN(studentUpperTail(1, 0)));
    assert.ok(Number.isNaN(studentQuantile(1, 3)));
    assert.ok(Number.isNaN(studentUpperTail(Number.NaN, 3)));
  });
});

describe('the calibrated shift', () => {
  it('has the prediction interval that the covariance of the coefficients gives', () => {
    for (const { calibration, score, value, low, high } of golden.shifts) {
      const shift = calibratedShift(score, calibration);
      for (const [mine, theirs] of [[shift.value, value], [shift.low, low], [shift.high, high]] as const) {
        assert.ok(Math.abs(mine - theirs) < 1e-9 * Math.max(1, Math.abs(high)), `${mine} is not ${theirs}`);
      }
    }
  });
});

const kind: FineTuneKind = { form: 'lora', roles: ['q', 'v'], rank: [8, 8], deltaNorm: 4, everyLayer: true, scoredShare: 0.2, evenness: 0.8 };

function group(sources: readonly (readonly number[])[], rank: [number, number] = [8, 8], deltaNorm: [number, number] = [3, 6]): NullGroup {
  return {
    kind: { form: 'lora', roles: ['q', 'v'], rank, deltaNorm, scoredShare: [0.15, 0.25], evenness: [0.7, 0.9] },
    sources: sources.map((scores, i) => ({ source: `source ${i}`, scores: [...scores], deltaNorms: [] })),
  };
}

describe('the kind of a fine-tune', () => {
  const weights = [[0, 'q', 3], [1, 'q', 4], [0, 'v', 0.5], [1, 'v', 5]].map(([layer, role, deltaNorm]) => ({
    name: `${layer ?? ''}.${role ?? ''}`, layer: Number(layer), role: role === 'q' ? 'q' as const : 'v' as const, deltaNorm: Number(deltaNorm),
  }));
  const of = (some: typeof weights, layers = 2) => kindOf({ form: 'lora', rank: [2, 2], deltaNorm: 1, weights: some }, { layers }, (name) => name === '0.q' || name === '1.q');

  it('says how the change is spread', () => {
    const kind = of(weights);
    // q: 9 + 16 of 9 + 16 + .25 + 25; v: .5 over the median 2.75.
    assert.ok(Math.abs((kind?.scoredShare ?? NaN) - 25 / 50.25) < 1e-12);
    assert.ok(Math.abs((kind?.evenness ?? NaN) - 0.5 / 2.75) < 1e-12);
    assert.deepEqual([kind?.roles, kind?.everyLayer], [['q', 'v'], true]);
  });

  it('sees a layer that is left out, and a change that is none', () => {
    assert.equal(of(weights.slice(1))?.everyLayer, false);
    assert.equal(of(weights, 3)?.everyLayer, false);
    assert.equal(of(weights.map((w) => ({ ...w, deltaNorm: 0 }))), null);
  });

  it('takes norms of any size and number', () => {
    assert.ok(Math.abs(norm([3e200, 4e200]) / 5e200 - 1) < 1e-15);
    assert.equal(norm([]), 0);
    assert.equal(norm([1, Infinity]), Infinity);
    assert.ok(Math.abs(norm(new Array<number>(250_000).fill(2)) - 1000) < 1e-9);
  });
});

describe('the null', () => {
  it("gives scipy's p over one mean per source, and the conformal p", () => {
    for (const { sources, score, p, conformalP, mean, sd } of golden.nulls) {
      const test = testAgainstNull(score, group(sources));
      assert.ok(test);
      close(test.p, p, 1e-9);
      assert.equal(test.conformalP, conformalP);
      assert.equal(test.sources, sources.length);
      close(test.mean, mean, 1e-12);
      close(test.sd, sd, 1e-12);
    }
  });

  it('says nothing of fewer than three sources, or of sources that do not differ', () => {
    assert.equal(testAgainstNull(1, group([[0.1], [0.2]])), null);
    assert.equal(testAgainstNull(1, group([[0.1], [0.1], [0.1]])), null);
  });

  it('counts sources, not seeds', () => {
    const once = testAgainstNull(0.3, group([[0], [0.1], [0.05]]));
    const often = testAgainstNull(0.3, group([[0, 0, 0, 0], [0.1, 0.1], [0.05]]));
    assert.deepEqual(often, once);
  });

  const mismatches: [string, FineTuneKind, RegExp][] = [
    ['other roles', { ...kind, roles: ['q'] }, /change q$/],
    ['another rank', { ...kind, rank: [8, 16] }, /rank 8–16 \(known: 8\)/],
    ['a much larger change', { ...kind, deltaNorm: 60 }, /\|ΔW\| is 60\.0, known: 3\.0 to 6\.0/],
    ['a much smaller change', { ...kind, deltaNorm: 0.2 }, /\|ΔW\| is 0\.200/],
    ['the scored weights spared', { ...kind, scoredShare: 0.001 }, /0\.100 % of it lies where the signature looks.*known: 15\.0 % to 25\.0 %/],
    ['the change in the scored weights alone', { ...kind, scoredShare: 0.9 }, /90\.0 % of it lies/],
    ['a layer spared', { ...kind, evenness: 0.01 }, /least changed weight has 1\.00 %/],
    ['only some layers', { ...kind, everyLayer: false }, /some of the layers/],
  ];
  for (const [name, other, reason] of mismatches) {
    it(`does not match a fine-tune with ${name}, and says why`, () => {
      const match = matchNull(other, [group([[0], [1], [2]])]);
      assert.ok(match.group === null);
      assert.match(match.reason, reason);
    });
  }

  it('matches the group of its own rank among several', () => {
    const groups = [group([[0], [1], [2]], [2, 2]), group([[5], [6], [7]], [4, 16])];
    assert.equal(matchNull(kind, groups).group, groups[1]);
  });

  it('is missing when the signature carries none', () => {
    const match = matchNull(kind, []);
    assert.ok(match.group === null);
    assert.match(match.reason, /no null distribution/);
  });
});
