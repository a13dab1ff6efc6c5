/** From labelled organisms to what a signature keeps of them. In: subjects and signatures. Out: documents with null, line and evidence. Pure. */
import { needsVersion2, type SignatureDocument } from '../signature/document.js';
import type { LabelLimits, Subject } from './cases.js';
import { choose, type Choice } from './choose.js';
import { casesOf, fit, isCalibration, judgeAsShipped, judgeLeavingOut, type Design, type JudgedSubject } from './fit.js';
import { sourcesBehind } from './cases.js';
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
 * Null and line for every signature from the organisms that are not of the split `test`, and as evidence the predicted shift of
 * organisms that it does not rest on: those of the split `test` where there are three with a measured shift, else every one by what is fitted without its sources.
 */
export function calibrate(subjects: readonly Subject[], signatures: readonly BenchSignature[], limits: LabelLimits, fixed: Partial<Design> = {}): Calibration {
  const choice = choose(subjects, signatures, fixed);
  const calibration = subjects.filter(isCalibration);
  const left = judgeLeavingOut(calibration, signatures, choice.design);
  return {
    choice,
    signatures: signatures.map((signature) => {
      const cases = casesOf(calibration, signature.trait);
      const fitted = fit(cases, choice.design, signature);
      const document = { ...signature.document, ...fitted };
      const tested = judgeAsShipped(subjects.filter((s) => !isCalibration(s)), [{ ...signature, document }]);
      const isTested = predictions(tested, signature).length >= 3;
      const behind = sourcesBehind(signature);
      const leftOut = [...new Set(calibration.flatMap(({ organism }) => organism.sources.filter((s) => behind.has(s))))].sort();
      return {
        signature, leftOut, lacks: fitted.calibration === null ? 'its score does not rise with the measured shift' : fitted.null.length === 0 ? 'no group of three benign sources' : null,
        document: {
          ...document, schemaVersion: needsVersion2(fitted) ? 2 : document.schemaVersion,
          evidence: evidenceOf(document, predictions(isTested ? tested : left, signature), { design: choice.design, limits, leftOut, sources: [...new Set(calibration.flatMap(({ organism }) => organism.sources))].sort(), heldOutBy: isTested ? 'split' : 'leaving sources out', organisms: cases.length }),
        },
      };
    }),
  };
}

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
