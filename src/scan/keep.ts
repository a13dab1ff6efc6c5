/** A reading to keep, from a path. In: an adapter or a whole checkpoint, and signatures. Out: the reading with its provenance. */
import type { EngineOptions } from '../engine/index.js';
import { WeightseqError } from '../errors.js';
import { readDeltaApart, readModelApart } from '../reading/apart.js';
import { filesOf, type OnProgress } from '../reading/model-read.js';
import { planModel } from '../reading/model-plan.js';
import { SIGNS, type InvariantChoice, type Part } from '../reading/model.js';
import { digestOfDelta, digestOfModel, partOfDelta, partOfModel } from '../reading/part.js';
import { filesOfDelta, plan as planDelta, type ProbeSet } from '../reading/plan.js';
import type { KeptReading, Provenance } from '../reading/reading-file.js';
import { openEntry, type Library } from '../signature/library.js';
import type { Checkpoint, Gap, ModelCheckpoint } from '../types.js';
import { locateAny } from './any.js';
import { resolveBase } from './base.js';
import { divideFused } from './fused.js';
import { identify, stampsOf, withChanged } from './identity.js';
import { isKept } from './kept.js';
import { baseClaim } from './model-base.js';
import { baseDocument } from './scan.js';

export interface KeepOptions {
  readonly library: Library;
  /** Whether coordinates of its signatures are taken; a base that is only to be recognised needs none. */
  readonly withSignatures: boolean;
  /** Whether the sha256 of the files that decide is taken. */
  readonly hash: boolean;
  readonly invariants: InvariantChoice;
  readonly part: Part | null;
  /** Of an adapter: the base that tells how its fused weights divide, whatever the adapter claims. */
  readonly assumeBase?: string | undefined;
  /** Of the program. */
  readonly version: string;
  readonly onProgress?: OnProgress | undefined;
}

/** A reading, and what is missing from it, one entry each. */
export interface Kept {
  readonly kept: KeptReading;
  readonly missing: readonly Pick<Gap, 'name' | 'reason'>[];
}

const ENGINE: EngineOptions = { executionProvider: 'cpu' };

/**
 * Reads an adapter or a whole checkpoint, or a part of it, so that it can be kept.
 * @throws WeightseqError whatever is wrong with path or signatures; `usage` for a path that is a reading already
 */
export async function keepReading(path: string, options: KeepOptions): Promise<Kept> {
  if (await isKept(path)) throw new WeightseqError('usage', 'this is a reading already', { file: path, mend: 'Give the checkpoint or the adapter that it was taken of.' });
  const located = await locateAny(path);
  return located.kind === 'adapter' ? keepDelta(located, options) : keepModel(located, options);
}

type Identified = Pick<Provenance, 'files'> & { readonly changed: readonly Gap[] };

async function keepModel(checkpoint: ModelCheckpoint, options: KeepOptions): Promise<Kept> {
  const { invariants, part } = options;
  const stamps = await stampsOf(checkpoint);
  const { sets, listed } = await probeSets(options);
  const whole = { ...planModel(checkpoint, sets), invariants };
  const plan = part === null ? whole : partOfModel(whole, part);
  const progress = progressOf(plan.bytes, checkpoint.bytes, options);
  const reading = await readModelApart(plan, ENGINE, progress.read);
  const { files, changed } = await identifyPart(checkpoint, stamps, { of: filesOf(plan), all: filesOf(whole) }, options, progress.hashed);
  const failed = withChanged(reading.failed, changed);
  const gaps = [...checkpoint.gaps, ...whole.gaps];
  const provenance = {
    ...provenanceOf(checkpoint, options), architecture: { ...checkpoint.architecture }, baseClaim: await baseClaim(checkpoint.path), files,
    signatures: listed(whole.steps), gaps, plan: digestOfModel(whole),
  };
  return { kept: { of: 'weights', reading: { ...reading, failed }, provenance }, missing: missing(gaps, failed, reading.nonFinite) };
}

