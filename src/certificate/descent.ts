/** What a model descends from, by its weights. In: its reading, and what it is held against. Out: the lineage of a certificate. */
import { basename } from 'node:path';
import type { KeptReading } from '../reading/reading-file.js';
import { libraryBase } from '../lineage/base.js';
import { lineageOf } from '../lineage/lineage.js';
import { openSubject } from '../lineage/open.js';
import type { RelateOptions } from '../lineage/relate.js';
import type { Relation } from '../lineage/schema.js';
import { shardHashes, subjectOf, type Subject } from '../lineage/subject.js';
import { openBaseReading, type Library } from '../signature/library.js';
import type { CertifiedLineage } from './schema.js';

/** A model as lineage compares it, and the base of it. */
export interface Descendant {
  readonly subject: Subject;
  readonly relate: RelateOptions;
}

export interface Descent extends Descendant {
  readonly lineage: CertifiedLineage;
}

/** The name by which a certificate calls what is given as a path: where it lies is nobody's business. */
function nameOf(path: string): string {
  return basename(path).replace(/\.(?:reading|safetensors)$/u, '');
}

/**
 * Holds a model against the known bases and against what is given.
 * @param against paths of readings, checkpoints or adapters
 * @throws WeightseqError as `openSubject` and `openBaseReading`
 */
export async function descentOf(path: string, kept: KeptReading, library: Library, against: readonly string[], version: string): Promise<Descent> {
  const subject = subjectOf(nameOf(path), kept);
  const base = await libraryBase(subject, kept.provenance.baseClaim, library);
  const candidates: Subject[] = [];
  for (const { name } of library.bases) {
    const reading = await openBaseReading(library, name);
    if (reading !== null) candidates.push(subjectOf(name, reading));
  }
  for (const one of against) candidates.push({ ...(await openSubject(one, { library, hash: true, version })).subject, name: nameOf(one) });
  const relate = { base: base.subject };
  const { relations, merge, sentence } = await lineageOf(subject, candidates, relate);
  const found = relations.filter(isRelated);
  return {
    subject, relate,
    lineage: {
      sentence, against: { name: base.subject?.name ?? null, how: base.how }, compared: relations.filter(({ kind }) => kind !== 'not-comparable').map(({ candidate }) => candidate).sort(),
      relations: found.map((relation) => certifiedRelation(relation, candidates)), merge,
    },
  };
}

function isRelated({ kind }: Relation): boolean {
  return kind !== 'unrelated' && kind !== 'not-comparable';
}

function certifiedRelation({ candidate, kind, direction, sentence, evidence, undecided, correlation, p, distance, share }: Relation, candidates: readonly Subject[]): CertifiedLineage['relations'][number] {
  const subject = candidates.find(({ name }) => name === candidate);
  return { candidate, fingerprints: [...(subject && shardHashes(subject)) ?? []], kind, direction, sentence, evidence, undecided, correlation, p, distance, share };
}
