/** Small dense algebra in float64: matrices of a few columns, row-major. Pure. */

/**
 * Eigenvalues and vectors of a symmetric n × n matrix by cyclic Jacobi rotations (Golub & Van Loan, Matrix Computations, 4th ed., §8.5).
 * @returns values, largest first, and their vectors as columns of an n × n matrix
 */
export function symmetricEigen(matrix: Float64Array, n: number): { readonly values: Float64Array; readonly vectors: Float64Array } {
  const A = Float64Array.from(matrix);
  const V = Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? 1 : 0));
  const get = (M: Float64Array, i: number, j: number): number => M[i * n + j] as number;
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    let all = 0;
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) {
      all += get(A, i, j) ** 2;
      if (i !== j) off += get(A, i, j) ** 2;
    }
    if (off <= 1e-32 * all) break;
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) {
      const apq = get(A, p, q);
      if (apq === 0) continue;
      const tau = (get(A, q, q) - get(A, p, p)) / (2 * apq);
      const t = (tau >= 0 ? 1 : -1) / (Math.abs(tau) + Math.hypot(1, tau));
      const c = 1 / Math.hypot(1, t);
      const s = t * c;
      for (let k = 0; k < n; k++) rotate(A, k * n + p, k * n + q, c, s);
      for (let k = 0; k < n; k++) rotate(A, p * n + k, q * n + k, c, s);
      for (let k = 0; k < n; k++) rotate(V, k * n + p, k * n + q, c, s);
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => get(A, b, b) - get(A, a, a));
  return {
    values: Float64Array.from(order, (i) => get(A, i, i)),
    vectors: Float64Array.from({ length: n * n }, (_, at) => get(V, Math.floor(at / n), order[at % n] ?? 0)),
  };
}

function rotate(M: Float64Array, p: number, q: number, c: number, s: number): void {
  const [x, y] = [M[p] as number, M[q] as number];
  M[p] = c * x - s * y;
  M[q] = s * x + c * y;
}

/** A'A of an n × width matrix. */
export function gram(A: Float64Array, width: number): Float64Array {
  const G = new Float64Array(width * width);
  for (let row = 0; row < A.length; row += width) {
    for (let i = 0; i < width; i++) {
      const x = A[row + i] as number;
      for (let j = 0; j < width; j++) (G[i * width + j] as number) += x * (A[row + j] as number);
    }
  }
  return G;
}

/** Singular values of an n × width matrix, largest first; those below 1e-8 of the first are lost in rounding. */
export function singularValues(A: Float64Array, width: number): Float64Array {
  return symmetricEigen(gram(A, width), width).values.map((value) => Math.sqrt(Math.max(0, value)));
}

/** Below this share of its length a column lies in the span of those before it. */
const DEPENDENT = 1e-12;

/** An orthonormal basis of the columns of an n × width matrix, by modified Gram and Schmidt, twice; columns that depend on others are zero. */
export function orthonormal(A: Float64Array, width: number): Float64Array {
  const Q = Float64Array.from(A);
  for (let j = 0; j < width; j++) {
    const before = length(Q, width, j);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < j; i++) {
        let dot = 0;
        for (let at = 0; at < Q.length; at += width) dot += (Q[at + i] as number) * (Q[at + j] as number);
        for (let at = 0; at < Q.length; at += width) (Q[at + j] as number) -= dot * (Q[at + i] as number);
      }
    }
    const left = length(Q, width, j);
    const factor = left > DEPENDENT * before ? 1 / left : 0;
    for (let at = j; at < Q.length; at += width) (Q[at] as number) *= factor;
  }
  return Q;
}

function length(A: Float64Array, width: number, column: number): number {
  let sum = 0;
  for (let at = column; at < A.length; at += width) sum += (A[at] as number) ** 2;
  return Math.sqrt(sum);
}

/** A·B of an n × k and a k × m matrix. */
export function product(A: Float64Array, B: Float64Array, k: number): Float64Array {
  const m = B.length / k;
  const n = A.length / k;
  const C = new Float64Array(n * m);
  for (let i = 0; i < n; i++) for (let j = 0; j < k; j++) {
    const a = A[i * k + j] as number;
    for (let l = 0; l < m; l++) (C[i * m + l] as number) += a * (B[j * m + l] as number);
  }
  return C;
}

/** A' of an n × width matrix. */
export function transpose(A: Float64Array, width: number): Float64Array {
  const n = A.length / width;
  return A.map((_, at) => A[(at % n) * width + Math.floor(at / n)] as number);
}
