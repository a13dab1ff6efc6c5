import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { isClassified } from '../../src/checkpoint/config-fields.js';
import { parsePeftConfig } from '../../src/checkpoint/peft-config.js';
import { fixture } from '../helpers/fixtures.js';

const STANDARD = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj'] };
const gapsOf = (options: Record<string, unknown>): string[] => parsePeftConfig(JSON.stringify({ ...STANDARD, ...options }), 'config').gaps.map(({ name }) => name);

describe('fields of LoraConfig', () => {
  const saved = JSON.parse(readFileSync(fixture('peft/plain/adapter_config.json'), 'utf8')) as Record<string, unknown>;

  it('are all classified, as PEFT 0.21.2 writes them', () => {
    assert.equal(Object.keys(saved).length, 41);
    assert.deepEqual(Object.keys(saved).filter((field) => !isClassified(field)), []);
  });

  it('mean nothing with the values that PEFT writes by default', () => {
    assert.deepEqual(gapsOf(saved), []);
  });

  const changing: Readonly<Record<string, readonly unknown[]>> = {
    use_dora: [true], layer_replication: [[[0, 4], [2, 5]]], target_parameters: [['experts.gate_up_proj']], alora_invocation_tokens: [[1, 2]],
    arrow_config: [{}, { top_k: 2 }], trainable_token_indices: [[1], { embed_tokens: [1] }], use_qalora: [true, 1], use_bdlora: [{}, { nblocks: 2 }],
    kasa_config: [{}, { beta: 1 }], megatron_config: [{ tp: 2 }], ensure_weight_tying: [true], enable_lora: [[true, false]],
    init_lora_weights: ['pissa', 'pissa_niter_16', 'olora', 'OLoRA', 'corda', 'loftq', 'lora_ga', 'PiSSA', 'something', 3, {}, ['gaussian']],
    some_future_field: [true, false, 1, 0, 'x', '', ['x'], [], {}, { x: null }], __proto: ['x'],
  };
  for (const [field, values] of Object.entries(changing)) {
    for (const value of values) it(`${field}: ${JSON.stringify(value)} is a Gap`, () => { assert.deepEqual(gapsOf({ [field]: value }), [field]); });
  }

  const harmless: Readonly<Record<string, readonly unknown[]>> = {
    use_dora: [false], layer_replication: [null, []], target_parameters: [null, []], alora_invocation_tokens: [null, []], arrow_config: [null], trainable_token_indices: [null, []],
    use_qalora: [false], use_bdlora: [null, false], kasa_config: [null], megatron_config: [null, {}], ensure_weight_tying: [false], enable_lora: [null],
    init_lora_weights: [true, false, null, 'gaussian', 'Gaussian', 'eva', 'orthogonal', 'mica'], some_future_field: [null],
    loftq_config: [{}, { loftq_bits: 4 }], eva_config: [{ rho: 2 }], corda_config: [{}], lora_ga_config: [{}], velora_config: [{}], monteclora_config: [{}], runtime_config: [{ ephemeral_gpu_offload: true }],
    lora_dropout: [0.1], task_type: ['SEQ_CLS'], inference_mode: [false], megatron_core: ['x'], revision: ['main'], auto_mapping: [{ x: 'y' }], merge_weights: [true], qalora_group_size: [4], fan_in_fan_out: [true, null], use_rslora: [null], lora_bias: [null],
  };
  for (const [field, values] of Object.entries(harmless)) {
    for (const value of values) it(`${field}: ${JSON.stringify(value)} is none`, () => { assert.deepEqual(gapsOf({ [field]: value }), []); });
  }

  it('__proto__ is a field like any other', () => {
    assert.deepEqual(parsePeftConfig('{"peft_type":"LORA","r":2,"lora_alpha":4,"__proto__":{"r":9},"rank_pattern":{"__proto__":3}}', 'c').gaps.map(({ name }) => name), ['__proto__']);
  });

  it('escape what they quote', () => {
    const { gaps } = parsePeftConfig(JSON.stringify({ ...STANDARD, init_lora_weights: '\u001b[2J' }), 'c');
    assert.match(gaps[0]?.reason ?? '', /"\\u\{1b\}\[2J" is not known/);
  });
});

