/** Mixtures of several models. Pure. In: a path, candidates, perhaps their base. Out: the weights of a mixture with intervals, where one explains the path. */
import { changeAgainst, isZero, type Change } from './change.js';
import { leastSquares, type Equations, type Fit } from './regress.js';
import type { Interval, Merge } from './schema.js';
import { sphericalBetween } from './spherical.js';
import type { Subject } from './subject.js';

/** A mixture explains the path where no more than this of |ΔW|² is left, rounding taken off. */
const MOST_UNEXPLAINED = 0.1;
/** A parent with a smaller weight than this is none. */
const LEAST_WEIGHT = 0.03;
/** Two parents were interpolated along a sphere where that leaves so much less than a line does. */
const BETTER = 0.5;

/**
 * z − z_0 = Σ α_i (z_i − z_0), solved over all sign coordinates. With the base known, α are free and the base has the weight 1 − Σα.
 * Without it the first candidate takes its place: then the weights add up to 1.
 * @returns null where no mixture of at least two models explains the path
 */
export function mixtureOf(path: Subject, candidates: readonly Subject[], base: Subject | null): Merge | null {
  const all = candidates.filter(({ name }) => name !== base?.name);
  const [origin, ...parents] = base === null ? all : [base, ...all];
  if (origin === undefined || parents.length === 0) return null;
  const c = path.signs.columns;
  const own = changeAgainst(path, origin);
  if (own.isNone) return null;
  let changes = parents.map((parent) => changeAgainst(parent, origin)).filter(({ isNone }) => !isNone);
  for (;;) {
    const fit = leastSquares(equationsOf(own, changes), c);
    if (fit === null) return null;
    const kept = changes.filter((_, i) => isPart(fit.coefficients[i]));
    if (kept.length === changes.length) return judged(path, origin, base, { own, changes, fit }, parents);
    if (kept.length === 0) return null;
    changes = kept;
  }
}

function isPart(weight: Interval | undefined): boolean {
  return weight !== undefined && (weight.low > 0 || weight.high < 0) && Math.abs(weight.value) >= LEAST_WEIGHT;
}

function equationsOf(own: Change, changes: readonly Change[]): Equations[] {
  return [...own.weights].flatMap(([name, y]): Equations[] => {
    const x = changes.map(({ weights }) => weights.get(name));
    const found = x.filter((one) => one !== undefined);
    // A mixture of the files as they are mixes their rounding too: it is no noise.
    return found.length < x.length || [y, ...found].every(isZero) ? [] : [{ y: y.signs, x: found.map(({ signs }) => signs) }];
  });
}

interface Solved {
  readonly own: Change;
  readonly changes: readonly Change[];
  readonly fit: Fit;
}

function judged(path: Subject, origin: Subject, base: Subject | null, { own, changes, fit }: Solved, subjects: readonly Subject[]): Merge | null {
  const { coefficients, covariance, quantile, total, residual } = fit;
  const rounding = [...own.weights.values()].reduce((sum, { signs, floor }) => sum + signs.length * floor ** 2, 0);
  const unexplained = (left: number): number => Math.max(0, left - rounding) / Math.max(total - rounding, Number.MIN_VALUE);
  const sum = coefficients.reduce((all, { value }) => all + value, 0);
  const reach = quantile * Math.sqrt(Math.max(0, covariance.reduce((all, v) => all + v, 0)));
  const rest: Interval = { value: 1 - sum, low: 1 - sum - reach, high: 1 - sum + reach };
  const parents = changes.map(({ name }, i) => ({ candidate: name, weight: coefficients[i] ?? rest }));
  const other = subjects.find(({ name }) => name === changes[0]?.name);
  // A line through the origin alone is met by a sphere too: it is asked for only where two candidates are all there is.
  const arc = base === null && parents.length === 1 && other !== undefined ? sphericalBetween(path, origin, other, sum) : null;
  if (arc !== null && arc.residual < BETTER * residual && unexplained(arc.residual) <= MOST_UNEXPLAINED && isPart(arc.t)) {
    const { value, low, high } = arc.t;
    const first = { candidate: origin.name, weight: { value: 1 - value, low: 1 - high, high: 1 - low } };
    return { parents: [first, { candidate: other?.name ?? '', weight: arc.t }], base: null, method: 'spherical', unexplained: unexplained(arc.residual) };
  }
  const isRest = isPart(rest);
  if (unexplained(residual) > MOST_UNEXPLAINED || parents.length + (isRest ? 1 : 0) < 2) return null;
  if (base === null) return { parents: [{ candidate: origin.name, weight: rest }, ...parents], base: null, method: 'linear', unexplained: unexplained(residual) };
  return { parents, base: isRest ? { name: base.name, weight: rest } : null, method: 'linear', unexplained: unexplained(residual) };
}
