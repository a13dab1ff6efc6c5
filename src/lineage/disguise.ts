/** Descent that was hidden without changing what the model computes. Pure. In: agreements of invariants and the null. Out: what was done, with evidence. */
import { agreements, type Agreement, type Mode } from './invariants.js';
import { lowerP, type Null } from './null.js';
import type { WeightPair } from './pair.js';
import type { Disguise } from './schema.js';
import type { Subject } from './subject.js';

export interface Hidden {
  readonly disguises: readonly Disguise[];
  /** The least p over all sides, times their number: how likely so close an agreement is among independent models. */
  readonly p: number;
  /** Sides that agree, with how closely, for the evidence. */
  readonly evidence: readonly string[];
  /** Whether all that agrees does so to within rounding: nothing but the disguise was changed there. */
  readonly isExact: boolean;
}

/** An agreement counts where independent models have one so close with this probability, over all sides that are looked at. */
const LEVEL = 1e-4;
/** In order, norms agree where they deviate by no more than this share of their spread (ln). */
const CLOSE = Math.log(0.35);
/** Correlation from which on a weight is as good as the candidate's. */
const FAITHFUL = 0.97;
/** A weight that correlates less would, after an ordinary change, not agree so closely on the side of the residual stream (ln). */
const CLOSER = Math.log(0.15);
/** Undoing a step helped where the deviation fell to this part (ln). */
const HELPED = Math.log(0.4);
/** Agreement to within rounding (ln). */
const EXACT = Math.log(2e-3);

const MLP = ['gate', 'up', 'down'] as const;
const ATTENTION = ['q', 'k', 'v', 'o'] as const;
/** The side of each role that meets the residual stream. */
const STREAM: Readonly<Record<string, string>> = { q: 'q.columns', k: 'k.columns', v: 'v.columns', o: 'o.rows', gate: 'gate.columns', up: 'up.columns', down: 'down.rows' };

/** The sides that a change of the residual stream leaves alone. */
const INNER = ['q.rows', 'k.rows', 'v.rows', 'o.columns', 'gate.rows', 'up.rows', 'down.columns', 'embed.rows'] as const;
const LEAST_INNER = 3;

/** What agreements there are, and which of them independent models do not have. */
class Table {
  readonly entries: readonly (Agreement & { readonly p: number })[];

  constructor(found: readonly Agreement[], { agreement, freedom }: Null) {
    this.entries = found.flatMap((one) => {
      const spread = agreement[`${one.side} ${one.mode}`];
      return spread === undefined ? [] : [{ ...one, p: Math.min(1, lowerP(one.value, spread, freedom) * found.length) }];
    });
  }

  value(side: string, mode: Mode): number {
    return this.entries.find((one) => one.side === side && one.mode === mode)?.value ?? Infinity;
  }

  p(side: string, mode: Mode): number {
    return this.entries.find((one) => one.side === side && one.mode === mode)?.p ?? 1;
  }

  agrees(side: string, mode: Mode): boolean {
    const inOrder = mode === 'direct' || mode === 'folded' || mode === 'product';
    return this.p(side, mode) < LEVEL && (!inOrder || this.value(side, mode) < CLOSE);
  }
}

/**
 * Tests what survives each disguise: sorted norms of hidden units that were permuted, columns times the weights of the norm that was
 * folded into them, rows of up times columns of down that were scaled against each other, the residual side of heads that were turned.
 * @param pairs weight by weight: what is linked by sign probes was not disguised
 * @returns null where nothing agrees that independent models do not have in common
 */
export function hiddenDescent(path: Subject, candidate: Subject, pairs: readonly WeightPair[], against: Null): Hidden | null {
  const table = new Table(agreements(path, candidate), against);
  const agreeing = table.entries.filter(({ side, mode }) => table.agrees(side, mode));
  if (agreeing.length === 0) return null;
  const isLinked = linkedRoles(pairs);
  const disguises = [...folding(table), ...reordering(table, isLinked), ...units(table, isLinked), ...heads(table, isLinked)];
  const best = [...agreeing].sort((a, b) => a.value - b.value);
  return {
    disguises, p: Math.min(...agreeing.map(({ p }) => p)),
    evidence: best.slice(0, 4).map(({ side, mode, value }) => `${NAMES[mode](side)} agree to ${percent(value)} of their spread`),
    isExact: agreeing.every(({ value }) => value < EXACT) || best.filter(({ value }) => value < EXACT).length >= best.length / 2,
  };
}

