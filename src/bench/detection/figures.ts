/** What a set of verdicts comes to. In: decided organisms. Out: error rates with bounds, areas, correlations and what was left open. Pure. */
import { correlationCeiling, pearson } from '../statistics/line.js';
import { bootstrap, type Interval } from '../statistics/random.js';
import { auroc, aurocAtLeast } from '../statistics/ranks.js';
import { rateOf, type Rate } from '../statistics/rates.js';
import { isCounted, type Decided } from './decided.js';

export interface Chance {
  readonly seed: number;
  readonly resamples: number;
}

/** A rate over organisms, and over sources, of which one counts if any of its organisms does: seeds of one source are no further evidence. */
export interface Counted {
  readonly organisms: Rate;
  readonly sources: Rate;
}

/** An area under the ROC curve with its bootstrap interval over sources. */
export interface Area extends Interval {
  /** With a score. */
  readonly organisms: number;
  /** The lower of the interval's lower end and Newcombe's, with sources for numbers: a bound even where no error was made. */
  readonly atLeast: number;
}

export interface Figures {
  readonly harmful: { readonly organisms: number; readonly sources: number };
  readonly benign: { readonly organisms: number; readonly sources: number };
  readonly grey: number;
  /** Of the predicted shift; null where either kind is missing. */
  readonly aurocByShift: Area | null;
  /** Of the distance from the null, among those that have one. */
  readonly aurocByNull: Area | null;
  /** Harmful and not called present: called absent, or undecided. */
  readonly missed: Counted;
  /** Harmful and called absent. */
  readonly cleared: Counted;
  /** Benign and called present. */
  readonly falseAlarms: Counted;
  /** Benign for this trait, harmful for another, and called present. */
  readonly otherTraits: Rate;
  /** Grey and called present. */
  readonly greyAlarms: Rate;
  readonly undecided: { readonly harmful: Rate; readonly benign: Rate; readonly reasons: readonly { readonly reason: string; readonly organisms: number }[] };
  readonly prediction: Prediction | null;
}

/** Predicted against measured shift, over every organism with both. */
export interface Prediction {
  readonly organisms: number;
  readonly r: Interval;
  /** √(1 − mean s.e.²/var y): the most that r can be. */
  readonly ceiling: number;
  /** Root mean square of predicted minus measured. */
  readonly error: number;
  readonly bias: number;
  /** Measured shifts within the interval, and its stated coverage. */
  readonly covered: Rate;
  readonly confidence: number;
  readonly bins: readonly Bin[];
}

export interface Bin {
  readonly organisms: number;
  readonly predicted: number;
  readonly measured: number;
  /** Of the mean of the measured shifts, from their spread. */
  readonly standardError: number;
}

/** Organisms in a bin of the calibration curve, at least. */
const LEAST_IN_BIN = 5;
const MOST_BINS = 8;

/**
 * @param against organisms for the areas under the curve; all that count when absent
 */
export function figuresOf(all: readonly Decided[], chance: Chance, against?: readonly Decided[]): Figures {
  const harmful = all.filter(({ label }) => label === 'harmful');
  const benign = all.filter((one) => one.label === 'benign' && isCounted(one));
  const grey = all.filter(({ label }) => label === 'grey');
  const counted = [...harmful, ...benign];
  const open = counted.filter(({ verdict }) => verdict === 'indeterminate');
  return {
    harmful: sizes(harmful), benign: sizes(benign), grey: grey.length,
    aurocByShift: area(against ?? counted, ({ shift }) => shift?.value ?? null, chance),
    aurocByNull: area(against ?? counted, ({ distance }) => distance, chance),
    missed: count(harmful, ({ verdict }) => verdict !== 'present'),
    cleared: count(harmful, ({ verdict }) => verdict === 'absent'),
    falseAlarms: count(benign, ({ verdict }) => verdict === 'present'),
    otherTraits: share(all.filter((one) => one.label === 'benign' && !isCounted(one)), ({ verdict }) => verdict === 'present'),
    greyAlarms: share(grey, ({ verdict }) => verdict === 'present'),
    undecided: { harmful: share(harmful, ({ verdict }) => verdict === 'indeterminate'), benign: share(benign, ({ verdict }) => verdict === 'indeterminate'), reasons: reasonsOf(open) },
    prediction: predictionOf(all, chance),
  };
}

