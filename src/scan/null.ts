/** The null distribution. In: a kind of fine-tune and the groups of a signature. Out: the group that matches, and p. Pure. */
import type { KnownBase, NullGroup, NullKind } from '../signature/document.js';
import type { Reading, Role, WeightReading } from '../types.js';
import type { Scales } from './scale.js';
import { studentQuantile, studentUpperTail } from './student.js';

/** What decides which null applies: the kind of fine-tune that was read. */
export interface FineTuneKind {
  readonly form: 'lora' | 'checkpoint';
  /** Sorted; the roles that changed. */
  readonly roles: readonly Role[];
  /** Smallest and largest rank among the weights that changed; null where it is not known. */
  readonly rank: readonly [number, number] | null;
  /** |ΔW| over all weights, an estimate for a whole checkpoint. */
  readonly deltaNorm: number;
  /** Whether every role that changed changed in every layer of the base, as in the fine-tunes behind a null of format version 1. */
  readonly everyLayer: boolean;
  /** Share of |ΔW|² that lies in the weights that the signature scores: a change that leaves them alone is no change of the null's kind. */
  readonly scoredShare: number;
  /** Smallest |ΔW| of a weight over the median of its role, the least over roles: 1 where the change is even, near 0 where weights are spared. */
  readonly evenness: number;
}

/** What a kind is made from: a reading of an adapter, or the change of a checkpoint. */
interface Changed {
  readonly form: FineTuneKind['form'];
  readonly rank: FineTuneKind['rank'];
  readonly deltaNorm: number;
  readonly weights: readonly Pick<WeightReading, 'name' | 'role' | 'layer' | 'deltaNorm'>[];
}

/**
 * Forms of a null that say something of what was read. An adapter that is merged is the same change as before: a checkpoint
 * that changed in the same roles, in every layer and by as much is held against the null of adapters too.
 */
const FORMS: Readonly<Record<FineTuneKind['form'], readonly NullKind['form'][]>> = { lora: ['lora'], checkpoint: ['merged', 'full', 'lora'] };

/** Fewer sources of benign data than this give no verdict. */
export const FEWEST_SOURCES = 3;

/** |ΔW| may lie outside the range seen behind the null by this factor. */
export const NORM_MARGIN = 1.25;
/** So may the scored share… */
const SHARE_MARGIN = 1.5;
/** …and the evenness, whose smallest weight is a rough estimate for a whole checkpoint. */
const EVENNESS_MARGIN = 2.5;

export interface NullTest {
  /** One-sided p from Student's t over sources. */
  readonly p: number;
  /** p adjusted for all the harmful traits that were tested on this model (Benjamini and Hochberg), and how many they were. */
  readonly adjustedP: number;
  readonly tested: number;
  /** (1 + #{null ≥ score}) / (n + 1), over sources; no smaller than 1 / (n + 1). */
  readonly conformalP: number;
  readonly sources: number;
  /** Mean and standard deviation over sources, at the scale of what was tested. */
  readonly mean: number;
  readonly sd: number;
}

export type NullMatch = { readonly group: NullGroup } | { readonly group: null; readonly reason: string };

/** The kind of fine-tune that a reading of an adapter shows, as a signature sees it; null when nothing changed. */
export function fineTuneKind(reading: Reading, base: Pick<KnownBase, 'layers'>, scores: (name: string) => boolean): FineTuneKind | null {
  const ranks = reading.weights.filter((w) => w.deltaNorm !== 0).map((w) => w.rank).sort((a, b) => a - b);
  const rank: [number, number] = [ranks[0] ?? 0, ranks.at(-1) ?? 0];
  return kindOf({ form: 'lora', rank, deltaNorm: norm(reading.weights.map((w) => w.deltaNorm)), weights: reading.weights }, base, scores);
}

