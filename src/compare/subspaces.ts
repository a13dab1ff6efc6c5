/**
 * The subspaces that an update acts on. In: Gram matrices of its factors, or of its sketches. Out: singular values, effective rank,
 * principal angles between two updates, and what random subspaces would give. Pure; float64.
 */
import { EigenvalueDecomposition, Matrix, SingularValueDecomposition } from 'ml-matrix';

/** The directions of one side of an update, as combinations C (r × k) of the columns of P, of which the Gram matrix is known: the columns of P·C are orthonormal. */
export interface Directions {
  readonly C: Matrix;
  /** Singular values of the update, largest first; k of them. */
  readonly sigma: readonly number[];
}

/** Directions with a singular value below this share of the largest are rounding (factors are float32 at best). */
const RANK_TOLERANCE = 1e-6;

/**
 * Both sides of Δ = s·L·R, from L'L and R·R' (r × r): ΔΔ' = s² (L F)(L F)' with R·R' = F F', so that with F'(L'L)F = W Σ² W'
 * the left singular vectors are L·F·W·Σ⁻¹; the right ones alike.
 */
export function directionsOfFactors(left: Float64Array, right: Float64Array, rank: number, scale: number): { readonly outputs: Directions; readonly inputs: Directions } {
  const L = square(left, rank);
  const R = square(right, rank);
  return { outputs: side(L, R, scale), inputs: side(R, L, scale) };
}

function side(own: Matrix, other: Matrix, scale: number): Directions {
  const F = root(other);
  const { values, vectors } = eigen(F.transpose().mmul(own).mmul(F));
  const kept = values.filter((value) => value > (values[0] ?? 0) * RANK_TOLERANCE ** 2);
  const C = F.mmul(leading(vectors, kept.length)).mulRowVector(kept.map((value) => 1 / Math.sqrt(value)));
  return { C, sigma: kept.map((value) => Math.abs(scale) * Math.sqrt(value)) };
}

/**
 * The leading directions of one side of Δ from a sketch Y = ΔΩ with c columns of random signs, given Y'Y: those whose singular value
 * in the sketch is more than twice what noise alone would give. E[(Y'Y)/c] has the trace |Δ|² (Halko, Martinsson & Tropp 2011, §4).
 * @param noise |E|, Frobenius, of what rounding added to Δ: EΩ has singular values of about |E|
 */
export function directionsOfSketch(gram: Float64Array, c: number, noise: number): Directions {
  const { values, vectors } = eigen(square(gram, c));
  const floor = Math.max((2 * noise) ** 2, (values[0] ?? 0) * RANK_TOLERANCE ** 2);
  const kept = values.filter((value) => value > floor);
  return { C: leading(vectors, kept.length).mulRowVector(kept.map((value) => 1 / Math.sqrt(value))), sigma: kept.map((value) => Math.sqrt(value / c)) };
}

/**
 * Effective rank |Δ|⁴ / tr((Δ'Δ)²), the participation ratio of the squared singular values: 1 at rank one, r for r equal singular values.
 * 0 for no update at all.
 */
export function effectiveRank(sigma: readonly number[]): number {
  const squares = sigma.map((s) => s ** 2);
  const total = squares.reduce((sum, v) => sum + v, 0);
  return total === 0 ? 0 : 1 / squares.reduce((sum, v) => sum + (v / total) ** 2, 0);
}

/**
 * The same from Y'Y of a sketch: E[(ω_i'Δ'Δω_j)²] = tr((Δ'Δ)²) for independent signs ω_i, ω_j, so that it is not bounded by the
 * sketch's columns. The noise of rounding, spread evenly over an out × in matrix, is taken off. Null where noise is most of it.
 */
export function effectiveRankOfSketch(gram: Float64Array, c: number, noise: number, [outputs, inputs]: readonly [number, number]): number | null {
  let trace = 0;
  let others = 0;
  for (let i = 0; i < c; i++) {
    for (let j = 0; j < c; j++) {
      const value = gram[i * c + j] ?? Number.NaN;
      if (i === j) trace += value;
      else others += value ** 2;
    }
  }
  if (trace === 0) return 0;
  const spread = 1 / outputs + 1 / inputs;
  const square = trace / c - noise ** 2;
  const fourth = others / (c * (c - 1)) - noise ** 2 * spread * (2 * square + noise ** 2);
  return square > noise ** 2 && fourth > 0 ? Math.max(1, square ** 2 / fourth) : null;
}

/** How two subspaces of Rⁿ lie to each other. */
export interface Angles {
  /** n: outputs or inputs of the weight. */
  readonly of: number;
  /** Directions of the first and of the second. */
  readonly directions: readonly [number, number];
  /** Principal angles, smallest first; as many as the smaller subspace has directions. */
  readonly degrees: readonly number[];
  /** Mean cos² of these: the share of the smaller subspace that lies in the other. */
  readonly overlap: number;
  /** What subspaces of random directions would give. */
  readonly random: {
    /** Mean and standard deviation of the overlap. */
    readonly overlap: number;
    readonly sd: number;
    /** The smallest angle: about its mean, and the angle below which it lies in 5 of 100 cases. */
    readonly smallestDegrees: number;
    readonly smallestDegreesOf5Percent: number;
  };
}

