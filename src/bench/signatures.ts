/** The signatures of a labelled set. In: files, or a library. Out: one for each trait, and a library that holds just these. */
import { WeightseqError } from '../errors.js';
import { openSafetensors } from '../safetensors/file.js';
import { scoredWeights, type ScoredWeight } from '../scan/scale.js';
import type { SignatureDocument } from '../signature/document.js';
import { tensorsFingerprint } from '../signature/fingerprint.js';
import { readSignature } from '../signature/format.js';
import { hashFile, openEntry, type Library, type LibraryEntry, type ListedSignature } from '../signature/library.js';
import { escapeText } from '../text.js';

export interface BenchSignature {
  readonly file: string;
  readonly trait: string;
  readonly document: SignatureDocument;
  /** Of its tensors: stays the same when the document changes. */
  readonly fingerprint: string;
  readonly weights: ReadonlyMap<string, ScoredWeight>;
}

/**
 * The signatures of one base, from files.
 * @param bases where readings of the base are found
 * @throws WeightseqError `no-signature` when none is of that base, `usage` when two are of one trait, and as `readSignature`
 */
export async function signaturesOf(files: readonly string[], base: string, bases: Library): Promise<{ signatures: BenchSignature[]; library: Library }> {
  const listed = await Promise.all(files.map(async (file): Promise<ListedSignature> => ({ ...(await readSignature(file)), sha256: await hashFile(file) })));
  return chosen(listed, base, bases);
}

/**
 * The signatures of one base in a library.
 * @throws WeightseqError as `signaturesOf` and `openEntry`
 */
export async function signaturesIn(library: Library, base: string): Promise<{ signatures: BenchSignature[]; library: Library }> {
  return chosen(await Promise.all(library.entries.filter((entry) => entry.base === base).map((entry) => openEntry(library, entry))), base, library);
}

async function chosen(listed: readonly ListedSignature[], base: string, library: Library): Promise<{ signatures: BenchSignature[]; library: Library }> {
  const other = listed.find(({ document }) => document.base.name !== base);
  if (other !== undefined || listed.length === 0) {
    throw new WeightseqError('no-signature', other === undefined ? `no signature for ${escapeText(base)}` : `a signature for ${escapeText(other.document.base.name)}, the labelled set is of ${escapeText(base)}`, {
      file: other?.file ?? library.folder, mend: 'Give signatures of the base that the manifest names.',
    });
  }
  const traits = listed.map(({ document }) => document.trait);
  const twice = listed.find(({ document }, i) => traits.indexOf(document.trait) !== i);
  if (twice !== undefined) {
    throw new WeightseqError('usage', `two signatures of the trait ${twice.document.trait}`, { file: twice.file, mend: 'Give one for each trait; hold candidates against each other in runs of their own.' });
  }
  const signatures: BenchSignature[] = [];
  for (const { file, document, weights } of listed) {
    signatures.push({ file, trait: document.trait, document, fingerprint: await tensorsFingerprint(await openSafetensors(file)), weights: scoredWeights(weights) });
  }
  signatures.sort((a, b) => Number(b.document.harmful) - Number(a.document.harmful) || a.trait.localeCompare(b.trait, 'en'));
  const entries = listed.map(({ file, sha256, bytes, document: { trait, kind, harmful } }): LibraryEntry => ({ trait, file, base, sha256, bytes, kind, harmful }));
  return { signatures, library: { ...library, entries, opened: new Map(listed.map((one) => [one.file, Promise.resolve(one)])), openedBases: new Map() } };
}
