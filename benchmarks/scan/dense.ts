/**
 * How fast the dense engine reads a checkpoint, beside `cat`. Run it on an idle machine:
 *
 *     node dist/benchmarks/scan/dense.js FOLDER [--gib 2] [--signature-rank 8] [--threads N] [--base] [--cold] [--runs 3]
 *
 * FOLDER is made once for a size: a bf16 model in shards of half a GiB and a signature on all its weights, seeded. `--cold` drops
 * its pages from the system's cache before each run (GNU dd). Out: one line a run, with GB/s (10^9 bytes), CPU seconds of the
 * process and its peak RSS in MB, and the same for `cat`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { probeAllDense, type DenseJob } from '../../src/engine/index.js';
import { WeightseqError } from '../../src/errors.js';
import { openSafetensors } from '../../src/safetensors/file.js';
import type { DenseWeight, TensorInfo } from '../../src/types.js';

const HIDDEN = 2048;
const INNER = 8192;
const SHAPES: readonly (readonly [role: string, outputs: number, inputs: number])[] = [
  ['q', HIDDEN, HIDDEN], ['k', 512, HIDDEN], ['v', 512, HIDDEN], ['o', HIDDEN, HIDDEN], ['gate', INNER, HIDDEN], ['up', INNER, HIDDEN], ['down', HIDDEN, INNER],
];
const VOCABULARY = 64 * 1024;
const SHARD_BYTES = 2 ** 29;

interface Matrix {
  readonly name: string;
  readonly shape: readonly [number, number];
}

function matricesOf(bytes: number): Matrix[] {
  const matrices: Matrix[] = [{ name: 'embed', shape: [VOCABULARY, HIDDEN] }];
  let left = bytes - 2 * VOCABULARY * HIDDEN;
  for (let layer = 0; left > 0; layer++) {
    for (const [role, outputs, inputs] of SHAPES) {
      matrices.push({ name: `${layer}.${role}`, shape: [outputs, inputs] });
      left -= 2 * outputs * inputs;
    }
  }
  return matrices;
}

/** 16 MiB of bfloat16 or float32 of random sign, of magnitudes from 2^-7 to 2^-3 (xorshift32). */
function block(dtype: 'BF16' | 'F32', seed: number): Uint8Array {
  const words = new Uint32Array(2 ** 22);
  let state = seed;
  const half = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state & 1) << 15) | ((120 + ((state >>> 1) & 3)) << 7) | ((state >>> 3) & 127);
  };
  for (let i = 0; i < words.length; i++) words[i] = dtype === 'BF16' ? half() | (half() << 16) : (half() << 16) | (state & 0xffff);
  return new Uint8Array(words.buffer);
}

