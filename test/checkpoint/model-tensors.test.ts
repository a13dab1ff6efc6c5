/** Tensors of whole models by name, shape and dtype alone: what becomes a weight, a vector or a Gap, and under which name. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseModelConfig } from '../../src/checkpoint/model-config.js';
import { readModel, type ModelTensors } from '../../src/checkpoint/model-tensors.js';
import { tensorInfos, type Shape } from '../helpers/checkpoints.js';

type Config = Readonly<Record<string, unknown>>;
const read = (config: Config, shapes: readonly Shape[], whole = false): ModelTensors => readModel(parseModelConfig(JSON.stringify(config), 'config.json'), tensorInfos(shapes), whole);
const LLAMA: Config = { model_type: 'llama', architectures: ['LlamaForCausalLM'], hidden_size: 8, intermediate_size: 12, num_attention_heads: 2, num_key_value_heads: 1, num_hidden_layers: 1, tie_word_embeddings: false };
const PHI3: Config = { ...LLAMA, model_type: 'phi3' };
const NEOX: Config = { ...LLAMA, model_type: 'gpt_neox', num_key_value_heads: undefined };
const GPT2: Config = { model_type: 'gpt2', n_embd: 8, n_head: 2, n_layer: 1, n_inner: 12 };
const MIXTRAL: Config = { ...LLAMA, model_type: 'mixtral', num_local_experts: 3 };
const QWEN_MOE: Config = { ...LLAMA, model_type: 'qwen3_moe', moe_intermediate_size: 5, num_experts: 2 };

/** All tensors of a one-block Llama. */
const BLOCK: readonly Shape[] = [
  ['model.layers.0.self_attn.q_proj.weight', [8, 8]], ['model.layers.0.self_attn.k_proj.weight', [4, 8]], ['model.layers.0.self_attn.v_proj.weight', [4, 8]],
  ['model.layers.0.self_attn.o_proj.weight', [8, 8]], ['model.layers.0.mlp.gate_proj.weight', [12, 8]], ['model.layers.0.mlp.up_proj.weight', [12, 8]], ['model.layers.0.mlp.down_proj.weight', [8, 12]],
];
const EMBED: Shape = ['model.embed_tokens.weight', [20, 8]], HEAD: Shape = ['lm_head.weight', [20, 8]], NORM: Shape = ['model.norm.weight', [8]];
const without = (part: string): Shape[] => BLOCK.filter(([name]) => !name.includes(part));

