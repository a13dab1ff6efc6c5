/** What a model inherits from ancestors that are known to be contaminated. Pure. In: a subject, its base, the registry's entries. Out: a warning for each. */
import type { Gap } from '../types.js';
import { relate, type RelateOptions } from './relate.js';
import type { OpenEntry } from './registry.js';
import type { Direction, Inherited, Interval, Relation, RelationKind } from './schema.js';
import { told } from './sentence.js';
import type { Subject } from './subject.js';

export interface Inheritance {
  readonly contamination: readonly Inherited[];
  /** Entries that could be held against the path. */
  readonly compared: number;
  /** Those that could not, and why. */
  readonly not: readonly Pick<Gap, 'name' | 'reason'>[];
}

/** Fine-tunes of one base share as much of their ΔW by like data alone; above it descent or a merge is as likely. */
export const LEAST_SHARE = 0.25;

/** The numbers of a copy are the ancestor's, or were made from them. */
const COPIES: readonly RelationKind[] = ['same-bytes', 'same-weights', 'another-dtype', 'quantised', 'pruned', 'layer-dropped', 'layers-repeated', 'disguised'];
const WHOLE: Interval = { value: 1, low: 1, high: 1 };

/** Holds a path against every entry of a registry. */
export async function inheritedFrom(path: Subject, entries: readonly OpenEntry[], options: RelateOptions): Promise<Inheritance> {
  const contamination: Inherited[] = [];
  const not: Inheritance['not'][number][] = [];
  const hashes = new Set(path.files.flatMap(({ sha256 }) => sha256 ?? []));
  const isHashed = path.files.some(({ sha256 }) => sha256 !== null);
  for (const { entry, subject } of entries) {
    if (entry.fingerprints.some((fingerprint) => hashes.has(fingerprint))) {
      contamination.push(warning(entry, { kind: 'same-bytes', direction: 'same', share: WHOLE }));
    } else if (subject !== null) {
      const relation = await relate(path, subject, options);
      // No weight of these shapes: it is none of its descendants, as far as weights tell.
      const isOther = relation.kind === 'not-comparable' && relation.compared.weights === 0 && subject.of === path.of;
      if (isOther) continue;
      if (relation.kind === 'not-comparable') not.push({ name: entry.name, reason: relation.undecided ?? 'it cannot be compared' });
      else if (inherits(relation)) contamination.push(warning(entry, { ...relation, share: relation.share ?? (relation.direction === 'same' ? WHOLE : null) }));
    } else if (!isHashed) {
      not.push({ name: entry.name, reason: 'the registry has only fingerprints of it, and the files of the path were not hashed' });
    }
  }
  return { contamination, compared: entries.length - not.length, not };
}

/** Whether a relation passes on what an ancestor carries. What comes before the ancestor does not carry it. */
function inherits({ kind, direction, share }: Relation): boolean {
  if (direction === 'ancestor' || kind === 'unrelated') return false;
  if (COPIES.includes(kind) || direction === 'descends') return true;
  return share === null ? kind !== 'siblings' : share.low > LEAST_SHARE;
}

function warning({ name, reason, date, source }: OpenEntry['entry'], { kind, direction, share }: { kind: RelationKind; direction: Direction; share: Interval | null }): Inherited {
  const decided: Direction = direction === 'siblings' ? 'undecided' : direction;
  const how = decided === 'same' ? `is ${name}` : decided === 'descends' ? `descends from ${name}` : kind === 'disguised' ? `is related to ${name}, in disguise` : `may descend from ${name}, or be merged with it`;
  const left = share === null ? '' : decided === 'same' ? '' : `; ${told(share)} of its ΔW is still there`;
  return { ancestor: name, reason, date, source, kind, direction: decided, share, sentence: `${how}, which is listed as contaminated (${reason}, ${date})${left}` };
}
