/** What a karyogram shows, as numbers. In: one finding and its item. Out: layers × roles, and what is left over. */
import type { ReportFinding, ReportItem } from '../schema.js';

/** As the model computes them. */
const ROLES = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const;
export type GridRole = (typeof ROLES)[number];

/** With more layers than this only those are columns that something is known of. */
const MOST_COLUMNS = 400;
/** What the sum over layers may differ from the score by rounding alone. */
const ROUNDING = 1e-9;

/** scored: a number. unscored: read, but the signature does not look there. unread: no number came out. unchanged: nothing was read of such a weight. */
export type Cell =
  | { readonly state: 'scored'; readonly score: number }
  | { readonly state: 'unscored' | 'unread' | 'unchanged' };

export interface Row {
  readonly role: GridRole;
  /** The most experts that one cell sums; 0 without experts. */
  readonly experts: number;
  /** One for each column. */
  readonly cells: readonly Cell[];
}

export interface Grid {
  /** Index of the transformer block of each column. */
  readonly layers: readonly number[];
  readonly rows: readonly Row[];
  /** Sum over the scored weights of each column; null where there is none, or where one is no number. */
  readonly totals: readonly (number | null)[];
  /** Sum up to and with each column, from `start` on; null from the first total that is no number. */
  readonly running: readonly (number | null)[];
  /** What the weights outside the blocks contribute. */
  readonly start: number;
  readonly norms: NormGrid;
  /** Scored weights that have no cell, largest |score| first. */
  readonly outside: ReportFinding['weights'];
}

/** |ΔW| by layer and role. */
export interface NormGrid {
  /** `layer.role` of every weight that was read. */
  readonly places: ReadonlySet<string>;
  readonly layers: readonly number[];
  readonly rows: readonly { readonly role: GridRole; readonly norms: readonly (number | null)[] }[];
  /** Over the weights of each column that have a cell. */
  readonly byLayer: readonly (number | null)[];
}

interface Place {
  readonly layer: number;
  readonly role: GridRole;
}

/** Layer and role of a canonical name `layer.role[.expert]`; null for any other. */
export function placeOf(name: string): Place | null {
  const [, layer, role] = /^(0|[1-9]\d{0,5})\.([a-z]+)(?:\.(?:0|[1-9]\d{0,5}))?$/u.exec(name) ?? [];
  const known = ROLES.find((candidate) => candidate === role);
  return layer === undefined || known === undefined ? null : { layer: Number(layer), role: known };
}

/** The grid of one finding. */
export function gridOf(finding: ReportFinding, item: Pick<ReportItem, 'weights' | 'base'>): Grid {
  const norms = normGridOf(item, finding.weights, finding.layers.map(({ layer }) => layer));
  const scores = new Map<string, { sum: number; experts: number }>();
  for (const { name, score } of finding.weights) {
    const place = placeOf(name);
    if (place === null) continue;
    const key = `${place.layer}.${place.role}`;
    const before = scores.get(key) ?? { sum: 0, experts: 0 };
    scores.set(key, { sum: before.sum + (score ?? Number.NaN), experts: before.experts + (name === key ? 0 : 1) });
  }
  const rows = norms.rows.map(({ role }): Row => {
    const entries = norms.layers.map((layer) => scores.get(`${layer}.${role}`));
    return {
      role,
      experts: entries.reduce((most, entry) => Math.max(most, entry?.experts ?? 0), 0),
      cells: entries.map((entry, i): Cell => {
        if (entry !== undefined) return Number.isFinite(entry.sum) ? { state: 'scored', score: entry.sum } : { state: 'unread' };
        return { state: item.weights === undefined || norms.places.has(`${norms.layers[i] ?? ''}.${role}`) ? 'unscored' : 'unchanged' };
      }),
    };
  });
  const totals = new Map(finding.layers.map(({ layer, score }) => [layer, score]));
  const blocks = finding.layers.reduce((sum, { score }) => sum + (score ?? Number.NaN), 0);
  const rest = (finding.score ?? Number.NaN) - blocks;
  const start = Number.isFinite(rest) && Math.abs(rest) > ROUNDING ? rest : 0;
  return {
    layers: norms.layers, rows, totals: norms.layers.map((layer) => totals.get(layer) ?? null), start, norms,
    running: runningSum(start, norms.layers, finding.layers),
    outside: finding.weights.filter(({ name }) => placeOf(name) === null),
  };
}

function runningSum(start: number, columns: readonly number[], layers: ReportFinding['layers']): (number | null)[] {
  const scores = new Map(layers.map(({ layer, score }) => [layer, score ?? Number.NaN]));
  let sum = start;
  return columns.map((layer) => {
    sum += scores.get(layer) ?? 0;
    return Number.isFinite(sum) ? sum : null;
  });
}

/** |ΔW| of every compared weight that has a cell; `scored` and `more` name what has a cell besides. */
export function normGridOf({ weights = [], base }: Pick<ReportItem, 'weights' | 'base'>, scored: ReportFinding['weights'] = [], more: readonly number[] = []): NormGrid {
  const squares = new Map<string, number>();
  const places: Place[] = [];
  const known = [...weights.map(({ name, norm }) => ({ name, norm: norm.value })), ...scored.map(({ name, deltaNorm }) => ({ name, norm: deltaNorm }))];
  const seen = new Set<string>();
  for (const { name, norm } of known) {
    const place = placeOf(name);
    if (place === null || seen.has(name)) continue;
    seen.add(name);
    places.push(place);
    const key = `${place.layer}.${place.role}`;
    squares.set(key, (squares.get(key) ?? 0) + (norm ?? Number.NaN) ** 2);
  }
  const layers = columnsOf(base.layers, [...places.map(({ layer }) => layer), ...more]);
  const roles = ROLES.filter((role) => places.some((place) => place.role === role));
  const square = (layer: number, role: GridRole): number | undefined => squares.get(`${layer}.${role}`);
  return {
    places: new Set(squares.keys()),
    layers,
    rows: roles.map((role) => ({ role, norms: layers.map((layer) => root(square(layer, role))) })),
    byLayer: layers.map((layer) => {
      const there = roles.map((role) => square(layer, role)).filter((value) => value !== undefined);
      return there.length === 0 ? null : root(there.reduce((sum, value) => sum + value, 0));
    }),
  };
}

function root(square: number | undefined): number | null {
  return square !== undefined && Number.isFinite(square) ? Math.sqrt(square) : null;
}

/** All layers of the base; those that occur, where the base is not known or says more than can be drawn. */
function columnsOf(count: number | null, occurring: readonly number[]): number[] {
  const least = occurring.reduce((most, layer) => Math.max(most, layer + 1), 0);
  const all = Math.max(count ?? 0, least);
  if (all <= MOST_COLUMNS) return Array.from({ length: all }, (_, layer) => layer);
  return [...new Set(occurring)].sort((a, b) => a - b);
}