describe('fused weights', () => {
  const parts = ({ weights }: ModelTensors) => Object.fromEntries(weights.map(({ name, shape, values }) => [name, [shape, values.outputs, values.transposed]]));

  it('of Phi-3, one part after the other', () => {
    assert.deepEqual(parts(read(PHI3, [['model.layers.0.self_attn.qkv_proj.weight', [16, 8]], ['model.layers.0.mlp.gate_up_proj.weight', [24, 8]]])), {
      '0.q': [[8, 8], [[0, 8]], false], '0.k': [[4, 8], [[8, 4]], false], '0.v': [[4, 8], [[12, 4]], false],
      '0.gate': [[12, 8], [[0, 12]], false], '0.up': [[12, 8], [[12, 12]], false],
    });
  });

  it('of GPT-NeoX, head by head, with their bias', () => {
    const found = read(NEOX, [['gpt_neox.layers.0.attention.query_key_value.weight', [24, 8]], ['gpt_neox.layers.0.attention.query_key_value.bias', [24]]]);
    assert.deepEqual(parts(found), { '0.q': [[8, 8], [[0, 4], [12, 4]], false], '0.k': [[8, 8], [[4, 4], [16, 4]], false], '0.v': [[8, 8], [[8, 4], [20, 4]], false] });
    assert.deepEqual(found.vectors.map(({ name, role, elements }) => [name, role, elements]),
      [['0.k.bias', 'bias', [[4, 4], [16, 4]]], ['0.q.bias', 'bias', [[0, 4], [12, 4]]], ['0.v.bias', 'bias', [[8, 4], [20, 4]]]]);
  });

  it('of Bloom, head by head like GPT-NeoX', () => {
    const config = { model_type: 'bloom', hidden_size: 8, n_head: 2, n_layer: 1 };
    assert.deepEqual(parts(read(config, [['h.0.self_attention.query_key_value.weight', [24, 8]]])), {
      '0.q': [[8, 8], [[0, 4], [12, 4]], false], '0.k': [[8, 8], [[4, 4], [16, 4]], false], '0.v': [[8, 8], [[8, 4], [20, 4]], false],
    });
  });

  it('of GPT-2, stored in × out, with or without the prefix', () => {
    for (const prefix of ['', 'transformer.']) {
      assert.deepEqual(parts(read(GPT2, [[`${prefix}h.0.attn.c_attn.weight`, [8, 24]], [`${prefix}h.0.mlp.c_fc.weight`, [8, 12]]])), {
        '0.q': [[8, 8], [[0, 8]], true], '0.k': [[8, 8], [[8, 8]], true], '0.v': [[8, 8], [[16, 8]], true], '0.up': [[12, 8], [[0, 12]], true],
      });
    }
  });

  it('of experts, each with its own place in the file', () => {
    const { weights } = read(MIXTRAL, [['model.layers.0.mlp.experts.gate_up_proj', [3, 24, 8], 'BF16'], ['model.layers.0.mlp.experts.down_proj', [3, 8, 12], 'BF16']]);
    assert.deepEqual(weights.map(({ name }) => name), ['gate', 'up', 'down'].flatMap((role) => [0, 1, 2].map((e) => `0.${role}.${e}`)));
    const one = weights.find(({ name }) => name === '0.up.2');
    assert.deepEqual(one?.values, { tensor: { name: 'model.layers.0.mlp.experts.gate_up_proj[2]', dtype: 'BF16', shape: [24, 8], file: 'memory', offset: 100 + 2 * 384, bytes: 384 }, transposed: false, outputs: [[12, 12]] });
  });
});

