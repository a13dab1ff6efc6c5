/** One graph, run once. In: a built graph. Out: its outputs as numbers; the session is always released. */
import { WeightseqError } from '../errors.js';
import { escapeText } from '../text.js';
import type { TensorInfo } from '../types.js';
import { newGraph, type Built, type Value } from './graph.js';
import { ELEMENT } from './onnx.js';

/** Where and how the graphs run. */
export interface EngineOptions {
  readonly executionProvider: 'cpu' | 'webgpu' | 'cuda';
  /** Threads within one operator; 1 unless given, because the products of adapters are too narrow to share out. */
  readonly threads?: number;
}

/** Characters of the runtime's messages that are kept. */
const LONGEST_MESSAGE = 1000;

/** The numbers of an output, flat, as the runtime gave them. */
export type Numbers = Float64Array | Float32Array | Int32Array;
export type Outputs = (value: Value) => Numbers;

/**
 * Runs a graph.
 * @throws WeightseqError `engine-failed`, naming the file and tensor that the runtime speaks of (else `subject`), or `provider-unavailable`
 */
export async function run(built: Built, options: EngineOptions, subject: TensorInfo): Promise<Outputs> {
  try {
    return await runOnce(built, options);
  } catch (error) {
    if (options.executionProvider !== 'cpu') await requireProvider(options);
    const text = oneLine(error);
    const named = /value:\d+/.exec(text)?.[0];
    const tensor = (named === undefined ? undefined : built.sources.get(named)) ?? subject;
    throw new WeightseqError('engine-failed', `ONNX Runtime: ${text}`, {
      file: tensor.file, tensor: tensor.name, mend: 'Check that the file is whole and did not change during the scan.', cause: error,
    });
  }
}

async function runOnce({ model, folder, outputs }: Built, { executionProvider, threads = 1 }: EngineOptions): Promise<Outputs> {
  // Loaded when it is needed: where its library does not load, everything else still works, and doctor says why.
  const { InferenceSession, env } = await import('onnxruntime-node');
  // What goes wrong is thrown; the runtime's own log would only say it a second time.
  env.logLevel = 'fatal';
  // TF32 would round the factors to 10 bits, and must be off before CUDA's libraries load.
  if (executionProvider === 'cuda') process.env['NVIDIA_TF32_OVERRIDE'] ??= '0';
  const session = await InferenceSession.create(model, {
    executionProviders: [executionProvider],
    // Otherwise constants are folded: the weights would be cast as a whole when the session is made.
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // A session runs once: pooled memory and a plan for the next run only raise the peak.
    enableCpuMemArena: false,
    enableMemPattern: false,
    logSeverityLevel: 4,
    extra: {
      session: {
        model_external_initializers_file_folder_path: folder,
        disable_prepacking: '1',
        intra_op: { allow_spinning: '0' },
      },
    },
  });
  try {
    const results = await session.run({});
    const numbers = new Map(outputs.map((name) => [name, toNumbers(results[name]?.data)]));
    return (value) => numbers.get(value) ?? new Float64Array();
  } finally {
    await session.release();
  }
}

function toNumbers(data: unknown): Numbers {
  if (data instanceof Float64Array || data instanceof Float32Array || data instanceof Int32Array) return data;
  throw new Error('an output of another type than asked for');
}

/** @throws WeightseqError `provider-unavailable` when not even one constant passes through the provider */
async function requireProvider(options: EngineOptions): Promise<void> {
  const graph = newGraph();
  graph.output(graph.op('Identity', [graph.doubles(Float64Array.of(1), [1])]), ELEMENT.double, [1]);
  try {
    await runOnce(graph.finish(), options);
  } catch (error) {
    throw new WeightseqError('provider-unavailable', `the execution provider ${options.executionProvider} is not available here: ${oneLine(error)}`, {
      mend: 'Use the cpu provider, or install what the provider needs.',
      cause: error,
    });
  }
}

function oneLine(error: unknown): string {
  return escapeText((error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').trim()).slice(0, LONGEST_MESSAGE);
}