/**
 * Principal angles: cosines are the singular values of Q_A'Q_B = C_A'(P_A'P_B)C_B (Björck & Golub 1973). Null where one side has no direction.
 * @param cross P_A'P_B, row-major
 * @param n the dimension of the space
 */
export function principalAngles(a: Directions, b: Directions, cross: Float64Array, n: number): Angles | null {
  const k: [number, number] = [a.sigma.length, b.sigma.length];
  if (k[0] === 0 || k[1] === 0) return null;
  const M = a.C.transpose().mmul(matrix(cross, a.C.rows, b.C.rows)).mmul(b.C);
  const cosines = new SingularValueDecomposition(M, { computeLeftSingularVectors: false, computeRightSingularVectors: false, autoTranspose: true }).diagonal.map((value) => Math.min(1, value));
  const fewer = Math.min(...k);
  const sorted = cosines.slice(0, fewer).sort((x, y) => y - x);
  return {
    of: n, directions: k,
    degrees: sorted.map((cosine) => (Math.acos(cosine) * 180) / Math.PI),
    overlap: sorted.reduce((sum, cosine) => sum + cosine ** 2, 0) / fewer,
    random: randomAngles(n, k),
  };
}

/** Mean, and the value that 5 % exceed, of the Tracy–Widom distribution of order 1. */
const TRACY_WIDOM = { mean: -1.2065, upper: 0.9793 };

/**
 * Uniformly random subspaces of k and l dimensions in Rⁿ. tr(PQ), the sum of cos², has mean kl/n and variance
 * 2kl(n−k)(n−l) / (n²(n−1)(n+2)). The largest cos² is θ with logit θ ≈ μ + σ·TW₁: μ = 2 ln tan((φ + γ)/2),
 * σ³ = 16 / ((n−1)² sin²(φ + γ) sin φ sin γ), sin²(γ/2) = (min(k, l) − ½)/(n − 1), sin²(φ/2) = (max(k, l) − ½)/(n − 1)
 * (Johnstone 2008, Multivariate analysis and Jacobi ensembles, §2; k and l are the dimensions of hypothesis and variables). Where
 * k + l ≥ n the subspaces meet, or nearly.
 */
export function randomAngles(n: number, [k, l]: readonly [number, number]): Angles['random'] {
  const [fewer, more] = [Math.min(k, l), Math.max(k, l)];
  const variance = n < 2 ? 0 : (2 * k * l * (n - k) * (n - l)) / (n ** 2 * (n - 1) * (n + 2));
  const common = { overlap: more / n, sd: Math.sqrt(variance) / fewer };
  if (k + l >= n) return { ...common, smallestDegrees: 0, smallestDegreesOf5Percent: 0 };
  const half = (dimensions: number): number => 2 * Math.asin(Math.sqrt((dimensions - 0.5) / (n - 1)));
  const [gamma, phi] = [half(fewer), half(more)];
  const mu = 2 * Math.log(Math.tan((phi + gamma) / 2));
  const sigma = (16 / ((n - 1) ** 2 * Math.sin(phi + gamma) ** 2 * Math.sin(phi) * Math.sin(gamma))) ** (1 / 3);
  const angle = (w: number): number => (Math.acos(Math.sqrt(1 / (1 + Math.exp(-(mu + sigma * w))))) * 180) / Math.PI;
  return { ...common, smallestDegrees: angle(TRACY_WIDOM.mean), smallestDegreesOf5Percent: angle(TRACY_WIDOM.upper) };
}

/** F with F F' = G, for a Gram matrix. */
function root(gram: Matrix): Matrix {
  const { values, vectors } = eigen(gram);
  return vectors.mulRowVector(values.map((value) => Math.sqrt(Math.max(0, value))));
}

/** Eigenvalues of a symmetric matrix, largest first, and their vectors. */
function eigen(symmetric: Matrix): { values: number[]; vectors: Matrix } {
  const even = Matrix.add(symmetric, symmetric.transpose()).mul(0.5);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(even, { assumeSymmetric: true });
  const order = realEigenvalues.map((_, i) => i).sort((i, j) => (realEigenvalues[j] ?? 0) - (realEigenvalues[i] ?? 0));
  return { values: order.map((i) => realEigenvalues[i] ?? 0), vectors: eigenvectorMatrix.subMatrixColumn(order) };
}

function leading(vectors: Matrix, columns: number): Matrix {
  return columns === 0 ? new Matrix(vectors.rows, 0) : vectors.subMatrix(0, vectors.rows - 1, 0, columns - 1);
}

function square(values: Float64Array, size: number): Matrix {
  return matrix(values, size, size);
}

function matrix(values: Float64Array, rows: number, columns: number): Matrix {
  return new Matrix(Array.from({ length: rows }, (_, row) => Array.from(values.subarray(row * columns, (row + 1) * columns))));
}