describe('a Gap, and no weight', () => {
  const CASES: readonly (readonly [what: string, config: Config, shapes: readonly Shape[], reason: RegExp])[] = [
    ['fused rows that are not q + k + v', PHI3, [['model.layers.0.self_attn.qkv_proj.weight', [24, 8]]], /has 24 outputs, where config\.json asks for 8 \+ 4 \+ 4/],
    ['a fused weight without its sizes', { model_type: 'phi3' }, [['model.layers.0.self_attn.qkv_proj.weight', [16, 8]]], /number and size of the attention heads/],
    ['heads that do not divide the width', { ...PHI3, num_attention_heads: 3 }, [['model.layers.0.self_attn.qkv_proj.weight', [16, 8]]], /number and size of the attention heads/],
    ['gate and up of another width', PHI3, [['model.layers.0.mlp.gate_up_proj.weight', [22, 8]]], /22 outputs, where config\.json asks for 12 \+ 12/],
    ['gate and up that are not two halves', { ...PHI3, intermediate_size: undefined }, [['model.layers.0.mlp.gate_up_proj.weight', [23, 8]]], /23 outputs/],
    ['an interleaved weight with fewer key heads', { ...NEOX, num_key_value_heads: 1 }, [['gpt_neox.layers.0.attention.query_key_value.weight', [16, 8]]], /not of one size/],
    ['a fused bias of another length', NEOX, [['gpt_neox.layers.0.attention.query_key_value.bias', [23]]], /a fused bias: it has 23/],
    ['a GPT-2 weight stored out × in', GPT2, [['h.0.mlp.c_fc.weight', [12, 8]]], /the up in it is 8 × 12, where config\.json asks for 12 × 8/],
    ['a weight of another width', LLAMA, [['model.layers.0.self_attn.q_proj.weight', [8, 9]]], /the q in it is 8 × 9, where config\.json asks for any × 8/],
    ['an expert of another width', QWEN_MOE, [['model.layers.0.mlp.experts.1.up_proj.weight', [12, 8]]], /asks for 5 × 8/],
    ['a stack of other experts', MIXTRAL, [['model.layers.0.mlp.experts.down_proj', [4, 8, 12]]], /a stack of 4 experts, where config\.json asks for 3/],
    ['a stack stored in × out', MIXTRAL, [['model.layers.0.mlp.experts.gate_up_proj', [3, 8, 24]]], /has 8 outputs, where config\.json asks for 12 \+ 12/],
    ['a stack that the architecture does not have', LLAMA, [['model.layers.0.mlp.experts.gate_up_proj', [3, 24, 8]]], /3 dimensions \(perhaps a stack of experts\)/],
    ['a stack of an unknown architecture', { model_type: 'novel' }, [['model.layers.0.mlp.experts.gate_up_proj', [3, 24, 8]]], /stack of experts/],
    ['a weight laid out in one row', LLAMA, [['model.layers.0.self_attn.q_proj.weight', [64]]], /expected two dimensions, found 1/],
    ['a weight without elements', LLAMA, [['model.layers.0.self_attn.q_proj.weight', [0]]], /without elements/],
    ['a stack without elements', MIXTRAL, [['model.layers.0.mlp.experts.down_proj', [2 ** 40, 0, 12]]], /without elements/],
    ['integers in a weight', LLAMA, [['lm_head.weight', [20, 8], 'I8']], /integers \(I8\)/],
    ['integers in a block', LLAMA, [['model.layers.0.mystery', [4, 4], 'U8']], /integers \(U8\)/],
    ['FP8 without a scale', { ...LLAMA, quantization_config: { quant_method: 'fp8' } }, [['model.layers.0.self_attn.q_proj.weight', [8, 8], 'F8_E4M3']], /without the scale that "fp8"|no tensor shows how/],
    ['two tensors for one weight', LLAMA, [['model.layers.0.self_attn.q_proj.weight', [8, 8]], ['layers.0.self_attn.q_proj.weight', [8, 8]]], /2 tensors would both be "0\.q"/],
    ['a fused weight and its part', PHI3, [['model.layers.0.self_attn.qkv_proj.weight', [16, 8]], ['model.layers.0.self_attn.k_proj.weight', [4, 8]]], /2 tensors would both be "0\.k"/],
    ['a stack and one of its experts', QWEN_MOE, [['model.layers.0.mlp.experts.down_proj', [2, 8, 5]], ['model.layers.0.mlp.experts.1.down_proj.weight', [8, 5]]], /2 tensors would both be "0\.down\.1"/],
    ['two tensors for one vector', LLAMA, [['model.norm.weight', [8]], ['norm.weight', [8]]], /2 tensors would both be "norm"/],
  ];
  for (const [what, config, shapes, reason] of CASES) {
    it(what, () => {
      const { weights, vectors, gaps } = read(config, shapes);
      assert.deepEqual([weights, vectors], [[], []]);
      assert.ok(gaps.length > 0);
      for (const gap of gaps) assert.match(gap.reason, reason);
      assert.equal(gaps.reduce((sum, gap) => sum + gap.bytes, 0), tensorInfos(shapes).reduce((sum, { bytes }) => sum + bytes, 0));
    });
  }

  const q = 'model.layers.0.self_attn.q_proj', stack = 'model.layers.0.mlp.experts.gate_up_proj';
  const QUANTISED: readonly (readonly [layout: RegExp, module: string, shapes: readonly Shape[]])[] = [
    [/FP8 in blocks/, q, [[`${q}.weight`, [8, 8], 'F8_E4M3'], [`${q}.weight_scale_inv`, [1, 1]]]],
    [/FP8 in blocks/, stack, [[stack, [3, 24, 8], 'F8_E4M3'], [`${stack}_scale_inv`, [3, 1, 1]]]],
    [/scaled FP8/, q, [[`${q}.weight`, [8, 8], 'F8_E4M3'], [`${q}.weight_scale`, []], [`${q}.input_scale`, []]]],
    [/scaled FP8/, q, [[`${q}.weight`, [8, 8], 'BF16'], [`${q}.weight_scale`, []]]],
    [/GPTQ or AWQ/, q, [[`${q}.qweight`, [1, 8], 'I32'], [`${q}.qzeros`, [1, 1], 'I32'], [`${q}.scales`, [1, 8], 'F16'], [`${q}.g_idx`, [8], 'I32']]],
    [/MXFP4/, stack, [[`${stack}_blocks`, [3, 24, 1, 16], 'U8'], [`${stack}_scales`, [3, 24, 1], 'U8']]],
    [/NF4/, q, [[`${q}.weight`, [32, 1], 'U8'], [`${q}.weight.absmax`, [1]], [`${q}.weight.quant_map`, [16]], [`${q}.weight.quant_state.bitsandbytes__nf4`, [9], 'U8']]],
    [/8-bit integers of bitsandbytes/, q, [[`${q}.weight`, [8, 8], 'I8'], [`${q}.SCB`, [8]], [`${q}.weight_format`, [], 'U8']]],
    [/compressed-tensors/, q, [[`${q}.weight_packed`, [8, 1], 'I32'], [`${q}.weight_scale`, [8, 1]], [`${q}.weight_shape`, [2], 'I64']]],
    [/FP4 with two scales/, q, [[`${q}.weight`, [8, 4], 'U8'], [`${q}.weight_scale_2`, []]]],
    [/MLX/, q, [[`${q}.weight`, [8, 1], 'U32'], [`${q}.scales`, [8, 1]], [`${q}.biases`, [8, 1]]]],
  ];
  for (const [layout, module, shapes] of QUANTISED) {
    it(`quantised: ${shapes.map(([name]) => name.slice(module.length)).join(' ')}`, () => {
      for (const config of [LLAMA, MIXTRAL, { model_type: 'novel' }, {}]) {
        const { weights, vectors, gaps } = read(config, [...shapes, [`${module}.bias`, [8]]]);
        assert.deepEqual([weights, gaps.length, gaps[0]?.name], [[], 1, module]);
        assert.equal(vectors.length, 1); // the bias is stored as it is
        assert.match(gaps[0]?.reason ?? '', layout);
        assert.match(gaps[0]?.reason ?? '', /not supported yet/);
        assert.equal(gaps[0]?.bytes, tensorInfos(shapes).reduce((sum, { bytes }) => sum + bytes, 0));
      }
    });
  }

  it('for a quantisation that no tensor shows', () => {
    const { gaps } = read({ ...LLAMA, quantization_config: { quant_method: 'novel\u001b' } }, BLOCK);
    assert.deepEqual(gaps.map(({ name }) => name), ['quantization_config']);
    assert.match(gaps[0]?.reason ?? '', /"novel\\u\{1b\}"/);
    assert.deepEqual(read({ ...LLAMA, quantization_config: null }, BLOCK).gaps, []);
  });

  it('not for a learnable scale of an ordinary model', () => {
    assert.deepEqual(read({}, [['model.layers.0.x.scales', [8]], ['model.layers.0.x_scales', [8]]]).gaps, []);
  });
});

