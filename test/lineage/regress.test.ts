import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { invert, leastSquares, type Equations } from '../../src/lineage/regress.js';
import { normal, signsOf, type Dense } from '../helpers/lineage.js';

const C = 16;

function matrix(seed: number, rows = 24, columns = 20, rank = rows): Dense {
  if (rank >= rows) return { rows, columns, data: normal(rows * columns, seed) };
  const [B, A] = [normal(rows * rank, seed), normal(rank * columns, seed + 1)];
  return { rows, columns, data: Float64Array.from({ length: rows * columns }, (_, at) => {
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += (B[Math.floor(at / columns) * rank + k] ?? 0) * (A[k * columns + (at % columns)] ?? 0);
    return sum;
  }) };
}

function plus(parts: readonly (readonly [number, Dense])[]): Dense {
  const [[, first] = [0, matrix(0)]] = parts;
  return { ...first, data: first.data.map((_, at) => parts.reduce((sum, [share, m]) => sum + share * (m.data[at] ?? 0), 0)) };
}

function frobenius(a: Dense, b: Dense): number {
  return a.data.reduce((sum, v, i) => sum + v * (b.data[i] ?? 0), 0);
}

describe('least squares over sign coordinates', () => {
  it('gives the weights of an exact mixture, and leaves nothing', () => {
    const equations = ['0.q', '1.q'].map((name, i): Equations => {
      const [A, B] = [matrix(10 + i), matrix(20 + i)];
      return { y: signsOf(name, plus([[0.3, A], [0.7, B]])), x: [signsOf(name, A), signsOf(name, B)] };
    });
    const fit = leastSquares(equations, C);
    assert.ok(fit);
    assert.deepEqual(fit.coefficients.map(({ value }) => Number(value.toFixed(9))), [0.3, 0.7]);
    assert.ok(fit.residual < 1e-18 * fit.total);
    assert.ok(fit.coefficients.every(({ low, high }) => high - low < 1e-6));
  });

  it('has no answer where two are the same up to a factor', () => {
    const A = signsOf('0.q', matrix(1));
    assert.equal(leastSquares([{ y: A, x: [A, A.map((v) => 2 * v)] }], C), null);
  });

  for (const [what, rank] of [['full rank', 24], ['rank 2', 2]] as const) {
    it(`holds the true share in 95 % of draws of the signs, changes of ${what}`, () => {
      // ⟨A, B⟩/|A|² by the matrices themselves; every draw has weights of other names, and so other signs.
      let inside = 0;
      const draws = 150;
      for (let draw = 0; draw < draws; draw++) {
        let [product, square] = [0, 0];
        const equations = Array.from({ length: 6 }, (_, i): Equations => {
          const name = `${draw}.${i}`;
          const [A, D] = [matrix(100 + 2 * i, 24, 20, rank), matrix(300 + 2 * i, 24, 20, rank)];
          const B = plus([[1, A], [0.8, D]]);
          product += frobenius(A, B);
          square += frobenius(A, A);
          return { y: signsOf(name, B), x: [signsOf(name, A)] };
        });
        const share = leastSquares(equations, C)?.coefficients[0];
        if (share !== undefined && share.low <= product / square && product / square <= share.high) inside++;
      }
      assert.ok(inside / draws > 0.89, `${inside} of ${draws}`);
      assert.ok(inside < draws, 'an interval that always holds it is too wide');
    });
  }

  it('reaches to the coefficient that rounding hides', () => {
    const A = signsOf('0.q', matrix(5));
    const noise = normal(A.length, 9);
    const x = A.map((v, i) => v + 6 * (noise[i] ?? 0));
    const [plain, aware] = [undefined, [36]].map((n) => leastSquares([{ y: A, x: [x], noise: n }], C)?.coefficients[0]);
    assert.ok(plain && aware && plain.value < 0.97 && aware.high > plain.high);
    assert.ok(aware.high >= 1);
  });
});

describe('inverse', () => {
  it('is the inverse', () => {
    const A = Float64Array.of(4, 1, 0, 1, 3, 1, 0, 1, 2);
    const B = invert(A, 3);
    assert.ok(B);
    for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) {
      let sum = 0;
      for (let k = 0; k < 3; k++) sum += (A[i * 3 + k] ?? 0) * (B[k * 3 + j] ?? 0);
      assert.ok(Math.abs(sum - (i === j ? 1 : 0)) < 1e-12);
    }
  });

  it('is none of a singular matrix', () => {
    assert.equal(invert(Float64Array.of(1, 2, 2, 4), 2), null);
  });
});
