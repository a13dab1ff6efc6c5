/** The base that changes are measured against. In: a subject and a library, or what the user gives. Out: the base's subject, and how it was found. */
import { resolveBase } from '../scan/base.js';
import { findBase } from '../scan/find-base.js';
import { openBaseReading, type Library } from '../signature/library.js';
import { subjectOf, type Subject } from './subject.js';

export interface FoundBase {
  readonly subject: Subject | null;
  /** As the report says it. */
  readonly how: string;
}

/**
 * The base of the library that the weights are recognised as a descendant of; of an adapter, which holds no
 * number of its base, the one that it claims.
 * @throws WeightseqError as `findBase`
 */
export async function libraryBase(subject: Subject, claim: string | null, library: Library): Promise<FoundBase> {
  if (subject.of === 'delta') return claimedBase(claim, library);
  const { verdict, evidence } = await findBase({ weights: [...subject.weights.values()], signs: subject.signs }, library);
  const [best] = evidence;
  if (verdict === 'several') return { subject: null, how: `several fit alike: ${evidence.filter(({ fits }) => fits).map(({ name }) => name).join(', ')}` };
  if (verdict !== 'found' || best === undefined) return { subject: null, how: verdict === 'unknown' ? 'the weights are those of no base that is installed' : 'no installed base has enough weights of these shapes to tell' };
  const kept = await openBaseReading(library, best.name);
  if (kept === null) return { subject: null, how: `${best.name} by the weights, but no reading of it is installed: weightseq base add` };
  return { subject: subjectOf(best.name, kept), how: `by the weights: they correlate at ${best.correlation.toFixed(3)} with it, and differ by ${best.distance.value.toPrecision(2)} of |W|` };
}

async function claimedBase(claim: string | null, library: Library): Promise<FoundBase> {
  const { base } = resolveBase(claim, undefined, library);
  const kept = base.name === null ? null : await openBaseReading(library, base.name);
  if (kept === null) return { subject: null, how: 'an adapter tells its base by a claim alone, and no reading of that is installed' };
  return { subject: subjectOf(base.name ?? '', kept), how: 'as the adapter claims; not verified' };
}