describe('what a model lacks', () => {
  const gaps = (config: Config, shapes: readonly Shape[]): string[] => read(config, shapes, true).gaps.map(({ name, reason }) => `${name}: ${reason}`);
  const all = [...BLOCK, EMBED, HEAD, NORM];

  it('nothing', () => {
    assert.deepEqual(gaps(LLAMA, all), []);
  });
  it('a weight of a block', () => {
    assert.match(gaps(LLAMA, [...without('v_proj'), EMBED, HEAD]).join('\n'), /^0\.v: no tensor holds the v weight of block 0; [^\n]*$/);
  });
  it('blocks, or too many of them', () => {
    assert.match(gaps({ ...LLAMA, num_hidden_layers: 9 }, all).join('\n'), /^num_hidden_layers: expected 9 blocks, found no tensors of 8 of them: 1, 2, 3, 4 and 4 more;[^\n]*$/);
    assert.match(gaps({ ...LLAMA, num_hidden_layers: 2 ** 24 }, all).join('\n'), /found no tensors of 16777215 of them/);
    const moved = BLOCK.map(([name, shape]): Shape => [name.replace('.0.', '.7.'), shape]);
    assert.match(gaps(LLAMA, [...all, ...moved]).join('\n'), /^num_hidden_layers: config.json asks for 1 blocks, found tensors of others too: 7;/);
    assert.match(gaps({ ...LLAMA, num_hidden_layers: undefined }, [...all, ...moved]).join('\n'), /expected 8 blocks, found no tensors of 6/);
  });
  it('experts', () => {
    const experts = (count: number): Shape[] => Array.from({ length: count }, (_, e): Shape[] => [
      [`model.layers.0.block_sparse_moe.experts.${e}.w1.weight`, [12, 8]], [`model.layers.0.block_sparse_moe.experts.${e}.w3.weight`, [12, 8]], [`model.layers.0.block_sparse_moe.experts.${e}.w2.weight`, [8, 12]],
    ]).flat();
    const rest = [...without('.mlp.'), EMBED, HEAD];
    assert.deepEqual(gaps(MIXTRAL, [...rest, ...experts(3)]), []);
    assert.match(gaps(MIXTRAL, [...rest, ...experts(2)]).join('\n'), /^0\.gate: expected 3 experts, found no tensor of 1 of them: 2;/);
    assert.match(gaps(MIXTRAL, [...rest, ...experts(4)]).join('\n'), /asks for 3 experts, found tensors of others too: 3/);
  });
  it('the head, unless it is tied, or no head is claimed', () => {
    assert.match(gaps(LLAMA, [...BLOCK, EMBED]).join('\n'), /^head: [^\n]*not tied[^\n]*$/);
    assert.deepEqual(gaps({ ...LLAMA, tie_word_embeddings: true }, [...BLOCK, EMBED]), []);
    assert.deepEqual(gaps({ ...LLAMA, architectures: ['LlamaModel'] }, [...BLOCK, EMBED]), []);
  });
  it('the embedding', () => {
    assert.match(gaps(LLAMA, [...BLOCK, HEAD]).join('\n'), /^embed: no tensor/);
  });
  it('nothing twice: what is there and can\'t be read is not called missing', () => {
    const broken = all.map(([name, shape]): Shape => (name.includes('q_proj') ? [name, [64]] : [name, shape]));
    assert.equal(gaps(LLAMA, broken).length, 1);
    const packed: Shape[] = [['model.layers.0.self_attn.v_proj.qweight', [1, 4], 'I32'], ['model.layers.0.self_attn.v_proj.scales', [1, 4]]];
    assert.equal(gaps(LLAMA, [...without('v_proj'), ...packed, EMBED, HEAD]).length, 1);
  });
  it('nothing, of an unknown architecture or of one shard', () => {
    assert.deepEqual(gaps({ model_type: 'novel' }, [NORM]), []);
    assert.deepEqual(read(LLAMA, [NORM]).gaps, []);
  });
  it('sensible sizes', () => {
    const wrong = (fields: Config): string[] => parseModelConfig(JSON.stringify({ ...LLAMA, ...fields }), '').gaps.map(({ name, reason }) => `${name}: ${reason}`);
    for (const value of [-8, 0, 1.5, 1e300, '8', [8], {}, true]) assert.match(wrong({ hidden_size: value }).join('\n'), /^hidden_size: expected a whole number[^\n]*$/);
    assert.match(wrong({ n_embd: 9 }).join('\n'), /^n_embd: [^\n]*two values[^\n]*$/);
    assert.deepEqual([wrong({ hidden_size: null, n_embd: 8 }), wrong({ model_type: 'novel', hidden_size: [8] })], [[], []]);
  });
});

