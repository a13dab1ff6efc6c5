/** The disk: a path in, what lineage compares out. In: an adapter, a checkpoint or a kept reading. Out: a subject, and a way to read it again. */
import { stat } from 'node:fs/promises';
import { locateModel } from '../checkpoint/model.js';
import { WeightseqError } from '../errors.js';
import { readModelApart } from '../reading/apart.js';
import { planModel } from '../reading/model-plan.js';
import type { InvariantChoice } from '../reading/model.js';
import { openReading, type KeptReading } from '../reading/reading-file.js';
import type { OnProgress } from '../reading/model-read.js';
import { isKept } from '../scan/kept.js';
import { keepReading } from '../scan/keep.js';
import type { Library } from '../signature/library.js';
import { subjectOf, type Subject } from './subject.js';

export interface OpenOptions {
  readonly library: Library;
  /** Whether the files are hashed, where they are read. */
  readonly hash: boolean;
  /** Of the program. */
  readonly version: string;
  readonly onProgress?: OnProgress | undefined;
}

export interface Opened {
  readonly subject: Subject;
  readonly from: 'weights' | 'reading';
  readonly kept: KeptReading;
  /** Reads a checkpoint again, each layer with the sign probes of another; absent for a reading and for an adapter. */
  readonly reread?: (map: readonly number[]) => Promise<Subject>;
}

const LINES: InvariantChoice = { lines: true, spectrum: false, sketch: false };

/**
 * Opens a kept reading, or reads the weights.
 * @throws WeightseqError whatever is wrong with the path; `reading-part` for a part of a reading
 */
export async function openSubject(path: string, { library, hash, version, onProgress }: OpenOptions): Promise<Opened> {
  if (await isKept(path)) {
    const kept = await openReading(path);
    if (kept.provenance.part !== null) throw new WeightseqError('reading-part', 'a part of a reading: only the whole can be compared', { file: path, mend: 'Put all parts together: weightseq merge PART… -o FILE.' });
    return { subject: { ...subjectOf(path, kept), bytes: (await stat(path)).size }, from: 'reading', kept };
  }
  const { kept } = await keepReading(path, { library, hash, version, withSignatures: false, invariants: LINES, part: null, onProgress });
  const opened: Opened = { subject: { ...subjectOf(path, kept), bytes: kept.reading.bytes }, from: 'weights', kept };
  return kept.of === 'delta' ? opened : { ...opened, reread: (map) => readAs(path, kept, map) };
}

/** Reads a checkpoint with the sign probes of other layers: `map` has for each layer the one whose name the probes are drawn by. */
async function readAs(path: string, { provenance }: KeptReading, map: readonly number[]): Promise<Subject> {
  const checkpoint = await locateModel(path);
  const weights = checkpoint.weights.map((weight) => {
    const layer = weight.layer === null ? undefined : map[weight.layer];
    return layer === undefined ? weight : { ...weight, signsAs: (weight.signsAs ?? weight.name).replace(/^(layers\.)?\d+/u, (_, prefix: string | undefined) => `${prefix ?? ''}${layer}`) };
  });
  const reading = await readModelApart({ ...planModel({ ...checkpoint, weights }, []), invariants: LINES }, { executionProvider: 'cpu' });
  return subjectOf(path, { of: 'weights', reading, provenance });
}
