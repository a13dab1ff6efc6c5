import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AVOIDS_BELOW, avoidanceOf } from '../../src/scan/avoidance.js';
import { judge, type Evidence } from '../../src/scan/judge.js';
import { normals } from '../helpers/bench-set.js';

const COUNT = 70;
const names = Array.from({ length: COUNT }, (_, i) => `${i}.q`);
// 20 × 5 weights with |G|² = 4: a random change of size 3 scores with standard deviation 3 · 2 / 10.
const signature = new Map(names.map((name) => [name, { shape: [20, 5] as const, energy: 4 }]));
const SD = 0.6;
const scored = (score: (i: number) => number) => names.map((name, i) => ({ name, score: score(i), deltaNorm: 3 }));

describe('avoidance', () => {
  it('is 1 of random changes, whose directions are drawn', () => {
    const normal = normals(1);
    const directions = (n: number): number[] => {
      const drawn = Array.from({ length: n }, normal);
      const size = Math.hypot(...drawn);
      return drawn.map((v) => v / size);
    };
    // G = 2 in the first entry, ΔW = 3 · a random direction in 100 dimensions: the score is their inner product.
    const ratios = Array.from({ length: 20 }, () => avoidanceOf(scored(() => 2 * 3 * (directions(100)[0] ?? 0)), signature)?.ratio ?? NaN);
    const mean = ratios.reduce((sum, v) => sum + v, 0) / ratios.length;
    assert.ok(Math.abs(mean - 1) < 4 * Math.sqrt(2 / (20 * COUNT)), String(mean));
    assert.ok(ratios.every((ratio) => ratio > 0.3));
  });

  it('bounds the lower tail of χ²', () => {
    // χ² tables: P(χ²_70 < 43.275) = .005, P(χ²_70 < 51.739) = .05.
    for (const [quantile, tail] of [[43.275, 0.005], [51.739, 0.05]] as const) {
      const found = avoidanceOf(scored(() => SD * Math.sqrt(quantile / COUNT)), signature);
      assert.ok(found && Math.abs(found.ratio - quantile / COUNT) < 1e-9);
      assert.ok(found.p >= tail && found.p < 8 * tail, String(found.p));
    }
  });

  it('does not depend on the size of the change, and falls as its scores do', () => {
    fc.assert(fc.property(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), fc.double({ min: 0.05, max: 0.9, noNaN: true }), (size, share) => {
      const at = (scale: number) => avoidanceOf(names.map((name) => ({ name, score: scale * size * SD, deltaNorm: 3 * size })), signature);
      const [one, less] = [at(share), at(share / 2)];
      assert.ok(one && less && Math.abs(one.ratio - share ** 2) < 1e-6 && less.p < one.p);
    }));
  });

  it('is not looked for where nothing that changed is scored', () => {
    assert.equal(avoidanceOf([{ name: 'other', score: 0, deltaNorm: 1 }], signature), null);
    assert.equal(avoidanceOf([{ name: '0.q', score: 0, deltaNorm: 0 }], signature), null);
  });

  it('needs enough weights', () => {
    assert.ok((avoidanceOf(scored(() => SD / 4).slice(0, 4), signature)?.p ?? 0) > AVOIDS_BELOW);
    assert.ok((avoidanceOf(scored(() => SD / 4), signature)?.p ?? 1) < AVOIDS_BELOW);
  });
});

describe('the verdict on a change that keeps out of the signature\'s way', () => {
  const kind: Evidence['kind'] = { form: 'lora', roles: ['q'], rank: [8, 8], deltaNorm: 4, everyLayer: true, scoredShare: 0.2, evenness: 0.8 };
  const rules = {
    calibration: { slope: 1, intercept: 0, interceptFixed: true, residualSd: 0.02, n: 11, meanScore: 0, sumSquares: 1, confidence: 0.9 }, level: 0.01, smallestMeaningfulShift: 0.08,
    null: [{ kind: { form: 'lora' as const, roles: ['q' as const], rank: [8, 8] as [number, number], deltaNorm: [2, 8] as [number, number], scoredShare: [0.1, 0.3] as [number, number], evenness: [0.7, 0.9] as [number, number] }, sources: [-0.01, 0.01, 0, 0.02].map((score, i) => ({ source: String(i), scores: [score], deltaNorms: [4] })) }],
  };

  it('is not absent', () => {
    const evidence: Evidence = { score: 0, kind, gaps: 0, scored: COUNT };
    assert.equal(judge(evidence, rules).verdict, 'absent');
    assert.equal(judge({ ...evidence, avoidance: { ratio: 1, weights: COUNT, p: 1 } }, rules).verdict, 'absent');
    const { verdict, reason } = judge({ ...evidence, avoidance: { ratio: 1e-5, weights: COUNT, p: 1e-150 } }, rules);
    assert.equal(verdict, 'indeterminate');
    assert.match(reason, /made to hide/);
  });
});
