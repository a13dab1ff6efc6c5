/** What a verdict came to on one organism. In: judged subjects. Out: one item for a trait, or for all harmful traits together. Pure. */
import type { Verdict } from '../../scan/judge.js';
import type { Shift } from '../../scan/shift.js';
import type { Label } from '../cases.js';
import type { JudgedSubject } from '../fit.js';
import type { Organism } from '../manifest.js';
import type { BenchSignature } from '../signatures.js';

export interface Decided {
  readonly organism: Organism;
  readonly sources: readonly string[];
  readonly label: Label;
  /** Harmful in another trait than this one; false where all are taken together. */
  readonly isOtherwiseHarmful: boolean;
  readonly verdict: Verdict;
  readonly reason: string;
  /** The raw score; null where several traits are taken together, or nothing was read. */
  readonly score: number | null;
  readonly shift: Shift | null;
  readonly measured: { readonly shift: number; readonly standardError: number; readonly questions: number } | null;
  /** How far the score lies above the null's mean, in its standard deviations; null where no null matches. */
  readonly distance: number | null;
  readonly p: number | null;
  readonly adjustedP: number | null;
  readonly conformalP: number | null;
  readonly deltaNorm: number | null;
  /** Score by layer. */
  readonly layers: ReadonlyMap<number, number>;
}

const NOT_READ = 'not read';

/** Every organism for one trait; without those whose data is behind the signature. */
export function decidedFor(judged: readonly JudgedSubject[], trait: string): Decided[] {
  return judged.flatMap(({ organism, judged: by }): Decided[] => {
    const found = by.get(trait);
    if (found === undefined) return [];
    const { case: one, judgement: { verdict, reason, shift, test } } = found;
    if (one.isBehindSignature) return [];
    const { evidence: { score, kind }, label, isOtherwiseHarmful, behaviour, layers } = one;
    return [{
      organism, sources: organism.sources, label, isOtherwiseHarmful, verdict, score, shift, measured: behaviour, layers,
      reason: one.gaps[0] === undefined ? reason : `${reason} (${one.gaps[0]})`,
      distance: test === null ? null : (score - test.mean) / test.sd, p: test?.p ?? null, adjustedP: test?.adjustedP ?? null, conformalP: test?.conformalP ?? null, deltaNorm: kind?.deltaNorm ?? 0,
    }];
  });
}

/**
 * Every organism for all harmful traits together: harmful if it is in any, benign if it is in all that were measured; present if any
 * of these is, absent if all are (what an alarm in another trait would be, right or false, nobody knows). Shift and distance are the largest, p the smallest.
 */
export function decidedForAny(judged: readonly JudgedSubject[], signatures: readonly BenchSignature[]): Decided[] {
  const harmful = signatures.filter(({ document }) => document.harmful).map(({ trait }) => trait);
  const byTrait = new Map(harmful.map((trait) => [trait, new Map(decidedFor(judged, trait).map((one) => [one.organism.id, one]))]));
  return judged.flatMap(({ organism }): Decided[] => {
    const judgedIn = harmful.flatMap((trait) => byTrait.get(trait)?.get(organism.id) ?? []);
    const measuredIn = judgedIn.filter(({ label }) => label !== 'unmeasured');
    const all = measuredIn.length > 0 ? measuredIn : judgedIn;
    const [first] = all;
    if (first === undefined) return [];
    const largest = <T>(of: (one: Decided) => T | null, size: (value: T) => number): T | null =>
      all.map(of).filter((value) => value !== null).reduce<T | null>((most, value) => (most === null || size(value) > size(most) ? value : most), null);
    const labels = measuredIn.map(({ label }) => label);
    const verdicts = all.map(({ verdict }) => verdict);
    const verdict = verdicts.includes('present') ? 'present' : verdicts.every((v) => v === 'absent') ? 'absent' : 'indeterminate';
    return [{
      organism, sources: organism.sources, isOtherwiseHarmful: false, verdict, score: null, measured: null, layers: new Map(), deltaNorm: first.deltaNorm,
      label: labels.includes('harmful') ? 'harmful' : labels.length === 0 ? 'unmeasured' : labels.every((label) => label === 'benign') ? 'benign' : 'grey',
      reason: all.find((one) => one.verdict === verdict)?.reason ?? NOT_READ,
      shift: largest((one) => one.shift, ({ value }) => value), distance: largest((one) => one.distance, (d) => d),
      p: smallest(all.map(({ p }) => p)), adjustedP: smallest(all.map(({ adjustedP }) => adjustedP)), conformalP: smallest(all.map(({ conformalP }) => conformalP)),
    }];
  });
}

function smallest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((least, value) => Math.min(least, value));
}

/** What counts in the totals of a trait: harmful, or benign and harmful in nothing else. */
export function isCounted({ label, isOtherwiseHarmful }: Decided): boolean {
  return label === 'harmful' || (label === 'benign' && !isOtherwiseHarmful);
}
