/** One candidate. Pure. In: a path, a candidate, perhaps the base of both. Out: how they are related, with the evidence. */
import { WeightseqError } from '../errors.js';
import { changeAgainst, overlap, type Overlap } from './change.js';
import { differenceOf } from './difference.js';
import { directionOf } from './direction.js';
import { hiddenDescent, isLinked, isNear, type Hidden } from './disguise.js';
import { isInOrder, layerMap, renamed } from './layers.js';
import { shippedNull, upperP, type Null } from './null.js';
import { pairUp, type Pairing } from './pair.js';
import type { Direction, Relation, RelationKind } from './schema.js';
import { sentenceOf } from './sentence.js';
import { layersOf, shardHashes, type Subject } from './subject.js';

export interface RelateOptions {
  /** The base of both, against which changes are measured; null where it is not known. */
  readonly base: Subject | null;
  readonly against?: Null | undefined;
  /**
   * The path read once more with the sign probes of other layers: `map` has for each of its layers the layer of the candidate. Given
   * where the weights are at hand.
   */
  readonly reread?: ((map: readonly number[]) => Promise<Subject>) | undefined;
}

/** What a relation is before it is put into words. */
type Draft = Omit<Relation, 'sentence'>;

/** Independent models agree so well with this probability at most. */
export const LEVEL = 1e-4;
/** A weight that is not recognised beside others that are, in so many of them, is looked at for a disguise. */
const SOME = 0.1;

/** How a path is related to a candidate. */
export async function relate(path: Subject, candidate: Subject, options: RelateOptions): Promise<Relation> {
  const draft = await draftOf(path, candidate, options);
  return { ...draft, sentence: sentenceOf(draft, options.base?.name ?? null) };
}

async function draftOf(path: Subject, candidate: Subject, options: RelateOptions): Promise<Draft> {
  const empty = emptyDraft(path, candidate);
  const { signs } = path;
  if (signs.seed !== candidate.signs.seed || signs.columns !== candidate.signs.columns) return { ...empty, undecided: 'the two were read with other sign probes' };
  const [own, other] = [shardHashes(path), shardHashes(candidate)];
  const isSame = own !== null && other !== null && own.join() === other.join();
  if (path.of !== candidate.of || path.of === 'delta') return ofChanges(path, candidate, options, isSame);
  const pairing = pairUp(path, candidate);
  const draft = { ...empty, ...measured(path, pairing) };
  if (isSame) return { ...draft, kind: 'same-bytes', direction: 'same', p: 0, evidence: ['the files of weights have the same sha256'] };
  if (layersOf(path) !== layersOf(candidate)) return ofOtherDepth(path, candidate, draft, options);
  if (pairing.weights.length === 0) return { ...draft, undecided: 'no weight of the path has a counterpart of its shape' };
  return judged(path, candidate, pairing, draft, options);
}

function emptyDraft(path: Subject, candidate: Subject): Draft {
  return {
    candidate: candidate.name, kind: 'not-comparable', direction: 'undecided', evidence: [], undecided: null, correlation: null, p: null,
    compared: { weights: 0, total: path.weights.size, vectors: 0, not: [] }, distance: null, share: null, reverse: null, rank: null, removed: null, disguises: [], layers: [],
  };
}

function measured(path: Subject, { weights, vectors, not, comparison }: Pairing, map?: readonly number[]): Pick<Draft, 'correlation' | 'compared' | 'distance' | 'layers'> {
  const { correlation, relative } = comparison;
  return {
    correlation: Number.isFinite(correlation) ? correlation : null,
    compared: { weights: weights.length, total: path.weights.size, vectors: vectors.length, not: not.map(({ name, reason }) => ({ name, reason })) },
    distance: Number.isFinite(relative.value) ? { ...relative } : null,
    layers: layersIn(weights, map),
  };
}

function layersIn(weights: Pairing['weights'], map?: readonly number[]): Draft['layers'] {
  const layers = [...new Set(weights.map(({ a }) => a.layer))].sort((x, y) => (x ?? Infinity) - (y ?? Infinity));
  return layers.map((layer) => {
    const own = weights.filter(({ a }) => a.layer === layer);
    const mean = own.reduce((sum, { correlation }) => sum + correlation, 0) / own.length;
    const apart = Math.sqrt(own.reduce((sum, { distance }) => sum + distance.value ** 2, 0) / own.reduce((sum, { b }) => sum + b.norm ** 2, 0));
    const at = layer !== null && map !== undefined ? map.findIndex((of) => of === layer) : layer;
    return { layer: at, of: layer, similarity: Number.isFinite(mean) ? mean : null, distance: Number.isFinite(apart) ? apart : null };
  });
}

