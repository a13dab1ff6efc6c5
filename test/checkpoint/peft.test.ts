/** The rules for tensors, on descriptions of tensors alone: what becomes a weight, what a Gap, and why. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parsePeftConfig } from '../../src/checkpoint/peft-config.js';
import { readPeft, type PeftTensors } from '../../src/checkpoint/peft.js';
import { dtypeBytes } from '../../src/safetensors/dtype.js';
import type { Dtype, TensorInfo } from '../../src/types.js';

const Q = 'base_model.model.model.layers.0.self_attn.q_proj';

function tensor(name: string, shape: readonly number[], dtype: Dtype = 'F32'): TensorInfo {
  return { name, dtype, shape, file: 'f', offset: 0, bytes: shape.reduce((a, b) => a * b, 1) * dtypeBytes(dtype) };
}

function pair(module: string, rank = 2, outputs = 6, inputs = 4, dtype: Dtype = 'F32'): TensorInfo[] {
  return [tensor(`${module}.lora_A.weight`, [rank, inputs], dtype), tensor(`${module}.lora_B.weight`, [outputs, rank], dtype)];
}

function read(tensors: readonly TensorInfo[], options: Record<string, unknown> = {}): PeftTensors {
  const standard = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: '.*' };
  return readPeft(parsePeftConfig(JSON.stringify({ ...standard, ...options }), 'config'), tensors);
}

describe('a pair of factors', () => {
  it('is one weight, out × in, with B on the left', () => {
    const [a, b] = pair(Q);
    const { weights, replaced, gaps } = read(pair(Q));
    assert.deepEqual(weights, [{
      name: '0.q', role: 'q', layer: 0, module: 'model.layers.0.self_attn.q_proj', shape: [6, 4],
      delta: { left: { tensor: b, transposed: false }, right: { tensor: a, transposed: false }, rank: 2, scale: 2 },
    }]);
    assert.deepEqual([replaced, gaps], [[], []]);
  });

  it('of an embedding is vocabulary × width, both factors transposed', () => {
    const E = 'base_model.model.model.embed_tokens';
    const a = tensor(`${E}.lora_embedding_A`, [2, 16]), b = tensor(`${E}.lora_embedding_B`, [8, 2]);
    const [weight] = read([a, b]).weights;
    assert.deepEqual(weight, {
      name: 'embed', role: 'embed', layer: null, module: 'model.embed_tokens', shape: [16, 8],
      delta: { left: { tensor: a, transposed: true }, right: { tensor: b, transposed: true }, rank: 2, scale: 2 },
    });
  });

  it('may keep the name of its adapter, and lack PEFT\'s prefix', () => {
    for (const names of [[`${Q}.lora_A.default.weight`, `${Q}.lora_B.default.weight`], ['model.layers.0.self_attn.q_proj.lora_A.weight', 'model.layers.0.self_attn.q_proj.lora_B.weight']]) {
      const { weights, gaps } = read([tensor(names[0] ?? '', [2, 4]), tensor(names[1] ?? '', [6, 2])]);
      assert.deepEqual([weights.map(({ name }) => name), gaps], [['0.q'], []]);
    }
    const embedding = read([tensor('model.embed_tokens.lora_embedding_A.default', [2, 16]), tensor('model.embed_tokens.lora_embedding_B.default', [8, 2])]);
    assert.deepEqual([embedding.weights.length, embedding.gaps.length], [1, 0]);
  });

  it('can be of any floating-point dtype, and of two', () => {
    for (const dtype of ['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2'] as const) assert.equal(read(pair(Q, 2, 6, 4, dtype)).weights.length, 1);
    const [a] = pair(Q), [, b] = pair(Q, 2, 6, 4, 'BF16');
    assert.equal(read([a, b].filter((t) => t !== undefined)).weights.length, 1);
  });

  it('has the scale of its own rank and alpha, zero and negative ones included', () => {
    const scaleOf = (options: Record<string, unknown>, rank = 2): number | undefined => read(pair(Q, rank), options).weights[0]?.delta.scale;
    assert.equal(scaleOf({ lora_alpha: 5 }), 2.5);
    assert.equal(scaleOf({ lora_alpha: 0 }), 0);
    assert.equal(scaleOf({ lora_alpha: -4 }), -2);
    assert.equal(scaleOf({ rank_pattern: { q_proj: 4 }, use_rslora: true }, 4), 2);
    assert.equal(scaleOf({ fan_in_fan_out: true }), 2);
  });

  it('is sorted with the others by layer and role, whatever their order in the file', () => {
    const modules = ['lm_head', 'model.layers.1.mlp.down_proj', 'model.layers.1.self_attn.v_proj', 'model.layers.10.self_attn.q_proj', 'model.layers.1.self_attn.qkv', 'vision.x'];
    assert.deepEqual(read(modules.flatMap((module) => pair(module))).weights.map(({ name }) => name),
      ['1.v', '1.down', 'layers.1.self_attn.qkv', '10.q', 'vision.x', 'head']);
  });
});

/** Tensors that give no weight: each has a Gap with its own name, bytes, and this reason. */
const REFUSED: Readonly<Record<string, readonly [tensors: readonly TensorInfo[], reason: RegExp, options?: Record<string, unknown>]>> = {
  'A without B': [pair(Q).slice(0, 1), /has no lora_B/],
  'B without A': [pair(Q).slice(1), /has no lora_A/],
  'an embedding\'s A without B': [[tensor('wte.lora_embedding_A', [2, 9])], /has no lora_B/],
  'A twice, under two names of adapters': [[...pair(Q), tensor(`${Q}.lora_A.other.weight`, [2, 4])], /2 tensors claim to be lora_A/],
  'A twice, with and without the prefix': [[...pair(Q), tensor('model.layers.0.self_attn.q_proj.lora_A.weight', [2, 4])], /2 tensors claim/],
  'both kinds of factors': [[...pair('x.wte'), tensor('x.wte.lora_embedding_A', [2, 9]), tensor('x.wte.lora_embedding_B', [8, 2])], /at once/],
  'a convolution': [[tensor(`${Q}.lora_A.weight`, [2, 3, 3, 3]), tensor(`${Q}.lora_B.weight`, [6, 2, 1, 1])], /4 dimensions/],
  'a stack of experts': [[tensor(`${Q}.lora_A.weight`, [5, 2, 4]), tensor(`${Q}.lora_B.weight`, [5, 6, 2])], /3 dimensions/],
  'a vector': [[tensor(`${Q}.lora_A.weight`, [8]), tensor(`${Q}.lora_B.weight`, [6, 2])], /1 dimensions/],
  'no elements': [[tensor(`${Q}.lora_A.weight`, [2, 0]), tensor(`${Q}.lora_B.weight`, [6, 2])], /without elements/],
  'integers': [pair(Q, 2, 6, 4, 'I8'), /dtype I8/],
  'one factor of integers': [[tensor(`${Q}.lora_A.weight`, [2, 4]), tensor(`${Q}.lora_B.weight`, [6, 2], 'U8')], /dtype U8/],
  'truth values': [pair(Q, 2, 6, 4, 'BOOL'), /dtype BOOL/],
  'factors that do not fit': [[tensor(`${Q}.lora_A.weight`, [2, 4]), tensor(`${Q}.lora_B.weight`, [6, 3])], /A is 2 × 4 and B is 6 × 3/],
  'factors the wrong way round': [[tensor(`${Q}.lora_A.weight`, [4, 2]), tensor(`${Q}.lora_B.weight`, [2, 6])], /do not fit/],
  'a rank other than r': [pair(Q, 3), /says 2, the tensors have 3/],
  'a rank other than rank_pattern\'s': [pair(Q, 2), /says 8, the tensors have 2/, { rank_pattern: { q_proj: 8 } }],
  'a rank_pattern beyond the subset': [pair(Q), /rank_pattern: the pattern "\(\?i\)q"/, { rank_pattern: { '(?i)q': 2 } }],
  'an alpha_pattern that is no expression': [pair(Q), /alpha_pattern: the pattern "\("/, { alpha_pattern: { '(': 2 } }],
  'a nested adapter layer': [pair(`${Q}.base_layer`), /nested targets/],
  'an embedding\'s factors on a linear layer': [[tensor(`${Q}.lora_embedding_A`, [2, 9]), tensor(`${Q}.lora_embedding_B`, [8, 2])], /under the name of a linear layer/],
  'a linear layer\'s factors on an embedding': [pair('model.embed_tokens'), /under the name of an embedding/],
  'a module that target_modules does not name': [pair(Q), /gives the module .* no adapter/, { target_modules: ['k_proj'] }],
  'a module that exclude_modules names': [pair(Q), /no adapter/, { exclude_modules: ['q_proj'] }],
  'a module of modules_to_save': [pair(Q), /no adapter/, { modules_to_save: ['q_proj'] }],
  'a layer that is not transformed': [pair(Q), /no adapter/, { target_modules: ['q_proj'], layers_to_transform: [1] }],
  'a tensor that no rule explains': [[tensor(`${Q}.lora_C.weight`, [2, 4])], /no rule explains/],
  'a bias of A': [[tensor(`${Q}.lora_A.bias`, [2])], /no rule explains/],
  'a factor without a module': [[tensor('lora_A.weight', [2, 4])], /no rule explains/],
  'a factor in two parts': [[tensor(`${Q}.lora_A.a.b.weight`, [2, 4])], /no rule explains/],
  'a buffer': [[tensor('base_model.model.model.rotary_emb.inv_freq', [4])], /no rule explains/],
  'a replacing tensor of integers': [[tensor('base_model.model.lm_head.weight', [9, 4], 'I32')], /no rule explains/],
  'a trained extra whose field is not set': [[tensor(`${Q}.lora_velora_embed`, [4])], /no rule explains/],
  'a hostile name': [[tensor('\u001b[31m\u202e.lora_A.weight', [2, 4])], /module "\\u\{1b\}\[31m\\u\{202e\}" has no lora_B/],
};

