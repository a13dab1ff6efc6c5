/** From labelled organisms to what a signature keeps of them. In: subjects and signatures. Out: documents with null, line and evidence. Pure. */
import { needsVersion2, type SignatureDocument } from '../signature/document.js';
import { sourcesBehind, type LabelLimits, type Subject } from './cases.js';
import { choose, type Choice } from './choose.js';
import { casesOf, fit, fittedOn, foldsOf, judgeLeavingOut, type Design, type FitOn, type JudgedSubject } from './fit.js';
import type { BenchSignature } from './signatures.js';
import { correlationCeiling, pearson } from './statistics/line.js';

export interface Calibrated {
  readonly signature: BenchSignature;
  /** To be kept in place of the signature's own. */
  readonly document: SignatureDocument;
  /** Why it gives no verdict; null where it does. */
  readonly lacks: string | null;
  /** Sources of organisms that are behind the signature and were left out. */
  readonly leftOut: readonly string[];
}

export interface Calibration {
  readonly choice: Choice;
  readonly signatures: readonly Calibrated[];
}

/**
 * Null and line for every signature, and as evidence the predicted shift of organisms that the prediction does not rest on: by what is fitted without
 * their sources; those of the split `test` that had no part in the choice of the signature where three of them were measured, else all.
 */
export function calibrate(subjects: readonly Subject[], signatures: readonly BenchSignature[], limits: LabelLimits, fixed: Partial<Design> = {}, fitOn: FitOn = 'all'): Calibration {
  const choice = choose(subjects, signatures, fixed);
  const pool = fittedOn(subjects, fitOn);
  const inTotals = fittedOn(subjects, 'all');
  const judged = judgeLeavingOut(inTotals, signatures, choice.design, foldsOf(inTotals, signatures, pool));
  return {
    choice,
    signatures: signatures.map((signature) => {
      const cases = casesOf(pool, signature.trait);
      const fitted = fit(cases, choice.design, signature);
      const test = predictions(judged.filter(({ organism: { split, seenBy = [] } }) => split === 'test' && !seenBy.includes(signature.trait)), signature);
      const isTest = test.length >= FEWEST_TESTED;
      const behind = sourcesBehind(signature);
      const sources = [...new Set(pool.flatMap(({ organism }) => organism.sources))].sort();
      const leftOut = sources.filter((s) => behind.has(s));
      const calibratedBy = { design: choice.design, limits, fitOn, leftOut, sources, organisms: cases.length, heldOut: isTest ? 'split test, each without its sources' : 'each without its sources' };
      return {
        signature, leftOut, lacks: fitted.calibration === null ? 'its score does not rise with the measured shift' : fitted.null.length === 0 ? 'no group of three benign sources' : null,
        document: { ...signature.document, ...fitted, schemaVersion: needsVersion2(fitted) ? 2 : signature.document.schemaVersion, evidence: evidenceOf(signature.document, isTest ? test : predictions(judged, signature), calibratedBy) },
      };
    }),
  };
}

/** Fewer give no correlation. */
const FEWEST_TESTED = 3;

type HeldOut = SignatureDocument['evidence']['heldOut'][number];

/** Predicted beside measured, where both are known; what is behind the signature is no evidence. */
function predictions(judged: readonly JudgedSubject[], { trait }: BenchSignature): HeldOut[] {
  return judged.flatMap(({ organism, judged: by }) => {
    const found = by.get(trait);
    const shift = found?.judgement.shift;
    if (!found || !shift || found.case.behaviour === null || found.case.isBehindSignature) return [];
    const { shift: measured, standardError } = found.case.behaviour;
    return [{ id: organism.id, source: organism.sources.join('+'), measured, standardError, score: found.case.evidence.score, predicted: shift.value }];
  });
}

function evidenceOf({ evidence }: SignatureDocument, heldOut: readonly HeldOut[], calibratedBy: Record<string, unknown>): SignatureDocument['evidence'] {
  const r = heldOut.length < 3 ? Number.NaN : pearson(heldOut.map(({ predicted, measured }) => ({ x: predicted, y: measured })));
  const ceiling = correlationCeiling(heldOut.map(({ measured, standardError }) => ({ shift: measured, standardError })));
  const notes = evidence.notes === 'not yet measured' ? [] : evidence.notes;
  return { ...evidence, heldOut: [...heldOut], r: Number.isFinite(r) ? r : null, n: heldOut.length, ceiling: Number.isFinite(ceiling) ? ceiling : null, notes, calibratedBy };
}
