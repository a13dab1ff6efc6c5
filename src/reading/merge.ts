/** Parts of a reading, put together. In: the parts, in any order. Out: the reading of the whole, number for number. Pure. */
import { WeightseqError, type ErrorCode } from '../errors.js';
import { escapeText } from '../text.js';
import type { Gap } from '../types.js';
import { isChanged } from './model-read.js';
import type { KeptReading, Provenance } from './reading-file.js';

/** A part, and the file that it is from, for messages. */
export interface NamedPart {
  readonly file: string;
  readonly kept: KeptReading;
}

interface Numbered extends NamedPart {
  readonly index: number;
  readonly count: number;
}

/**
 * Puts all parts of one reading together. The result is the reading that `weightseq read` without --part takes, bit for bit.
 * @throws WeightseqError `part-none` for a reading that is no part, `part-mismatch` for parts that do not belong together,
 * `part-twice` and `part-missing`
 */
export function mergeReadings(given: readonly NamedPart[]): KeptReading {
  const [first, ...others] = given.map(numbered);
  if (first === undefined) throw new WeightseqError('part-missing', 'no part was given', { mend: 'Give all parts of one reading.' });
  for (const other of others) requireSame(first, other);
  const parts = [first, ...others].sort((a, b) => a.index - b.index);
  const twice = parts.find((part, i) => parts[i - 1]?.index === part.index);
  if (twice !== undefined) throw partError('part-twice', `part ${twice.index} of ${twice.count} is given twice`, twice, 'Leave one of them out.');
  const present = new Set(parts.map(({ index }) => index));
  const absent = Array.from({ length: first.count }, (_, i) => i + 1).filter((index) => !present.has(index));
  if (absent.length > 0) {
    throw new WeightseqError('part-missing', `of ${first.count} parts ${absent.length === 1 ? 'part' : 'parts'} ${named(absent)} ${absent.length === 1 ? 'is' : 'are'} missing`, { mend: `Read what is missing: weightseq read PATH --part ${absent[0] ?? 1}/${first.count} -o FILE.` });
  }
  const provenance = { ...first.kept.provenance, files: filesOf(parts), part: null };
  const kepts = parts.map(({ kept }) => kept);
  const common = {
    nonFinite: kepts.flatMap(({ reading }) => reading.nonFinite), failed: failedOf(kepts), signs: first.kept.reading.signs,
    bytes: kepts.reduce((sum, { reading }) => sum + reading.bytes, 0),
  };
  if (first.kept.of === 'delta') {
    const weights = kepts.flatMap((kept) => (kept.of === 'delta' ? kept.reading.weights : []));
    return { of: 'delta', reading: { ...common, of: 'delta', weights }, provenance };
  }
  const models = kepts.flatMap((kept) => (kept.of === 'weights' ? [kept.reading] : []));
  return {
    of: 'weights', provenance,
    reading: { ...common, of: 'weights', weights: models.flatMap(({ weights }) => weights), vectors: models.flatMap(({ vectors }) => vectors), baseVectors: [] },
  };
}

function numbered({ file, kept }: NamedPart): Numbered {
  const { part } = kept.provenance;
  if (part === null) throw new WeightseqError('part-none', 'this reading is no part of another', { file, mend: 'Give readings that were taken with --part.' });
  return { file, kept, ...part };
}

/** What all parts of one reading say alike, in words. */
const SAME: readonly (readonly [what: string, of: (part: Numbered) => unknown])[] = [
  ['the kind of reading', ({ kept }) => kept.of],
  ['the number of parts', ({ count }) => count],
  ['the version of the program', ({ kept }) => kept.provenance.tool.version],
  ['the installed signatures', ({ kept }) => kept.provenance.signatures.map(({ sha256 }) => sha256)],
  ['the sign probes', ({ kept }) => kept.reading.signs],
  ['the list of weights', ({ kept: { provenance: { plan, weightsTotal, bytes } } }) => [plan, weightsTotal, bytes]],
  ['the configuration', ({ kept: { provenance: { architecture, baseClaim, gaps } } }) => [architecture, baseClaim, gaps]],
  ['the names and sizes of the files', ({ kept }) => kept.provenance.files.map(({ name, bytes }) => [name, bytes])],
];

function requireSame(first: Numbered, other: Numbered): void {
  const differs = SAME.find(([, of]) => JSON.stringify(of(first)) !== JSON.stringify(of(other)));
  if (differs === undefined) return;
  throw partError('part-mismatch', `it does not belong to part ${first.index}, ${escapeText(first.file)}: they differ in ${differs[0]}`, other, 'Give parts that were read of one checkpoint, with one version and the same signatures.');
}

/** Each file with its sha256 from the parts that hashed it, which must agree. */
function filesOf(parts: readonly Numbered[]): Provenance['files'] {
  const files = (parts[0]?.kept.provenance.files ?? []).map((file, i) => {
    let sha256: string | null = null;
    for (const part of parts) {
      const found = part.kept.provenance.files[i]?.sha256 ?? null;
      if (found !== null && sha256 !== null && found !== sha256) throw partError('part-mismatch', `it was read of another ${escapeText(file.name)} than the parts before it: the sha256 differ`, part, 'Read all parts of the same files.');
      sha256 = found ?? sha256;
    }
    return { ...file, sha256 };
  });
  const isHashed = ({ kept }: Numbered): boolean => kept.provenance.files.some(({ sha256 }) => sha256 !== null);
  // What was read and not hashed may have been any file; a part of nothing has nothing to hash.
  const unhashed = parts.find((part) => !isHashed(part) && part.kept.reading.bytes > 0);
  if (unhashed === undefined || !parts.some(isHashed)) return files;
  throw partError('part-mismatch', 'it was read with --no-hash, and another part was not', unhashed, 'Read all parts with --no-hash, or none.');
}

/** What could not be read, files that changed last and once, as the reading of the whole has it. */
function failedOf(kepts: readonly KeptReading[]): Gap[] {
  const all = kepts.flatMap(({ reading }) => reading.failed);
  const changed = new Map(all.filter(isChanged).map((gap) => [gap.name, gap]));
  return [...all.filter((gap) => !isChanged(gap)), ...changed.values()];
}

function named(indices: readonly number[]): string {
  const shown = indices.slice(0, 8).join(', ');
  return indices.length > 8 ? `${shown} and ${indices.length - 8} more` : shown;
}

function partError(code: ErrorCode, message: string, { file }: NamedPart, mend: string): WeightseqError {
  return new WeightseqError(code, message, { file, mend });
}
