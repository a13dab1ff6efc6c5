/** A folder of signatures. In: a path. Out: entries, opened only when their bytes have the hash that the index lists. */
import { createHash } from 'node:crypto';
import { open, readFile, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { WeightseqError } from '../errors.js';
import { openModelReading, readingNorm, type KeptModel } from '../reading/reading-file.js';
import { escapeText } from '../text.js';
import { listBases, type ListedBase } from './bases.js';
import { libraryIndex, type KnownBase, type LibraryIndex } from './document.js';
import { readSignature, type Signature } from './format.js';

export type LibraryEntry = LibraryIndex['signatures'][number];

/** A folder of signatures with its index; the files themselves are opened when they are needed. */
export interface Library {
  readonly folder: string;
  readonly entries: readonly LibraryEntry[];
  /** Readings of bases: the library's own, then those of the user's folder. */
  readonly bases: readonly ListedBase[];
  /** What was opened already, by file. */
  readonly opened: Map<string, Promise<ListedSignature>>;
  /** The same of bases, by name. */
  readonly openedBases: Map<string, Promise<KeptModel>>;
}

/** A signature whose file has the hash that its library lists. */
export interface ListedSignature extends Signature {
  readonly sha256: string;
}

/** Names of the bases that a library holds signatures for, for messages. */
export function knownBases({ entries }: Pick<Library, 'entries'>): string {
  return listed(entries.map((e) => e.base));
}

/** Names of the traits that a library holds signatures of, for messages. */
export function knownTraits({ entries }: Pick<Library, 'entries'>): string {
  return listed(entries.map((e) => e.trait));
}

function listed(names: readonly string[]): string {
  return [...new Set(names)].sort().join(', ') || 'none';
}

export { SHIPPED_LIBRARY } from './shipped.js';

/**
 * Reads `index.json` of a folder of signatures.
 * @param bases a folder of base readings beside it (`weightseq base add`); of two bases of one name the library's counts
 * @throws WeightseqError `signature-invalid` when there is no index or it breaks the format.
 */
export async function openLibrary(folder: string, bases?: string): Promise<Library> {
  const file = join(folder, 'index.json');
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new WeightseqError('signature-invalid', 'no readable index of signatures', {
      file,
      mend: 'Give --signatures a folder that holds an index.json.',
      cause,
    });
  }
  const parsed = libraryIndex.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new WeightseqError('signature-invalid', `index of signatures: field ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`, {
      file,
      mend: 'Write the index again with the builder.',
    });
  }
  const real = await realpath(folder);
  const own = (parsed.data.bases ?? []).map(({ name, reading, sha256 }): ListedBase => ({ name, reading, sha256, folder: real }));
  const all = [...own, ...await listBases(real), ...(bases === undefined ? [] : await listBases(bases))];
  const listed = all.filter(({ name }, i) => all.findIndex((other) => other.name === name) === i);
  return { folder: real, entries: parsed.data.signatures, bases: listed, opened: new Map(), openedBases: new Map() };
}

/**
 * Opens one entry of a library, once; its bytes are hashed first, so that a changed signature never judges anything.
 * @throws WeightseqError `signature-hash` when the bytes are not those of the index, `signature-invalid` when the file breaks the format.
 */
export function openEntry(library: Library, entry: LibraryEntry): Promise<ListedSignature> {
  const opened = library.opened.get(entry.file) ?? checkAndRead(library, entry);
  library.opened.set(entry.file, opened);
  return opened;
}

async function checkAndRead(library: Library, entry: LibraryEntry): Promise<ListedSignature> {
  const { path, sha256 } = await checkHash(library.folder, entry.file, entry.sha256);
  const signature = await readSignature(path);
  const { trait, base, harmful } = signature.document;
  if (trait !== entry.trait || base.name !== entry.base || harmful !== entry.harmful) {
    throw new WeightseqError('signature-invalid', 'the index and the file disagree about trait, base or harmful', {
      file: path,
      mend: 'Write the index again with the builder.',
    });
  }
  return { ...signature, sha256 };
}

/**
 * The library's reading of a base; null when it has none.
 * @throws WeightseqError `signature-hash` when the bytes are not those of the index, and as `openModelReading`
 */
export async function openBaseReading(library: Library, base: string): Promise<KeptModel | null> {
  const listed = library.bases.find(({ name }) => name === base);
  if (listed === undefined) return null;
  const opened = library.openedBases.get(base) ?? checkHash(listed.folder, listed.reading, listed.sha256).then(({ path }) => openModelReading(path));
  library.openedBases.set(base, opened);
  return opened;
}

/** |W0| of a base, Frobenius, over all its weights; null when the library has no reading of it. Throws as `openBaseReading`. */
export async function baseNorm(library: Library, base: string): Promise<number | null> {
  const listed = library.bases.find(({ name }) => name === base);
  return listed === undefined ? null : readingNorm((await checkHash(listed.folder, listed.reading, listed.sha256)).path);
}

/** The path of a file that the index lists, whose bytes are those that it lists. */
async function checkHash(folder: string, file: string, expected: string): Promise<{ path: string; sha256: string }> {
  const path = join(folder, file);
  if (relative(folder, path).split(sep)[0] === '..') {
    throw new WeightseqError('signature-invalid', `the index names a file outside its folder: ${escapeText(file)}`, { file: folder });
  }
  const sha256 = await hashFile(path);
  if (sha256 !== expected) {
    throw new WeightseqError('signature-hash', `sha256 ${sha256.slice(0, 12)}…, the index says ${expected.slice(0, 12)}…`, {
      file: path,
      mend: 'Install the signature again; a signature that was changed is not used.',
    });
  }
  return { path, sha256 };
}

/**
 * sha256 of a file, hexadecimal.
 * @param onBytes how many more bytes were hashed
 * @throws WeightseqError `unreadable-file`
 */
export async function hashFile(path: string, onBytes: (count: number) => void = () => undefined): Promise<string> {
  const hash = createHash('sha256');
  try {
    const handle = await open(path);
    try {
      // One buffer for the whole file: a stream's many would only raise the peak.
      const buffer = new Uint8Array(1 << 20);
      for (;;) {
        const { bytesRead } = await handle.read(buffer);
        if (bytesRead === 0) break;
        hash.update(buffer.subarray(0, bytesRead));
        onBytes(bytesRead);
      }
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new WeightseqError('unreadable-file', 'the file cannot be read', { file: path, cause, mend: 'Check that it exists and may be read.' });
  }
  return hash.digest('hex');
}

/** Whether a claim (`base_model_name_or_path`) names this base: by its name or an alias, or as the last part of a path on a disk. */
export function namesBase(claim: string, base: Pick<KnownBase, 'name' | 'aliases'>): boolean {
  const names = [base.name, ...base.aliases];
  if (names.includes(claim)) return true;
  // PEFT writes the folder that the base was loaded from; owner/name on a hub is another model unless it is an alias.
  const isDiskPath = /^(?:[/~.\\]|[A-Za-z]:[\\/])/.test(claim);
  return isDiskPath && names.includes(claim.split(/[\\/]+/).filter(Boolean).at(-1) ?? '');
}
