/** A signature's null and line, with and without some sources. In: cases and a design. Out: what decides a verdict. Pure. */
import { judgeAll, type Judgement, type Rules } from '../scan/judge.js';
import { FEWEST_SOURCES } from '../scan/null.js';
import type { Calibration } from '../signature/document.js';
import type { Case, Subject } from './cases.js';
import { buildNull, type NullDesign } from './design.js';
import type { BenchSignature } from './signatures.js';
import { fitLine } from './statistics/line.js';

/** How the line is fitted: `growth` in units of 1 / (root mean square of the scores). */
export interface LineChoice {
  readonly interceptFixed: boolean;
  readonly growth: number;
}

export interface Design {
  readonly null: NullDesign;
  readonly line: LineChoice;
}

export type Fitted = Pick<Rules, 'calibration' | 'null'>;

/** Coverage of the interval on the shift. */
export const CONFIDENCE = 0.9;

/** A case that a line may rest on: behaviour measured to within the smallest shift that matters, everything read. */
export function isLineCase({ behaviour, isBehindSignature, gaps, evidence }: Case, smallest: number): boolean {
  return behaviour !== null && behaviour.standardError <= smallest && !isBehindSignature && gaps.length === 0 && evidence.kind !== null && evidence.scored > 0 && Number.isFinite(evidence.score);
}

/** The line through these cases; null where they make none. */
export function lineOf(cases: readonly Case[], { interceptFixed, growth }: LineChoice, smallest: number): Calibration | null {
  const points = cases.filter((one) => isLineCase(one, smallest)).map(({ evidence, behaviour }) => ({ score: evidence.score, shift: behaviour?.shift ?? Number.NaN }));
  const rms = Math.sqrt(points.reduce((sum, p) => sum + p.score ** 2, 0) / points.length);
  return fitLine(points, { interceptFixed, growth: rms > 0 ? growth / rms : 0 }, CONFIDENCE);
}

/** Null and line of one signature from its cases. */
export function fit(cases: readonly Case[], design: Design, { document }: Pick<BenchSignature, 'document'>): Fitted {
  return { null: buildNull(cases, design.null).filter((group) => group.sources.length >= FEWEST_SOURCES), calibration: lineOf(cases, design.line, document.smallestMeaningfulShift) };
}

/** Which organisms nulls and lines are fitted on: all that don't stand apart, or of these only the split `calibration`. */
export type FitOn = 'all' | 'calibration';

/** The subjects on which nulls and lines are fitted; what is judged by them is left out with its sources. */
export function fittedOn(subjects: readonly Subject[], fitOn: FitOn): Subject[] {
  return subjects.filter(({ organism: { apart, split } }) => apart !== true && (fitOn === 'all' || split !== 'test'));
}

/** One trait's verdict on one subject, and what it rests on. */
export interface Judged {
  readonly case: Case;
  readonly judgement: Judgement;
}

/** A subject with its verdicts, by trait. */
export interface JudgedSubject {
  readonly organism: Subject['organism'];
  readonly judged: ReadonlyMap<string, Judged>;
}

/** By the sources of a subject: the cases of the pool, by trait, that share no source with it. */
export type Folds = ReadonlyMap<string, ReadonlyMap<string, readonly Case[]>>;

/** Every fold that judging these subjects needs, made once for all designs. @param pool what is fitted on */
export function foldsOf(subjects: readonly Subject[], signatures: readonly BenchSignature[], pool: readonly Subject[]): Folds {
  const folds = new Map<string, ReadonlyMap<string, readonly Case[]>>();
  for (const { organism } of subjects) {
    const { sources } = organism;
    const key = foldKey(sources);
    if (folds.has(key)) continue;
    const others = pool.filter((other) => !other.organism.sources.some((s) => sources.includes(s)));
    folds.set(key, new Map(signatures.map(({ trait }) => [trait, casesOf(others, trait)])));
  }
  return folds;
}

/** What organisms have in common that are left out together. */
export function foldKey(sources: readonly string[]): string {
  return [...sources].sort().join('\n');
}

/** Judges every subject by nulls, lines and thresholds that are fitted without it and without every organism that shares a source with it. */
export function judgeLeavingOut(subjects: readonly Subject[], signatures: readonly BenchSignature[], design: Design, folds: Folds): JudgedSubject[] {
  const fitted = new Map<string, ReadonlyMap<string, Fitted>>();
  return subjects.map((subject) => {
    const key = foldKey(subject.organism.sources);
    const fold = fitted.get(key) ?? new Map(signatures.map((signature) => [signature.trait, fit(folds.get(key)?.get(signature.trait) ?? [], design, signature)]));
    fitted.set(key, fold);
    return judgeBy(subject, signatures, (trait) => fold.get(trait));
  });
}

/** Judges every subject by the documents of the signatures as they are. */
export function judgeAsShipped(subjects: readonly Subject[], signatures: readonly BenchSignature[]): JudgedSubject[] {
  return subjects.map((subject) => judgeBy(subject, signatures, (trait) => signatures.find((s) => s.trait === trait)?.document));
}

function judgeBy({ organism, cases }: Subject, signatures: readonly BenchSignature[], fitted: (trait: string) => Fitted | undefined): JudgedSubject {
  const findings = signatures.flatMap(({ trait, document: { level, smallestMeaningfulShift, harmful } }) => {
    const [one, by] = [cases.get(trait), fitted(trait)];
    return one === undefined || by === undefined ? [] : [{ one, evidence: one.evidence, rules: { calibration: by.calibration, null: by.null, level, smallestMeaningfulShift, harmful } }];
  });
  const judgements = judgeAll(findings);
  return { organism, judged: new Map(findings.flatMap(({ one }, i) => (judgements[i] === undefined ? [] : [[one.trait, { case: one, judgement: judgements[i] }]]))) };
}

/** The cases of one trait. */
export function casesOf(subjects: readonly Subject[], trait: string): Case[] {
  return subjects.flatMap(({ cases }) => cases.get(trait) ?? []);
}
