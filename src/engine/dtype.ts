/** Element types that the engine computes with. In: a tensor. Out: its ONNX type and the bytes of one element. */
import { WeightseqError } from '../errors.js';
import type { Dtype, TensorInfo } from '../types.js';
import { ELEMENT, type ElementType } from './onnx.js';

export interface Element {
  readonly type: ElementType;
  readonly bytes: number;
  /** The runtime has no Slice for it, only Cast: a wide factor of float8 is one tile. */
  readonly castOnly: boolean;
}

const FLOATS: Partial<Record<Dtype, Element>> = {
  F64: { type: ELEMENT.double, bytes: 8, castOnly: false },
  F32: { type: ELEMENT.float, bytes: 4, castOnly: false },
  F16: { type: ELEMENT.float16, bytes: 2, castOnly: false },
  BF16: { type: ELEMENT.bfloat16, bytes: 2, castOnly: false },
  F8_E4M3: { type: ELEMENT.float8e4m3fn, bytes: 1, castOnly: true },
  F8_E5M2: { type: ELEMENT.float8e5m2, bytes: 1, castOnly: true },
};

const INTEGERS: Partial<Record<Dtype, Element>> = {
  I64: { type: ELEMENT.int64, bytes: 8, castOnly: false },
  I32: { type: ELEMENT.int32, bytes: 4, castOnly: false },
  I16: { type: ELEMENT.int16, bytes: 2, castOnly: false },
  I8: { type: ELEMENT.int8, bytes: 1, castOnly: false },
  U64: { type: ELEMENT.uint64, bytes: 8, castOnly: false },
  U32: { type: ELEMENT.uint32, bytes: 4, castOnly: true },
  U16: { type: ELEMENT.uint16, bytes: 2, castOnly: true },
  U8: { type: ELEMENT.uint8, bytes: 1, castOnly: false },
  BOOL: { type: ELEMENT.bool, bytes: 1, castOnly: false },
};

/** The types whose numbers float32 does not hold exactly. */
export function isWide(dtype: Dtype): boolean {
  return dtype === 'F64' || dtype === 'I64' || dtype === 'U64' || dtype === 'I32' || dtype === 'U32';
}

/** True for the types that can hold NaN. */
export function isFloat(dtype: Dtype): boolean {
  return FLOATS[dtype] !== undefined;
}

/** The element of a tensor of any type, integers too. */
export function storedElement({ dtype, file, name }: TensorInfo): Element {
  const element = FLOATS[dtype] ?? INTEGERS[dtype];
  if (element === undefined) throw new WeightseqError('engine-failed', `the dtype ${dtype} cannot be computed with`, { file, tensor: name, mend: 'Convert the weights to a floating-point type.' });
  return element;
}

/**
 * The element of a tensor of floating point that holds exactly `elements` numbers.
 * @throws WeightseqError `engine-failed` when the type is an integer's, or the size does not fit
 */
export function elementOf(tensor: TensorInfo, elements: number): Element {
  const { dtype, bytes, file, name } = tensor;
  const element = FLOATS[dtype];
  if (element === undefined) {
    throw new WeightseqError('engine-failed', `a factor of dtype ${dtype} cannot be computed with`, { file, tensor: name, mend: 'Give weights of a floating-point type.' });
  }
  if (element.bytes * elements !== bytes) {
    throw new WeightseqError('engine-failed', `${bytes} bytes of ${dtype} are not the ${elements} numbers that its weight's shape asks for`, { file, tensor: name, mend: 'Check that the shape of the tensor fits its weight.' });
  }
  return element;
}