describe('tensors without a weight have a Gap each', () => {
  for (const [what, [tensors, reason, options]] of Object.entries(REFUSED)) {
    it(what, () => {
      const { weights, replaced, gaps } = read(tensors, options);
      assert.deepEqual([weights, replaced], [[], []]);
      const own = gaps.filter(({ bytes }) => bytes > 0 || tensors.some((t) => t.bytes === 0));
      const pairs = (list: readonly { name: string; bytes: number }[]): string[] => list.map(({ name, bytes }) => `${name} ${bytes}`).sort();
      assert.deepEqual(pairs(own), pairs(tensors));
      for (const gap of own) assert.match(gap.reason, reason);
    });
  }

  it('while a good pair beside them stays a weight', () => {
    const { weights, gaps } = read([...pair(Q), tensor('model.layers.1.self_attn.q_proj.lora_A.weight', [2, 4])]);
    assert.deepEqual([weights.map(({ name }) => name), gaps.length], [['0.q'], 1]);
  });

  it('and two modules that would be one weight have one each', () => {
    const { weights, gaps } = read([...pair('model.layers.0.self_attn.q_proj'), ...pair('model.layers.0.attn.q_proj'), ...pair('model.layers.1.self_attn.q_proj')]);
    assert.deepEqual(weights.map(({ name }) => name), ['1.q']);
    assert.deepEqual(gaps.map(({ name, bytes }) => [name, bytes]), [['model.layers.0.self_attn.q_proj', 80], ['model.layers.0.attn.q_proj', 80]]);
    assert.match(gaps[0]?.reason ?? '', /2 modules would both be the weight "0\.q"/);
  });
});

