/** The process that tries one execution provider, which may well crash. In: its name as an argument. Out: one message. */
import { newGraph } from '../../src/engine/graph.js';
import { ELEMENT } from '../../src/engine/onnx.js';
import { run, type EngineOptions } from '../../src/engine/session.js';
import { asWeightseqError } from '../../src/errors.js';
import type { TensorInfo } from '../../src/types.js';

const NO_TENSOR: TensorInfo = { name: 'constant', dtype: 'F64', shape: [1], file: '', offset: 0, bytes: 8 };

/** [1 2] · [3 4]', which is 11, in single precision: what the scans are made of. */
async function multiply(executionProvider: EngineOptions['executionProvider']): Promise<number | undefined> {
  const graph = newGraph();
  const constant = (values: Float64Array, dims: readonly number[]) => graph.op('Cast', [graph.doubles(values, dims)], { to: ELEMENT.float });
  const product = graph.output(graph.op('MatMul', [constant(Float64Array.of(1, 2), [1, 2]), constant(Float64Array.of(3, 4), [2, 1])]), ELEMENT.float, [1, 1]);
  return (await run(graph.finish(), { executionProvider }, NO_TENSOR))(product)[0];
}

const provider = process.argv[2] as EngineOptions['executionProvider'];
const start = performance.now();
try {
  const product = await multiply(provider);
  process.send?.(product === 11 ? { works: true, seconds: (performance.now() - start) / 1000 } : { works: false, why: `1 · 3 + 2 · 4 gave ${product ?? 'nothing'}` });
} catch (error) {
  process.send?.({ works: false, why: asWeightseqError(error).message });
}
process.disconnect();
