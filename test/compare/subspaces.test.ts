import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { directionsOfFactors, directionsOfSketch, effectiveRank, effectiveRankOfSketch, principalAngles, randomAngles, type Angles, type Directions } from '../../src/compare/subspaces.js';
import { GOLDEN } from '../helpers/compare.js';
import { normals } from '../helpers/tensors.js';

/** Columns. */
type Columns = readonly (readonly number[])[];

const columns = (count: number, length: number, next: () => number): number[][] => Array.from({ length: count }, () => Array.from({ length }, next));
const dot = (x: readonly number[], y: readonly number[]): number => x.reduce((sum, v, i) => sum + v * (y[i] ?? 0), 0);
const gram = (X: Columns, Y: Columns): Float64Array => Float64Array.from(X.flatMap((x) => Y.map((y) => dot(x, y))));
/** X·T, with the columns of T given. */
const times = (X: Columns, T: Columns): number[][] => T.map((t) => (X[0] ?? []).map((_, i) => X.reduce((sum, x, j) => sum + (x[i] ?? 0) * (t[j] ?? 0), 0)));
const transposed = (X: Columns): number[][] => (X[0] ?? []).map((_, i) => X.map((x) => x[i] ?? 0));

/** Δ = L R' with the columns of L and of R. */
interface Factors {
  readonly L: Columns;
  readonly R: Columns;
}

function directions({ L, R }: Factors): { outputs: Directions; inputs: Directions } {
  return directionsOfFactors(gram(L, L), gram(R, R), L.length, 1);
}

function angles(a: Factors, b: Factors): Angles {
  const found = principalAngles(directions(a).outputs, directions(b).outputs, gram(a.L, b.L), a.L[0]?.length ?? 0);
  assert.ok(found);
  return found;
}

/** Angles near 0 are known to half the digits of their cosines. */
const cosines = ({ degrees }: Angles): number[] => degrees.map((angle) => Math.cos((angle * Math.PI) / 180));

const near = (x: readonly number[], y: readonly number[], tolerance: number, what: string): void => {
  assert.equal(x.length, y.length, what);
  x.forEach((v, i) => { assert.ok(Math.abs(v - (y[i] ?? Number.NaN)) <= tolerance, `${what}: ${x.join(' ')} and ${y.join(' ')}`); });
};

describe('principal angles', () => {
  const pairs = fc.record({ n: fc.integer({ min: 6, max: 40 }), k: fc.integer({ min: 1, max: 6 }), l: fc.integer({ min: 1, max: 6 }), seed: fc.integer() });

  it('are symmetric, and do not change with the basis of the factors', () => {
    fc.assert(fc.property(pairs, ({ n, k, l, seed }) => {
      const next = normals(seed);
      const a = { L: columns(k, n, next), R: columns(k, n, next) };
      const b = { L: columns(l, n, next), R: columns(l, n, next) };
      const plain = angles(a, b);
      near(cosines(plain), cosines(angles(b, a)), 1e-8, 'symmetric');
      // L T and R T'^-1 with T = D + a shear, whose inverse is known: the same ΔW in another basis.
      const scale = Array.from({ length: k }, (_, i) => 2 ** ((i % 3) - 1));
      const shear = 0.75;
      const T = Array.from({ length: k }, (_, j) => Array.from({ length: k }, (__, i) => (i === j ? scale[j] ?? 1 : i === 0 ? shear : 0)));
      // The inverse of T' has 1/d on its diagonal and −shear/(d_0 d_j) in column 0.
      const inverse = Array.from({ length: k }, (_, j) => Array.from({ length: k }, (__, i) => (i === j ? 1 / (scale[j] ?? 1) : j === 0 ? -shear / ((scale[0] ?? 1) * (scale[i] ?? 1)) : 0)));
      const turned = { L: times(a.L, T), R: times(a.R, inverse) };
      near(times(a.L, transposed(a.R)).flat(), times(turned.L, transposed(turned.R)).flat(), 1e-9 * n, 'the same update');
      near(cosines(plain), cosines(angles(turned, b)), 1e-8, 'basis');
      near(directions(a).outputs.sigma, directions(turned).outputs.sigma, 1e-9 * n, 'singular values');
    }), { numRuns: 60 });
  });

  it('closed forms: the same line, a known angle, orthogonal lines', () => {
    const line = (degrees: number): Factors => ({ L: [[Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180), 0]], R: [[1, 2, 3]] });
    near(angles(line(10), line(10)).degrees, [0], 1e-5, 'the same');
    near(angles(line(10), line(40)).degrees, [30], 1e-9, '30 degrees');
    near(angles(line(0), line(90)).degrees, [90], 1e-9, 'orthogonal');
  });

  it('count only directions that the update has: repeated columns are one', () => {
    const next = normals(5);
    const L = columns(2, 30, next);
    const R = columns(2, 20, next);
    const twice = { L: [...L, ...L], R: [...R, ...R] };
    assert.equal(directions(twice).outputs.sigma.length, 2);
    near(angles(twice, { L, R }).degrees, [0, 0], 1e-4, 'the same subspace');
    assert.equal(principalAngles(directions({ L: [[0, 0]], R: [[0, 0]] }).outputs, directions({ L: [[1, 0]], R: [[1, 0]] }).outputs, Float64Array.of(0), 2), null);
  });
});

