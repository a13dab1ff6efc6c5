/** `lineage` from a path to its document. In: paths and options. Out: the document, with what could not be read. */
import { asWeightseqError, EXIT, type ExitCode, type WeightseqError } from '../errors.js';
import type { OnProgress } from '../reading/model-read.js';
import { openBaseReading, type Library } from '../signature/library.js';
import { libraryBase, type FoundBase } from './base.js';
import { inheritedFrom, type Inheritance } from './contamination.js';
import { lineageOf, type Found } from './lineage.js';
import { openSubject, type Opened, type OpenOptions } from './open.js';
import { openEntries, type OpenEntry, type Registry } from './registry.js';
import type { Lineage } from './schema.js';
import { shardHashes, subjectOf, type Subject } from './subject.js';

export interface LineageOptions {
  readonly library: Library;
  /** Paths of readings, checkpoints or adapters; the library's bases and the registry's models when absent. */
  readonly against?: readonly string[] | undefined;
  /** A path of the base, or a reading of it. */
  readonly base?: string | undefined;
  readonly registry?: Registry | undefined;
  /** Whether a contaminated ancestor makes exit code 1. */
  readonly failOnContaminated: boolean;
  readonly version: string;
  readonly onProgress?: OnProgress | undefined;
}

interface Candidates {
  readonly subjects: readonly Subject[];
  readonly errors: readonly WeightseqError[];
}

/**
 * The lineage of a path. A candidate that can't be read is an error in the document and hides no other.
 * @throws WeightseqError whatever is wrong with the path itself, the base, the registry or the library
 */
export async function findLineage(path: string, options: LineageOptions): Promise<Lineage> {
  const start = performance.now();
  const { library, registry, version, onProgress } = options;
  const open: OpenOptions = { library, hash: true, version };
  const entries = registry === undefined ? [] : await openEntries(registry);
  const given = await candidatesOf(options, entries, open);
  const opened = await openSubject(path, { ...open, hash: wantsHash(given.subjects, entries), onProgress });
  const base = await baseOf(opened, options, open);
  const subjects = [...given.subjects, ...(options.against === undefined && base.subject !== null && given.subjects.every(({ name }) => name !== base.subject?.name) ? [base.subject] : [])];
  const relate = { base: base.subject, reread: opened.reread };
  const found = await lineageOf(opened.subject, subjects, relate);
  const inherited = await inheritedFrom(opened.subject, entries, relate);
  const document = documentOf(path, opened, { found, inherited, base, given, registry }, version, subjects);
  return { ...document, seconds: (performance.now() - start) / 1000, exitCode: exitCodeOf(document, given.errors, options.failOnContaminated) };
}

/** Hashing costs a second pass: it is done where something is there to compare the hashes with. */
function wantsHash(candidates: readonly Subject[], entries: readonly OpenEntry[]): boolean {
  return candidates.some((candidate) => shardHashes(candidate) !== null) || entries.some(({ entry, subject }) => entry.fingerprints.length > 0 || (subject !== null && shardHashes(subject) !== null));
}

async function candidatesOf({ library, against }: LineageOptions, entries: readonly OpenEntry[], open: OpenOptions): Promise<Candidates> {
  if (against === undefined) {
    const bases = await Promise.all(library.bases.map(async ({ name }) => ({ name, kept: await openBaseReading(library, name) })));
    return { subjects: [...bases.flatMap(({ name, kept }) => (kept === null ? [] : [subjectOf(name, kept)])), ...entries.flatMap(({ subject }) => subject ?? [])], errors: [] };
  }
  const subjects: Subject[] = [];
  const errors: WeightseqError[] = [];
  for (const path of against) {
    try {
      subjects.push((await openSubject(path, open)).subject);
    } catch (error) {
      errors.push(asWeightseqError(error));
    }
  }
  return { subjects, errors };
}

async function baseOf({ subject, kept }: Opened, { base, library }: LineageOptions, open: OpenOptions): Promise<FoundBase> {
  if (base === undefined) return libraryBase(subject, kept.provenance.baseClaim, library);
  return { subject: (await openSubject(base, { ...open, hash: false })).subject, how: 'as --base says' };
}

interface Parts {
  readonly found: Found;
  readonly inherited: Inheritance;
  readonly base: FoundBase;
  readonly given: Candidates;
  readonly registry: Registry | undefined;
}

function documentOf(path: string, { subject, from }: Opened, { found, inherited, base, given, registry }: Parts, version: string, subjects: readonly Subject[]): Omit<Lineage, 'seconds' | 'exitCode'> {
  return {
    schemaVersion: 1,
    tool: { name: 'weightseq', version },
    path,
    source: from,
    sentence: found.sentence,
    base: { name: base.subject?.name ?? null, how: base.how },
    relations: [...found.relations],
    merge: found.merge,
    registry: registry === undefined ? null : { file: registry.file, entries: registry.entries.length, compared: inherited.compared, not: inherited.not.map(({ name, reason }) => ({ name, reason })) },
    contamination: [...inherited.contamination],
    coverage: {
      read: subject.weights.size, total: subject.weightsTotal, bytes: [subject, ...subjects].reduce((sum, { bytes }) => sum + bytes, 0),
      unread: subject.gaps.map(({ name, reason }) => ({ name, reason })),
    },
    errors: given.errors.map(({ code, file, message, mend }) => ({ code, file: file ?? null, message, mend: mend ?? null })),
  };
}

/** 1 where asked for and contaminated; 2 where a candidate could not be read; 3 where something is not read or not decided; else 0. */
function exitCodeOf({ relations, contamination, coverage, registry }: Omit<Lineage, 'seconds' | 'exitCode'>, errors: readonly WeightseqError[], failOnContaminated: boolean): ExitCode {
  if (failOnContaminated && contamination.length > 0) return EXIT.gate;
  if (errors.some(({ exitCode }) => exitCode === EXIT.unreadable)) return EXIT.unreadable;
  const isOpen = errors.length > 0 || coverage.unread.length > 0 || coverage.read < coverage.total || relations.length === 0 || relations.some(({ undecided }) => undecided !== null) || (registry?.not.length ?? 0) > 0;
  return isOpen ? EXIT.incomplete : EXIT.clean;
}
