/**
 * What a file beside the weights is, by its name and its first bytes. Pure: a name and at most 512 bytes in, what to say of
 * it out. Nothing is unpacked, unpickled or run.
 */
import { headOf, isPlausible, recognise } from '../safetensors/sniff.js';
import type { Beside } from '../types.js';
import { otherWeightFiles } from './folder.js';

type Said = Pick<Beside, 'what' | 'reason'>;

const RUNS = 'which runs code when it is loaded';
const UNSEEN = 'what is in it was not looked at';

const PICKLE_NAME = /\.(?:bin|pt|pth|ckpt|pkl|pickle|joblib|dill|cloudpickle|th|pt2)$/iu;
const SCRIPT_NAME = /\.(?:py|pyw|pyc|pyx|ipynb|sh|bash|zsh|fish|command|ps1|psm1|bat|cmd|vbs|wsf|js|mjs|cjs|ts|mts|jsx|rb|pl|php|lua|r|jl|groovy)$/iu;
const ARCHIVE_NAME = /\.(?:zip|tar|gz|tgz|bz2|tbz2?|xz|txz|zst|tzst|lz4|lzma|br|7z|rar|cab|iso|jar|war|whl|egg|mar|nemo|keras|deb|rpm|dmg|apk)$/iu;
const BINARY_NAME = /\.(?:so(?:\.\d+)*|dll|dylib|pyd|exe|com|msi|scr|node|wasm|elf|ko|class|llamafile|lnk)$/iu;
/** Graphs and weights of other frameworks, beyond those for which a scan has a Gap. */
const FOREIGN_WEIGHTS = /\.(?:safetensors|gguf|ggml|h5|hdf5|msgpack|npz|npy|onnx|onnx_data|pb|tflite|ot|engine|mlmodel|pdparams|pdiparams|caffemodel|q\d\w*)$/iu;

/** By their first bytes as latin-1 text. */
const PROGRAMS: readonly (readonly [matches: (head: string) => boolean, what: string])[] = [
  [(head) => head.startsWith('\x7fELF'), 'a Linux program or library (ELF)'],
  [isWindowsProgram, 'a Windows program or library (PE)'],
  [(head) => ['\xfe\xed\xfa\xce', '\xfe\xed\xfa\xcf', '\xce\xfa\xed\xfe', '\xcf\xfa\xed\xfe'].some((magic) => head.startsWith(magic)), 'a macOS program or library (Mach-O)'],
  [(head) => head.startsWith('\xca\xfe\xba\xbe'), 'a macOS program or library, or a Java class'],
  [(head) => head.startsWith('\0asm'), 'a WebAssembly module'],
  [(head) => head.startsWith('L\0\0\0\x01\x14\x02\0'), 'a Windows shortcut'],
];
const MORE_ARCHIVES: readonly (readonly [magic: string, what: string])[] = [
  ['7z\xbc\xaf\x27\x1c', 'a 7z archive'], ['Rar!\x1a\x07', 'a RAR archive'], ['MSCF\0\0\0\0', 'a cabinet archive'], ['\x04\x22\x4d\x18', 'an LZ4 file'], ['!<arch>\n', 'an ar archive'],
];
/** Protocols 0 and 1 have no header: a module and a name to import from it, then what goes into the call. */
const OLD_PICKLE = /^[(\]})d]*c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n(?:\(|p\d+\n|q|[SV]['"])/u;
/** Of a NumPy array whose elements are Python objects: they are pickled. */
const OBJECT_ARRAY = /'descr':\s*(?:'\|?O|\[.*'\|?O)/u;

/**
 * What is to be said of one file: nothing, or a clause for each kind that it is.
 * @param name within the folder, with `/` between folders
 * @param first its first 512 bytes, or all of a shorter file; null where it can't be opened
 */
export function besideKinds(name: string, first: Uint8Array | null): Said[] {
  const base = name.slice(name.lastIndexOf('/') + 1);
  const head = first === null || first.length === 0 ? null : headOf(first);
  const byBytes = head === null ? null : byContent(head, base);
  const said = byBytes ?? byName(base);
  const isWeights = otherWeightFiles([base]).length > 0 || FOREIGN_WEIGHTS.test(base) || (first !== null && isPlausible(first));
  const weights: Said[] = isWeights ? [{ what: 'weights', reason: 'weights that were not read, which some loaders take' }] : [];
  if (said === null) return weights;
  return said.what === 'weights' ? [said] : [said, ...weights];
}

function byContent(head: string, base: string): Said | null {
  for (const [matches, what] of PROGRAMS) if (matches(head)) return { what: 'binary', reason: disguised(what, base, BINARY_NAME) };
  if (head.startsWith('#!')) return { what: 'script', reason: disguised('a script (it begins with #!)', base, SCRIPT_NAME) };
  for (const [magic, what] of MORE_ARCHIVES) if (head.startsWith(magic)) return archive(what, base);
  if (OLD_PICKLE.test(head)) return pickle('a Python pickle of an old protocol', base);
  const known = recognise(head);
  if (known === null) return null;
  if (known.code === 'pickle') return pickle(known.found, base);
  if (known.code === 'zip' && (head.includes('data.pkl') || PICKLE_NAME.test(base))) return pickle('a PyTorch archive (a zip around a pickle)', base);
  if (known.code === 'zip' || known.code === 'archive') return archive(known.found, base);
  if (known.code === 'numpy') {
    if (OBJECT_ARRAY.test(head)) return pickle('a NumPy array of pickled Python objects', base, /\.np[yz]$/iu);
    return { what: 'weights', reason: `${known.found}, which was not read` };
  }
  if (known.code === 'gguf' || known.code === 'hdf5') return { what: 'weights', reason: `${known.found}: weights that were not read, which some loaders take` };
  return null;
}

function byName(base: string): Said | null {
  if (PICKLE_NAME.test(base)) return { what: 'pickle', reason: `named like a pickle, ${RUNS}` };
  if (SCRIPT_NAME.test(base)) return { what: 'script', reason: 'a script' };
  if (BINARY_NAME.test(base)) return { what: 'binary', reason: 'named like a program or a library' };
  if (ARCHIVE_NAME.test(base)) return { what: 'archive', reason: `named like an archive: ${UNSEEN}` };
  return null;
}

function pickle(what: string, base: string, names = PICKLE_NAME): Said {
  return { what: 'pickle', reason: `${disguised(what, base, names)}, ${RUNS}` };
}

function archive(what: string, base: string): Said {
  return { what: 'archive', reason: `${disguised(what, base, ARCHIVE_NAME)}: ${UNSEEN}` };
}

/** Says so where the name does not tell what the bytes are. */
function disguised(what: string, base: string, names: RegExp): string {
  return names.test(base) || !base.includes('.') ? what : `${what} under another name`;
}

/** `MZ`, and the header that the number at 0x3c points to, or bytes that no text has. */
function isWindowsProgram(head: string): boolean {
  if (!head.startsWith('MZ') || head.length < 64) return false;
  const at = [0, 1, 2, 3].reduce((sum, i) => sum + head.charCodeAt(60 + i) * 256 ** i, 0);
  return head.startsWith('PE\0\0', at) || head.slice(0, 64).includes('\0');
}
