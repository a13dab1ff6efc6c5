/** What a scanned model inherits. In: the result of a scan that was told to keep sign coordinates, and the registry's models. Out: what a report says of it. */
import { openModelReading } from '../reading/reading-file.js';
import { SIGNS, type DenseReading } from '../reading/model.js';
import type { AnyScanOptions, AnyScanResult } from '../scan/any.js';
import { openBaseReading } from '../signature/library.js';
import { inheritedFrom, type Inheritance } from './contamination.js';
import type { OpenEntry } from './registry.js';
import { subjectOf, type Subject, type SubjectWeight } from './subject.js';

/**
 * Holds a scanned path against a registry. The base is the one that the scan found.
 * @returns null where the path was not read
 * @throws WeightseqError as `openBaseReading` and `openModelReading`
 */
export async function inheritanceOf(result: AnyScanResult, entries: readonly OpenEntry[], { library, baseReading }: AnyScanOptions): Promise<Inheritance | null> {
  const subject = subjectOfScan(result);
  if (subject === null) return null;
  const { name } = result.base;
  const kept = baseReading !== undefined ? await openModelReading(baseReading) : name === null ? null : await openBaseReading(library, name);
  return inheritedFrom(subject, entries, { base: kept && subjectOf(name ?? 'the base', kept) });
}

function subjectOfScan(result: AnyScanResult): Subject | null {
  const { reading, path, files, gaps } = result;
  if (reading === null) return null;
  const weights: SubjectWeight[] = 'of' in reading ? reading.weights.map(ofModel) : reading.weights.flatMap(({ signs, deltaNorm, invariants = {}, ...weight }) => (signs === undefined ? [] : [{ ...weight, norm: deltaNorm, signs, invariants, dtype: 'F32' as const }]));
  const vectors = 'of' in reading && reading.of === 'weights' ? reading.vectors : [];
  return {
    name: path, of: 'of' in reading && reading.of === 'weights' ? 'weights' : 'delta', weights: new Map(weights.map((weight) => [weight.name, weight])),
    vectors: new Map(vectors.map((vector) => [vector.name, vector])), signs: 'signs' in reading ? reading.signs : SIGNS,
    architecture: 'architecture' in result ? result.architecture?.name ?? null : null, files, gaps, weightsTotal: weights.length, bytes: reading.bytes,
  };
}

function ofModel({ name, role, layer, shape, dtype, norm, signs, signsAs, invariants = {} }: DenseReading): SubjectWeight {
  return { name, role, layer, shape, dtype, norm, signs, invariants, ...(signsAs === undefined ? {} : { signsAs }) };
}
