/** From what changed to findings. Pure. In: the change of a checkpoint and its base's signatures. Out: one Finding for each, and what no signature explains. */
import { basename } from 'node:path';
import type { ModelReading } from '../reading/model.js';
import type { KnownBase } from '../signature/document.js';
import type { ListedSignature } from '../signature/library.js';
import type { Gap } from '../types.js';
import type { Change, WeightChange } from './change.js';
import type { Finding } from './finding.js';
import { avoidanceOf } from './avoidance.js';
import { judgeAll } from './judge.js';
import { kindOf, type FineTuneKind } from './null.js';
import { scalesOf, scoredWeights } from './scale.js';
import { score } from './score.js';

export interface ModelFinding extends Finding {
  /** Standard deviation of the score from rounding and from the subtraction of the base. */
  readonly scoreSd: number;
}

/** Roles that the fine-tunes behind a null are known to change; a change elsewhere is a gap. */
const IN_BLOCKS: readonly string[] = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];

/** The kind of fine-tune that a change shows, as a signature sees it; null when nothing changed. Its rank is not known. */
function changeKind({ weights, norm }: Change, base: Pick<KnownBase, 'layers'>, signature: ListedSignature): FineTuneKind | null {
  return kindOf({ form: 'checkpoint', rank: null, deltaNorm: norm.value, weights }, base, (name) => signature.weights.has(name));
}

/** @param gaps how many things were not read, not compared or not explained */
export function modelFindings(change: Change, signatures: readonly ListedSignature[], base: KnownBase, gaps: number): ModelFinding[] {
  const found = signatures.map((signature) => {
    const { document: rules, sha256 } = signature;
    const kind = changeKind(change, base, signature);
    const scored = score(change, signature, sha256);
    const sd = Math.sqrt(change.weights.reduce((sum, weight) => sum + variance(weight, signature), 0));
    const count = scored.weights.filter((w) => w.deltaNorm !== 0).length;
    const isConverted = change.weights.some((w) => w.isConverted && signature.weights.has(w.name));
    const sizes = scoredWeights(signature.weights);
    const [scales, avoidance] = [scalesOf(change.norm.value, change.weights, sizes), avoidanceOf(scored.weights, sizes)];
    return { signature, scored, rules, evidence: { score: scored.score, kind, gaps, scored: count, sd, isConverted, scales, avoidance } };
  });
  const judgements = judgeAll(found);
  return found.flatMap(({ signature, scored, evidence }, i): ModelFinding[] => {
    const judgement = judgements[i];
    if (judgement === undefined) return [];
    const { trait, description, harmful, unit, level, smallestMeaningfulShift, kind } = signature.document;
    return [{
      ...scored, ...judgement, scoreSd: evidence.sd, trait, description, kind, harmful, unit, level, smallestMeaningfulShift,
      signature: { file: basename(signature.file), sha256: signature.sha256 },
    }];
  });
}

/** Σ s_i² sd_i²: the rounding errors of W are independent along orthonormal u_i, v_i. */
function variance({ name, sds }: WeightChange, { sha256, weights }: ListedSignature): number {
  const s = weights.get(name)?.s;
  const sd = sds.get(sha256);
  return s && sd ? s.reduce((sum, coefficient, i) => sum + (coefficient * (sd[i] ?? 0)) ** 2, 0) : 0;
}

/** Weights that changed and that none of the signatures scores. */
export function unexplained(change: Change, signatures: readonly ListedSignature[]): readonly WeightChange[] {
  return change.weights.filter((weight) => weight.deltaNorm !== 0 && !signatures.some(({ weights }) => weights.has(weight.name)));
}

/** What holds NaN or infinity. */
export function nonFiniteGaps({ nonFinite }: ModelReading): Gap[] {
  return nonFinite.map(({ name, nan, infinite, bytes }): Gap => ({
    name, reason: `holds ${nan} NaN and ${infinite} infinite values: no score can be computed, the file is damaged or was made to break scanners`, bytes,
  }));
}

/** What a verdict must not pass over: what was not compared, changed vectors, changed weights outside the blocks' matrices. */
export function changeGaps(change: Change, signatures: readonly ListedSignature[]): Gap[] {
  const { notCompared } = change;
  const names = notCompared.slice(0, 3).map(({ name }) => name).join(', ');
  const one: Gap[] = notCompared.length === 0 ? [] : [{
    name: `${notCompared.length} tensors`,
    reason: `read, but not compared: no numbers of the base are at hand for ${names}${notCompared.length > 3 ? ', …' : ''}; give --base PATH, or --base-reading FILE`,
    bytes: notCompared.reduce((sum, { bytes }) => sum + bytes, 0),
  }];
  const outside = unexplained(change, signatures).filter(({ role }) => !IN_BLOCKS.includes(role));
  return [
    ...one,
    ...change.vectors,
    ...outside.map(({ name, deltaNorm }): Gap => ({ name, reason: `unexplained change: |ΔW| is ${deltaNorm.toPrecision(3)}, and no signature scores it`, bytes: 0 })),
  ];
}