describe('names', () => {
  const named = (config: Config, shapes: readonly Shape[]) => {
    const { weights, vectors, gaps } = read(config, shapes);
    assert.deepEqual(gaps, []);
    return [...weights, ...vectors].map(({ name, role, layer }) => `${name} ${role} ${layer ?? '-'}`);
  };

  it('of tied weights: an embedding under the head\'s name is the embedding; where both are there, both are read', () => {
    const tied = { ...LLAMA, tie_word_embeddings: true };
    assert.deepEqual(named(tied, [EMBED]), ['embed embed -']);
    assert.deepEqual(named(tied, [HEAD]), ['embed embed -']);
    assert.deepEqual(named(tied, [HEAD, EMBED]), ['embed embed -', 'head head -']);
    assert.deepEqual(named(LLAMA, [HEAD]), ['head head -']);
  });

  it('of norms and biases', () => {
    assert.deepEqual(named({ ...LLAMA, model_type: 'qwen3' }, [
      ['model.layers.5.input_layernorm.weight', [8]], ['model.layers.5.self_attn.q_norm.weight', [4]], ['model.layers.5.self_attn.q_proj.bias', [8]], ['model.layers.5.post_attention_layernorm.bias', [8]],
      ['model.norm.weight', [8]], ['lm_head.bias', [20]], ['model.layers.5.mlp.shared_expert.up_proj.bias', [3]], ['model.layers.5.self_attn.rotary_emb.inv_freq', [2]], ['model.layers.5.mlp.experts.3.up_proj.bias', [2]],
    ]), ['5.norm.input_layernorm norm 5', '5.norm.post_attention_layernorm.bias bias 5', '5.norm.q_norm norm 5', '5.q.bias bias 5', '5.up.3.bias bias 5',
      'layers.5.mlp.shared_expert.up_proj.bias bias 5', 'layers.5.self_attn.rotary_emb.inv_freq other 5', 'head.bias bias -', 'norm norm -']);
  });

  it('of towers for images are never those of the language model', () => {
    const vlm = { model_type: 'wrapped', text_config: LLAMA };
    assert.deepEqual(named(vlm, [
      ['vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.weight', [6, 6]], ['vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.bias', [6]],
      ['vision_tower.vision_model.embeddings.patch_embedding.weight', [6, 3, 2, 2]], ['vision_tower.vision_model.embeddings.position_ids', [1, 9], 'I64'],
      ['visual.blocks.0.mlp.fc1.weight', [5, 5]], ['model.visual.blocks.0.norm1.weight', [5]], ['vision_tower.norm.weight', [5]],
      ['language_model.model.layers.0.self_attn.q_proj.weight', [8, 8]], ['multi_modal_projector.linear.weight', [8, 6]],
    ]), ['0.q q 0', 'multi_modal_projector.linear other -', 'vision_tower.vision_model.encoder.layers.0.self_attn.q_proj other -', 'visual.blocks.0.mlp.fc1 other -',
      'vision_tower.norm other -', 'vision_tower.vision_model.embeddings.patch_embedding other -', 'vision_tower.vision_model.embeddings.position_ids other -',
      'vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.bias bias -', 'visual.blocks.0.norm1 other -']);
  });

  it('of masks that old GPT-2 and GPT-NeoX checkpoints carry', () => {
    const buffersOf = (config: Config, shapes: readonly Shape[]) => {
      const { weights, vectors, buffers } = readModel(parseModelConfig(JSON.stringify(config), ''), tensorInfos(shapes), false);
      assert.deepEqual([weights, vectors], [[], []]);
      return buffers.map(({ name }) => name);
    };
    assert.deepEqual(buffersOf(GPT2, [['h.0.attn.bias', [1, 1, 16, 16]], ['h.0.attn.masked_bias', []]]), ['h.0.attn.bias', 'h.0.attn.masked_bias']);
    assert.deepEqual(buffersOf(NEOX, [['gpt_neox.layers.0.attention.bias', [1, 1, 2048, 2048], 'U8']]), ['gpt_neox.layers.0.attention.bias']);
  });

  it('of many numbers in one dimension are probed as a matrix, so that memory grows with no tensor', () => {
    const { weights, vectors } = readModel(parseModelConfig(JSON.stringify(LLAMA), ''), tensorInfos([['model.layers.0.strange', [3 * 2 ** 20]], ['model.layers.0.few', [2 ** 16]], ['position_ids', [1, 99_999], 'I64']]), false);
    assert.deepEqual(weights.map(({ name, shape }) => [name, ...shape]), [['layers.0.strange', 768, 4096], ['position_ids', 1, 99_999]]);
    assert.deepEqual(vectors.map(({ name }) => name), ['layers.0.few']);
  });

  it('that mean a matrix in some architectures and its transpose in others stay as they are without one', () => {
    for (const config of [{}, { model_type: 'codeshell' }]) {
      assert.deepEqual(named(config, [['transformer.h.0.attn.c_proj.weight', [8, 8]], ['transformer.h.0.attn.c_attn.weight', [8, 24]], ['transformer.h.0.mlp.c_fc.bias', [12]]]),
        ['layers.0.attn.c_attn other 0', 'layers.0.attn.c_proj other 0', 'layers.0.mlp.c_fc.bias bias 0']);
    }
  });

  it('that are plain matrices in some architectures, in those', () => {
    for (const model_type of ['starcoder2', 'gpt_neo', 'gpt_bigcode']) {
      const { weights } = read({ model_type }, [['transformer.h.0.mlp.c_fc.weight', [12, 8]], ['transformer.h.0.mlp.c_proj.weight', [8, 12]]]);
      assert.deepEqual(weights.map(({ name, shape, values }) => [name, shape, values.transposed]), [['0.up', [12, 8], false], ['0.down', [8, 12], false]]);
    }
  });

  it('and every tensor once, whatever they are', () => {
    const word = fc.constantFrom('model', 'layers', 'h', '0', '1', 'self_attn', 'attn', 'q_proj', 'qkv_proj', 'c_attn', 'c_fc', 'mlp', 'experts', 'gate_up_proj', 'down_proj', 'lm_head', 'norm', 'weight', 'bias', 'qweight', 'scales', 'weight_scale', 'x_blocks');
    const shape = fc.tuple(fc.array(word, { minLength: 1, maxLength: 7 }).map((words) => words.join('.')), fc.array(fc.constantFrom(0, 1, 3, 8, 12, 16, 24), { maxLength: 4 }), fc.constantFrom('F32', 'BF16', 'F8_E4M3', 'I8', 'U32'));
    const config = fc.constantFrom<Config>({}, LLAMA, PHI3, GPT2, NEOX, MIXTRAL, QWEN_MOE, { ...LLAMA, quantization_config: { quant_method: 'fp8' } });
    fc.assert(fc.property(config, fc.uniqueArray(shape, { selector: ([name]) => name, maxLength: 12 }), (chosen, shapes) => {
      const tensors = tensorInfos(shapes);
      const { weights, vectors, buffers, gaps } = readModel(parseModelConfig(JSON.stringify(chosen), ''), tensors, true);
      const read_ = new Set([...buffers.map(({ name }) => name), ...weights.map(({ values }) => values.tensor.name.replace(/\[\d+\]$/u, '')), ...vectors.map(({ tensor }) => tensor.name)]);
      const gapNames = new Set(gaps.map(({ name }) => name.replace(/\[\d+\]$/u, '')));
      // A quantised module's gap bears its path, which another tensor may have for a name.
      const isModule = (name: string) => tensors.some((other) => other.name.startsWith(`${name}.`));
      for (const { name } of tensors) assert.ok(!(read_.has(name) && gapNames.has(name)) || isModule(name), name);
      for (const { name } of tensors) assert.ok(read_.has(name) || gapNames.has(name) || [...gapNames].some((gap) => gap !== '' && name.startsWith(gap)), name);
      assert.equal(new Set(weights.map(({ name }) => name)).size, weights.length);
      assert.equal(new Set(vectors.map(({ name }) => name)).size, vectors.length);
    }), { numRuns: 300 });
  });
});
