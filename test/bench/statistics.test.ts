import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bootstrap, randomNumbers } from '../../src/bench/statistics/random.js';
import { auroc, aurocAtLeast, rocCurve } from '../../src/bench/statistics/ranks.js';
import { rateOf } from '../../src/bench/statistics/rates.js';
import { correlationCeiling, fitLine, pearson } from '../../src/bench/statistics/line.js';
import { betaQuantile } from '../../src/scan/beta.js';
import { testAgainstNull } from '../../src/scan/null.js';
import { adjustedPs, levelAmong } from '../../src/scan/several.js';
import { calibratedShift } from '../../src/scan/shift.js';
import { fixture } from '../helpers/fixtures.js';

interface Statistics {
  readonly rates: { count: number; of: number; confidence: number; low: number; high: number }[];
  readonly betas: { p: number; a: number; b: number; x: number }[];
  readonly ranks: { harmful: number[]; benign: number[]; auroc: number; harmfulWeights: number[]; benignWeights: number[]; weighted: number }[];
  readonly areas: { area: number; harmful: number; benign: number; low: number }[];
  readonly several: { ps: number[]; adjusted: number[] }[];
  readonly lines: { scores: number[]; shifts: number[]; interceptFixed: boolean; growth: number; slope: number; intercept: number; residualSd: number; ends: { score: number; value: number; low: number; high: number }[] }[];
  readonly correlations: { x: number[]; y: number[]; r: number; weights: number[]; weighted: number; standardErrors: number[]; ceiling: number }[];
  readonly randoms: { seed: number; first: number[] }[];
  readonly bootstrap: { sources: string[][]; values: number[]; seed: number; resamples: number; value: number; low: number; high: number };
  readonly spreads: { scores: number[][]; scales: number[][]; scale: number; score: number; mean: number; sd: number; p: number }[];
}

// Made by test/fixtures/make_bench_statistics.py with scipy and numpy.
const golden = JSON.parse(readFileSync(fixture('bench-statistics.json'), 'utf8')) as Statistics;

function close(actual: number, expected: number, tolerance = 1e-10): void {
  assert.ok(Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);
}

describe('a rate', () => {
  it('has the exact bounds that scipy gives', () => {
    for (const { count, of, confidence, low, high } of golden.rates) {
      const rate = rateOf(count, of, confidence);
      close(rate.low, low);
      close(rate.high, high);
    }
    for (const { p, a, b, x } of golden.betas) close(betaQuantile(p, a, b), x);
  });

  it('of 0 is bounded by 2 % from 149 on and by 1 % from 299 on, and not before', () => {
    assert.ok(rateOf(0, 149).high <= 0.02 && rateOf(0, 148).high > 0.02);
    assert.ok(rateOf(0, 299).high <= 0.01 && rateOf(0, 298).high > 0.01);
  });

  it('lies within its bounds, and says nothing of nothing', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 300 }), fc.double({ min: 0, max: 1, noNaN: true }), (of, share) => {
      const { low, rate, high } = rateOf(Math.floor(share * of), of);
      assert.ok(0 <= low && low <= rate && rate <= high && high <= 1);
    }));
    assert.deepEqual([rateOf(0, 0).low, rateOf(0, 0).high], [0, 1]);
  });
});

describe('the area under the ROC curve', () => {
  const organisms = (harmful: readonly number[], benign: readonly number[], hw: readonly number[] = [], bw: readonly number[] = []) => [
    ...harmful.map((score, i) => ({ score, isHarmful: true, weight: hw[i] ?? 1 })), ...benign.map((score, i) => ({ score, isHarmful: false, weight: bw[i] ?? 1 })),
  ];

  it("is scipy's U over its maximum, ties and weights included", () => {
    for (const r of golden.ranks) {
      close(auroc(organisms(r.harmful, r.benign)), r.auroc);
      close(auroc(organisms(r.harmful, r.benign, r.harmfulWeights, r.benignWeights)), r.weighted);
    }
  });

  it('is the area under the curve that is drawn, by trapezia', () => {
    for (const r of golden.ranks) {
      const points = rocCurve(organisms(r.harmful, r.benign));
      const area = points.slice(1).reduce((sum, p, i) => sum + ((p.falseAlarms - (points[i]?.falseAlarms ?? 0)) * (p.found + (points[i]?.found ?? 0))) / 2, 0);
      close(area, r.auroc);
      assert.deepEqual([points.at(-1)?.falseAlarms, points.at(-1)?.found], [1, 1]);
    }
  });

  it("is bounded from below by the root of Newcombe's equation, also where no error was made", () => {
    for (const { area, harmful, benign, low } of golden.areas) close(aurocAtLeast(area, harmful, benign), low, 1e-8);
  });

  it('turns around with the sign of the scores, and is undefined with one kind only', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1 }), fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1 }), (h, b) => {
      close(auroc(organisms(h, b)) + auroc(organisms(h.map((v) => -v), b.map((v) => -v))), 1);
    }));
    assert.ok(Number.isNaN(auroc(organisms([1], []))));
  });
});

