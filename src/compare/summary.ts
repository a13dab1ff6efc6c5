/** From weights to layers, roles and the whole. In: pairs. Out: norms, the coefficient, angles and ranks of each group. Pure. */
import type { FlooredNorm } from '../scan/change.js';
import type { Role } from '../types.js';
import { concentration, type Concentration } from './concentration.js';
import { coefficient, relate, type Estimate } from './inner.js';
import { together, type WeightPair } from './pair.js';
import type { Angles } from './subspaces.js';

/** Medians over the weights of a group, of one side of them. */
export interface AngleSummary {
  /** Weights whose angles are known. */
  readonly weights: number;
  readonly overlap: number;
  readonly randomOverlap: number;
  readonly smallestDegrees: number;
  readonly randomSmallestDegrees: number;
}

export interface Group {
  readonly weights: number;
  /** Null where the base is not known. */
  readonly a: FlooredNorm | null;
  readonly b: FlooredNorm | null;
  readonly change: FlooredNorm;
  /** <Δ_A, D>/|Δ_A|² over the group; null where Δ_A is 0 or not known. */
  readonly undone: Estimate | null;
  /** Medians of the effective ranks of what changed; null where none is known. */
  readonly rank: { readonly a: number | null; readonly b: number | null; readonly change: number | null };
  readonly outputs: AngleSummary | null;
  readonly inputs: AngleSummary | null;
}

export interface Summary {
  readonly total: Group;
  /** <Δ_A, Δ_B>/(|Δ_A||Δ_B|); null where one of them is 0 or not known. */
  readonly cosine: Estimate | null;
  /** What B changed beside taking A back; null as the coefficient. */
  readonly own: number | null;
  readonly concentration: Concentration | null;
  /** Ascending; weights outside the layers are in none. */
  readonly layers: readonly (Group & { readonly layer: number })[];
  /** In the order in which a model computes them. */
  readonly roles: readonly (Group & { readonly role: Role })[];
}

const ROLES: readonly Role[] = ['q', 'k', 'v', 'o', 'gate', 'up', 'down', 'embed', 'head', 'norm', 'bias', 'other'];

export function summarise(pairs: readonly WeightPair[]): Summary {
  const total = groupOf(pairs);
  const inner = pairs.map((pair) => pair.inner).filter((one) => one !== null);
  const relation = inner.length === pairs.length ? relate(inner) : null;
  const layers = [...new Set(pairs.map(({ layer }) => layer))].filter((layer) => layer !== null).sort((x, y) => x - y);
  return {
    total,
    cosine: relation?.cosine ?? null,
    own: relation?.own ?? null,
    concentration: concentration(pairs.map((pair) => pair.change.value)),
    layers: layers.map((layer) => ({ layer, ...groupOf(pairs.filter((pair) => pair.layer === layer)) })),
    roles: ROLES.flatMap((role) => {
      const own = pairs.filter((pair) => pair.role === role);
      return own.length === 0 ? [] : [{ role, ...groupOf(own) }];
    }),
  };
}

function groupOf(pairs: readonly WeightPair[]): Group {
  const inner = pairs.map((pair) => pair.inner).filter((one) => one !== null);
  const ranks = (of: (pair: WeightPair) => number | null): number | null => median(pairs.map(of).filter((rank) => rank !== null && rank > 0).map(Number));
  return {
    weights: pairs.length,
    a: allOf(pairs.map(({ a }) => a)), b: allOf(pairs.map(({ b }) => b)), change: together(pairs.map(({ change }) => change)),
    undone: inner.length === pairs.length ? coefficient(inner) : null,
    rank: { a: ranks(({ rank }) => rank.a), b: ranks(({ rank }) => rank.b), change: ranks(({ rank }) => rank.change) },
    outputs: anglesOf(pairs.map(({ outputs }) => outputs)), inputs: anglesOf(pairs.map(({ inputs }) => inputs)),
  };
}

/** Null where one of them is not known. */
function allOf(norms: readonly (FlooredNorm | null)[]): FlooredNorm | null {
  const known = norms.filter((norm) => norm !== null);
  return known.length === norms.length ? together(known) : null;
}

function anglesOf(angles: readonly (Angles | null)[]): AngleSummary | null {
  const known = angles.filter((one) => one !== null);
  const middle = (of: (one: Angles) => number): number => median(known.map(of)) ?? Number.NaN;
  return known.length === 0 ? null : {
    weights: known.length,
    overlap: middle(({ overlap }) => overlap), randomOverlap: middle(({ random }) => random.overlap),
    smallestDegrees: middle(({ degrees }) => degrees[0] ?? Number.NaN), randomSmallestDegrees: middle(({ random }) => random.smallestDegrees),
  };
}

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((x, y) => x - y);
  const half = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(half)] ?? 0) + (sorted[Math.ceil(half)] ?? 0)) / 2;
}
