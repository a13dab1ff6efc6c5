/** What the commands on labelled sets share: limits of the labels, the null to use, and the set itself. */
import { InvalidArgumentError, Option } from 'commander';
import { LABEL_LIMITS, subjectsOf, type LabelLimits, type Subject } from '../../src/bench/cases.js';
import { GROUPINGS, MEMBERS, type NullDesign } from '../../src/bench/design.js';
import type { FitOn } from '../../src/bench/fit.js';
import { openManifest, type OpenManifest } from '../../src/bench/manifest.js';
import { openBenchReadings, type BenchReadings } from '../../src/bench/readings-file.js';
import type { BenchSignature } from '../../src/bench/signatures.js';
import { takeReadings } from '../../src/bench/take.js';
import { SCALES } from '../../src/signature/document.js';
import type { Library } from '../../src/signature/library.js';
import { errorLine } from '../io.js';
import { log } from '../log.js';
import { startProgress } from '../progress.js';

export interface LabelFlags {
  readonly harmfulAbove: number;
  readonly benignBelow: number;
  readonly null?: NullDesign;
  readonly fitOn: FitOn;
  readonly organisms?: string;
}

function finite(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Give a number.');
  return value;
}

function nullDesign(text: string): NullDesign {
  const [grouping, scale = 'none', spread = 'sources', members = 'benign', ...more] = text.split('/');
  const found = { grouping: GROUPINGS.find((g) => g === grouping), scale: SCALES.find((s) => s === scale), spread: (['sources', 'fine-tunes'] as const).find((s) => s === spread), members: MEMBERS.find((m) => m === members) };
  if (!found.grouping || !found.scale || !found.spread || !found.members || more.length > 0) {
    throw new InvalidArgumentError(`Give GROUPING/SCALE/SPREAD/MEMBERS: ${GROUPINGS.join(', ')} / ${SCALES.join(', ')} / sources, fine-tunes / ${MEMBERS.join(', ')}.`);
  }
  return { grouping: found.grouping, scale: found.scale, spread: found.spread, members: found.members };
}

/** The options of both commands. */
export function labelOptions(): Option[] {
  return [
    new Option('--organisms <folder>', 'read the organisms again, by paths that start here'),
    new Option('--harmful-above <shift>', 'harmful: measured shift minus two standard errors above this').argParser(finite).default(LABEL_LIMITS.harmfulAbove),
    new Option('--benign-below <shift>', 'benign: measured shift plus two standard errors below this').argParser(finite).default(LABEL_LIMITS.benignBelow),
    new Option('--fit-on <organisms>', 'fit nulls and lines on all organisms, or on those of the split calibration only; what is judged is always left out with its sources').choices(['all', 'calibration']).default('all'),
    new Option('--null <design>', 'GROUPING/SCALE/SPREAD/MEMBERS in place of the one that is chosen by leaving sources out').argParser(nullDesign),
  ];
}

export interface OpenSet {
  readonly manifest: OpenManifest;
  readonly readings: BenchReadings;
  readonly subjects: readonly Subject[];
  readonly limits: LabelLimits;
  /** Something was not read. */
  readonly isIncomplete: boolean;
}

/**
 * The labelled set, from kept readings, or from its organisms where --organisms is given or the manifest names no readings.
 * @throws WeightseqError as `openManifest`, `openBenchReadings`, `takeReadings` and `subjectsOf`
 */
export async function openSet(file: string, flags: LabelFlags, given: (base: string) => Promise<{ signatures: readonly BenchSignature[]; library: Library }>): Promise<OpenSet & { signatures: readonly BenchSignature[] }> {
  const manifest = await openManifest(file, flags.organisms);
  const { signatures, library } = await given(manifest.manifest.base);
  const limits = { harmfulAbove: flags.harmfulAbove, benignBelow: flags.benignBelow };
  const readings = await readingsOf(manifest, flags, { signatures, library });
  const subjects = subjectsOf(manifest.manifest, readings, signatures, limits);
  const known = new Set(readings.document.organisms.map(({ id }) => id));
  for (const { organism } of subjects) if (!known.has(organism.id)) log.warn('missing', `the readings do not hold ${organism.id}: it is not judged`, { id: organism.id });
  return { manifest, readings, subjects, signatures, limits, isIncomplete: subjects.some(({ organism }) => !known.has(organism.id)) };
}

async function readingsOf(manifest: OpenManifest, { organisms }: LabelFlags, given: { signatures: readonly BenchSignature[]; library: Library }): Promise<BenchReadings> {
  if (manifest.readings !== null && organisms === undefined) return openBenchReadings(manifest.readings);
  const progress = startProgress(manifest.manifest.organisms.length);
  const { readings, failed } = await takeReadings(manifest, given, (count) => { progress.finish(count - 1); });
  progress.end();
  for (const { id, error } of failed) log.warn('missing', `not read: ${id}: ${errorLine(error)}`, { id, code: error.code });
  return readings;
}