/** How likely so high a correlation is among models of the same configuration from other seeds; the greater of two bounds. */
function chance({ comparison: { correlation, counted, weights, p } }: Pairing, against: Null): number {
  if (counted === 0) return 1;
  const dof = weights.filter(({ counts }) => counts).reduce((sum, one) => sum + one.dof, 0);
  return Math.max(p, upperP(correlation * Math.sqrt(dof), against.correlation, against.freedom));
}

function judged(path: Subject, candidate: Subject, pairing: Pairing, draft: Draft, options: RelateOptions): Draft {
  const against = options.against ?? shippedNull();
  const p = chance(pairing, against);
  const counting = pairing.weights.filter(({ counts, state }) => counts || state !== 'changed').filter(({ a }) => a.layer !== null);
  const lost = counting.filter((pair) => !isLinked(pair));
  const isKnown = p < LEVEL || counting.some(({ state }) => state !== 'changed');
  const difference = isKnown && lost.length === 0 ? differenceOf(pairing) : null;
  // What is on a grid, or pruned, explains itself.
  const isPlain = difference !== null && (EXPLAINED.includes(difference.kind) || counting.every(isNear)) && !hasFoldedNorms(pairing);
  const hidden = isPlain ? null : hiddenDescent(path, candidate, pairing.weights, against);
  if (hidden !== null && hidden.disguises.length > 0) return disguised(draft, hidden, p);
  if (!isKnown) return unrelated(pairing, draft, p, hidden);
  const { kind, direction, evidence, rank, removed } = difference ?? differenceOf(pairing);
  const found = { ...draft, p, rank, removed, evidence: [`the weights of the blocks correlate at ${pairing.comparison.correlation.toFixed(3)}`, ...evidence] };
  if (lost.length > SOME * counting.length) {
    return { ...found, kind: 'related', undecided: `${lost.length} of ${counting.length} weights of the blocks are not recognised, such as ${lost.slice(0, 3).map(({ a }) => a.name).join(', ')}` };
  }
  return withDirection(path, candidate, { ...found, kind, direction }, options);
}

/** Norms that all became one: what folding leaves behind. */
function hasFoldedNorms({ vectors }: Pairing): boolean {
  const isConstant = (values: Float64Array): boolean => values.every((v) => v === values[0]);
  return vectors.some(({ a, b }) => a.role === 'norm' && a.layer !== null && isConstant(a.values) !== isConstant(b.values));
}

function disguised(draft: Draft, hidden: Hidden, p: number): Draft {
  const { disguises, evidence, isExact } = hidden;
  return {
    ...draft, kind: 'disguised', direction: 'undecided', p: Math.min(p, hidden.p), disguises: [...disguises],
    evidence: [...evidence, isExact ? 'what survives is the same to within rounding' : 'what survives was changed besides, as by training'],
    undecided: 'a disguise can be put on and taken off: which of the two was first does not show',
  };
}

function unrelated({ comparison, weights }: Pairing, draft: Draft, p: number, hidden: Hidden | null): Draft {
  if (hidden !== null) {
    return { ...draft, kind: 'related', p: Math.min(p, hidden.p), evidence: [...hidden.evidence], undecided: 'they have in common what independent models do not, and nothing that is tested for explains how' };
  }
  const embedding = weights.filter(({ a, state }) => a.layer === null && state !== 'changed').map(({ a }) => a.name);
  if (embedding.length > 0) return { ...draft, kind: 'related', p, evidence: [`${embedding.join(', ')} are the same`], undecided: 'the weights of the blocks have nothing in common' };
  const none = comparison.counted === 0 ? 'no weight of a block could be compared' : `the weights of the blocks correlate at ${comparison.correlation.toFixed(3)}, as those of independent models do`;
  return { ...draft, kind: comparison.counted === 0 ? 'not-comparable' : 'unrelated', direction: comparison.counted === 0 ? 'undecided' : 'none', p, evidence: [none] };
}

/** Kinds of change that need no disguise to explain them. */
const EXPLAINED: readonly RelationKind[] = ['same-weights', 'another-dtype', 'quantised', 'pruned'];
/** Kinds of change that go in a direction which only a third model shows. */
const TRAINED: readonly RelationKind[] = ['adapter', 'fine-tune', 'continued-pretraining'];

/** The direction, where it takes the base to tell; and how much of the candidate's change is still there. */
function withDirection(path: Subject, candidate: Subject, draft: Draft, { base }: RelateOptions): Draft {
  const needsBase = TRAINED.includes(draft.kind);
  if (base === null) return needsBase ? { ...draft, undecided: 'their base is not known: each may have been made of the other, or both of a third' } : draft;
  const [own, other] = [changeAgainst(path, base), changeAgainst(candidate, base)];
  if (other.isNone) return needsBase ? { ...draft, direction: 'descends', evidence: [...draft.evidence, `the candidate is ${base.name}, the base`] } : draft;
  if (own.isNone) return needsBase ? { ...draft, direction: 'ancestor', evidence: [...draft.evidence, `the path is ${base.name}, the base`] } : draft;
  const both = overlap(other, own, path.signs.columns);
  const shares = both === null ? {} : { share: both.share, reverse: both.reverse };
  if (!needsBase || both === null) return { ...draft, ...shares };
  return { ...draft, ...shares, ...placed(draft.kind, both, draft.evidence) };
}

