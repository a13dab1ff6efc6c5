/** A relation in one sentence that a person understands. Pure. In: a relation without it. Out: text. */
import type { Disguise, Interval, Merge, Relation } from './schema.js';

type Draft = Omit<Relation, 'sentence'>;

const DISGUISE: Readonly<Record<Disguise['what'], string>> = {
  'units-permuted': 'hidden units in another order', 'units-scaled': 'up and down scaled against each other', 'norms-folded': 'norm weights folded into the matrices after them',
  'heads-rotated': 'attention heads rotated', 'channels-reordered': 'channels of the residual stream in another order',
};

/** What was found, as a sentence about the path, without a full stop. */
export function sentenceOf(draft: Draft, base: string | null): string {
  const { candidate, direction, undecided } = draft;
  const isOld = direction === 'ancestor';
  switch (draft.kind) {
    case 'same-bytes': return `the same files as ${candidate}`;
    case 'same-weights': return `the same numbers as ${candidate}, in other files`;
    case 'another-dtype': return isOld ? `${candidate} is a copy of it in a narrower type` : `${candidate} in ${direction === 'undecided' ? 'another' : 'a narrower'} type`;
    case 'quantised': return isOld ? `${candidate} is a quantised copy of it` : direction === 'descends' ? `${candidate}, quantised` : `one of the two is a quantised copy of the other: ${candidate}`;
    case 'pruned': return isOld ? `${candidate} is a pruned copy of it` : `${candidate}, pruned`;
    case 'layer-dropped': return isOld ? `${candidate} is made of some of its layers` : `${candidate} without some of its layers`;
    case 'layers-repeated': return isOld ? `${candidate} repeats its layers` : `${candidate} with layers that stand there more than once`;
    case 'adapter': return trained(draft, 'a low-rank fine-tune (an adapter, merged)', undecided);
    case 'fine-tune': return trained(draft, 'a fine-tune', undecided);
    case 'continued-pretraining': return trained(draft, 'a continuation of the training', undecided);
    case 'merge': return `a merge with ${candidate} in it`;
    case 'siblings': return `a sibling of ${candidate}: both are fine-tunes of ${base ?? 'one base'}`;
    case 'disguised': return `related to ${candidate}, disguised: ${draft.disguises.map(({ what }) => DISGUISE[what]).join('; ')}`;
    case 'related': return `related to ${candidate}; how is undecided`;
    case 'unrelated': return `not related to ${candidate}`;
    case 'not-comparable': return `cannot be compared with ${candidate}`;
  }
}

function trained({ candidate, direction }: Draft, what: string, undecided: string | null): string {
  if (direction === 'descends') return `${what} of ${candidate}`;
  if (direction === 'ancestor') return `${candidate} is ${what} of it`;
  if (direction === 'same') return `the same change as ${candidate}`;
  return `${what} lies between it and ${candidate}; which way is undecided${undecided === null ? '' : ''}`;
}

/** A mixture in one sentence. */
export function mergeSentence({ parents, base, method }: Merge): string {
  const part = (name: string, weight: Interval): string => `${weight.value.toFixed(2)} ${name}`;
  const all = [...parents.map(({ candidate, weight }) => part(candidate, weight)), ...(base === null ? [] : [part(base.name ?? 'the base', base.weight)])];
  return `a merge${method === 'spherical' ? ' along a sphere (slerp)' : ''}: ${all.join(' + ')}`;
}

/** `0.78 (0.75 to 0.81)` */
export function told({ value, low, high }: Interval): string {
  return `${value.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}