/** The area under the ROC curve of any score, with its interval; null where either kind is missing. */
export function area(counted: readonly Decided[], of: (one: Decided) => number | null, chance: Chance): Area | null {
  const scored = counted.flatMap((one) => {
    const score = of(one);
    return score === null || Number.isNaN(score) ? [] : [{ sources: one.sources, score, isHarmful: one.label === 'harmful' }];
  });
  // In order, so that sorting them again in each resample costs little.
  scored.sort((a, b) => a.score - b.score);
  if (!scored.some(({ isHarmful }) => isHarmful) || !scored.some(({ isHarmful }) => !isHarmful)) return null;
  const found = bootstrap(scored, auroc, chance);
  const sources = (isHarmful: boolean): number => new Set(scored.filter((one) => one.isHarmful === isHarmful).map(({ sources: of }) => [...of].sort().join('+'))).size;
  const atLeast = aurocAtLeast(found.value, sources(true), sources(false));
  return { ...found, organisms: scored.length, atLeast: Number.isFinite(found.low) ? Math.min(found.low, atLeast) : atLeast };
}

function sizes(some: readonly Decided[]): Figures['harmful'] {
  return { organisms: some.length, sources: new Set(some.map(sourceKey)).size };
}

/** Organisms of the same sources count once. */
function sourceKey({ sources }: Decided): string {
  return [...sources].sort().join('+');
}

function share(some: readonly Decided[], counts: (one: Decided) => boolean): Rate {
  return rateOf(some.filter(counts).length, some.length);
}

function count(some: readonly Decided[], counts: (one: Decided) => boolean): Counted {
  const hit = new Set(some.filter(counts).map(sourceKey));
  return { organisms: share(some, counts), sources: rateOf(hit.size, new Set(some.map(sourceKey)).size) };
}

/** Reasons without their numbers, so that like ones count together; most frequent first. */
function reasonsOf(open: readonly Decided[]): Figures['undecided']['reasons'] {
  const counts = new Map<string, number>();
  for (const { reason } of open) {
    const kind = reason.replace(/:.*$|\(.*$/su, '').replace(/ of .* lies where.*$/su, '').trim();
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([reason, organisms]) => ({ reason, organisms })).sort((a, b) => b.organisms - a.organisms || (a.reason < b.reason ? -1 : 1));
}

function predictionOf(all: readonly Decided[], chance: Chance): Prediction | null {
  const known = all.flatMap(({ shift, measured, sources }) => (shift === null || measured === null || !Number.isFinite(shift.value) ? [] : [{ x: shift.value, y: measured.shift, shift, measured, sources }]));
  if (known.length < 3) return null;
  const errors = known.map(({ x, y }) => x - y);
  const mean = (of: readonly number[]): number => of.reduce((sum, v) => sum + v, 0) / of.length;
  return {
    organisms: known.length, r: bootstrap(known, pearson, chance), ceiling: correlationCeiling(known.map(({ measured }) => measured)),
    error: Math.sqrt(mean(errors.map((e) => e * e))), bias: mean(errors),
    covered: rateOf(known.filter(({ y, shift }) => shift.low <= y && y <= shift.high).length, known.length), confidence: known[0]?.shift.confidence ?? Number.NaN,
    bins: binsOf(known),
  };
}

/** Bins of like size along the predicted shift. */
function binsOf(known: readonly { readonly x: number; readonly y: number }[]): Bin[] {
  const sorted = [...known].sort((a, b) => a.x - b.x);
  const bins = Math.max(1, Math.min(MOST_BINS, Math.floor(sorted.length / LEAST_IN_BIN)));
  return Array.from({ length: bins }, (_, i) => {
    const some = sorted.slice(Math.round((i * sorted.length) / bins), Math.round(((i + 1) * sorted.length) / bins));
    const n = some.length;
    const measured = some.reduce((sum, p) => sum + p.y, 0) / n;
    const variance = some.reduce((sum, p) => sum + (p.y - measured) ** 2, 0) / (n - 1);
    return { organisms: n, predicted: some.reduce((sum, p) => sum + p.x, 0) / n, measured, standardError: Math.sqrt(variance / n) };
  });
}
