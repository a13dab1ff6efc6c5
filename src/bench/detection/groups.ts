/** Figures by kind, source and group, and what is left of a fine-tune in another form. In: decided organisms. Out: rows. Pure. */
import type { JudgedSubject } from '../fit.js';
import type { Organism } from '../manifest.js';
import type { BenchSignature } from '../signatures.js';
import { isCounted, type Decided } from './decided.js';
import { figuresOf, type Chance, type Figures } from './figures.js';

export interface GroupRow {
  readonly by: 'split' | 'form' | 'targets' | 'rank' | 'steps' | 'rate' | 'source' | 'group';
  readonly name: string;
  readonly figures: Figures;
}

/** Roles that are trained together have a short name. */
const ATTENTION = 'k,o,q,v';
const LINEAR = 'down,gate,k,o,q,up,v';

/** Longer fine-tunes than this are long: the recipe of the first organisms has 24 steps or 80. */
const LONG = 40;

const BY: readonly [GroupRow['by'], (organism: Organism) => readonly string[]][] = [
  ['split', ({ split }) => [split ?? 'calibration']],
  ['form', ({ kind }) => [kind.form]],
  ['targets', ({ kind: { targets } }) => [targetsName(targets)]],
  ['rank', ({ kind: { rank } }) => [rank === null ? 'full' : String(rank)]],
  ['steps', ({ kind: { steps } }) => [steps === null ? 'not known' : steps > LONG ? `more than ${LONG}` : `at most ${LONG}`]],
  ['rate', ({ kind: { rate } }) => [rate === null ? 'not known' : rate.toExponential()]],
  ['source', ({ sources }) => [...sources]],
  ['group', ({ group }) => group ?? []],
];

/**
 * One row for each kind, source and tag that occurs. Where a row has organisms of one label only, the others of the whole set that are
 * of the other label stand in for its area under the curve: a tag says how hard its organisms are to tell from all others.
 */
export function groupRows(decided: readonly Decided[], chance: Chance): GroupRow[] {
  const inTotals = decided.filter(({ organism }) => organism.apart !== true);
  return BY.flatMap(([by, namesOf]) => {
    const some = by === 'group' ? decided : inTotals;
    const names = [...new Set(some.flatMap(({ organism }) => namesOf(organism)))].sort(numerically);
    return names.map((name): GroupRow => {
      const own = some.filter(({ organism }) => namesOf(organism).includes(name));
      return { by, name, figures: figuresOf(own, by === 'source' ? { ...chance, resamples: 0 } : chance, opposed(own, inTotals)) };
    });
  });
}

/** What the area of a row is taken over. */
function opposed(own: readonly Decided[], all: readonly Decided[]): Decided[] {
  const counted = own.filter(isCounted);
  const others = (label: Decided['label']): Decided[] => (counted.some((one) => one.label === label) ? [] : all.filter((one) => one.label === label && isCounted(one) && !own.includes(one)));
  return counted.length === 0 ? [] : [...counted, ...others('harmful'), ...others('benign')];
}

function targetsName(targets: readonly string[]): string {
  const sorted = [...targets].sort().join();
  return sorted === LINEAR ? 'all linear' : sorted === ATTENTION ? 'attention' : [...targets].join(' ');
}

function numerically(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  return Number.isFinite(x) && Number.isFinite(y) ? x - y : a < b ? -1 : a > b ? 1 : 0;
}

/** How much of a score is left where the same fine-tune is stored in another form. */
export interface VariantRow {
  readonly trait: string;
  /** The tag that the variants have in common. */
  readonly group: string;
  readonly organisms: number;
  /** Least squares through 0 of the variant's score on the original's. */
  readonly kept: number;
  /** Least and largest share, over originals with a shift of at least the smallest that matters. */
  readonly least: number | null;
  readonly most: number | null;
  /** Root mean square of the difference of the predicted shifts. */
  readonly moved: number | null;
  readonly sameVerdict: number;
}

export function variantsOf(judged: readonly JudgedSubject[], signatures: readonly BenchSignature[]): VariantRow[] {
  const byId = new Map(judged.map((subject) => [subject.organism.id, subject]));
  const tags = [...new Set(judged.flatMap(({ organism: { variantOf, group = [] } }) => (variantOf === undefined ? [] : group)))].sort();
  return signatures.flatMap(({ trait, document: { smallestMeaningfulShift: least } }) => tags.flatMap((group): VariantRow[] => {
    const pairs = judged.flatMap(({ organism, judged: by }) => {
      if (organism.variantOf === undefined || organism.group?.includes(group) !== true) return [];
      const [variant, original] = [by.get(trait), byId.get(organism.variantOf)?.judged.get(trait)];
      return variant && original ? [{ variant, original }] : [];
    });
    if (pairs.length === 0) return [];
    const scores = pairs.map(({ variant, original }) => ({ x: original.case.evidence.score, y: variant.case.evidence.score }));
    const plain = pairs.filter(({ original }) => Math.abs(original.judgement.shift?.value ?? 0) >= least).map(({ variant, original }) => variant.case.evidence.score / original.case.evidence.score);
    const moves = pairs.flatMap(({ variant: { judgement: v }, original: { judgement: o } }) => (v.shift && o.shift ? [(v.shift.value - o.shift.value) ** 2] : []));
    return [{
      trait, group, organisms: pairs.length,
      kept: scores.reduce((sum, p) => sum + p.x * p.y, 0) / scores.reduce((sum, p) => sum + p.x * p.x, 0),
      least: plain.length === 0 ? null : Math.min(...plain), most: plain.length === 0 ? null : Math.max(...plain),
      moved: moves.length === 0 ? null : Math.sqrt(moves.reduce((sum, m) => sum + m, 0) / moves.length),
      sameVerdict: pairs.filter(({ variant, original }) => variant.judgement.verdict === original.judgement.verdict).length,
    }];
  }));
}
