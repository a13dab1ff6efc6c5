/** The lineage of one model. Pure apart from reading again. In: a path's subject, candidates, the base. Out: relations, closest first, and a mixture where one explains it. */
import { mixtureOf } from './merge.js';
import { relate, type RelateOptions } from './relate.js';
import { RELATIONS, type Merge, type Relation, type RelationKind } from './schema.js';
import { mergeSentence, sentenceOf, told } from './sentence.js';
import { layersOf, type Subject } from './subject.js';

export interface Found {
  readonly relations: readonly Relation[];
  readonly merge: Merge | null;
  /** The lineage in one sentence, without a full stop. */
  readonly sentence: string;
}

/** A path that is a copy of a candidate is no mixture of others. */
const COPIES: readonly RelationKind[] = ['same-bytes', 'same-weights', 'another-dtype', 'quantised', 'pruned', 'layer-dropped', 'layers-repeated'];
/** What may be part of a mixture: recognised weight by weight. */
const PARTS: readonly RelationKind[] = ['adapter', 'fine-tune', 'continued-pretraining', 'siblings', 'related'];

/** Every candidate's relation to the path, and what it may be mixed of. */
export async function lineageOf(path: Subject, candidates: readonly Subject[], options: RelateOptions): Promise<Found> {
  const relations: Relation[] = [];
  for (const candidate of candidates) relations.push(await relate(path, candidate, options));
  const merge = relations.some(({ kind, direction }) => COPIES.includes(kind) && direction !== 'ancestor') ? null : mixed(path, candidates, relations, options);
  const named = merge === null ? relations : relations.map((relation) => inMerge(relation, merge, options));
  const sorted = named.sort((a, b) => closeness(a) - closeness(b));
  return { relations: sorted, merge, sentence: summary(sorted, merge) };
}

function mixed(path: Subject, candidates: readonly Subject[], relations: readonly Relation[], { base }: RelateOptions): Merge | null {
  const parts = candidates.filter((candidate, i) => candidate.name !== base?.name && candidate.of === 'weights' && layersOf(candidate) === layersOf(path) && PARTS.includes(relations[i]?.kind ?? 'unrelated'));
  if (path.of !== 'weights' || parts.length < (base === null ? 2 : 1)) return null;
  const merge = mixtureOf(path, parts, base);
  // A parent with a negative weight means as well that the parent is mixed of the path and the others.
  return merge === null || merge.parents.some(({ weight }) => weight.low <= 0) || merge.parents.some(({ weight }) => weight.low > 1 && merge.parents.length === 1) ? null : merge;
}

function inMerge(relation: Relation, merge: Merge, { base }: RelateOptions): Relation {
  const parent = merge.parents.find(({ candidate }) => candidate === relation.candidate);
  if (parent === undefined) return relation;
  const evidence = [...relation.evidence, `its weight in the mixture is ${told(parent.weight)}, and ${(100 * merge.unexplained).toPrecision(2)} % of |ΔW|² is left`];
  const draft: Relation = { ...relation, kind: 'merge', direction: 'descends', undecided: null, evidence };
  return { ...draft, sentence: sentenceOf(draft, base?.name ?? null) };
}

/** Closest first; of one kind what the path descends from first, then what lies nearer. */
function closeness({ kind, direction, distance }: Relation): number {
  const place = RELATIONS.indexOf(kind) + (direction === 'descends' || direction === 'same' ? 0 : 0.4);
  return place + 0.3 * Math.min(1, Math.max(0, distance?.value ?? 1));
}

function summary(relations: readonly Relation[], merge: Merge | null): string {
  if (merge !== null) return mergeSentence(merge);
  const [first] = relations;
  if (first === undefined) return 'nothing was given to compare it with';
  if (relations.every(({ kind }) => kind === 'unrelated')) return relations.length === 1 ? first.sentence : `not related to any of the ${relations.length} candidates`;
  return first.sentence;
}
