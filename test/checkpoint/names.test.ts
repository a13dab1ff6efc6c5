import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareModules, nameModule } from '../../src/checkpoint/names.js';
import { fixture } from '../helpers/fixtures.js';

/** Written by hand; test/python/test_build_names.py holds the builder of signatures to the same list. */
const GOLDEN = JSON.parse(readFileSync(fixture('names.json'), 'utf8')) as {
  readonly named: readonly (readonly [path: string, name: string, role: string, layer: number | null, expert: number | null])[];
  readonly other: readonly (readonly [path: string, name: string, layer: number | null])[];
};

describe('nameModule', () => {
  for (const [path, name, role, layer, expert] of GOLDEN.named) {
    it(`knows ${path}`, () => {
      assert.deepEqual(nameModule(path), { name, role, layer, expert });
    });
  }

  for (const [path, name, layer] of GOLDEN.other) {
    it(`does not mistake ${JSON.stringify(path)}`, () => {
      assert.deepEqual(nameModule(path), { name, role: 'other', layer, expert: null });
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
