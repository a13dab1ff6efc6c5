/** Tensors that are no matrix: norms and biases. In: a tensor. Out: its numbers in float64. */
import { WeightseqError } from '../errors.js';
import type { TensorInfo } from '../types.js';
import { storedElement } from './dtype.js';
import { newGraph } from './graph.js';
import { ELEMENT } from './onnx.js';
import { run, type EngineOptions } from './session.js';

/**
 * The numbers of a tensor of any dtype and shape, flat; NaN and infinity stay what they are. For vectors: all of it is held in memory.
 * @throws WeightseqError `engine-failed`, `provider-unavailable`
 */
export async function readVector(tensor: TensorInfo, options: EngineOptions = { executionProvider: 'cpu' }): Promise<Float64Array> {
  const count = tensor.shape.reduce((product, extent) => product * extent, 1);
  if (storedElement(tensor).bytes * count !== tensor.bytes) {
    throw new WeightseqError('engine-failed', `${tensor.bytes} bytes of ${tensor.dtype} are not the ${count} numbers of its shape`, {
      file: tensor.file, tensor: tensor.name, mend: 'Check how the file was written.',
    });
  }
  if (count === 0) return new Float64Array();
  const graph = newGraph();
  const stored = graph.stored(tensor, { first: 0, count: 1, columns: count });
  const values = graph.output(graph.op('Cast', [stored], { to: ELEMENT.double }), ELEMENT.double, [1, count]);
  return new Float64Array((await run(graph.finish(), options, tensor))(values));
}