const NAMES: Readonly<Record<Mode, (side: string) => string>> = {
  'direct': (side) => `the norms of ${side}`,
  'sorted': (side) => `the sorted norms of ${side}`,
  'folded': (side) => `the norms of ${side}, the weights of the norm before them multiplied in,`,
  'folded-sorted': (side) => `the sorted norms of ${side}, the weights of the norm before them multiplied in,`,
  'product': () => 'the products of row and column norms of up and down',
  'product-sorted': () => 'the sorted products of row and column norms of up and down',
};

function percent(value: number): string {
  return `${(100 * Math.exp(value)).toPrecision(2)} %`;
}

/** By role, whether most of its weights are the same or nearly so by sign probes: what was not turned, scaled or permuted. */
function linkedRoles(pairs: readonly WeightPair[]): (role: string) => boolean | null {
  return (role) => {
    const own = pairs.filter(({ a }) => a.layer !== null && a.role === role);
    return own.length === 0 ? null : own.filter(isFaithful).length > own.length / 2;
  };
}

/** Whether a weight is so nearly the candidate's that its units and heads stand as they stood: rows and columns that are scaled explain what is missing. */
function isFaithful({ a, b, correlation, state }: WeightPair): boolean {
  const [own, other] = [a.invariants.lines, b.invariants.lines];
  const scaled = own === undefined || other === undefined ? 1 : cosine(own.rows, other.rows) * cosine(own.columns, other.columns);
  return state !== 'changed' || correlation > FAITHFUL * scaled;
}

/** Whether a weight is the candidate's but for little: there is nothing to explain. */
export function isNear({ correlation, state }: Pick<WeightPair, 'correlation' | 'state'>): boolean {
  return state !== 'changed' || correlation > FAITHFUL;
}

/** ⟨a, b⟩ / (|a||b|); 1 of what is zero. */
function cosine(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((v, i) => {
    const w = b[i] ?? 0;
    ab += v * w;
    aa += v * v;
    bb += w * w;
  });
  return ab / Math.sqrt(aa * bb) || 1;
}

/** Whether a weight is recognised by its sign probes. */
export function isLinked({ correlation, standardError, state }: Pick<WeightPair, 'correlation' | 'standardError' | 'state'>): boolean {
  return state !== 'changed' || (correlation > 0.3 && correlation > 4 * standardError);
}

function folding(table: Table): Disguise[] {
  const sides = ['q.columns', 'k.columns', 'v.columns', 'gate.columns', 'up.columns'].flatMap((side) => (['folded', 'folded-sorted'] as const).map((mode) => ({ side, mode })));
  const helped = sides.filter(({ side, mode }) => table.agrees(side, mode) && table.value(side, mode) - table.value(side, mode === 'folded' ? 'direct' : 'sorted') < HELPED);
  const [first] = helped;
  if (first === undefined) return [];
  const { side, mode } = first;
  return [{ what: 'norms-folded', p: table.p(side, mode), evidence: `the norms of ${side} agree to ${percent(table.value(side, mode))} of their spread once the weights of the norm before them are multiplied in; as they are, to ${percent(table.value(side, mode === 'folded' ? 'direct' : 'sorted'))}` }];
}

/** Whether the residual side of a role agrees, as it is or with the norm multiplied in. */
function streamAgrees(table: Table, role: string): boolean {
  const side = STREAM[role] ?? '';
  return (['direct', 'folded'] as const).some((mode) => table.agrees(side, mode) && table.value(side, mode) < CLOSER);
}