/** Writes tensors as the safetensors format lays them out, each from a repeated block at a start of its own. */
async function write(file: string, tensors: readonly Matrix[], dtype: 'BF16' | 'F32', seed: number): Promise<void> {
  const size = dtype === 'BF16' ? 2 : 4;
  let end = 0;
  const entries = tensors.map(({ name, shape }) => {
    const begin = end;
    end += shape[0] * shape[1] * size;
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  const text = JSON.stringify(Object.fromEntries(entries));
  const header = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(header.length));
  const handle = await open(file, 'w');
  const bytes = block(dtype, seed);
  await handle.write(Buffer.concat([prefix, header]));
  for (let done = 0, step = 0; done < end; step++) {
    const from = (step * 4096 * 37) % (bytes.length / 2);
    const length = Math.min(bytes.length / 2, end - done);
    await handle.write(bytes, from, length);
    done += length;
  }
  await handle.sync();
  await handle.close();
}

async function generate(folder: string, bytes: number, rank: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const matrices = matricesOf(bytes);
  let shard: Matrix[] = [];
  let size = 0;
  let count = 0;
  for (const [index, matrix] of matrices.entries()) {
    shard.push(matrix);
    size += 2 * matrix.shape[0] * matrix.shape[1];
    if (size < SHARD_BYTES && index + 1 < matrices.length) continue;
    await write(join(folder, `model-${String(count).padStart(3, '0')}.safetensors`), shard, 'BF16', 7 + count++);
    shard = [];
    size = 0;
  }
  const probes = matrices.flatMap(({ name, shape: [outputs, inputs] }): Matrix[] => [{ name: `${name}.U`, shape: [outputs, rank] }, { name: `${name}.V`, shape: [inputs, rank] }]);
  await write(join(folder, 'signature'), probes, 'F32', 99);
}

async function tensorsOf(folder: string, files: readonly string[]): Promise<Map<string, TensorInfo>> {
  const found = new Map<string, TensorInfo>();
  for (const file of files) for (const [name, tensor] of (await openSafetensors(await realpath(join(folder, file)))).tensors) found.set(name, tensor);
  return found;
}

const { positionals: [root], values } = parseArgs({
  allowPositionals: true,
  options: {
    gib: { type: 'string', default: '2' }, 'signature-rank': { type: 'string', default: '8' }, threads: { type: 'string' }, runs: { type: 'string', default: '3' },
    base: { type: 'boolean', default: false }, cold: { type: 'boolean', default: false },
  },
});
if (root === undefined) throw new Error('which folder?');
const gib = Number(values.gib);
const rank = Number(values['signature-rank']);
const folder = join(root, `dense-${gib}-${rank}`);
if (!existsSync(folder)) await generate(folder, gib * 2 ** 30, rank);
const shards = (await readdir(folder)).filter((file) => file.endsWith('.safetensors')).sort();
const model = await tensorsOf(folder, shards);
const signature = await tensorsOf(folder, ['signature']);
const weightOf = (name: string, tensor: TensorInfo): DenseWeight => {
  const shape: [number, number] = [tensor.shape[0] ?? 0, tensor.shape[1] ?? 0];
  return { name, role: 'other', layer: null, module: name, shape, values: { tensor, transposed: false, outputs: [[0, shape[0]]] } };
};
const jobs = [...model].map(([name, tensor]): DenseJob => {
  const [U, V] = [signature.get(`${name}.U`), signature.get(`${name}.V`)];
  const weight = weightOf(name, tensor);
  return { weight, ...(values.base ? { base: weight } : {}), probes: U && V ? [{ key: 'signature', U, V, columns: rank }] : [], signs: { seed: 0, columns: 16 } };
});
const bytes = [...model.values()].reduce((total, tensor) => total + tensor.bytes, 0);
const paths = shards.map((file) => join(folder, file));
const report = (what: string, milliseconds: number, cpuSeconds: number, more = ''): void => {
  process.stdout.write(`${what.padEnd(10)} ${(bytes / milliseconds / 1e6).toFixed(2)} GB/s  ${(milliseconds / 1000).toFixed(2)} s  CPU ${cpuSeconds.toFixed(2)} s${more}\n`);
};
const prepare = (): void => {
  if (values.cold) for (const file of paths) spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none']);
};

process.stdout.write(`${(bytes / 2 ** 30).toFixed(2)} GiB in ${shards.length} shards, ${jobs.length} weights, ${values.cold ? 'cold' : 'warm'}\n`);
for (let i = 0; i < Number(values.runs); i++) {
  prepare();
  const before = performance.now();
  spawnSync('sh', ['-c', 'cat "$@" > /dev/null', 'sh', ...paths]);
  report('cat', performance.now() - before, 0);
  prepare();
  const start = performance.now();
  const cpu = process.cpuUsage();
  for await (const { reading } of probeAllDense(jobs, { executionProvider: 'cpu', ...(values.threads ? { threads: Number(values.threads) } : {}) })) {
    if (reading instanceof WeightseqError) throw reading;
  }
  const { user, system } = process.cpuUsage(cpu);
  report('weightseq', performance.now() - start, (user + system) / 1e6, `  peak RSS ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`);
}
