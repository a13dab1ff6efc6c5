/**
 * What a file is that is not safetensors. Pure: its first bytes and its name in, an error that names the format out.
 * Nothing here is parsed, let alone executed; it serves the message alone.
 */
import { WeightseqError, type ErrorCode } from '../errors.js';
import { quoteText } from '../text.js';
import { MAX_HEADER_BYTES, PREFIX_BYTES } from './header.js';

/** How many bytes `sniff` wants. */
export const SNIFF_BYTES = 512;

/** A kind of file that is not safetensors. */
export interface Kind {
  readonly code: ErrorCode;
  /** Such as `a Python pickle`. */
  readonly found: string;
  readonly mend: string;
}

const PICKLE_MEND = 'weightseq never executes it: ask for safetensors, or convert it in a sandbox.';
const NUMPY_MEND = 'Ask for safetensors, or save the array with the safetensors package.';
const UNPACK_MEND = 'Unpack it, and give the safetensors file in it.';

const starts = (...magic: readonly string[]) => (head: string): boolean => magic.some((bytes) => head.startsWith(bytes));
const isZip = starts('PK\x03\x04', 'PK\x05\x06');

/** By their first bytes as latin-1 text; the first that matches counts. */
const KINDS: readonly (readonly [matches: (head: string) => boolean, kind: Kind])[] = [
  [starts('version https://git-lfs'), { code: 'git-lfs-pointer', found: 'a git-LFS pointer in its place', mend: 'Fetch the file itself: git lfs pull.' }],
  [(head) => isZip(head) && head.includes('data.pkl'), { code: 'zip', found: 'a PyTorch archive (a zip around a pickle)', mend: PICKLE_MEND }],
  [(head) => isZip(head) && /^.{30}[^\n]{1,200}\.npy/s.test(head), { code: 'numpy', found: 'a NumPy archive (.npz)', mend: NUMPY_MEND }],
  [isZip, { code: 'zip', found: 'a zip archive', mend: `${UNPACK_MEND} If it is a PyTorch file, ask for safetensors.` }],
  [starts('GGUF', 'FUGG'), { code: 'gguf', found: 'a GGUF file', mend: 'Give the safetensors files that it was converted from.' }],
  [starts('\x89HDF\r\n\x1a\n'), { code: 'hdf5', found: 'an HDF5 file', mend: 'Ask for safetensors, or convert it with the library that wrote it.' }],
  [starts('\x93NUMPY'), { code: 'numpy', found: 'a NumPy array (.npy)', mend: NUMPY_MEND }],
  [(head) => HTML.test(head), { code: 'html', found: 'a web page, perhaps an error or a login page that was saved in its place', mend: 'Download it again, with a token if the repository asks for one.' }],
  [starts('\x1f\x8b'), { code: 'archive', found: 'a gzip file', mend: UNPACK_MEND }],
  [starts('\x28\xb5\x2f\xfd'), { code: 'archive', found: 'a zstd file', mend: UNPACK_MEND }],
  [starts('\xfd7zXZ\0'), { code: 'archive', found: 'an xz file', mend: UNPACK_MEND }],
  [starts('BZh'), { code: 'archive', found: 'a bzip2 file', mend: UNPACK_MEND }],
  [(head) => head.startsWith('ustar', 257), { code: 'archive', found: 'a tar archive', mend: UNPACK_MEND }],
  [isPickle, { code: 'pickle', found: 'a Python pickle', mend: PICKLE_MEND }],
];

const HTML = /^(?:\xef\xbb\xbf)?\s*<(?:!doctype|!--|html|head|body|\?xml)/i;
const PICKLE_NAME = /\.(?:pt|pth|pkl|pickle|ckpt|bin)$/i;
/** At least as long as a length prefix, which would hold a zero. */
const TEXT = /^[\t\n\r\x20-\x7e\x80-\xff]{8,}$/;

/** Whether the first 9 bytes can be those of a safetensors file: a length in bounds, then `{`. */
export function isPlausible(first: Uint8Array): boolean {
  if (first.length <= PREFIX_BYTES || first[PREFIX_BYTES] !== 0x7b) return false;
  return new DataView(first.buffer, first.byteOffset, PREFIX_BYTES).getBigUint64(0, true) <= BigInt(MAX_HEADER_BYTES);
}

/**
 * The error that says what a file is instead of safetensors; null where nothing is recognised, or where the bytes are
 * plausible as safetensors.
 * @param first the first 512 bytes, or all of a shorter file
 * @param file path, for the message and for its ending
 */
export function sniff(first: Uint8Array, file: string): WeightseqError | null {
  if (first.length === 0) return describe({ code: 'empty-file', found: 'an empty file', mend: 'Download it again.' }, file);
  if (isPlausible(first)) return null;
  const head = headOf(first);
  const known = recognise(head);
  if (known !== null) return describe(known, file);
  if (TEXT.test(head)) return describe(describeText(head, file), file);
  if (PICKLE_NAME.test(file)) {
    return describe({ code: 'pickle', found: 'what is named like a PyTorch pickle', mend: PICKLE_MEND }, file);
  }
  return null;
}

/** The first bytes as latin-1 text. */
export function headOf(first: Uint8Array): string {
  return Buffer.from(first.buffer, first.byteOffset, Math.min(first.length, SNIFF_BYTES)).toString('latin1');
}

/** The kind that the bytes alone tell, whatever the file is called; null for none. */
export function recognise(head: string): Kind | null {
  return KINDS.find(([matches]) => matches(head))?.[1] ?? null;
}

/** Protocol 2 to 5, then an opcode: never 0, the byte that the length of a header would have there. */
function isPickle(head: string): boolean {
  return starts('\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05')(head) && head.length > 2 && head[2] !== '\0';
}

function describeText(head: string, file: string): Kind {
  const line = quoteText(head.trim().split(/[\r\n]/, 1)[0] ?? '', 60);
  if (!/^[[{]/.test(head.trimStart())) {
    return { code: 'text', found: `text that begins with ${line}`, mend: 'If that is a web server\'s refusal, download it again, with a token if the repository asks for one.' };
  }
  const mend = file.endsWith('.index.json')
    ? 'It lists the files of a sharded model: give the folder that holds them.'
    : 'Give the safetensors file; if this is a web server\'s refusal, download it again, with a token if the repository asks for one.';
  return { code: 'text', found: `a JSON text that begins with ${line}`, mend };
}

function describe(kind: Kind, file: string): WeightseqError {
  return new WeightseqError(kind.code, `expected a safetensors file, found ${kind.found}`, { file, mend: kind.mend });
}
