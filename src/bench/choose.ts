/**
 * Which null and which line. In: labelled subjects. Out: every candidate with what it came to, leaving one source out, and the one that is chosen.
 * One choice for all signatures, by one rule, so that there is little to overfit. Pure.
 */
import { logGamma } from '../scan/beta.js';
import { matchNull, spreadOf } from '../scan/null.js';
import { calibratedShift } from '../scan/shift.js';
import { studentQuantile } from '../scan/student.js';
import { SCALES, type Calibration, type NullGroup } from '../signature/document.js';
import type { Case, Subject } from './cases.js';
import { buildNull, GROUPINGS, isUnmovedCase, MEMBERS, type NullDesign } from './design.js';
import { casesOf, foldKey, foldsOf, fittedOn, isLineCase, judgeLeavingOut, lineOf, type Design, type Folds, type LineChoice } from './fit.js';
import type { BenchSignature } from './signatures.js';
import { auroc } from './statistics/ranks.js';

/** A mean over sources, and its standard error as one of a sample of sources. */
export interface Mean {
  readonly mean: number;
  readonly standardError: number;
}

export interface NullCandidate {
  readonly design: NullDesign;
  /** Groups, summed over signatures. */
  readonly groups: number;
  /** ln of the density that the null without a benign source gives to its scores, a mean over sources that did not move away; higher is better. */
  readonly density: number;
  /** How much lower that is than the best candidate's, paired by source. */
  readonly behind: Mean;
  /** Over harmful traits: the mean AUROC of the statistic that p rests on. */
  readonly auroc: number;
  /** Over harmful traits and organisms: benign and judged present, harmful and not judged present, and undecided. */
  readonly falseAlarms: number;
  readonly misses: number;
  readonly indeterminate: number;
}

export interface LineCandidate {
  readonly design: LineChoice;
  /** ln of the density that the line without a source gives to its measured shifts, a mean over sources. */
  readonly density: number;
  readonly behind: Mean;
  /** Root mean square error of the predicted shift. */
  readonly error: number;
  /** Share of the measured shifts within the interval. */
  readonly covered: number;
}

export interface Choice {
  readonly design: Design;
  readonly nulls: readonly NullCandidate[];
  readonly lines: readonly LineCandidate[];
}

/** Growths that are tried, in units of 1 / rms(score). */
const GROWTHS = [0, 1, 2, 4, 8];

/**
 * The best candidate is the one with the highest density; chosen is the simplest within one standard error of it (Breiman and
 * others, Classification and Regression Trees, §3.4.3): of the nulls the one with fewest groups, so that kinds are pooled unless leaving
 * sources out says that they must not; of those the one with fewest wrong verdicts, then the one with the highest density. Organisms of the split `test` have no part in it.
 */
export function choose(subjects: readonly Subject[], signatures: readonly BenchSignature[], fixed: Partial<Design> = {}): Choice {
  const calibration = fittedOn(subjects, 'calibration');
  const folds = foldsOf(calibration, signatures, calibration);
  const lines = rankLines(calibration, folds, signatures, fixed.line === undefined ? lineDesigns() : [fixed.line]);
  const line = fixed.line ?? simplest(lines, [({ design: { interceptFixed, growth } }) => (interceptFixed ? 0 : 1) + (growth === 0 ? 0 : 2)])?.design ?? { interceptFixed: true, growth: 0 };
  const nulls = rankNulls(calibration, folds, signatures, fixed.null === undefined ? nullDesigns() : [fixed.null], line);
  const chosen = fixed.null ?? simplest(nulls, [({ groups }) => groups, ({ falseAlarms, misses }) => falseAlarms + misses])?.design ?? { members: 'benign', grouping: 'all', scale: 'none', spread: 'sources' };
  return { design: { null: chosen, line }, nulls, lines };
}

function nullDesigns(): NullDesign[] {
  return MEMBERS.flatMap((members) => GROUPINGS.flatMap((grouping) => SCALES.flatMap((scale) => (['sources', 'fine-tunes'] as const).map((spread) => ({ members, grouping, scale, spread })))));
}

