import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { concentration, rankOf } from '../../src/lineage/spectrum.js';
import { normal, signsOf, type Dense } from '../helpers/lineage.js';

const C = 16;

/** Σ_k s_k e_k f_k' with unit vectors: singular values s. */
function diagonal(s: readonly number[], rows = 40, columns = 36): Dense {
  const data = new Float64Array(rows * columns);
  s.forEach((value, k) => { data[k * columns + k] = value; });
  return { rows, columns, data };
}

describe('rank from sign coordinates', () => {
  for (const rank of [1, 4, 8]) {
    it(`counts ${rank}`, () => {
      const found = rankOf({ signs: signsOf('3.q', diagonal(Array.from({ length: rank }, (_, k) => 1 + k))), floor: 1e-9 }, C);
      assert.deepEqual(found, { value: rank, isLow: true });
    });
  }

  it('is not low of a change of full rank', () => {
    const found = rankOf({ signs: signsOf('3.q', { rows: 40, columns: 36, data: normal(1440, 3) }), floor: 1e-9 }, C);
    assert.equal(found?.isLow, false);
  });

  it('counts through rounding what stands above it, and takes the rest for rounding', () => {
    const noise = normal(1440, 4);
    const M = diagonal([9, 8, 7]);
    const size = 0.02;
    const found = rankOf({ signs: signsOf('3.q', { ...M, data: M.data.map((v, i) => v + size * (noise[i] ?? 0)) }), floor: size * Math.sqrt(1440) }, C);
    assert.deepEqual(found, { value: 3, isLow: true });
  });

  it('says nothing where all is rounding', () => {
    assert.equal(rankOf({ signs: signsOf('3.q', { rows: 40, columns: 36, data: normal(1440, 5) }), floor: 50 }, C), null);
  });
});

describe('concentration', () => {
  it('is without bias: its mean over draws is tr((M\'M)²) and |M|²', () => {
    const s = [3, 2, 1, 1];
    const M = diagonal(s, 12, 10);
    const draws = 1500;
    let [fourth, square] = [0, 0];
    for (let draw = 0; draw < draws; draw++) {
      const found = concentration(signsOf(`${draw}.q`, M), C);
      fourth += found.fourth / draws;
      square += found.square / draws;
    }
    const expected = s.reduce((sum, v) => sum + v ** 4, 0);
    assert.ok(Math.abs(fourth / expected - 1) < 0.1, `${fourth} against ${expected}`);
    assert.ok(Math.abs(square / 15 - 1) < 0.05, `${square} against 15`);
  });
});
