/** Signatures with another document. In: a signature file and its new document. Out: a copy beside an index that lists it. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { WeightseqError } from '../errors.js';
import { systemCode, writeFileAtomic } from '../files.js';
import { openSafetensors, readTensors } from '../safetensors/file.js';
import { writeSafetensors } from '../safetensors/writer.js';
import { libraryIndex, signatureDocument, type LibraryIndex, type SignatureDocument } from '../signature/document.js';
import { hashFile } from '../signature/library.js';

/**
 * Writes the signature with its new document, whole or not at all; the tensors stay bit for bit. Where the folder, or the one that
 * holds it, has an index of signatures, its line is renewed, else the folder gets an index.
 * @returns the path of the copy
 * @throws WeightseqError `signature-invalid` when the document breaks the format or the index is none, `write-failed`
 */
export async function keepSignature(file: string, document: SignatureDocument, folder: string): Promise<string> {
  const checked = signatureDocument.safeParse(document);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    throw new WeightseqError('signature-invalid', `the calibrated document breaks the format: field ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? ''}`, { file });
  }
  const { tensors } = await openSafetensors(file);
  const data = await readTensors([...tensors.values()]);
  const target = join(folder, basename(file));
  const written = await writeSafetensors(target, [...data].map(([{ name, dtype, shape }, bytes]) => ({ name, dtype, shape, data: bytes })), new Map([
    ['format', 'weightseq-signature'], ['version', String(document.schemaVersion)], ['signature', JSON.stringify(document)],
  ]));
  await renewIndex(target, written.bytes, document);
  return target;
}

async function renewIndex(target: string, bytes: number, { trait, description, harmful, kind, base, method }: SignatureDocument): Promise<void> {
  const folder = dirname(target);
  const [own, above] = [join(folder, 'index.json'), join(dirname(folder), 'index.json')];
  const found = await readIndex(own);
  const [path, index] = found === null ? [above, await readIndex(above)] : [own, found];
  const [at, listed]: [string, LibraryIndex] = index === null ? [own, { schemaVersion: 1, signatures: [] }] : [path, index];
  const file = relative(dirname(at), target).split(sep).join('/');
  const entry = {
    ...listed.signatures.find((s) => s.file === file),
    trait, file, base: base.name, sha256: await hashFile(target), bytes, kind, harmful, rank: method.rank, description,
    ...(base.aliases.length === 0 ? {} : { aliases: base.aliases }),
  };
  const others = listed.signatures.filter((s) => s.file !== file);
  const signatures = [...others, entry].sort((a, b) => (a.base < b.base ? -1 : a.base > b.base ? 1 : a.trait < b.trait ? -1 : 1));
  await writeFileAtomic(at, `${JSON.stringify({ ...listed, signatures }, null, 2)}\n`);
}

/** Null where there is no file. */
async function readIndex(path: string): Promise<LibraryIndex | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw new WeightseqError('unreadable-file', 'the index of signatures cannot be read', { file: path, cause: error });
  }
  try {
    return libraryIndex.parse(JSON.parse(text));
  } catch (cause) {
    throw new WeightseqError('signature-invalid', 'no index of signatures', { file: path, mend: 'Give another folder, or write the index again with the builder.', cause });
  }
}
