/** Adapters that PEFT itself saved (test/fixtures/make_peft.py): scale · L·R in plain f64 against PEFT's own ΔW. */
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { locate } from '../../src/checkpoint/locate.js';
import { openSafetensors, readTensorBytes } from '../../src/safetensors/file.js';
import { decodeFloats } from '../../src/safetensors/values.js';
import type { Checkpoint, Factor, TensorInfo, Weight } from '../../src/types.js';
import { fixture } from '../helpers/fixtures.js';

interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

async function readMatrix(tensor: TensorInfo, transposed: boolean): Promise<Matrix> {
  const [rows = 0, columns = 0] = tensor.shape;
  const data = decodeFloats(tensor, await readTensorBytes(tensor));
  if (!transposed) return { rows, columns, data };
  return { rows: columns, columns: rows, data: Float64Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)] ?? NaN) };
}

const readFactor = ({ tensor, transposed }: Factor): Promise<Matrix> => readMatrix(tensor, transposed);

async function deltaOf({ delta }: Weight): Promise<Matrix> {
  const L = await readFactor(delta.left), R = await readFactor(delta.right);
  assert.equal(L.columns, delta.rank);
  assert.equal(R.rows, delta.rank);
  const data = new Float64Array(L.rows * R.columns);
  for (let i = 0; i < L.rows; i++) {
    for (let j = 0; j < R.columns; j++) {
      let sum = 0;
      for (let k = 0; k < delta.rank; k++) sum += (L.data[i * L.columns + k] ?? NaN) * (R.data[k * R.columns + j] ?? NaN);
      data[i * R.columns + j] = delta.scale * sum;
    }
  }
  return { rows: L.rows, columns: R.columns, data };
}

/** Largest difference, relative to the largest entry. */
function difference(a: Matrix, b: Matrix): number {
  assert.deepEqual([a.rows, a.columns], [b.rows, b.columns]);
  const largest = b.data.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  assert.ok(largest > 0.01, 'the golden change is not zero');
  return a.data.reduce((m, v, i) => Math.max(m, Math.abs(v - (b.data[i] ?? NaN))), 0) / largest;
}

interface Expected {
  /** Canonical names, in the order of the checkpoint. */
  readonly weights: readonly string[];
  /** The end of the name of each Gap. */
  readonly gaps?: readonly string[];
  /** How many tensors replace the base's or act in training only. */
  readonly replaced?: number;
  /** Stored in × out by the base. */
  readonly conv1d?: boolean;
  /** The dtype of the factors, where it is not F32. */
  readonly dtype?: string;
}

const Q = ['0.q', '1.q'];
const ALL = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];
const MTS = ['lm_head.weight', '0.input_layernorm.weight', '0.post_attention_layernorm.weight', '1.input_layernorm.weight', '1.post_attention_layernorm.weight', 'model.norm.weight'];
const QB = ['0.self_attn.q_proj.base_layer.bias', '1.self_attn.q_proj.base_layer.bias'];
const both = (...names: string[]): string[] => [0, 1].flatMap((layer) => names.map((name) => `${layer}.self_attn.${name}`));
const CASES: Readonly<Record<string, Expected>> = {
  'plain': { weights: ['0.q', '0.down', '1.q', '1.down'] },
  'rslora': { weights: Q },
  'patterns': { weights: ['0.q', '0.v', '0.down', '1.q', '1.v', '1.down'] },
  'patterns-rslora': { weights: ['0.q', '0.v', '0.down', '1.q', '1.v', '1.down'] },
  'conv1d': { weights: [0, 1].flatMap((i) => [`${i}.o`, `${i}.up`, `${i}.down`, `layers.${i}.attn.c_attn`]), conv1d: true },
  'embedding': { weights: ['0.q', '1.q', 'embed'], gaps: ['embed_tokens.base_layer.weight'], replaced: 1 },
  'wpe': { weights: ['wpe'] },
  'head': { weights: ['head'], gaps: ['lm_head.base_layer.weight'], replaced: 1 },
  'modules-to-save': { weights: Q, gaps: MTS, replaced: 6 },
  'bias-all': { weights: Q, gaps: both('k_proj.bias', 'o_proj.bias', 'q_proj.base_layer.bias', 'v_proj.bias'), replaced: 8 },
  'bias-lora-only': { weights: Q, gaps: QB, replaced: 2 },
  'lora-bias': { weights: Q, gaps: both('q_proj.lora_B.bias'), replaced: 2 },
  'dora': { weights: Q, gaps: ['use_dora', ...both('q_proj.lora_magnitude_vector')], replaced: 2 },
  'pissa': { weights: Q, gaps: ['init_lora_weights'] },
  'pissa-niter': { weights: Q, gaps: ['init_lora_weights'] },
  'pissa-converted': { weights: Q },
  'olora': { weights: Q, gaps: ['init_lora_weights'] },
  'gaussian': { weights: Q },
  'orthogonal': { weights: Q },
  'mica': { weights: Q },
  'layer-replication': { weights: [], gaps: ['layer_replication', ...[0, 1, 2].flatMap((i) => [`${i}.self_attn.q_proj.lora_A.weight`, `${i}.self_attn.q_proj.lora_B.weight`])] },
  'target-parameters': { weights: ['0.q'], gaps: ['target_parameters', 'experts.base_layer.lora_A.weight', 'experts.base_layer.lora_B.weight', 'experts.lora_A.weight', 'experts.lora_B.weight'] },
  'shared-expert': { weights: ['0.q', 'layers.0.mlp.shared_expert.up_proj'] },
  'all-linear': { weights: [0, 1].flatMap((i) => ALL.map((role) => `${i}.${role}`)) },
  'regex-targets': { weights: ['0.q', '0.o', '1.q', '1.k', '1.o'] },
  'one-layer': { weights: ['1.q', '1.down'] },
  'tokens': { weights: Q, gaps: ['trainable_token_indices', 'token_adapter.trainable_tokens_delta'], replaced: 1 },
  'alora': { weights: Q, gaps: ['alora_invocation_tokens'] },
  'velora': { weights: Q, replaced: 2 },
  'monteclora': { weights: Q, replaced: 8 },
  'kasa': { weights: [], gaps: ['kasa_config', ...both('q_proj.lora_diag'), ...both('q_proj.lora_A.weight', 'q_proj.lora_B.weight')], replaced: 2 },
  'bdlora': { weights: [], gaps: ['use_bdlora', ...both('o_proj.lora_A.weight', 'o_proj.lora_B.weight', 'q_proj.lora_A.weight', 'q_proj.lora_B.weight')] },
  'bf16': { weights: ['0.q', '0.down', '1.q', '1.down'], dtype: 'BF16' },
  'f16': { weights: ['0.q', '0.down', '1.q', '1.down'], dtype: 'F16' },
  'f64': { weights: ['0.q', '0.down', '1.q', '1.down'], dtype: 'F64' },
  'tied': { weights: ['embed', 'head'], gaps: ['ensure_weight_tying', 'lm_head.base_layer.weight', 'embed_tokens.base_layer.weight'], replaced: 2 },
  'two/first': { weights: Q },
  'two/second': { weights: Q },
};
/** Changes that B·A is not the whole of, by merging in PEFT; the Gap must be there for a reason. */
const MERGED_DIFFERS = ['dora', 'pissa', 'pissa-niter', 'olora'];

