/** Error rates of signatures on a labelled set. In: subjects and signatures. Out: every figure, as plain data. Pure. */
import type { Subject } from '../cases.js';
import { choose, type Choice } from '../choose.js';
import type { ExternalScores } from '../external.js';
import { fittedOn, foldsOf, judgeAsShipped, judgeLeavingOut, type Design, type FitOn, type JudgedSubject } from '../fit.js';
import type { BenchReadings } from '../readings-file.js';
import type { BenchSignature } from '../signatures.js';
import { rocCurve } from '../statistics/ranks.js';
import { baselinesOf, type Baseline } from './baselines.js';
import { decidedFor, decidedForAny, isCounted, type Decided } from './decided.js';
import { figuresOf, type Chance, type Figures } from './figures.js';
import { groupRows, variantsOf, type GroupRow, type VariantRow } from './groups.js';

/** Figures of one trait, or of all harmful ones together. */
export interface Section {
  readonly trait: string;
  /** False for a benign control; true for all harmful traits together. */
  readonly harmful: boolean;
  readonly figures: Figures;
  /** The same by kind, source and group; intervals by kind and group, of all traits together. */
  readonly rows: readonly GroupRow[];
  readonly roc: readonly { readonly falseAlarms: number; readonly found: number }[];
  readonly baselines: readonly Baseline[];
  /** Mean score by layer of harmful and of benign organisms; empty where traits are taken together. */
  readonly layers: readonly { readonly layer: number; readonly harmful: number | null; readonly benign: number | null }[];
  readonly organisms: readonly OrganismRow[];
}

/** One organism's verdict as plain data. */
export interface OrganismRow extends Omit<Decided, 'organism' | 'layers'> {
  readonly id: string;
  readonly groups: readonly string[];
  readonly apart: boolean;
  /** Score by layer; empty where traits are taken together. */
  readonly layers: readonly { readonly layer: number; readonly score: number }[];
}

export interface Detection {
  readonly schemaVersion: 1;
  readonly choice: Choice;
  readonly fitOn: FitOn;
  readonly chance: Chance;
  readonly signatures: readonly { readonly trait: string; readonly harmful: boolean; readonly fingerprint: string; readonly level: number; readonly smallestMeaningfulShift: number }[];
  readonly set: { readonly organisms: number; readonly sources: number; readonly notRead: readonly string[]; readonly apart: number; readonly test: number };
  /** Judged by nulls, lines and thresholds without the organism's sources. */
  readonly all: Section;
  readonly traits: readonly Section[];
  /** The same organisms judged by the signatures as they are, where their data took no part in calibrating them. */
  readonly shipped: { readonly all: Figures; readonly traits: readonly { readonly trait: string; readonly figures: Figures }[] };
  readonly variants: readonly VariantRow[];
}

export interface Given {
  readonly subjects: readonly Subject[];
  readonly signatures: readonly BenchSignature[];
  readonly readings: BenchReadings;
  readonly external: ExternalScores;
  readonly chance: Chance;
  readonly design?: Partial<Design>;
  /** What nulls and lines are fitted on; all that don't stand apart when absent. */
  readonly fitOn?: FitOn;
}