function reordering(table: Table, isLinked: (role: string) => boolean | null): Disguise[] {
  const roles = [...ATTENTION, ...MLP].filter((role) => isLinked(role) !== null);
  if (roles.some((role) => isLinked(role) === true || streamAgrees(table, role))) return [];
  const sorted = roles.map((role) => STREAM[role] ?? '').flatMap((side) => (['sorted', 'folded-sorted'] as const).filter((mode) => table.agrees(side, mode)).map((mode) => ({ side, mode })));
  const [first] = sorted;
  if (first === undefined) return turnedChannels(table);
  const { side, mode } = first;
  const rows = table.agrees('embed.rows', 'direct') ? '; every token\'s embedding is as long as before' : '';
  return [{ what: 'channels-reordered', p: table.p(side, mode), evidence: `${NAMES[mode](side)} agree to ${percent(table.value(side, mode))}, and in order they do not${rows}` }];
}

/** Where no side of the residual stream agrees in any order, and the sides that face the heads and units do. */
function turnedChannels(table: Table): Disguise[] {
  const inner = INNER.filter((side) => table.agrees(side, 'direct') && table.value(side, 'direct') < CLOSER);
  const [side] = inner;
  if (side === undefined || inner.length < LEAST_INNER) return [];
  return [{ what: 'channels-reordered', p: table.p(side, 'direct'), evidence: `the norms of ${inner.join(', ')} agree in order (${side} to ${percent(table.value(side, 'direct'))} of their spread), while no side of the residual stream does: its channels stand in another order, or were turned` }];
}

function units(table: Table, isLinked: (role: string) => boolean | null): Disguise[] {
  const found: Disguise[] = [];
  const scaled = (['product', 'product-sorted'] as const).find((mode) => {
    const plain = mode === 'product' ? 'direct' : 'sorted';
    return table.agrees('up·down', mode) && table.value('up·down', mode) - Math.min(table.value('up.rows', plain), table.value('down.columns', plain)) < HELPED;
  });
  if (scaled !== undefined) {
    found.push({ what: 'units-scaled', p: table.p('up·down', scaled), evidence: `${NAMES[scaled]('')} agree to ${percent(table.value('up·down', scaled))} of their spread, those of each alone to ${percent(Math.min(table.value('up.rows', scaled === 'product' ? 'direct' : 'sorted'), table.value('down.columns', scaled === 'product' ? 'direct' : 'sorted')))}` });
  }
  const hidden = isLinked('gate') ?? isLinked('up');
  const inner = isLinked('gate') === null ? 'up.rows' : 'gate.rows';
  if (hidden !== false || table.agrees(inner, 'direct') || table.agrees('up·down', 'product')) return found;
  const sorted = [[inner, 'sorted'], ['down.columns', 'sorted'], ['up.rows', 'sorted'], ['up·down', 'product-sorted']] as const;
  const match = sorted.map(([side, mode]) => ({ side, mode })).find(({ side, mode }) => table.agrees(side, mode));
  const stream = [isLinked('gate') === null ? 'up' : 'gate', 'down'].find((role) => streamAgrees(table, role));
  if (match !== undefined) found.push({ what: 'units-permuted', p: table.p(match.side, match.mode), evidence: `${NAMES[match.mode](match.side)} agree to ${percent(table.value(match.side, match.mode))}, and in order they do not` });
  else if (stream !== undefined) {
    const mode = table.agrees(STREAM[stream] ?? '', 'direct') ? 'direct' : 'folded';
    found.push({ what: 'units-permuted', p: table.p(STREAM[stream] ?? '', mode), evidence: `${NAMES[mode](STREAM[stream] ?? '')} agree to ${percent(table.value(STREAM[stream] ?? '', mode))} of their spread, while no weight of it correlates: its hidden units stand in another order` });
  }
  return found;
}

function heads(table: Table, isLinked: (role: string) => boolean | null): Disguise[] {
  const turned = ATTENTION.filter((role) => isLinked(role) === false && streamAgrees(table, role));
  const [first] = turned;
  if (first === undefined) return [];
  const side = STREAM[first] ?? '';
  const mode = table.agrees(side, 'direct') ? 'direct' : 'folded';
  return [{ what: 'heads-rotated', p: table.p(side, mode), evidence: `${turned.join(', ')} do not correlate, and ${NAMES[mode](side)} agree to ${percent(table.value(side, mode))} of their spread: their heads were turned` }];
}