describe('tensors that are read and not scored', () => {
  const cases: Readonly<Record<string, RegExp>> = {
    [`${Q}.lora_magnitude_vector`]: /DoRA/, [`${Q}.lora_magnitude_vector.default.weight`]: /DoRA/, [`${Q}.lora_B.bias`]: /adds/, [`${Q}.lora_B.default.bias`]: /adds/,
    [`${Q}.base_layer.bias`]: /bias in place/, [`${Q}.bias`]: /bias in place/, 'base_model.model.lm_head.modules_to_save.default.weight': /modules_to_save/,
    'base_model.model.lm_head.modules_to_save.weight': /modules_to_save/, 'base_model.model.lm_head.weight': /whole tensor/, 'base_model.model.model.norm.weight': /whole tensor/,
    [`${Q}.base_layer.weight`]: /under the adapter's own change/, 'base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta': /rows/, [`${Q}.lora_diag`]: /KaSA/, 'weight': /whole tensor/,
  };
  for (const [name, reason] of Object.entries(cases)) {
    it(name, () => {
      const one = tensor(name, [4]);
      const { weights, replaced, gaps } = read([one]);
      assert.deepEqual([weights, replaced], [[], [one]]);
      assert.deepEqual(gaps.map((gap) => [gap.name, gap.bytes]), [[name, 16]]);
      assert.match(gaps[0]?.reason ?? '', reason);
    });
  }
});

