import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareModules, nameModule } from '../../src/checkpoint/names.js';

/** Path → canonical name, role, layer. */
const KNOWN: Readonly<Record<string, readonly [name: string, role: string, layer: number | null]>> = {
  'model.layers.5.self_attn.q_proj': ['5.q', 'q', 5],
  'base_model.model.model.layers.5.self_attn.o_proj': ['5.o', 'o', 5],
  'layers.0.mlp.gate_proj': ['0.gate', 'gate', 0],
  'language_model.model.layers.7.mlp.up_proj': ['7.up', 'up', 7],
  'model.language_model.layers.31.mlp.down_proj': ['31.down', 'down', 31],
  'transformer.h.11.attn.c_proj': ['11.o', 'o', 11],
  'transformer.h.11.mlp.c_fc': ['11.up', 'up', 11],
  'gpt_neox.layers.2.mlp.dense_4h_to_h': ['2.down', 'down', 2],
  'gpt_neox.layers.2.attention.dense': ['2.o', 'o', 2],
  'model.decoder.layers.3.self_attn.out_proj': ['3.o', 'o', 3],
  'model.decoder.layers.3.fc1': ['3.up', 'up', 3],
  'transformer.blocks.1.ffn.up_proj': ['1.up', 'up', 1],
  'model.layers.4.block_sparse_moe.experts.7.w1': ['4.gate.7', 'gate', 4],
  'model.layers.4.block_sparse_moe.experts.7.w2': ['4.down.7', 'down', 4],
  'model.layers.4.block_sparse_moe.experts.7.w3': ['4.up.7', 'up', 4],
  'model.layers.4.mlp.experts.127.down_proj': ['4.down.127', 'down', 4],
  'model.embed_tokens': ['embed', 'embed', null],
  'transformer.wte': ['embed', 'embed', null],
  'gpt_neox.embed_in': ['embed', 'embed', null],
  'model.language_model.embed_tokens': ['embed', 'embed', null],
  'lm_head': ['head', 'head', null],
  'language_model.lm_head': ['head', 'head', null],
  'embed_out': ['head', 'head', null],
};

/** Paths that keep their own name, and the block that they are known to be in. */
const OTHER: readonly (readonly [path: string, layer: number | null])[] = [
  ['model.layers.5.self_attn.qkv_proj', 5], ['transformer.h.3.attn.c_attn', 3], ['model.layers.1.mlp.gate_up_proj', 1],
  ['gpt_neox.layers.2.attention.query_key_value', 2], ['model.layers.4.mlp.shared_expert.up_proj', 4], ['model.layers.4.mlp.experts.down_proj', 4],
  ['model.layers.4.block_sparse_moe.gate', 4], ['model.layers.4.q_proj', 4], ['model.layers.4.q', 4], ['4.q', null], ['model.4.q', null], ['embed', null], ['model.embed', null], ['head', null], ['model.layers.4.cross_attn.q_proj', 4], ['transformer.wpe', null],
  ['model.vision_tower.vision_model.encoder.layers.3.self_attn.q_proj', null], ['vision_tower.layers.3.self_attn.q_proj', null],
  ['model.vision_model.layers.3.self_attn.q_proj', null], ['audio_tower.layers.3.self_attn.q_proj', null], ['text_encoder.layers.3.self_attn.q_proj', null],
  ['model.encoder.layers.3.self_attn.q_proj', null], ['model.mtp.layers.0.self_attn.q_proj', null], ['vision_tower.lm_head', null],
  ['model.layers.05.self_attn.q_proj', null], ['model.layers.-1.self_attn.q_proj', null], ['model.layers.1e3.self_attn.q_proj', null],
  ['model.layers.1234567.self_attn.q_proj', null], ['model.layers.٣.self_attn.q_proj', null], ['model.layers.self_attn.q_proj', null],
  ['model.layers.5.self_attn.q_proj.base_layer', 5], ['model.layers.5.layers.6.self_attn.q_proj', 5], ['model.layers.5..self_attn.q_proj', 5],
  ['model.layers.5.mlp.experts.07.up_proj', 5], ['model.layers.5.mlp.experts.*.up_proj', 5], ['Model.layers.5.self_attn.q_proj', null],
  ['constructor.layers.1.self_attn.q_proj', null], ['model.layers.1.__proto__', 1], ['toString', null], ['', null], ['.', null],
];

describe('nameModule', () => {
  for (const [path, [name, role, layer]] of Object.entries(KNOWN)) {
    it(`knows ${path}`, () => {
      const found = nameModule(path);
      assert.deepEqual([found.name, found.role, found.layer], [name, role, layer]);
    });
  }

  for (const [path, layer] of OTHER) {
    it(`does not mistake ${JSON.stringify(path)}`, () => {
      const { name, ...rest } = nameModule(path);
      assert.deepEqual(rest, { role: 'other', layer, expert: null });
      // Its own end, and never a name that a known weight has.
      assert.ok(name === `layers.${layer ?? ''}.router` || path.endsWith(name.replace(/^(?:layers\.\d+\.|module:)/u, '')), name);
      assert.doesNotMatch(name, /^(?:embed|head|norm|\d+\..*)$/su);
    });
  }

  it('never throws, and gives a canonical name only for paths that it lists', () => {
    const word = fc.oneof(fc.constantFrom('model', 'layers', '3', 'self_attn', 'q_proj', 'mlp', 'experts', 'lm_head', 'h', 'vision_tower', ''), fc.string());
    fc.assert(fc.property(fc.array(word, { maxLength: 8 }), (words) => {
      const path = words.join('.');
      const { name, role } = nameModule(path);
      assert.equal(role !== 'other', /^(?:embed|head|\d+\.(?:q|k|v|o|gate|up|down)(?:\.\d+)?)$/u.test(name));
      if (path.includes('vision_tower')) assert.equal(role, 'other');
    }));
  });

  it('sorts by layer, then as the model computes, then by expert; what lies outside the blocks comes last', () => {
    const sorted = ['0.q', '0.o', '0.up', '0.down.2', '0.down.10', '2.q', '10.q', 'embed', 'head'];
    const paths = ['lm_head', 'model.embed_tokens', 'model.layers.10.self_attn.q_proj', 'model.layers.0.mlp.experts.10.down_proj', 'model.layers.0.mlp.up_proj',
      'model.layers.2.self_attn.q_proj', 'model.layers.0.self_attn.o_proj', 'model.layers.0.mlp.experts.2.down_proj', 'model.layers.0.self_attn.q_proj'];
    assert.deepEqual(paths.map(nameModule).sort(compareModules).map(({ name }) => name), sorted);
  });
});