async function keepDelta(located: Checkpoint, options: KeepOptions): Promise<Kept> {
  const { library, invariants, part, assumeBase } = options;
  const stamps = await stampsOf(located);
  const knownBase = await baseDocument(library, resolveBase(located.baseClaim, assumeBase, library).entries);
  const checkpoint = knownBase ? divideFused(located, knownBase) : located;
  const { sets, listed } = await probeSets(options);
  const whole = planDelta(checkpoint, sets);
  const plan = part === null ? whole : partOfDelta(whole, part);
  const progress = progressOf(plan.bytes, checkpoint.bytes, options);
  const reading = await readDeltaApart(plan, ENGINE, { signs: SIGNS, invariants }, progress.read);
  const { files, changed } = await identifyPart(checkpoint, stamps, { of: filesOfDelta(plan), all: filesOfDelta(whole) }, options, progress.hashed);
  const failed = withChanged(reading.failed, changed);
  const provenance = {
    ...provenanceOf(checkpoint, options), architecture: { name: null, known: true }, baseClaim: checkpoint.baseClaim, files,
    signatures: listed(whole.steps), gaps: [...checkpoint.gaps], plan: digestOfDelta(whole, SIGNS, invariants),
  };
  return { kept: { of: 'delta', reading: { ...reading, failed }, provenance }, missing: missing(checkpoint.gaps, failed, reading.nonFinite) };
}

/** The installed signatures as probes, and which of them some steps take numbers for. */
async function probeSets({ library, withSignatures }: KeepOptions): Promise<{ sets: ProbeSet[]; listed: (steps: readonly { readonly probes: readonly { readonly key: string }[] }[]) => Provenance['signatures'] }> {
  const signatures = withSignatures ? await Promise.all(library.entries.map((entry) => openEntry(library, entry))) : [];
  return {
    sets: signatures.map(({ sha256, weights }) => ({ key: sha256, weights })),
    // A signature of another model takes no number of this one.
    listed: (steps) => signatures.filter(({ sha256 }) => steps.some(({ probes }) => probes.some(({ key }) => key === sha256)))
      .map(({ sha256, document }) => ({ trait: document.trait, base: document.base.name, sha256 })),
  };
}

/** The files that decide; of a part those are hashed that it reads, and those that hold no weights. */
async function identifyPart(checkpoint: Checkpoint | ModelCheckpoint, stamps: ReadonlyMap<string, string>, { of, all }: { of: readonly string[]; all: readonly string[] }, { hash, part }: KeepOptions, onBytes: (count: number) => void): Promise<Identified> {
  const [mine, everyone] = [new Set(of), new Set(all)];
  const hashed = (file: string): boolean => part === null || mine.has(file) || !everyone.has(file);
  const { files, changed } = await identify(checkpoint, stamps, hash && hashed, onBytes);
  return { files: [...files], changed };
}

function provenanceOf(checkpoint: Checkpoint | ModelCheckpoint, { version, part }: KeepOptions): Pick<Provenance, 'tool' | 'bytes' | 'weightsTotal' | 'part'> {
  return { tool: { name: 'weightseq', version }, bytes: checkpoint.bytes, weightsTotal: checkpoint.weights.length, part };
}

function missing(gaps: readonly Gap[], failed: readonly Gap[], nonFinite: readonly { name: string; nan: number; infinite: number }[]): Kept['missing'] {
  return [...gaps, ...failed, ...nonFinite.map(({ name, nan, infinite }) => ({ name, reason: `holds ${nan} NaN and ${infinite} infinite values` }))];
}

/** Weights are read by the engine, and once more to be hashed. */
function progressOf(planned: number, bytes: number, { hash, part, onProgress = () => undefined }: KeepOptions): { read: OnProgress; hashed: (count: number) => void } {
  const total = planned + (hash ? (part === null ? bytes : planned) : 0);
  let done = 0;
  return {
    read: (count) => { onProgress(done = count, total); },
    hashed: (count) => { onProgress(Math.min(done += count, total), total); },
  };
}