export function detect({ subjects, signatures, readings, external, chance, design = {}, fitOn = 'all' }: Given): Detection {
  const choice = choose(subjects, signatures, design);
  const pool = fittedOn(subjects, fitOn);
  const judged = judgeLeavingOut(subjects, signatures, choice.design, foldsOf(subjects, signatures, pool));
  const taught = new Set(pool.map(({ organism }) => organism.id));
  const more = { readings, external, isTaught: ({ organism }: Decided): boolean => taught.has(organism.id) };
  const harmful = signatures.filter(({ document }) => document.harmful).map(({ trait }) => trait);
  const sectionOf = (trait: string, isHarmful: boolean, decided: readonly Decided[], of: readonly string[], isTogether = false): Section => {
    const inTotals = decided.filter(({ organism }) => organism.apart !== true);
    const counted = inTotals.filter(isCounted);
    return {
      trait, harmful: isHarmful, figures: figuresOf(inTotals, chance), rows: groupRows(decided, isTogether ? chance : { ...chance, resamples: 0 }),
      roc: rocCurve(counted.flatMap(({ shift, label }) => (shift === null ? [] : [{ score: shift.value, isHarmful: label === 'harmful' }]))).map(({ falseAlarms, found }) => ({ falseAlarms, found })),
      baselines: baselinesOf(counted, of, more, chance), layers: layersOf(counted), organisms: decided.map(rowOf),
    };
  };
  return {
    schemaVersion: 1, choice, fitOn, chance,
    signatures: signatures.map(({ trait, fingerprint, document: { harmful: isHarmful, level, smallestMeaningfulShift } }) => ({ trait, harmful: isHarmful, fingerprint, level, smallestMeaningfulShift })),
    set: {
      organisms: subjects.length, sources: new Set(subjects.flatMap(({ organism }) => organism.sources)).size, notRead: subjects.flatMap((subject) => notReadOf(subject, signatures)),
      apart: subjects.filter(({ organism }) => organism.apart === true).length, test: subjects.filter(({ organism: { split, seenBy = [] } }) => split === 'test' && seenBy.length === 0).length,
    },
    all: sectionOf('any harmful trait', true, decidedForAny(judged, signatures), harmful, true),
    traits: signatures.map(({ trait, document }) => sectionOf(trait, document.harmful, decidedFor(judged, trait), [trait])),
    shipped: shippedOf(subjects, signatures, chance),
    variants: variantsOf(judged, signatures),
  };
}

/** The organism where nothing of it was read; else one item for each trait that was measured on it and not read. */
function notReadOf({ organism: { id, behaviour }, cases }: Subject, signatures: readonly BenchSignature[]): string[] {
  if (cases.size === 0) return [id];
  return signatures.filter(({ trait }) => Object.hasOwn(behaviour, trait) && !cases.has(trait)).map(({ trait }) => `${id} (${trait})`);
}

/** By the documents of the signatures, on organisms none of whose sources stands in their nulls or their evidence of calibration. */
function shippedOf(subjects: readonly Subject[], signatures: readonly BenchSignature[], chance: Chance): Detection['shipped'] {
  const known = new Set(signatures.flatMap(({ document }) => [...document.null.flatMap(({ sources }) => sources.flatMap(({ source }) => source.split('+'))), ...taughtBy(document.evidence['calibratedBy'])]));
  const judged: JudgedSubject[] = judgeAsShipped(subjects.filter(({ organism }) => organism.apart !== true && !organism.sources.some((s) => known.has(s))), signatures);
  return { all: figuresOf(decidedForAny(judged, signatures), chance), traits: signatures.map(({ trait }) => ({ trait, figures: figuresOf(decidedFor(judged, trait), chance) })) };
}

/** Sources that `calibrate` says it used. */
function taughtBy(calibratedBy: unknown): string[] {
  if (typeof calibratedBy !== 'object' || calibratedBy === null || !('sources' in calibratedBy) || !Array.isArray(calibratedBy.sources)) return [];
  return calibratedBy.sources.filter((source) => typeof source === 'string');
}

function layersOf(counted: readonly Decided[]): Section['layers'] {
  const layers = [...new Set(counted.flatMap((one) => [...one.layers.keys()]))].sort((a, b) => a - b);
  const mean = (layer: number, label: Decided['label']): number | null => {
    const some = counted.filter((one) => one.label === label);
    return some.length === 0 ? null : some.reduce((sum, one) => sum + (one.layers.get(layer) ?? 0), 0) / some.length;
  };
  return layers.map((layer) => ({ layer, harmful: mean(layer, 'harmful'), benign: mean(layer, 'benign') }));
}

function rowOf({ organism: { id, group = [], apart = false }, layers, sources, label, isOtherwiseHarmful, verdict, reason, score, shift, measured, distance, p, adjustedP, conformalP, deltaNorm }: Decided): OrganismRow {
  const byLayer = [...layers].map(([layer, value]) => ({ layer, score: value })).sort((a, b) => a.layer - b.layer);
  return { id, groups: group, apart, layers: byLayer, sources, label, isOtherwiseHarmful, verdict, reason, score, shift, measured, distance, p, adjustedP, conformalP, deltaNorm };
}