describe('random subspaces', () => {
  for (const { n, k, l, draws, overlap, sd, smallestDegrees, smallestDegreesOf5Percent } of GOLDEN.random) {
    it(`${k} and ${l} directions in ${n} dimensions, against ${draws} draws`, () => {
      const found = randomAngles(n, [k, l]);
      assert.ok(Math.abs(found.overlap - overlap) < 5 * sd / Math.sqrt(draws), `${found.overlap}, drawn ${overlap}`);
      assert.ok(Math.abs(found.sd / sd - 1) < 0.08, `${found.sd}, drawn ${sd}`);
      for (const [angle, drawn] of [[found.smallestDegrees, smallestDegrees], [found.smallestDegreesOf5Percent, smallestDegreesOf5Percent]] as const) {
        assert.ok(Math.abs(angle - drawn) < (k > 1 ? 1 : 4), `${angle}, drawn ${drawn}`);
      }
    });
  }

  it('that fill the space meet', () => {
    assert.equal(randomAngles(4, [2, 2]).smallestDegrees, 0);
    assert.deepEqual(randomAngles(4, [4, 4]), { overlap: 1, sd: 0, smallestDegrees: 0, smallestDegreesOf5Percent: 0 });
  });
});

describe('effective rank', () => {
  it('r for r equal singular values, 1 for one, 0 for none', () => {
    assert.equal(effectiveRank([3, 3, 3]), 3);
    assert.equal(effectiveRank([5]), 1);
    assert.equal(effectiveRank([]), 0);
    // (4 + 1)² / (16 + 1)
    assert.ok(Math.abs(effectiveRank([2, 1]) - 25 / 17) < 1e-12);
  });

  it('from a sketch: near that of the update, also where it is above the columns of the sketch, and with rounding', () => {
    const c = 16;
    const [outputs, inputs] = [220, 180] as const;
    for (const [rank, noise] of [[1, 0], [4, 0], [4, 0.3], [60, 0], [60, 0.2]] as const) {
      const estimates = Array.from({ length: 12 }, (_, draw) => {
        const next = normals(100 * rank + draw);
        const [L, R] = [columns(rank, outputs, next), columns(rank, inputs, next)];
        const signs = Array.from({ length: c }, () => Array.from({ length: inputs }, () => (next() < 0 ? -1 : 1)));
        const size = Math.sqrt(rank * outputs * inputs) * noise;
        const Y = signs.map((omega) => {
          const y = times(L, [R.map((r) => dot(r, omega))])[0] ?? [];
          return y.map((v) => v + (size / Math.sqrt(outputs * inputs)) * Math.sqrt(inputs) * next());
        });
        return effectiveRankOfSketch(gram(Y, Y), c, size, [outputs, inputs]) ?? Number.NaN;
      });
      const mean = estimates.reduce((sum, v) => sum + v, 0) / estimates.length;
      // The singular values of normal factors are spread: E tr²/E tr4 of L R' is r (1 + (r+1)(1/m + 1/n) + …)^-1 near r for small r.
      const expected = rank / ((1 + (rank + 1) / outputs) * (1 + (rank + 1) / inputs) || 1);
      assert.ok(Math.abs(mean / expected - 1) < 0.25, `rank ${rank}, noise ${noise}: ${mean}, expected about ${expected}`);
    }
  });

  it('is not told where rounding is most of the sketch', () => {
    const c = 4;
    const gramOfNoise = Float64Array.from({ length: c * c }, (_, at) => (Math.floor(at / c) === at % c ? 1 : 0.01));
    assert.equal(effectiveRankOfSketch(gramOfNoise, c, 1, [50, 50]), null);
    assert.equal(effectiveRankOfSketch(new Float64Array(c * c), c, 0, [50, 50]), 0);
  });
});

describe('directions of a sketch', () => {
  it('span the range of a low-rank update, and leave out what is rounding', () => {
    const next = normals(8);
    const [n, m, c, rank] = [150, 90, 16, 3];
    const L = columns(rank, n, next);
    const R = columns(rank, m, next);
    const noise = 0.02 * Math.sqrt(rank * n * m);
    const Y = Array.from({ length: c }, () => {
      const omega = Array.from({ length: m }, () => (next() < 0 ? -1 : 1));
      return (times(L, [R.map((r) => dot(r, omega))])[0] ?? []).map((v) => v + (noise / Math.sqrt(n * m)) * Math.sqrt(m) * next());
    });
    const sketched = directionsOfSketch(gram(Y, Y), c, noise);
    assert.equal(sketched.sigma.length, rank);
    const found = principalAngles(sketched, directions({ L, R }).outputs, gram(Y, L), n);
    assert.ok(found && Math.max(...found.degrees) < 5, found?.degrees.join(' '));
    const size = Math.sqrt(sketched.sigma.reduce((sum, s) => sum + s ** 2, 0)) / Math.sqrt(rank * n * m);
    assert.ok(size > 0.8 && size < 1.25, `${size}`);
  });
});
