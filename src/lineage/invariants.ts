/**
 * What survives a disguise. Pure. In: two subjects that hold the norms of rows and columns. Out: how closely they agree, side by side,
 * in an order that is kept and in one that is not.
 */
import type { Role } from '../types.js';
import type { Subject, SubjectWeight } from './subject.js';

/**
 * direct: line i of the one against line i of the other. sorted: the two sets of norms, whatever their order. folded: columns, each
 * times the weight of the norm before it. product: row i of up times column i of down. Both of them also sorted.
 */
export type Mode = 'direct' | 'sorted' | 'folded' | 'folded-sorted' | 'product' | 'product-sorted';

export interface Agreement {
  readonly side: string;
  readonly mode: Mode;
  /** Mean over layers of `deviation`: 0.35 for independent numbers that are compared in order. */
  readonly value: number;
  readonly layers: number;
}

/** Roles whose columns meet the residual stream after the norm of attention, or of the MLP. */
const AFTER: Readonly<Partial<Record<Role, 'attention' | 'mlp'>>> = { q: 'attention', k: 'attention', v: 'attention', gate: 'mlp', up: 'mlp' };
/** The norm right before each, by what architectures call it; the first that a layer has. */
const NORMS: Readonly<Record<'attention' | 'mlp', readonly string[]>> = {
  attention: ['input_layernorm', 'ln_1'],
  mlp: ['pre_feedforward_layernorm', 'ln_2', 'post_attention_layernorm'],
};
/** Architectures whose norms multiply by 1 + w. */
const ONE_MORE = /^gemma/u;
const ROLES: readonly Role[] = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];
/** A deviation below this is that of float32 sums. */
const SMALLEST = 1e-7;
/** Norms that differ among themselves by less are as good as equal: their order and spread say nothing. */
const LEAST_SPREAD = 1e-4;

type Vectors = readonly [a: Float64Array, b: Float64Array];

/** Every agreement of two subjects, layer by layer of the same index, averaged over layers. */
export function agreements(path: Subject, candidate: Subject): Agreement[] {
  const sums = new Map<string, { side: string; mode: Mode; total: number; layers: number }>();
  const add = (side: string, mode: Mode, value: number | null): void => {
    if (value === null) return;
    const key = `${side} ${mode}`;
    const sum = sums.get(key) ?? { side, mode, total: 0, layers: 0 };
    sums.set(key, { ...sum, total: sum.total + value, layers: sum.layers + 1 });
  };
  for (const a of path.weights.values()) {
    const b = candidate.weights.get(a.name);
    const lines = linesOf(a, b);
    if (b === undefined || lines === null) continue;
    const role = a.layer === null ? a.name : a.role;
    if (a.layer !== null && !ROLES.includes(a.role)) continue;
    for (const side of ['rows', 'columns'] as const) both(add, `${role}.${side}`, ['direct', 'sorted'], lines[side]);
    const folded = foldedColumns(path, candidate, a, b, lines.columns);
    if (folded !== null) both(add, `${role}.columns`, ['folded', 'folded-sorted'], folded);
    if (a.role === 'up' && a.layer !== null) {
      const down = [path.weights.get(`${a.layer}.down`), candidate.weights.get(`${a.layer}.down`)] as const;
      const others = down[0] && linesOf(down[0], down[1]);
      if (others) both(add, 'up·down', ['product', 'product-sorted'], [times(lines.rows[0], others.columns[0]), times(lines.rows[1], others.columns[1])]);
    }
  }
  return [...sums.values()].map(({ side, mode, total, layers }) => ({ side, mode, value: total / layers, layers }));
}

function both(add: (side: string, mode: Mode, value: number | null) => void, side: string, [direct, sorted]: readonly [Mode, Mode], [a, b]: Vectors): void {
  add(side, direct, deviation(a, b));
  add(side, sorted, deviation(a.slice().sort(), b.slice().sort(), Math.sqrt(a.length)));
}

/** Norms of rows and columns of both, where both hold them in the same numbers. */
function linesOf(a: SubjectWeight, b: SubjectWeight | undefined): { rows: Vectors; columns: Vectors } | null {
  const [own, other] = [a.invariants.lines, b?.invariants.lines];
  if (own === undefined || other === undefined || own.rows.length !== other.rows.length || own.columns.length !== other.columns.length) return null;
  return { rows: [Float64Array.from(own.rows), Float64Array.from(other.rows)], columns: [Float64Array.from(own.columns), Float64Array.from(other.columns)] };
}

/** W·diag(g) with g the weights of the norm before it: what folding leaves as it is. Null where either has no such norm. */
function foldedColumns(path: Subject, candidate: Subject, { role, layer }: SubjectWeight, _b: SubjectWeight, [a, b]: Vectors): Vectors | null {
  const g = normBefore(path, role, layer);
  const h = normBefore(candidate, role, layer);
  return g?.length === a.length && h?.length === b.length ? [times(a, g), times(b, h)] : null;
}

/** |weight| of the norm before a role's input; null where there is none. */
export function normBefore({ vectors, architecture }: Subject, role: Role, layer: number | null): Float64Array | null {
  const place = AFTER[role];
  if (place === undefined || layer === null) return null;
  const found = NORMS[place].map((name) => vectors.get(`${layer}.norm.${name}`)).find((vector) => vector !== undefined);
  const more = ONE_MORE.test(architecture ?? '') ? 1 : 0;
  return found === undefined ? null : found.values.map((v) => Math.abs(v + more));
}

/**
 * ln of the rms of ln a_i − ln b_i, in units of their own spread and times `unit`; a common factor does not count.
 * @returns null where the numbers of either are as good as equal, zero, or too few
 */
export function deviation(a: Float64Array, b: Float64Array, unit = 1): number | null {
  const pairs = Array.from(a, (value, i) => [Math.log(value), Math.log(b[i] ?? Number.NaN)] as const).filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  if (pairs.length < 8) return null;
  const spread = Math.sqrt((variance(pairs.map(([x]) => x)) + variance(pairs.map(([, y]) => y))) / 2);
  if (!(spread > LEAST_SPREAD)) return null;
  return Math.log(Math.max(SMALLEST, (Math.sqrt(variance(pairs.map(([x, y]) => x - y))) / spread) * unit));
}

function variance(values: readonly number[]): number {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
}

function times(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((v, i) => v * (b[i] ?? Number.NaN));
}