const goldenOf = (kind: string, name: string): string => fixture(`peft/${kind}/${name.replace('/', '-')}.safetensors`);
const suffixed = (names: readonly string[], suffixes: readonly string[]): void => {
  assert.equal(names.length, suffixes.length, `found ${names.join(', ')}`);
  for (const suffix of suffixes) assert.equal(names.filter((name) => name.endsWith(suffix)).length, 1, suffix);
};

describe('adapters that PEFT saved', () => {
  it('are all in the table', () => {
    const folders = readdirSync(fixture('peft'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    assert.deepEqual(new Set(folders), new Set([...Object.keys(CASES).map((name) => name.split('/')[0]), 'delta', 'merged']));
  });

  for (const [name, expected] of Object.entries(CASES)) {
    it(`${name}: weights, replaced tensors and gaps`, async () => {
      const checkpoint = await locate(fixture(`peft/${name}`));
      assert.deepEqual(checkpoint.weights.map((weight) => weight.name), expected.weights);
      suffixed(checkpoint.gaps.map((gap) => gap.name), expected.gaps ?? []);
      assert.equal(checkpoint.replaced.length, expected.replaced ?? 0);
      assert.ok(checkpoint.weights.every(({ delta }) => [delta.left, delta.right].every(({ tensor }) => tensor.dtype === (expected.dtype ?? 'F32'))));
      await assertEachTensorOnce(checkpoint);
    });

    if (expected.weights.length === 0) continue;
    it(`${name}: ΔW is PEFT's`, async () => {
      const { weights } = await locate(fixture(`peft/${name}`));
      const golden = await openSafetensors(goldenOf('delta', name));
      assert.deepEqual(weights.map(({ module }) => module).sort(), [...golden.tensors.keys()].filter((key) => !key.includes('experts')).sort());
      for (const weight of weights) {
        const tensor = golden.tensors.get(weight.module);
        assert.ok(tensor, weight.module);
        const delta = await deltaOf(weight);
        assert.deepEqual([delta.rows, delta.columns], weight.shape);
        const bound = name === 'pissa-converted' ? 1e-6 : 1e-14; // converted factors are rounded to f32 once more
        assert.ok(difference(delta, await readMatrix(tensor, expected.conv1d === true)) < bound, weight.module);
      }
    });
  }

  for (const name of MERGED_DIFFERS) {
    it(`${name}: merging changes the base by something else`, async () => {
      const { weights } = await locate(fixture(`peft/${name}`));
      const golden = await openSafetensors(goldenOf('merged', name));
      for (const weight of weights) {
        const tensor = golden.tensors.get(weight.module);
        assert.ok(tensor, weight.module);
        assert.ok(difference(await deltaOf(weight), await readMatrix(tensor, false)) > 0.01, weight.module);
      }
    });
  }

  it('of which two lie in subfolders: the folder names them', async () => {
    await assert.rejects(locate(fixture('peft/two')), { code: 'not-a-model', message: /"first", "second"/ });
  });

  it('take less than 600 kB together', () => {
    const files = readdirSync(fixture('peft'), { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
    assert.ok(files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0) < 600_000);
  });
});

/** Each tensor of the file is a factor of one weight, replaces the base's, or has a Gap; and nothing else has one but fields. */
async function assertEachTensorOnce(checkpoint: Checkpoint): Promise<void> {
  const [path = ''] = checkpoint.files;
  const { tensors } = await openSafetensors(path);
  const factors = checkpoint.weights.flatMap(({ delta }) => [delta.left.tensor.name, delta.right.tensor.name]);
  const replaced = checkpoint.replaced.map(({ name }) => name);
  const gaps = checkpoint.gaps.filter(({ name }) => tensors.has(name) && !replaced.includes(name)).map(({ name }) => name);
  assert.deepEqual([...factors, ...replaced, ...gaps].sort(), [...tensors.keys()].sort());
  for (const { name, bytes } of checkpoint.gaps) assert.equal(bytes, tensors.get(name)?.bytes ?? 0, name);
  assert.equal(checkpoint.bytes, [...tensors.values()].reduce((sum, tensor) => sum + tensor.bytes, 0));
}