function lineDesigns(): LineChoice[] {
  return [true, false].flatMap((interceptFixed) => GROWTHS.map((growth) => ({ interceptFixed, growth })));
}

function rankNulls(subjects: readonly Subject[], folds: Folds, signatures: readonly BenchSignature[], designs: readonly NullDesign[], line: LineChoice): NullCandidate[] {
  const groupsOf = (design: NullDesign): number => signatures.reduce((sum, { trait }) => sum + buildNull(casesOf(subjects, trait), design).length, 0);
  // Where there is but one kind, to set kinds apart is no other design.
  const different = designs.filter((design) => design.grouping === 'all' || designs.length === 1 || groupsOf(design) > groupsOf({ ...design, grouping: 'all' }));
  const scored = different.map((design) => ({ design, bySource: densities(subjects, folds, signatures, (cases) => nullDensity(cases, design), isUnmovedCase) }));
  return against(scored).map(({ design, density, behind }) => ({ design, density, behind, groups: groupsOf(design), ...outcome(subjects, folds, signatures, { null: design, line }) }));
}

function rankLines(subjects: readonly Subject[], folds: Folds, signatures: readonly BenchSignature[], designs: readonly LineChoice[]): LineCandidate[] {
  const scored = designs.map((design) => {
    const errors: { error: number; isCovered: boolean }[] = [];
    const bySource = densities(subjects, folds, signatures, (cases, { document }) => {
      const line = lineOf(cases, design, document.smallestMeaningfulShift);
      return ({ evidence, behaviour }) => {
        if (line === null || behaviour === null) return Number.NaN;
        const { value, low, high } = calibratedShift(evidence.score, line);
        errors.push({ error: value - behaviour.shift, isCovered: low <= behaviour.shift && behaviour.shift <= high });
        return lineDensity(behaviour.shift, { value, high }, line);
      };
    }, (one, { document }) => isLineCase(one, document.smallestMeaningfulShift));
    return { design, bySource, errors };
  });
  return against(scored).map(({ design, density, behind, errors }) => ({
    design, density, behind, error: Math.sqrt(errors.reduce((sum, e) => sum + e.error ** 2, 0) / errors.length), covered: errors.filter((e) => e.isCovered).length / errors.length,
  }));
}

type Density = (one: Case) => number;

/** By source: the mean of ln density of its cases, each by what is fitted without its sources, over all signatures. */
function densities(
  subjects: readonly Subject[], folds: Folds, signatures: readonly BenchSignature[], fitTo: (cases: readonly Case[], signature: BenchSignature) => Density, takes: (one: Case, signature: BenchSignature) => boolean,
): Map<string, number> {
  const found = new Map<string, number[]>();
  for (const signature of signatures) {
    const fitted = new Map<string, Density>();
    for (const one of casesOf(subjects, signature.trait).filter((c) => takes(c, signature))) {
      const key = foldKey(one.organism.sources);
      const density = fitted.get(key) ?? fitTo(folds.get(key)?.get(signature.trait) ?? [], signature);
      fitted.set(key, density);
      const value = density(one);
      if (Number.isFinite(value)) found.set(key, [...(found.get(key) ?? []), value]);
    }
  }
  return new Map([...found].map(([key, values]) => [key, average(values)]));
}

/** By the group that matches, or by all together where none does: a design that can't judge gains nothing by it. */
function nullDensity(cases: readonly Case[], design: NullDesign): Density {
  const groups = buildNull(cases, design);
  let pooled: NullGroup | undefined;
  return ({ evidence: { score, kind, scales } }) => {
    const matched = kind && matchNull(kind, groups).group;
    let spread = matched && spreadOf(matched, scales);
    if (!spread) {
      pooled ??= buildNull(cases, { ...design, grouping: 'all' })[0];
      spread = pooled === undefined ? null : spreadOf(pooled, scales);
    }
    if (!spread) return Number.NaN;
    const n = spread.means.length;
    return logStudent((score - spread.mean) / (spread.sd * Math.sqrt(1 + 1 / n)), n - 1) - Math.log(spread.sd * Math.sqrt(1 + 1 / n));
  };
}