describe('p over several traits', () => {
  it('is adjusted as scipy does', () => {
    for (const { ps, adjusted } of golden.several) adjustedPs(ps).forEach((p, i) => { close(p, adjusted[i] ?? NaN); });
  });

  it('stays below a level exactly where p stays below the level among the others', () => {
    const p = fc.double({ min: 1e-6, max: 1, noNaN: true });
    fc.assert(fc.property(p, fc.array(p, { maxLength: 8 }), (own, others) => {
      const atLevel = levelAmong(0.05, others);
      assert.equal((adjustedPs([own, ...others])[0] ?? NaN) < 0.05, own < atLevel || Math.abs(own - atLevel) < 1e-12 && (adjustedPs([own, ...others])[0] ?? NaN) < 0.05);
    }));
    assert.equal(levelAmong(0.01, []), 0.01);
  });
});

describe('the line', () => {
  it('and its interval are those of least squares, by the full covariance under a spread that grows', () => {
    for (const { scores, shifts, interceptFixed, growth, slope, intercept, residualSd, ends } of golden.lines) {
      const line = fitLine(scores.map((score, i) => ({ score, shift: shifts[i] ?? NaN })), { interceptFixed, growth }, 0.9);
      assert.ok(line);
      close(line.slope, slope);
      close(line.intercept, intercept);
      close(line.residualSd, residualSd);
      for (const { score, value, low, high } of ends) {
        const shift = calibratedShift(score, line);
        close(shift.value, value);
        close(shift.low, low, 1e-8);
        close(shift.high, high, 1e-8);
      }
    }
  });

  it('is none where the scores predict nothing', () => {
    const points = [0, 1, 2, 3].map((score) => ({ score, shift: -score }));
    assert.equal(fitLine(points, { interceptFixed: false, growth: 0 }, 0.9), null);
    assert.equal(fitLine(points.slice(0, 2), { interceptFixed: false, growth: 0 }, 0.9), null);
    assert.equal(fitLine(points.map((p) => ({ ...p, score: 1 })), { interceptFixed: false, growth: 0 }, 0.9), null);
  });

  it("has scipy's correlation, weights as repetitions, and the ceiling that errors of measurement leave", () => {
    for (const { x, y, r, weights, weighted, standardErrors, ceiling } of golden.correlations) {
      const points = x.map((v, i) => ({ x: v, y: y[i] ?? NaN, weight: weights[i] ?? NaN }));
      close(pearson(points.map((p) => ({ x: p.x, y: p.y }))), r);
      close(pearson(points), weighted);
      close(correlationCeiling(y.map((shift, i) => ({ shift, standardError: standardErrors[i] ?? NaN }))), ceiling);
    }
  });
});

describe('chance', () => {
  it("is numpy's RandomState, across the points where its state is renewed", () => {
    for (const { seed, first } of golden.randoms) {
      const random = randomNumbers(seed);
      const drawn = Array.from({ length: 700 }, random);
      assert.deepEqual([0, 1, 2, 311, 312, 313, 699].map((i) => drawn[i]), first);
    }
  });

  it('resamples sources as numpy does with the same numbers, organisms of two sources by the product', () => {
    const { sources, values, seed, resamples, value, low, high } = golden.bootstrap;
    const found = bootstrap(sources.map((of, i) => ({ sources: of, v: values[i] ?? NaN })), (some) => {
      const total = some.reduce((sum, o) => sum + o.weight, 0);
      return some.reduce((sum, o) => sum + o.weight * o.v, 0) / total;
    }, { seed, resamples });
    close(found.value, value);
    close(found.low, low);
    close(found.high, high);
  });

  it('gives no interval where the figure is mostly undefined', () => {
    const found = bootstrap([{ sources: ['a'] }, { sources: ['b'] }], () => NaN, { seed: 0, resamples: 10 });
    assert.ok(Number.isNaN(found.low));
  });
});

describe('a null of scaled scores, whose fine-tunes stray within a source', () => {
  it('is that of one-way random effects, at the scale of what is tested', () => {
    for (const { scores, scales, scale, score, mean, sd, p } of golden.spreads) {
      const range: [number, number] = [0, 100];
      const test = testAgainstNull(score, {
        kind: { form: 'lora', roles: ['q'], rank: range, deltaNorm: range, scoredShare: range, evenness: range }, scale: 'scoredNorm', spread: 'fine-tunes',
        sources: scores.map((of, i) => ({ source: String(i), scores: of, deltaNorms: [], scales: scales[i] ?? [] })),
      }, { none: 1, deltaNorm: 99, scoredNorm: scale, isotropic: 99 });
      assert.ok(test);
      close(test.mean, mean);
      close(test.sd, sd);
      close(test.p, p);
    }
  });

  it('says nothing where the scale of what is tested is not known', () => {
    const [first] = golden.spreads;
    assert.ok(first);
    const range: [number, number] = [0, 100];
    const group = { kind: { form: 'lora' as const, roles: ['q'], rank: range, deltaNorm: range, scoredShare: range, evenness: range }, scale: 'isotropic' as const, sources: first.scores.map((of, i) => ({ source: String(i), scores: of, deltaNorms: [] })) };
    assert.equal(testAgainstNull(1, group), null);
    assert.equal(testAgainstNull(1, group, { none: 1, deltaNorm: 1, scoredNorm: 1, isotropic: 0 }), null);
  });
});
