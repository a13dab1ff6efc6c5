/** The contamination registry (docs/lineage.md): its types, and its readings opened. In: entries. Out: subjects, or why there is none. */
import { WeightseqError } from '../errors.js';
import { openReading } from '../reading/reading-file.js';
import { hashFile } from '../signature/library.js';
import { escapeText } from '../text.js';
import { subjectOf, type Subject } from './subject.js';

/** One model that is known to be contaminated. */
export interface RegistryEntry {
  readonly name: string;
  readonly reason: string;
  /** YYYY-MM-DD */
  readonly date: string;
  readonly source: string;
  /** sha256 of files of its weights, hexadecimal. */
  readonly fingerprints: readonly string[];
  /** A kept reading of it: path and sha256 of the file. */
  readonly reading: { readonly file: string; readonly sha256: string } | null;
}

export interface Registry {
  readonly file: string;
  readonly entries: readonly RegistryEntry[];
}

/** An entry whose reading is in memory; without one, only its fingerprints can be recognised. */
export interface OpenEntry {
  readonly entry: RegistryEntry;
  readonly subject: Subject | null;
}

/**
 * Opens every reading that a registry names; its bytes are hashed first, so that a changed one accuses nobody.
 * @throws WeightseqError `registry-invalid` when the hash is another, `not-found`, `reading-invalid`
 */
export async function openEntries({ file, entries }: Registry): Promise<OpenEntry[]> {
  const opened: OpenEntry[] = [];
  for (const entry of entries) {
    if (entry.reading === null) {
      opened.push({ entry, subject: null });
      continue;
    }
    const sha256 = await hashFile(entry.reading.file);
    if (sha256 !== entry.reading.sha256) {
      throw new WeightseqError('registry-invalid', `the reading of ${escapeText(entry.name)} has the sha256 ${sha256.slice(0, 12)}…, the registry says ${entry.reading.sha256.slice(0, 12)}…`, {
        file, mend: 'Get the reading again from where the registry comes from, or correct its sha256.',
      });
    }
    opened.push({ entry, subject: subjectOf(entry.name, await openReading(entry.reading.file)) });
  }
  return opened;
}