function placed(kind: RelationKind, both: Overlap, evidence: readonly string[]): Pick<Draft, 'kind' | 'direction' | 'evidence' | 'undecided'> {
  const { direction, because } = directionOf(both);
  if (direction === 'siblings') return { kind: 'siblings', direction, evidence: [...evidence, because], undecided: null };
  return { kind, direction, evidence: direction === 'undecided' ? [...evidence] : [...evidence, because], undecided: direction === 'undecided' ? because : null };
}

/** Where one or both are adapters: their changes are compared. */
function ofChanges(path: Subject, candidate: Subject, { base }: RelateOptions, isSame: boolean): Draft {
  const empty = emptyDraft(path, candidate);
  const names = [...path.weights.keys()].filter((name) => candidate.weights.has(name));
  const draft = { ...empty, compared: { ...empty.compared, weights: names.length } };
  if (isSame) return { ...draft, kind: 'same-bytes', direction: 'same', p: 0, evidence: ['the files of weights have the same sha256'] };
  const reference = base ?? (path.of === candidate.of ? path : null);
  if (reference === null) return { ...draft, undecided: 'one is an adapter and the other a whole model: their changes compare where the base is known' };
  if (base !== null && candidate.name === base.name) return { ...draft, undecided: 'an adapter holds no number of its base: that it belongs to this one is what it claims' };
  const [own, other] = [changeAgainst(path, reference), changeAgainst(candidate, reference)];
  const both = overlap(other, own, path.signs.columns);
  if (both === null) return { ...draft, undecided: 'one of the two changes nothing, or they change no weight in common' };
  const shares = { share: both.share, reverse: both.reverse };
  if (both.cosine > 0.999 && Math.abs(both.share.value - 1) < 0.01) {
    const merged = path.of === 'weights' ? 'descends' : candidate.of === 'weights' ? 'ancestor' : 'same';
    return { ...draft, ...shares, kind: path.of === candidate.of ? 'same-weights' : 'adapter', direction: merged, p: 0, evidence: [`the two changes correlate at ${both.cosine.toFixed(4)} and are of the same size`] };
  }
  return { ...draft, ...shares, ...placed('fine-tune', both, [`the two changes correlate at ${both.cosine.toFixed(3)}`]) };
}

/** Other numbers of layers: layers that were left out, or stand there twice. */
async function ofOtherDepth(path: Subject, candidate: Subject, draft: Draft, options: RelateOptions): Promise<Draft> {
  const [shorter, longer, isPath] = layersOf(path) <= layersOf(candidate) ? [path, candidate, true] : [candidate, path, false];
  const map = layerMap(shorter, longer);
  const repeated = map === null || !isInOrder(map) ? layerMap(longer, shorter) : null;
  const found = map !== null && isInOrder(map) && (repeated === null) ? map : repeated;
  const depth = `${layersOf(path)} layers, the candidate has ${layersOf(candidate)}`;
  if (found === null) return { ...draft, kind: 'unrelated', direction: 'none', p: null, layers: [], evidence: [depth, 'no layer of the one is found again in the other by the norms of its rows and columns'] };
  const evidence = [depth, `every layer is found again by the norms of its rows and columns, which deviate by ${(100 * found.deviation).toPrecision(2)} % of their spread`];
  const isDropped = found === map;
  const direction: Direction = isDropped === isPath ? 'descends' : 'ancestor';
  const of = isDropped ? shorter : longer;
  const layers = found.of.map((layer, i) => (of === path ? { layer: i, of: layer } : { layer, of: i })).map((pair) => ({ ...pair, similarity: null, distance: null }));
  const kind = isDropped ? 'layer-dropped' : 'layers-repeated';
  const result = { ...draft, kind, direction, p: found.p, evidence, layers, correlation: null, distance: null } as const;
  if (options.reread === undefined || of !== path) return result;
  const aligned = renamed(await options.reread(found.of), found.of);
  const pairing = pairUp(aligned, candidate);
  const numbers = measured(path, pairing, found.of);
  return { ...result, ...numbers, compared: { ...numbers.compared, not: [] }, evidence: [...evidence, `read again with the probes of those layers, the weights correlate at ${pairing.comparison.correlation.toFixed(3)}`] };
}

/** Both readings must have been taken with the same sign probes. */
export function checkSigns(path: Subject, candidates: readonly Subject[]): void {
  const other = candidates.find(({ signs }) => signs.seed !== path.signs.seed || signs.columns !== path.signs.columns);
  if (other !== undefined) throw new WeightseqError('reading-invalid', 'taken with other sign probes', { file: other.name });
}