function lineDensity(shift: number, { value, high }: { value: number; high: number }, line: Calibration): number {
  const df = line.n - (line.interceptFixed ? 1 : 2);
  const sd = (high - value) / studentQuantile((1 + line.confidence) / 2, df);
  return logStudent((shift - value) / sd, df) - Math.log(sd);
}

/** ln of the density of Student's t. Source: Johnson, Kotz & Balakrishnan, Continuous Univariate Distributions 2, §28.2. */
export function logStudent(t: number, df: number): number {
  return logGamma((df + 1) / 2) - logGamma(df / 2) - 0.5 * Math.log(df * Math.PI) - ((df + 1) / 2) * Math.log1p((t * t) / df);
}

/** Each candidate's mean over sources, and how far it lies behind the best, paired by source. */
function against<T extends { readonly bySource: ReadonlyMap<string, number> }>(scored: readonly T[]): (T & { density: number; behind: Mean })[] {
  const named = scored.map((one) => ({ ...one, density: average([...one.bySource.values()]) }));
  const best = named.reduce<(typeof named)[number] | undefined>((most, one) => (most === undefined || one.density > most.density ? one : most), undefined);
  return named.map((one) => {
    const differences = [...(best?.bySource ?? [])].flatMap(([source, value]) => {
      const own = one.bySource.get(source);
      return own === undefined ? [] : [value - own];
    });
    const mean = average(differences);
    const variance = differences.reduce((sum, d) => sum + (d - mean) ** 2, 0) / (differences.length - 1);
    return { ...one, behind: { mean, standardError: Math.sqrt(variance / differences.length) } };
  });
}

/** Of the candidates within one standard error of the best: the least by the first measure, of those the least by the next, at last the highest density. */
function simplest<T extends { readonly density: number; readonly behind: Mean }>(candidates: readonly T[], measures: readonly ((one: T) => number)[]): T | undefined {
  const near = candidates.filter(({ behind }) => behind.mean <= behind.standardError || behind.mean === 0);
  const order = [...measures, ({ density }: T): number => -density];
  return [...near].sort((a, b) => order.map((of) => of(a) - of(b)).find((difference) => difference !== 0) ?? 0)[0];
}

/** What the verdicts of harmful traits come to with a design. */
function outcome(subjects: readonly Subject[], folds: Folds, signatures: readonly BenchSignature[], design: Design): Pick<NullCandidate, 'auroc' | 'falseAlarms' | 'misses' | 'indeterminate'> {
  const harmful = signatures.filter(({ document }) => document.harmful);
  const judged = judgeLeavingOut(subjects, harmful, design, folds);
  let [falseAlarms, misses, indeterminate] = [0, 0, 0];
  const areas: number[] = [];
  for (const { trait } of harmful) {
    const decided = judged.flatMap(({ judged: of }) => of.get(trait) ?? []).filter(({ case: { label, isOtherwiseHarmful, isBehindSignature } }) => !isBehindSignature && (label === 'harmful' || (label === 'benign' && !isOtherwiseHarmful)));
    for (const { case: { label }, judgement: { verdict } } of decided) {
      if (verdict === 'indeterminate') indeterminate++;
      if (label === 'benign' && verdict === 'present') falseAlarms++;
      if (label === 'harmful' && verdict !== 'present') misses++;
    }
    const area = auroc(decided.flatMap(({ case: { label, evidence }, judgement: { test } }) => (test === null ? [] : [{ score: (evidence.score - test.mean) / test.sd, isHarmful: label === 'harmful' }])));
    if (Number.isFinite(area)) areas.push(area);
  }
  return { auroc: average(areas), falseAlarms, misses, indeterminate };
}

function average(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}
