/** The plain reference: every element type decoded by its definition, every sum a loop in float64. */
import type { Dtype, Factor, TensorInfo } from '../../src/types.js';
import type { ProbeJob } from '../../src/engine/index.js';

export type FloatDtype = Extract<Dtype, 'F64' | 'F32' | 'F16' | 'BF16' | 'F8_E4M3' | 'F8_E5M2'>;
export const FLOAT_DTYPES: readonly FloatDtype[] = ['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2'];
export const BYTES: Record<FloatDtype, number> = { F64: 8, F32: 4, F16: 2, BF16: 2, F8_E4M3: 1, F8_E5M2: 1 };

/** Widths of exponent and fraction of the types of at most 16 bits. */
const BITS = { F16: [5, 10], BF16: [8, 7], F8_E4M3: [4, 3], F8_E5M2: [5, 2] } as const;
/** Codes of the largest finite numbers. */
const LARGEST = { F16: 0x7bff, BF16: 0x7f7f, F8_E4M3: 0x7e, F8_E5M2: 0x7b } as const;
type Small = keyof typeof BITS;
const isSmall = (dtype: FloatDtype): dtype is Small => dtype in BITS;

/** The value of one code of a type of at most 16 bits. */
export function decodeCode(dtype: Small, code: number): number {
  const [exponentBits, fractionBits] = BITS[dtype];
  const sign = (code >> (exponentBits + fractionBits)) & 1 ? -1 : 1;
  const exponent = (code >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = code & (2 ** fractionBits - 1);
  const bias = 2 ** (exponentBits - 1) - 1;
  if (dtype === 'F8_E4M3' ? exponent === 15 && fraction === 7 : exponent === 2 ** exponentBits - 1) {
    return fraction === 0 ? sign * Infinity : NaN;
  }
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits);
  return sign * (1 + fraction / 2 ** fractionBits) * 2 ** (exponent - bias);
}

const tables = new Map<Small, Float64Array>();

/** The values of all codes. */
function tableOf(dtype: Small): Float64Array {
  const table = tables.get(dtype) ?? Float64Array.from({ length: 2 ** (8 * BYTES[dtype]) }, (_, code) => decodeCode(dtype, code));
  tables.set(dtype, table);
  return table;
}

/** The code of the value nearest to a number; the largest finite one for what lies beyond. */
function encodeCode(dtype: Small, value: number): number {
  const [exponentBits, fractionBits] = BITS[dtype];
  const sign = value < 0 || Object.is(value, -0) ? 2 ** (exponentBits + fractionBits) : 0;
  if (Number.isNaN(value)) return 2 ** (exponentBits + fractionBits) - 1;
  if (Math.abs(value) === Infinity) return sign + LARGEST[dtype] + 1;
  const table = tableOf(dtype);
  const valueOf = (code: number): number => table[code] ?? NaN;
  let low = 0;
  let high: number = LARGEST[dtype];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (valueOf(middle) <= Math.abs(value)) low = middle;
    else high = middle;
  }
  return sign + (Math.abs(value) - valueOf(low) > valueOf(high) - Math.abs(value) ? high : low);
}

/** Numbers as little-endian bytes of a type. */
export function encode(dtype: FloatDtype, values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * BYTES[dtype]);
  values.forEach((value, i) => {
    if (dtype === 'F64') bytes.writeDoubleLE(value, i * 8);
    else if (dtype === 'F32') bytes.writeFloatLE(value, i * 4);
    else if (isSmall(dtype)) bytes.writeUIntLE(encodeCode(dtype, value), i * BYTES[dtype], BYTES[dtype]);
  });
  return bytes;
}

/** The numbers that little-endian bytes of a type stand for. */
export function decode(dtype: FloatDtype, bytes: Buffer): number[] {
  const size = BYTES[dtype];
  const table = isSmall(dtype) ? tableOf(dtype) : null;
  return Array.from({ length: bytes.length / size }, (_, i) => {
    if (table !== null) return table[bytes.readUIntLE(i * size, size)] ?? NaN;
    return dtype === 'F64' ? bytes.readDoubleLE(i * size) : bytes.readFloatLE(i * size);
  });
}

export interface Reference {
  readonly deltaNorm: number;
  /** By probe key: u_i' ΔW v_i, and the same sum over magnitudes. */
  readonly coordinates: ReadonlyMap<string, { readonly value: number; readonly magnitude: number }[]>;
}

/** ΔW is formed, and everything is taken from it. `valuesOf` gives the stored numbers of a tensor. */
export function reference({ delta: { left, right, rank, scale }, shape: [outputs, inputs], probes }: ProbeJob, valuesOf: (tensor: TensorInfo) => readonly number[]): Reference {
  const at = ({ tensor, transposed, rows: taken }: Factor, rows: number, columns: number): ((i: number, j: number) => number) => {
    const values = valuesOf(tensor);
    const stored = taken?.flatMap(([first, count]) => Array.from({ length: count }, (_, i) => first + i));
    if (stored !== undefined) return (i, j) => values[(stored[i] ?? NaN) * columns + j] ?? NaN;
    return (i, j) => values[transposed ? j * rows + i : i * columns + j] ?? NaN;
  };
  const L = at(left, outputs, rank);
  const R = at(right, rank, inputs);
  const delta = new Float64Array(outputs * inputs);
  const magnitude = new Float64Array(outputs * inputs);
  for (let o = 0; o < outputs; o++) for (let j = 0; j < rank; j++) for (let n = 0; n < inputs; n++) {
    const product = scale * L(o, j) * R(j, n);
    delta[o * inputs + n] = (delta[o * inputs + n] ?? 0) + product;
    magnitude[o * inputs + n] = (magnitude[o * inputs + n] ?? 0) + Math.abs(product);
  }
  const coordinates = new Map(probes.map(({ key, U, V, columns }) => {
    const u = at({ tensor: U, transposed: false }, outputs, columns);
    const v = at({ tensor: V, transposed: false }, inputs, columns);
    return [key, Array.from({ length: columns }, (_, i) => {
      const sums = { value: 0, magnitude: 0 };
      for (let o = 0; o < outputs; o++) for (let n = 0; n < inputs; n++) {
        sums.value += u(o, i) * (delta[o * inputs + n] ?? 0) * v(n, i);
        sums.magnitude += Math.abs(u(o, i) * (magnitude[o * inputs + n] ?? 0) * v(n, i));
      }
      return sums;
    })] as const;
  }));
  // Relative to the largest element: squares of small or large numbers leave the range of float64.
  const largest = delta.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const squares = delta.reduce((sum, value) => sum + (value / (largest || 1)) ** 2, 0);
  return { deltaNorm: largest * Math.sqrt(squares), coordinates };
}
