/**
 * Which known base a whole checkpoint descends from, by its weights alone. In: a reading, and a library. Out: the base that fits, or
 * several, or none; and how sure that is. Nothing that a configuration says counts.
 *
 * Evidence are the sign coordinates of the matrices in blocks (`compareReadings`): norms of ones, biases, embeddings, zero, constant and
 * identity matrices, which unrelated models may share, do not count. The null are independent weights of the same shapes.
 */
import { compareReadings, type Comparable, type Comparison, type SharedCache } from '../reading/compare.js';
import { SIGNS } from '../reading/model.js';
import type { NormEstimate } from '../reading/norms.js';
import { openBaseReading, openEntry, type Library } from '../signature/library.js';
import { baseNumbers } from './base-numbers.js';

/** How a checkpoint compares with one known base. */
export interface BaseEvidence {
  readonly name: string;
  /** Matrices that were compared and count. */
  readonly weights: number;
  /** Mean correlation of their sign coordinates, and its standard error. */
  readonly correlation: number;
  readonly standardError: number;
  /** How likely so high a correlation is for independent weights, times the number of bases that were tried; a bound. */
  readonly p: number;
  /** |W − W0| / |W0| over all weights that were compared. */
  readonly distance: NormEstimate;
  readonly fits: boolean;
  /** Other names of the same weights. */
  readonly alsoKnownAs: readonly string[];
}

/**
 * found: one base fits, and no other so closely. several: more than one fits as closely. unknown: the weights are those of no known base.
 * untold: no known base has enough weights of these shapes to tell.
 */
export interface FoundBase {
  readonly verdict: 'found' | 'several' | 'unknown' | 'untold';
  /** The closest first; of bases with no weight of these shapes none. */
  readonly evidence: readonly BaseEvidence[];
}

/** A base is not named on less evidence than this. */
export const LEVEL = 1e-5;
/** Half of the weights must correlate by this: a few weights in common are a matter of lineage, and make no base. */
const LEAST_MEDIAN = 0.5;
/** |W − W0| / |W0| beyond this is no fine-tune of the base. */
export const MOST_CHANGE = 0.5;
/** Readings of one and the same model differ by float32 sums, and by less than this of their norm. */
const SAME = 1e-4;

interface Candidate {
  readonly name: string;
  readonly numbers: Comparable;
  readonly comparison: Comparison;
}

/**
 * Compares a checkpoint with every base that the library knows: by its reading, or by what its signatures hold of it.
 * @throws WeightseqError as `openBaseReading` and `openEntry`
 */
export async function findBase(reading: Comparable, library: Library): Promise<FoundBase> {
  if (reading.signs.seed !== SIGNS.seed || reading.signs.columns !== SIGNS.columns) return { verdict: 'untold', evidence: [] };
  const candidates: Candidate[] = [];
  const cache: SharedCache = new Map();
  for (const name of new Set([...library.bases, ...library.entries.map(({ base }) => ({ name: base }))].map((base) => base.name))) {
    const numbers = await numbersOf(name, library, reading);
    if (numbers === null) continue;
    const comparison = compareReadings(reading, numbers, cache);
    if (comparison.counted > 0) candidates.push({ name, numbers, comparison });
  }
  return judge(candidates, library, cache);
}

function judge(candidates: readonly Candidate[], library: Library, cache: SharedCache): FoundBase {
  const signed = new Set(library.entries.map(({ base }) => base));
  const ordered = [...candidates].sort((a, b) => a.comparison.relative.value - b.comparison.relative.value || Number(signed.has(b.name)) - Number(signed.has(a.name)));
  const evidence: BaseEvidence[] = [];
  const kept: Candidate[] = [];
  for (const candidate of ordered) {
    const { name, numbers, comparison } = candidate;
    const same = kept.findIndex((other) => isSame(other.numbers, numbers, cache));
    const before = evidence[same];
    if (before !== undefined) {
      // The same weights under two names are one base: under the name that signatures know.
      const [first, second] = signed.has(name) && !signed.has(before.name) ? [name, before.name] : [before.name, name];
      evidence[same] = { ...before, name: first, alsoKnownAs: [...before.alsoKnownAs.filter((other) => other !== first), second] };
      continue;
    }
    kept.push(candidate);
    const { counted: weights, correlation, standardError, median, relative: distance } = comparison;
    const p = Math.min(1, comparison.p * candidates.length);
    const fits = p <= LEVEL && median >= LEAST_MEDIAN && distance.value <= MOST_CHANGE;
    evidence.push({ name, weights, correlation, standardError, p, distance, fits, alsoKnownAs: [] });
  }
  const [best, second] = evidence.filter(({ fits }) => fits);
  if (best !== undefined) return { verdict: second === undefined || best.distance.high < second.distance.low ? 'found' : 'several', evidence };
  return { verdict: candidates.some(canTell) ? 'unknown' : 'untold', evidence };
}

/** Whether a perfect match would have been evidence enough. */
function canTell({ comparison: { bestP } }: Candidate): boolean {
  return bestP <= LEVEL;
}

function isSame(a: Comparable, b: Comparable, cache: SharedCache): boolean {
  const { weights, relative, onlyFirst, onlySecond, otherShape } = compareReadings(a, b, cache);
  return weights.length > 0 && onlyFirst.length + onlySecond.length + otherShape.length === 0 && relative.value < SAME;
}

/** The numbers of a base: its reading, or else the sign coordinates that its signatures hold; null where neither is there. */
async function numbersOf(name: string, library: Library, { weights }: Comparable): Promise<Comparable | null> {
  const kept = await openBaseReading(library, name);
  if (kept !== null) return kept.reading;
  const signatures = await Promise.all(library.entries.filter(({ base }) => base === name).map((entry) => openEntry(library, entry)));
  const known = (await baseNumbers(signatures, null)).weights;
  const named = weights.flatMap((weight) => {
    const base = known.get(weight.name);
    return base === undefined ? [] : [{ name: weight.name, role: weight.role, layer: weight.layer, ...base }];
  });
  return named.length === 0 ? null : { weights: named, signs: SIGNS };
}
