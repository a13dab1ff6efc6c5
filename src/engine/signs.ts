/**
 * Random ±1 probes, the same everywhere: `murmur3-sign-1` of docs/signature-format.md.
 * In: seed, weight, side and rows. Out: signs. Nothing is stored, and no generator has a state.
 */

export type ProbeSide = 'left' | 'right';

/** Which sign matrix: rows × columns, without end downwards. */
export interface SignMatrix {
  /** Canonical name of the weight. */
  readonly name: string;
  /** `left` is X (out × columns), `right` is Y (in × columns). */
  readonly side: ProbeSide;
  readonly seed: number;
  readonly columns: number;
}

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));
const scramble = (block: number): number => Math.imul(rotate(Math.imul(block, C1), 15), C2);
const step = (hash: number, scrambled: number): number => (Math.imul(rotate(hash ^ scrambled, 13), 5) + 0xe6546b64) | 0;

function finish(hash: number, length: number): number {
  let h = hash ^ length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** MurmurHash3_x86_32 (Austin Appleby, public domain), as an unsigned 32-bit number. */
export function murmur3(bytes: Uint8Array, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length - (bytes.length % 4);
  let hash = seed | 0;
  for (let at = 0; at < whole; at += 4) hash = step(hash, scramble(view.getUint32(at, true)));
  let tail = 0;
  for (let at = bytes.length - 1; at >= whole; at--) tail = (tail << 8) | (bytes[at] ?? 0);
  return finish(hash ^ scramble(tail), bytes.length) >>> 0;
}

/** The signs of `count` rows from `first` on: count × columns, row-major, each +1 or −1. */
export function signRows({ name, side, seed, columns }: SignMatrix, first: number, count: number): Int8Array {
  const start = murmur3(new TextEncoder().encode(`${name}.${side}`), seed) | 0;
  const signs = new Int8Array(count * columns);
  for (let from = 0; from < columns; from += 32) {
    const word = scramble(from >>> 5);
    const end = Math.min(columns - from, 32);
    for (let row = 0; row < count; row++) {
      const bits = finish(step(step(start, scramble((first + row) | 0)), word), 8);
      const at = row * columns + from;
      for (let j = 0; j < end; j++) signs[at + j] = 1 - (((bits >>> j) & 1) << 1);
    }
  }
  return signs;
}
