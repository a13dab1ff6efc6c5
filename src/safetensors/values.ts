/** Numbers out of the bytes of one small floating tensor. Pure. */
import { WeightseqError } from '../errors.js';
import type { TensorInfo } from '../types.js';
import { dtypeBytes } from './dtype.js';

/**
 * The values of an F64, F32, F16 or BF16 tensor in row-major order, each exact; NaN and infinity stay what they are.
 * @param bytes the tensor's data, little endian, as `readTensorBytes` gives them
 * @throws WeightseqError `unknown-dtype` for another dtype, `size-mismatch` where the bytes are not the tensor's
 */
export function decodeFloats(tensor: TensorInfo, bytes: Uint8Array): Float64Array {
  const { name, dtype, file } = tensor;
  if (bytes.length !== tensor.bytes) {
    throw new WeightseqError('size-mismatch', `expected ${tensor.bytes} bytes of data, found ${bytes.length}`, { file, tensor: name, mend: 'Read the tensor again.' });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = dtypeBytes(dtype);
  const values = new Float64Array(bytes.length / size);
  for (let i = 0, at = 0; i < values.length; i++, at += size) {
    if (dtype === 'F64') values[i] = view.getFloat64(at, true);
    else if (dtype === 'F32') values[i] = view.getFloat32(at, true);
    else if (dtype === 'F16') values[i] = half(view.getUint16(at, true));
    else if (dtype === 'BF16') values[i] = brain(view.getUint16(at, true));
    else {
      throw new WeightseqError('unknown-dtype', `expected F64, F32, F16 or BF16, found ${dtype}`, { file, tensor: name, mend: 'Store the tensor as floating point.' });
    }
  }
  return values;
}

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function half(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));

/** bfloat16: the upper half of an IEEE 754 binary32. */
function brain(bits: number): number {
  word.setUint16(0, bits);
  return word.getFloat32(0);
}