describe('a configuration', () => {
  it('gives what the weights need', () => {
    const config = parsePeftConfig(JSON.stringify({ ...STANDARD, base_model_name_or_path: 'b', use_rslora: true, lora_alpha: 2.5, bias: 'all', rank_pattern: { a: 3 }, alpha_pattern: { b: -1.5 } }), 'c');
    assert.deepEqual([config.baseClaim, config.r, config.alpha, config.rslora, config.bias], ['b', 2, 2.5, true, 'all']);
    assert.deepEqual([[...config.rankPattern], [...config.alphaPattern]], [[['a', 3]], [['b', -1.5]]]);
  });

  it('may leave out what has always had one default', () => {
    const config = parsePeftConfig('{"peft_type":"LORA","r":1,"lora_alpha":1,"rank_pattern":null,"alpha_pattern":null}', 'c');
    assert.deepEqual([config.baseClaim, config.rslora, config.bias, config.rankPattern.size, config.targetModules], [null, false, 'none', 0, null]);
  });

  const text = (options: Record<string, unknown>): string => JSON.stringify({ ...STANDARD, ...options });
  const errors: readonly (readonly [what: string, text: string, code: string, message?: RegExp])[] = [
    ['empty', '', 'config-invalid'], ['not JSON', '{', 'config-invalid', /expected the configuration to be JSON/], ['with a comment', '{"r":1 /* */}', 'config-invalid'],
    ['with a trailing comma', '{"r":1,}', 'config-invalid'], ['with NaN', '{"peft_type":"LORA","r":2,"lora_alpha":NaN}', 'config-invalid'], ['with a byte order mark', `\ufeff${text({})}`, 'config-invalid'],
    ['an array', '[]', 'config-invalid', /JSON object/], ['a string', '"LORA"', 'config-invalid', /JSON object/], ['null', 'null', 'config-invalid', /JSON object/],
    ['too deep', `{"a":${'['.repeat(40)}${']'.repeat(40)}}`, 'config-invalid', /at most 32 deep/], ['far too deep', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'config-invalid'],
    ['a field twice', '{"peft_type":"LORA","r":1,"r":2,"lora_alpha":1}', 'duplicate-key', /"r" twice/], ['a pattern twice', '{"peft_type":"LORA","r":1,"lora_alpha":1,"rank_pattern":{"q":1,"q":2}}', 'duplicate-key', /"q" twice/],
    ['a field twice, once escaped', '{"peft_type":"LORA","r":1,"\\u0072":2,"lora_alpha":1}', 'duplicate-key', /"r" twice/],
    ['no peft_type', '{"r":1,"lora_alpha":1}', 'config-invalid', /peft_type/], ['another method', text({ peft_type: 'IA3' }), 'not-lora', /found "IA3"/], ['AdaLoRA', text({ peft_type: 'ADALORA' }), 'not-lora'],
    ['lora in lower case', text({ peft_type: 'lora' }), 'not-lora'], ['a method that is no text', text({ peft_type: 3 }), 'not-lora', /another value/], ['a hostile method', text({ peft_type: '\u001b' }), 'not-lora', /\\u\{1b\}/],
    ...[0, -1, 1.5, '8', null, true, 1e300].map((r) => [`r: ${String(r)}`, text({ r }), 'config-invalid', /"r"/] as const),
    ['no r', '{"peft_type":"LORA","lora_alpha":1}', 'config-invalid', /"r"/], ['no lora_alpha', '{"peft_type":"LORA","r":1}', 'config-invalid', /"lora_alpha"/],
    ['an infinite alpha', '{"peft_type":"LORA","r":1,"lora_alpha":1e999}', 'config-invalid', /"lora_alpha"/],
    ...(['lora_alpha', 'use_rslora', 'use_dora', 'lora_bias', 'fan_in_fan_out', 'bias', 'rank_pattern', 'alpha_pattern', 'modules_to_save', 'target_modules', 'base_model_name_or_path'] as const)
      .map((field) => [`${field} of a wrong type`, text({ [field]: [[1]] }), 'config-invalid', new RegExp(`"${field}"`, 'u')] as const),
    ['a rank in a pattern that is none', text({ rank_pattern: { q: 0 } }), 'config-invalid', /"rank_pattern" → "q"/], ['an alpha that is text', text({ alpha_pattern: { q: '1' } }), 'config-invalid', /"alpha_pattern" → "q"/],
    ['an unknown kind of bias', text({ bias: 'some' }), 'config-invalid', /"bias"/],
  ];
  for (const [what, config, code, message] of errors) {
    it(`is refused: ${what}`, () => {
      assert.throws(() => parsePeftConfig(config, 'the file'), { code, file: 'the file', ...(message === undefined ? {} : { message }) });
    });
  }
});
