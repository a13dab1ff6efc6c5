/** The base that changes are measured against. In: a subject and a library, or what the user gives. Out: the base's subject, and how it was found. */
import { compareReadings } from '../reading/compare.js';
import type { KeptReading } from '../reading/reading-file.js';
import { resolveBase } from '../scan/base.js';
import { openBaseReading, type Library } from '../signature/library.js';
import { LEVEL } from './relate.js';
import { subjectOf, type Subject } from './subject.js';

export interface FoundBase {
  readonly subject: Subject | null;
  /** As the report says it. */
  readonly how: string;
}

/** |ΔW| / |W| beyond this is no descendant of a base by training. */
const MOST_CHANGE = 0.8;

/**
 * The base of the library that the weights are recognised as a descendant of, the nearest of several; of an adapter, which holds no
 * number of its base, the one that it claims.
 * @throws WeightseqError as `openBaseReading`
 */
export async function libraryBase(subject: Subject, claim: string | null, library: Library): Promise<FoundBase> {
  if (subject.of === 'delta') return claimedBase(claim, library);
  let nearest: { name: string; kept: KeptReading; relative: number } | null = null;
  for (const { name } of library.bases) {
    const kept = await openBaseReading(library, name);
    if (kept === null || kept.reading.signs.seed !== subject.signs.seed || kept.reading.signs.columns !== subject.signs.columns) continue;
    const { p, relative } = compareReadings({ weights: [...subject.weights.values()], signs: subject.signs }, kept.reading);
    if (p < LEVEL && relative.value < Math.min(MOST_CHANGE, nearest?.relative ?? Infinity)) nearest = { name, kept, relative: relative.value };
  }
  if (nearest === null) return { subject: null, how: library.bases.length === 0 ? 'no reading of a base is installed' : 'none of the bases that are installed: the weights are not like them' };
  return { subject: subjectOf(nearest.name, nearest.kept), how: `by the weights, from which it differs by ${nearest.relative.toPrecision(2)} of |W|` };
}

async function claimedBase(claim: string | null, library: Library): Promise<FoundBase> {
  const { base } = resolveBase(claim, undefined, library);
  const kept = base.name === null ? null : await openBaseReading(library, base.name);
  if (kept === null) return { subject: null, how: 'an adapter tells its base by a claim alone, and no reading of that is installed' };
  return { subject: subjectOf(base.name ?? '', kept), how: 'as the adapter claims; not verified' };
}
