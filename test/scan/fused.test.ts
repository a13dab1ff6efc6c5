import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkShapes, shapedOf } from '../../src/scan/base.js';
import { divideFused } from '../../src/scan/fused.js';
import type { KnownBase } from '../../src/signature/document.js';
import type { Checkpoint, TensorInfo, Weight } from '../../src/types.js';

const BASE: KnownBase = {
  name: 'tiny', aliases: [], fingerprint: `sha256:${'0'.repeat(64)}`, source: '', license: '', layers: 3,
  weights: { '2.q': [8, 6], '2.k': [4, 6], '2.v': [4, 6], '2.o': [6, 8], '2.gate': [10, 6], '2.up': [10, 6] },
};
const BY_HEAD: KnownBase = { ...BASE, heads: 2, weights: { '2.q': [6, 6], '2.k': [6, 6], '2.v': [6, 6] } };

const tensor = (name: string, shape: readonly number[]): TensorInfo => ({ name, shape, dtype: 'F32', file: 'memory', offset: 8, bytes: 4 * shape.reduce((product, extent) => product * extent, 1) });

function weight(module: string, path: string, [outputs, inputs]: readonly [number, number], role: Weight['role'] = 'other', name = `layers.2.${path}`): Weight {
  const delta = { left: { tensor: tensor(`${module}.lora_B`, [outputs, 2]), transposed: false }, right: { tensor: tensor(`${module}.lora_A`, [2, inputs]), transposed: false }, rank: 2, scale: 0.5 };
  return { name, role, layer: 2, module, shape: [outputs, inputs], delta };
}

const fused = (path: string, shape: readonly [number, number]): Weight => weight(`model.layers.2.${path}`, path, shape);
const adapter = (...weights: Weight[]): Checkpoint => ({ path: 'a', kind: 'adapter', files: ['a'], decides: [], bytes: 0, baseClaim: null, weights, unscored: [], gaps: [] });
const parts = (checkpoint: Checkpoint) => checkpoint.weights.map(({ name, role, shape, delta }) => [name, role, shape, delta.left.rows]);

describe('an adapter on a fused weight', () => {
  it('of parts one after the other changes each by its rows of B', () => {
    const divided = divideFused(adapter(weight('model.layers.2.self_attn.o_proj', '', [6, 8], 'o', '2.o'), fused('self_attn.qkv_proj', [16, 6]), fused('mlp.gate_up_proj', [20, 6])), BASE);
    assert.deepEqual(parts(divided), [
      ['2.q', 'q', [8, 6], [[0, 8]]], ['2.k', 'k', [4, 6], [[8, 4]]], ['2.v', 'v', [4, 6], [[12, 4]]], ['2.o', 'o', [6, 8], undefined],
      ['2.gate', 'gate', [10, 6], [[0, 10]]], ['2.up', 'up', [10, 6], [[10, 10]]],
    ]);
    const [q, k] = divided.weights;
    assert.equal(q?.delta.right, k?.delta.right, 'they share A');
    assert.deepEqual(checkShapes(shapedOf(divided), BASE, 'file'), []);
  });

  it('of parts head by head, where the base tells how many heads there are', () => {
    const one = adapter(weight('gpt_neox.layers.2.attention.query_key_value', 'attention.query_key_value', [18, 6]));
    assert.deepEqual(parts(divideFused(one, BY_HEAD)), [
      ['2.q', 'q', [6, 6], [[0, 3], [9, 3]]], ['2.k', 'k', [6, 6], [[3, 3], [12, 3]]], ['2.v', 'v', [6, 6], [[6, 3], [15, 3]]],
    ]);
  });

  const STAYS: readonly (readonly [why: string, weights: readonly Weight[], base: KnownBase])[] = [
    ['the number of heads is not known', [fused('attention.query_key_value', [18, 6])], { ...BASE, weights: BY_HEAD.weights }],
    ['the heads do not divide the parts', [fused('attention.query_key_value', [18, 6])], { ...BY_HEAD, heads: 4 }],
    ['the parts do not add up', [fused('self_attn.qkv_proj', [15, 6])], BASE],
    ['it has other inputs', [fused('self_attn.qkv_proj', [16, 5])], BASE],
    ['the base lacks a part', [fused('self_attn.qkv_proj', [12, 6])], { ...BASE, weights: { '2.q': [8, 6], '2.k': [4, 6] } }],
    ['a part is there already', [fused('self_attn.qkv_proj', [16, 6]), weight('model.layers.2.self_attn.q_proj', '', [8, 6], 'q', '2.q')], BASE],
  ];
  for (const [why, weights, base] of STAYS) {
    it(`stays whole and is a Gap when ${why}`, () => {
      const divided = divideFused(adapter(...weights), base);
      assert.equal(divided.weights.length, weights.length);
      assert.deepEqual(checkShapes(shapedOf(divided), base, 'file').map(({ name, reason }) => [name, reason]), [
        [weights[0]?.name, 'a fused weight (q, k, v together) that the base tiny does not tell how to divide; merge the adapter and scan the checkpoint'],
      ]);
    });
  }

  it('stays whole where the base has it whole', () => {
    const whole = adapter(fused('attention.query_key_value', [18, 6]));
    const base: KnownBase = { ...BY_HEAD, weights: { ...BY_HEAD.weights, 'layers.2.attention.query_key_value': [18, 6] } };
    assert.deepEqual(divideFused(whole, base), whole);
    assert.deepEqual(checkShapes(shapedOf(whole), base, 'file'), []);
  });
});
