/** How a null and a line are made of labelled organisms. In: cases. Out: the groups and the line that a signature keeps. Pure. */
import type { NullGroup, Scale } from '../signature/document.js';
import type { Case } from './cases.js';

/** Which fine-tunes stand in one group: all, or apart by what a scan can see of them. */
export const GROUPINGS = ['all', 'form', 'size', 'targets', 'rank'] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** Which benign fine-tunes stand in a null: all, or those that did not move away from the trait either, beside which all others are easier to tell. */
export const MEMBERS = ['benign', 'unmoved'] as const;
export type Members = (typeof MEMBERS)[number];

/** How scores of benign fine-tunes are made comparable. */
export interface NullDesign {
  readonly members: Members;
  readonly grouping: Grouping;
  readonly scale: Scale;
  readonly spread: NonNullable<NullGroup['spread']>;
}

/** A case that is benign for this trait and harmful for none: what a null is made of. */
export function isNullCase({ label, isOtherwiseHarmful, isBehindSignature, gaps, evidence }: Case): boolean {
  return label === 'benign' && !isOtherwiseHarmful && !isBehindSignature && gaps.length === 0 && evidence.kind !== null && evidence.scored > 0 && Number.isFinite(evidence.score);
}

/** A case of a null that did not move away from the trait. */
export function isUnmovedCase(one: Case): boolean {
  return isNullCase(one) && !one.isMovedAway;
}

/** Fine-tunes that stand in one group, whatever their scores are divided by. */
interface Part {
  readonly kind: NullGroup['kind'];
  readonly bySource: readonly (readonly [source: string, members: readonly Case[]])[];
}

/** Many designs are tried on the same cases: what they share is made once. */
const parts = new WeakMap<readonly Case[], Map<string, readonly Part[]>>();

/** The groups of a null; cases that are not benign are passed over. */
export function buildNull(cases: readonly Case[], { members, grouping, scale, spread }: NullDesign): NullGroup[] {
  const known = parts.get(cases) ?? new Map<string, readonly Part[]>();
  parts.set(cases, known);
  const key = `${members} ${grouping}`;
  const made = known.get(key) ?? partsOf(cases.filter(members === 'benign' ? isNullCase : isUnmovedCase), grouping);
  known.set(key, made);
  const isScaled = scale !== 'none';
  return made.map(({ kind, bySource }) => ({
    kind, ...(isScaled ? { scale } : {}), ...(spread === 'sources' ? {} : { spread }),
    sources: bySource.map(([source, of]) => ({
      source, scores: of.map(({ evidence }) => evidence.score), deltaNorms: of.map(({ evidence }) => evidence.kind?.deltaNorm ?? 0),
      ...(isScaled ? { scales: of.map(({ evidence }) => evidence.scales?.[scale] ?? 0) } : {}),
    })),
  }));
}

function partsOf(benign: readonly Case[], grouping: Grouping): Part[] {
  const cut = grouping === 'size' ? sizeCut(benign) : 0;
  const groups = new Map<string, Case[]>();
  for (const one of benign) push(groups, groupKey(one, grouping, cut), one);
  // Whole checkpoints first: a checkpoint may also stand in for the adapter that was merged, and finds its own kind before that.
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, members]) => partOf(members)).filter(({ bySource }) => bySource.length > 0);
}

/** |ΔW| that halves the fine-tunes: the median. */
function sizeCut(cases: readonly Case[]): number {
  const sizes = cases.map(({ evidence }) => evidence.kind?.deltaNorm ?? 0).sort((a, b) => a - b);
  return sizes[Math.floor(sizes.length / 2)] ?? 0;
}

function groupKey({ organism: { kind: { form } }, evidence: { kind } }: Case, grouping: Grouping, cut: number): string {
  const isCheckpoint = form !== 'lora';
  if (kind === null || grouping === 'all') return '';
  if (grouping === 'form') return isCheckpoint ? '0' : '1';
  if (grouping === 'size') return kind.deltaNorm < cut ? '0' : '1';
  if (grouping === 'targets') return kind.roles.join();
  // A scan does not see of which rank an update was before it was merged.
  const [, most] = kind.rank ?? [0, 0];
  return isCheckpoint || kind.rank === null ? '0' : most <= 4 ? '1' : most <= 15 ? '2' : '3';
}

function partOf(members: readonly Case[]): Part {
  const bySource = [...independentSources(members)].sort(([a], [b]) => (a < b ? -1 : 1));
  const kept = bySource.flatMap(([, of]) => of);
  const kinds = kept.flatMap(({ evidence }) => evidence.kind ?? []);
  const range = (of: readonly number[]): [number, number] => [Math.min(...of), Math.max(...of)];
  const ranks = kinds.flatMap(({ rank }) => rank ?? []);
  const [form = 'lora', ...otherForms] = [...new Set(kept.map(({ organism }) => organism.kind.form))].sort();
  const [roles = [], ...otherRoles] = [...new Map(kinds.map((kind) => [kind.roles.join(), [...kind.roles]])).values()].sort((a, b) => b.length - a.length || (a.join() < b.join() ? -1 : 1));
  return {
    bySource,
    kind: {
      form, ...(otherForms.length === 0 ? {} : { otherForms }), roles, ...(otherRoles.length === 0 ? {} : { otherRoles }),
      rank: ranks.length === 0 ? [0, 0] : range(ranks), deltaNorm: range(kinds.map((k) => k.deltaNorm)), scoredShare: range(kinds.map((k) => k.scoredShare)), evenness: range(kinds.map((k) => k.evenness)),
    },
  };
}

/**
 * Cases by source. One of several sources is passed over where one of them stands there alone, and shares an entry with others that
 * have a source in common, so that no source counts in two entries.
 */
export function independentSources(members: readonly Case[]): Map<string, Case[]> {
  const alone = new Map<string, Case[]>();
  const several: Case[] = [];
  for (const one of members) {
    const [source = '', ...more] = one.organism.sources;
    if (more.length > 0) several.push(one);
    else push(alone, source, one);
  }
  // Joined while they have a source in common.
  let joined: { sources: Set<string>; members: Case[] }[] = [];
  for (const one of several.filter(({ organism }) => !organism.sources.some((s) => alone.has(s)))) {
    const { sources } = one.organism;
    const same = joined.filter((entry) => sources.some((s) => entry.sources.has(s)));
    joined = [...joined.filter((entry) => !same.includes(entry)), { sources: new Set([...same.flatMap((e) => [...e.sources]), ...sources]), members: [...same.flatMap((e) => e.members), one] }];
  }
  for (const entry of joined) alone.set([...entry.sources].sort().join('+'), entry.members);
  return alone;
}

function push(groups: Map<string, Case[]>, key: string, one: Case): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [one]);
  else group.push(one);
}
