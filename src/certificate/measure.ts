/** What the figures of a certificate are. In: a path. Out: what a scan says of its weights; the same to write a certificate and to verify one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asWeightseqError, WeightseqError } from '../errors.js';
import type { OnProgress } from '../reading/model-read.js';
import { writeReading } from '../reading/reading-file.js';
import { itemOf } from '../report/report.js';
import type { ReportItem } from '../report/schema.js';
import { scanPath } from '../scan/any.js';
import { keepReading } from '../scan/keep.js';
import { hashFile, openEntry, type Library } from '../signature/library.js';
import { descentOf, type Descendant, type Descent } from './descent.js';
import type { CertifiedTrait, Predicate } from './schema.js';

export interface MeasureOptions {
  readonly library: Library;
  readonly assumeBase?: string | undefined;
  /** The base itself. */
  readonly base?: string | undefined;
  readonly baseReading?: string | undefined;
  /** Readings, checkpoints or adapters that it is held against, besides the known bases. */
  readonly against?: readonly string[] | undefined;
  /** Of this program. */
  readonly version: string;
  readonly onProgress?: OnProgress | undefined;
}

export interface Figures extends Pick<Predicate, 'base' | 'lineage' | 'change' | 'traits' | 'coverage' | 'reading' | 'incomplete'> {
  readonly kind: Predicate['model']['kind'];
  readonly architecture: string | null;
  /** As a registry is held against it. */
  readonly descendant: Descendant;
  /** Whether something that decides could not be told; an indeterminate verdict counts (exit code 3). */
  readonly undecided: boolean;
}

/**
 * Reads a path, and scans the reading with every signature of its base; with the base itself at hand, the path is scanned.
 * @throws WeightseqError what keeps it from being measured; that no signature fits its base is part of the figures
 */
export async function figuresOf(path: string, options: MeasureOptions): Promise<Figures> {
  const { library, assumeBase, base, baseReading, against = [], version, onProgress } = options;
  const { kept } = await keepReading(path, { library, assumeBase, version, onProgress, withSignatures: true, hash: true, invariants: LINES, part: null });
  return inTemporaryFolder(async (folder) => {
    const file = join(folder, 'reading.safetensors');
    await writeReading(file, kept);
    const result = await scanPath(base === undefined ? file : path, { library, assumeBase, base, baseReading, onProgress });
    const broken = result.errors.find(({ code }) => code !== 'no-signature');
    if (broken !== undefined) throw broken.file === file ? new WeightseqError(broken.code, broken.message, { file: path, cause: broken, ...(broken.mend === undefined ? {} : { mend: broken.mend }) }) : broken;
    const descent = await descentOf(path, kept, library, against, version);
    return figuresIn(itemOf(result, 'never'), { verdict: result.base.found?.verdict ?? null, reading: await hashFile(file), descent }, options);
  });
}

/** What `weightseq read` keeps unless it is asked for more. */
const LINES = { lines: true, spectrum: false, sketch: false } as const;

async function inTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'weightseq-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Found {
  readonly verdict: Predicate['base']['verdict'];
  /** sha256 */
  readonly reading: string;
  readonly descent: Descent;
}

async function figuresIn(item: ReportItem, { verdict, reading, descent }: Found, { library, base, baseReading }: MeasureOptions): Promise<Figures> {
  if (item.kind === 'unknown') throw asWeightseqError(new Error('nothing was measured'));
  return {
    kind: item.kind,
    architecture: item.architecture?.name ?? null,
    descendant: { subject: descent.subject, relate: descent.relate },
    lineage: descent.lineage,
    base: {
      name: item.base.name, how: item.base.how, claimed: item.base.declared, measured: item.base.measured, verdict, norm: item.base.norm,
      evidence: (item.base.evidence ?? []).map(({ name, alsoKnownAs, fits, weights, correlation, p, distance }) => ({ name, alsoKnownAs, fits, weights, correlation, p, distance })),
      from: base !== undefined ? 'base' : baseReading !== undefined ? 'base-reading' : 'library',
    },
    change: changeOf(item),
    traits: await traitsOf(item, library),
    coverage: coverageOf(item),
    reading: { sha256: reading },
    incomplete: reasons(item),
    undecided: item.exitCode !== 0,
  };
}

function changeOf({ change, deltaNorm }: ReportItem): Predicate['change'] {
  if (change) return { value: change.value, low: change.low, high: change.high };
  return deltaNorm === null ? null : { value: deltaNorm, low: deltaNorm, high: deltaNorm };
}

async function traitsOf({ findings }: ReportItem, library: Library): Promise<CertifiedTrait[]> {
  const made: CertifiedTrait[] = [];
  for (const finding of findings) {
    const { trait, description, harmful, verdict, reason, unit, shift, interval, score, p, conformalP, nullSources, level, smallestMeaningfulShift, signature } = finding;
    const entry = library.entries.find(({ sha256 }) => sha256 === signature.sha256);
    const version = entry ? (await openEntry(library, entry)).document.schemaVersion : 0;
    made.push({
      trait, description, harmful, verdict, reason, unit, shift, interval, score, p, conformalP, nullSources, level, smallestMeaningfulShift,
      signature: { ...signature, version },
    });
  }
  return made.sort((a, b) => (a.trait < b.trait ? -1 : 1));
}

function coverageOf({ coverage: { bytes, bytesTotal, read, scored, total, unread, notCompared = [] } }: ReportItem): Predicate['coverage'] {
  return { bytes, bytesTotal, read, scored, total, unread, notCompared };
}

/** Why not everything could be measured, in words. */
function reasons({ errors, coverage: { read, total, unread }, findings }: ReportItem): string[] {
  return [
    ...errors.map(({ message }) => message),
    ...(read < total ? [`${total - read} of ${total} weights were not read`] : []),
    ...(unread.length > 0 ? [`not read, not understood or not scored: ${unread.map(({ name }) => name).slice(0, 3).join(', ')}${unread.length > 3 ? ` and ${unread.length - 3} more` : ''}`] : []),
    ...(errors.length === 0 && !findings.some(({ harmful }) => harmful) ? ['no harmful trait was tested'] : []),
  ];
}