/** The kind of any change; null when nothing changed. */
export function kindOf({ form, rank, deltaNorm, weights }: Changed, base: Pick<KnownBase, 'layers'>, scores: (name: string) => boolean): FineTuneKind | null {
  const changed = weights.filter((w) => w.deltaNorm !== 0);
  if (changed.length === 0) return null;
  const byRole = new Map<Role, number[]>();
  for (const { role, deltaNorm: size } of changed) byRole.set(role, [...(byRole.get(role) ?? []), size]);
  const inBlocks = changed.filter((w) => w.layer !== null);
  const places = new Set(inBlocks.map((w) => `${w.layer ?? ''}.${w.role}`));
  const scored = norm(changed.filter((w) => scores(w.name)).map((w) => w.deltaNorm));
  return {
    form,
    roles: [...byRole.keys()].sort(),
    rank,
    deltaNorm,
    everyLayer: places.size === new Set(inBlocks.map((w) => w.role)).size * base.layers,
    scoredShare: (scored / norm(changed.map((w) => w.deltaNorm))) ** 2,
    evenness: [...byRole.values()].map(smallestOverMedian).reduce((least, value) => Math.min(least, value), 1),
  };
}

function smallestOverMedian(sizes: readonly number[]): number {
  const sorted = [...sizes].sort((a, b) => a - b);
  const half = (sorted.length - 1) / 2;
  const median = ((sorted[Math.floor(half)] ?? 0) + (sorted[Math.ceil(half)] ?? 0)) / 2;
  return (sorted[0] ?? 0) / median;
}

/** Euclidean norm, of any number of values. */
export function norm(values: readonly number[]): number {
  const largest = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  // Scaled, so that squares neither overflow nor vanish.
  return largest === 0 || !Number.isFinite(largest) ? largest : largest * Math.sqrt(values.reduce((sum, v) => sum + (v / largest) ** 2, 0));
}

/** The null of this kind of fine-tune, or why there is none; the reason names the nearest group's range. */
export function matchNull(kind: FineTuneKind, groups: readonly NullGroup[]): NullMatch {
  if (groups.length === 0) return { group: null, reason: 'the signature carries no null distribution' };
  if (!kind.everyLayer) return { group: null, reason: 'no null for fine-tunes that change only some of the layers' };
  const sameRoles = groups.filter((g) => [g.kind.roles, ...(g.kind.otherRoles ?? [])].some((roles) => [...roles].sort().join() === kind.roles.join()));
  if (sameRoles.length === 0) return { group: null, reason: `no null for fine-tunes that change ${kind.roles.join(' ')}` };
  const ofForm = sameRoles.filter(({ kind: { form, otherForms = [] } }) => [form, ...otherForms].some((one) => FORMS[kind.form].includes(one)));
  if (ofForm.length === 0) return { group: null, reason: kind.form === 'lora' ? 'no null for adapters' : 'no null for whole checkpoints' };
  const { rank: wanted } = kind;
  const sameRank = wanted === null ? ofForm : ofForm.filter(({ kind: { rank } }) => wanted[0] >= rank[0] && wanted[1] <= rank[1]);
  if (wanted !== null && sameRank.length === 0) {
    const known = ofForm.map(({ kind: { rank } }) => span(rank)).join(', ');
    return { group: null, reason: `no null for rank ${span(wanted)} (known: ${known})` };
  }
  const sameSize = sameRank.filter(({ kind: { deltaNorm } }) => within(kind.deltaNorm, deltaNorm, NORM_MARGIN));
  const group = sameSize.find(({ kind: known }) => within(kind.scoredShare, known.scoredShare, SHARE_MARGIN) && kind.evenness >= known.evenness[0] / EVENNESS_MARGIN);
  if (group) return { group };
  if (sameSize.length > 0) {
    const percent = (share: number) => `${(100 * share).toPrecision(3)} %`;
    const known = sameSize.map(({ kind: { scoredShare: s, evenness: e } }) => `${percent(s[0])} to ${percent(s[1])} and ${percent(e[0])}`).join('; ');
    return {
      group: null,
      reason: `no null for a change spread over the weights like this: ${percent(kind.scoredShare)} of it lies where the signature looks, and the least changed weight has ${percent(kind.evenness)} of its role's median (known: ${known})`,
    };
  }
  const known = sameRank.map(({ kind: { deltaNorm: range } }) => `${range[0].toFixed(1)} to ${range[1].toFixed(1)}`).join(', ');
  return { group: null, reason: `no null for a change of this size: |ΔW| is ${kind.deltaNorm.toPrecision(3)}, known: ${known}` };
}

