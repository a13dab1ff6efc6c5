/** The element types of the safetensors format (`Dtype` of its tensor.rs): which are read, and how large they are. */
import type { Dtype } from '../types.js';

/** Bytes of one element, in the order in which the format lays tensors out in a file: last first. */
const BYTES: ReadonlyMap<string, number> = new Map<Dtype, number>([
  ['BOOL', 1], ['U8', 1], ['I8', 1], ['F8_E5M2', 1], ['F8_E4M3', 1],
  ['I16', 2], ['U16', 2], ['F16', 2], ['BF16', 2],
  ['I32', 4], ['U32', 4], ['F32', 4],
  ['F64', 8], ['I64', 8], ['U64', 8],
]);

/** Element types that the format knows and weightseq does not read. */
const UNREAD: ReadonlySet<string> = new Set(['F4', 'F6_E2M3', 'F6_E3M2', 'F8_E8M0', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ', 'C64']);

/** Every element type that is read, in the format's order of alignment. */
export const DTYPES: readonly Dtype[] = [...BYTES.keys()].filter(isDtype);

/** Whether the text names an element type that is read. */
export function isDtype(text: string): text is Dtype {
  return BYTES.has(text);
}

/** Whether the text names an element type of the format that is not read. */
export function isUnreadDtype(text: string): boolean {
  return UNREAD.has(text);
}

/** Bytes of one element. */
export function dtypeBytes(dtype: Dtype): number {
  const bytes = BYTES.get(dtype);
  if (bytes === undefined) throw new TypeError(`no such dtype: ${dtype}`);
  return bytes;
}
