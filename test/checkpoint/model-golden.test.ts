/** Models that transformers saved (test/fixtures/make_models.py): what each logical weight holds, against what the modules compute. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { locateModel } from '../../src/checkpoint/model.js';
import { openSafetensors } from '../../src/safetensors/file.js';
import type { ModelCheckpoint, TensorInfo } from '../../src/types.js';
import { readVector, readWeight } from '../helpers/checkpoints.js';
import { fixture } from '../helpers/fixtures.js';

interface Summary {
  readonly shape: readonly number[];
  readonly sum: number;
  readonly dot: number;
  readonly first: number;
  readonly last: number;
}
type Golden = Readonly<Record<string, {
  readonly same?: string; readonly tensors: readonly string[];
  readonly weights?: Readonly<Record<string, Summary>>; readonly vectors?: Readonly<Record<string, Summary>>;
}>>;
const golden = JSON.parse(readFileSync(fixture('models/golden.json'), 'utf8')) as Golden;

function assertSame(numbers: Float64Array, expected: Summary, name: string): void {
  const found = { sum: 0, dot: 0, first: numbers[0] ?? NaN, last: numbers.at(-1) ?? NaN };
  numbers.forEach((value, i) => {
    found.sum += value;
    found.dot += value * (i % 97 + 1);
  });
  assert.equal(numbers.length, expected.shape.reduce((a, b) => a * b, 1), name);
  for (const key of ['sum', 'dot', 'first', 'last'] as const) {
    assert.ok(Math.abs(found[key] - expected[key]) <= 1e-9 * (1 + Math.abs(expected[key])), `${name}: ${key} ${found[key]}, expected ${expected[key]}`);
  }
}

/** Each tensor is in weights, vectors or gaps, in one of them only. */
async function assertPartition(found: ModelCheckpoint): Promise<void> {
  const stored: TensorInfo[] = [];
  for (const file of found.files) stored.push(...(await openSafetensors(file)).tensors.values());
  const plain = (name: string): string => name.replace(/\[\d+\]$/u, '');
  const sets = [found.weights.map(({ values }) => plain(values.tensor.name)), found.vectors.map(({ tensor }) => tensor.name), found.gaps.map(({ name }) => name)].map((names) => new Set(names));
  for (const { name } of stored) assert.equal(sets.filter((set) => set.has(name)).length, 1, name);
  assert.equal(found.bytes, stored.reduce((sum, { bytes }) => sum + bytes, 0));
}

/** Weights of role `other`, by family: routers, shared experts, position tables, and towers for images. */
const OTHERS: Readonly<Record<string, RegExp>> = {
  'gpt2': /^wpe$/u,
  'mixtral': /^layers\.\d\.router$/u, 'mixtral-stacked': /^layers\.\d\.router$/u,
  'qwen2-moe': /^layers\.\d\.(?:router|mlp\.shared_expert.*)$/u, 'qwen2-moe-stacked': /^layers\.\d\.(?:router|mlp\.shared_expert.*)$/u,
  'qwen3-moe': /^layers\.\d\.router$/u, 'qwen3-moe-stacked': /^layers\.\d\.router$/u,
  'gemma3': /^(?:vision_tower|multi_modal_projector)\./u,
};

describe('models as transformers saves them', () => {
  for (const [name, entry] of Object.entries(golden)) {
    it(name, async () => {
      const { weights = {}, vectors = {} } = entry.same === undefined ? entry : golden[entry.same] ?? {};
      const found = await locateModel(fixture(`models/${name}`));
      assert.deepEqual(found.gaps, []);
      assert.equal(found.architecture.known, true);
      const named = found.weights.filter(({ role }) => role !== 'other');
      assert.deepEqual(named.map((weight) => weight.name).sort(), Object.keys(weights).sort());
      for (const weight of named) {
        const expected = weights[weight.name];
        assert.ok(expected !== undefined);
        assert.deepEqual(weight.shape, expected.shape, weight.name);
        assertSame(await readWeight(weight), expected, weight.name);
      }
      for (const weight of found.weights.filter(({ role }) => role === 'other')) assert.match(weight.name, OTHERS[name] ?? /^$/u);
      const inLanguageModel = found.vectors.filter(({ tensor }) => !/^(?:vision_tower|multi_modal_projector)/u.test(tensor.name));
      assert.deepEqual(inLanguageModel.map((vector) => vector.name).sort(), Object.keys(vectors).sort());
      for (const vector of inLanguageModel) assertSame(await readVector(vector), vectors[vector.name] ?? { shape: [], sum: 0, dot: 0, first: 0, last: 0 }, vector.name);
      await assertPartition(found);
    });
  }

  it('are many, in both layouts of experts, whole and in shards', () => {
    assert.deepEqual(Object.keys(golden).length, 17);
    assert.ok(golden['llama-sharded']?.tensors.length === golden['llama']?.tensors.length);
    assert.ok(golden['mixtral-stacked']?.tensors.some((name) => name.endsWith('experts.gate_up_proj [3, 40, 12]')));
  });

  it('come in the order in which the model computes', async () => {
    const { weights } = await locateModel(fixture('models/gpt2'));
    assert.deepEqual(weights.map(({ name }) => name), [...['0', '1'].flatMap((layer) => ['q', 'k', 'v', 'o', 'up', 'down'].map((role) => `${layer}.${role}`)), 'wpe', 'embed']);
  });
});