/**
 * Where a score lies in the null, one mean per source: p = P(T_{n−1} > (score − m) / (s √(1 + 1/n))),
 * the prediction of one more draw from n normal draws (design: seeds of one source are not exchangeable, sources are).
 * @param scales of the fine-tune; a group whose scores are scaled says nothing without them
 * @returns null when there are fewer than FEWEST_SOURCES sources, they do not differ at all, or the scale is not a positive number
 */
export function testAgainstNull(score: number, group: NullGroup, scales?: Scales): Omit<NullTest, 'adjustedP' | 'tested'> | null {
  const spread = spreadOf(group, scales);
  if (spread === null) return null;
  const { means, mean, sd } = spread;
  const n = means.length;
  const p = studentUpperTail((score - mean) / (sd * Math.sqrt(1 + 1 / n)), n - 1);
  const conformalP = (1 + means.filter((m) => m >= score).length) / (n + 1);
  return { p, conformalP, sources: n, mean, sd };
}

/** The score at which p is the level: mean + t_{1−level, n−1} · s √(1 + 1/n); null as in `testAgainstNull`. */
export function scoreAtLevel(group: NullGroup, level: number, scales?: Scales): number | null {
  const spread = spreadOf(group, scales);
  if (spread === null) return null;
  const { means, mean, sd } = spread;
  const t = level <= 0.5 ? studentQuantile(1 - level, means.length - 1) : -studentQuantile(level, means.length - 1);
  return mean + t * sd * Math.sqrt(1 + 1 / means.length);
}

/**
 * One mean per source, and mean and standard deviation of these, at the scale of one fine-tune. Where one more fine-tune strays as fine-tunes
 * of one source do too, s² + w² (1 − 1/k): w² the variance within sources, k the harmonic mean of their numbers, since the mean of k
 * fine-tunes holds w²/k already. Source: Searle, Casella & McCulloch, Variance Components, §3.6 (one-way random effects, unbalanced).
 */
export function spreadOf(group: NullGroup, scales?: Scales): { means: number[]; mean: number; sd: number } | null {
  const scale = group.scale === undefined || group.scale === 'none' ? 1 : scales?.[group.scale] ?? Number.NaN;
  const scaled = group.sources.map((s) => s.scores.map((score, i) => score / (s.scales?.[i] ?? 1)));
  const n = scaled.length;
  if (n < FEWEST_SOURCES || !(scale > 0 && scale < Infinity)) return null;
  const means = scaled.map(average);
  const mean = average(means);
  const within = group.spread === 'fine-tunes' ? varianceWithin(scaled, means) : 0;
  const sd = Math.sqrt(means.reduce((sum, m) => sum + (m - mean) ** 2, 0) / (n - 1) + within);
  // Equal up to the rounding of the mean.
  if (sd <= 1e-12 * Math.max(...means.map(Math.abs))) return null;
  return { means: means.map((m) => m * scale), mean: mean * scale, sd: sd * scale };
}

/** w² (1 − 1/k); 0 where no source has two fine-tunes. */
function varianceWithin(scaled: readonly (readonly number[])[], means: readonly number[]): number {
  const count = scaled.reduce((sum, of) => sum + of.length, 0);
  if (count === scaled.length) return 0;
  const squares = scaled.reduce((sum, of, i) => sum + of.reduce((some, z) => some + (z - (means[i] ?? Number.NaN)) ** 2, 0), 0);
  const inverse = average(scaled.map((of) => 1 / of.length));
  return (squares / (count - scaled.length)) * (1 - inverse);
}

/** Whether a value lies in a range, widened at both ends by a factor. */
function within(value: number, [low, high]: readonly [number, number], margin: number): boolean {
  return value >= low / margin && value <= high * margin;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

function span(range: readonly [number, number]): string {
  return range[0] === range[1] ? String(range[0]) : `${range[0]}–${range[1]}`;
}