describe('two spellings in one file', () => {
  const most = [...pair(Q), ...pair(Q.replace('.0.', '.1.')), ...pair(Q.replace('.0.', '.2.'))];
  const other = Q.replace('.0.', '.3.');
  const spellings: [string, string, string][] = [
    ['without the prefix', `${other.replace('base_model.model.', '')}.lora_A.weight`, `${other.replace('base_model.model.', '')}.lora_B.weight`],
    ['with the name of an adapter', `${other}.lora_A.old.weight`, `${other}.lora_B.old.weight`],
    ['under another wrapper', `${other.replace('model.layers', 'language_model.layers')}.lora_A.weight`, `${other.replace('model.layers', 'language_model.layers')}.lora_B.weight`],
  ];
  for (const [name, A, B] of spellings) {
    it(`${name}: those in the minority are Gaps, since a loader drops them`, () => {
      const { weights, gaps } = read([...most, tensor(A, [2, 4]), tensor(B, [6, 2])]);
      assert.deepEqual(weights.map((w) => w.name), ['0.q', '1.q', '2.q']);
      assert.deepEqual(gaps.map((gap) => gap.name), [A, B]);
      assert.match(gaps[0]?.reason ?? '', /spelled otherwise/);
    });
  }

  it('but one spelling throughout is none the worse', () => {
    assert.deepEqual(read(most).gaps, []);
  });
});

describe('scales that loaders read differently', () => {
  it('0 is a Gap, and the weight stays', () => {
    const { weights, gaps } = read(pair(Q), { lora_alpha: 0 });
    assert.deepEqual([weights.length, gaps.map(({ name }) => name)], [1, ['lora_alpha']]);
  });

  it('alpha_pattern far from lora_alpha is a Gap, near it is none', () => {
    assert.deepEqual(read(pair(Q), { lora_alpha: 4, alpha_pattern: { q_proj: 0.001 } }).gaps.map(({ name }) => name), ['alpha_pattern']);
    assert.deepEqual(read(pair(Q), { lora_alpha: 4, alpha_pattern: { q_proj: 8 } }).gaps, []);
  });
});

describe('fields that change the meaning', () => {
  it('leave the weights there, with the Gap beside them', () => {
    const { weights, gaps } = read(pair(Q), { use_dora: true });
    assert.deepEqual([weights.length, gaps.map(({ name, bytes }) => [name, bytes])], [1, [['use_dora', 0]]]);
  });

  it('or make no weight at all, where B·A is no part of the change', () => {
    for (const options of [{ use_bdlora: {} }, { use_qalora: true }, { kasa_config: {} }, { layer_replication: [[0, 2]] }, { enable_lora: [true] }]) {
      const { weights, gaps } = read(pair(Q), options);
      assert.deepEqual([weights.length, gaps.length], [0, 3], JSON.stringify(options));
    }
  });

  it('target_modules that can\'t be decided is one Gap for all modules, which stay weights', () => {
    const { weights, gaps } = read([...pair(Q), ...pair(Q.replace('.0.', '.1.'))], { target_modules: null });
    assert.deepEqual([weights.length, gaps.map(({ name, bytes }) => [name, bytes])], [2, [['target_modules', 0]]]);
  });
});

it('every tensor ends in exactly one place, whatever the file holds', () => {
  const part = fc.constantFrom('base_model.model.', 'model.', 'layers.', '0.', 'self_attn.', 'q_proj.', 'lora_A.', 'lora_B.', 'lora_embedding_A', 'lora_embedding_B', 'default.', 'weight', 'bias', 'base_layer.', 'modules_to_save.', '.');
  const shape = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 });
  const one = fc.tuple(fc.array(part, { minLength: 1, maxLength: 8 }), shape, fc.constantFrom<Dtype>('F32', 'BF16', 'I8')).map(([parts, size, dtype]) => tensor(parts.join(''), size, dtype));
  fc.assert(fc.property(fc.uniqueArray(one, { selector: ({ name }) => name, maxLength: 12 }), (tensors) => {
    const { weights, replaced, gaps } = read(tensors);
    const factors = weights.flatMap(({ delta }) => [delta.left.tensor.name, delta.right.tensor.name]);
    const clashing = gaps.filter(({ name }) => !tensors.some((t) => t.name === name)); // by module, two tensors each
    const own = gaps.filter((gap) => !clashing.includes(gap)).map(({ name }) => name).filter((name) => !replaced.some((t) => t.name === name));
    assert.equal(factors.length + replaced.length + own.length + 2 * clashing.length, tensors.length);
    assert.equal(new Set([...factors, ...own]).size, factors.length + own.length);
  }), { numRuns: 500 });
});
