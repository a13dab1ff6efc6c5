/** Names and regular expressions, against what PEFT and Python say of them (tables.json, made by test/fixtures/make_peft.py). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parsePeftConfig, type PeftConfig } from '../../src/checkpoint/peft-config.js';
import { resolvePattern, resolveScale } from '../../src/checkpoint/patterns.js';
import { newRegexCache, regexMatches } from '../../src/checkpoint/python-regex-match.js';
import { isTargeted } from '../../src/checkpoint/targets.js';
import { fixture } from '../helpers/fixtures.js';

interface Tables {
  readonly modules: readonly string[];
  readonly default: number;
  readonly patterns: readonly (readonly [pairs: readonly (readonly [string, number])[], values: readonly (number | null)[]])[];
  readonly invalid: number;
  readonly targets: readonly (readonly [options: Record<string, unknown>, targeted: readonly boolean[]])[];
  readonly texts: readonly string[];
  readonly regex: readonly (readonly [pattern: string, answers: string])[];
}
const tables = JSON.parse(readFileSync(fixture('peft/tables.json'), 'utf8')) as Tables;

function config(options: Record<string, unknown>): PeftConfig {
  return parsePeftConfig(JSON.stringify({ peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: [], ...options }), 'config');
}

describe('rank_pattern and alpha_pattern', () => {
  it('resolve as get_pattern_key does, for each pair of pattern and module that it takes', () => {
    const valid = tables.patterns.slice(0, -tables.invalid);
    assert.ok(valid.length * tables.modules.length > 500);
    for (const [pairs, values] of valid) {
      for (const [i, module] of tables.modules.entries()) {
        assert.deepEqual(resolvePattern(new Map(pairs), module, tables.default, newRegexCache()), { value: values[i] }, `${JSON.stringify(pairs)} ${module}`);
      }
    }
  });

  it('are left undecided where Python refuses the pattern, or the subset ends', () => {
    for (const [pairs] of tables.patterns.slice(-tables.invalid)) {
      assert.ok('undecided' in resolvePattern(new Map(pairs), 'model.layers.0.self_attn.q_proj', 2, newRegexCache()), JSON.stringify(pairs));
    }
  });

  it('take the first key that matches, in the order of the file, even when keys look like numbers', () => {
    const text = '{"peft_type":"LORA","r":2,"lora_alpha":4,"rank_pattern":{".*":3,"0":5}}';
    const { rankPattern } = parsePeftConfig(text, 'config');
    assert.deepEqual([...rankPattern.keys()], ['.*', '0']);
    assert.deepEqual(resolvePattern(rankPattern, 'layers.0', 2, newRegexCache()), { value: 3 });
  });

  it('give up on a module that is not ASCII, and on one pattern without hiding a match before it', () => {
    assert.ok('undecided' in resolvePattern(new Map([['\\w+', 3]]), 'modèle', 2, newRegexCache()));
    assert.deepEqual(resolvePattern(new Map([['q_proj', 3], ['(?i)x', 4]]), 'a.q_proj', 2, newRegexCache()), { value: 3 });
  });

  it('make the scale: alpha / r, or alpha / √r', () => {
    const options = { rank_pattern: { q_proj: 9 }, alpha_pattern: { 'a.q_proj': 6 } };
    assert.deepEqual(resolveScale(config(options), 'a.q_proj', newRegexCache()), { value: { rank: 9, scale: 6 / 9 } });
    assert.deepEqual(resolveScale(config({ ...options, use_rslora: true }), 'a.q_proj', newRegexCache()), { value: { rank: 9, scale: 2 } });
    assert.deepEqual(resolveScale(config(options), 'a.k_proj', newRegexCache()), { value: { rank: 2, scale: 2 } });
  });
});

describe('target_modules, exclude_modules and layers_to_transform', () => {
  for (const [options, targeted] of tables.targets) {
    it(`name the modules that PEFT says: ${JSON.stringify(options)}`, () => {
      const found = tables.modules.map((module) => isTargeted(config(options), module, newRegexCache()));
      assert.deepEqual(found, targeted.map((value) => ({ value })));
    });
  }

  it('are left undecided when they are not set, or can\'t be', () => {
    for (const options of [{ target_modules: null }, { target_modules: '(?i)Q_PROJ' }, { target_modules: ['q_proj'], exclude_modules: '(' },
      { target_modules: ['q_proj'], layers_to_transform: 1, layers_pattern: 'lay.*' }, { target_modules: ['q_proj'], modules_to_save: ['('] }]) {
      assert.ok('undecided' in isTargeted(config(options), 'model.layers.1.self_attn.q_proj', newRegexCache()), JSON.stringify(options));
    }
  });

  it('all-linear leaves out embeddings and heads', () => {
    const all = config({ target_modules: 'all-linear' });
    assert.deepEqual(isTargeted(all, 'model.layers.1.mlp.up_proj', newRegexCache()), { value: true });
    assert.deepEqual(isTargeted(all, 'lm_head', newRegexCache()), { value: false });
  });
});

describe('regular expressions', () => {
  it('match as Python does: 400 random patterns on 12 texts, from the start and in full', () => {
    const cache = newRegexCache();
    let compared = 0;
    for (const [pattern, answers] of tables.regex) {
      for (const [i, text] of [...tables.texts, ...tables.texts].entries()) {
        const mine = regexMatches(pattern, text, i < tables.texts.length ? 'match' : 'fullmatch', cache);
        const python = answers[i] === '?' ? null : answers[i] === '1';
        if (mine === null && python !== null) continue; // beyond the subset: never wrong, and rare
        compared++;
        assert.equal(mine, python, `${pattern} on ${JSON.stringify(text)}`);
      }
    }
    assert.ok(compared > 0.97 * 24 * tables.regex.length, `${compared} compared`);
  });

  it('take bounded time for patterns that would hold a backtracking engine up', () => {
    const text = 'a'.repeat(200);
    const began = process.cpuUsage();
    for (const pattern of ['(a+)+b', '(a|a)*b', '(a*)*b', '(?:a?){200}a{200}b', '((a+)+)+b', '(.*)*(.*)*(.*)*b', '(?=(a+)+b)a', `${'('.repeat(40)}a*${')*'.repeat(40)}b`, '(?:(?:(?:a{0,999}){0,999}){0,999}){0,999}b']) {
      assert.notEqual(regexMatches(pattern, text, 'match', newRegexCache()), true, pattern);
    }
    assert.ok(process.cpuUsage(began).user < 2_000_000); // microseconds: other programs do not count
  });

  it('refuse what Python refuses or the subset leaves out', () => {
    for (const pattern of ['(', ')', '[', '[]', 'a{2,1}', '*a', '^*', 'a**', 'a++', 'a*+', '(?>a)', '(?i)a', '(?i:a)', '(?#a)', '(?<=a)b', '(?P=a)', '\\1', '\\q', '\\N{DOT}', '\\', '[b-a]', '[\\d-a]', 'é😀?', '(?P<1>a)', 'a'.repeat(6000), '('.repeat(60) + ')'.repeat(60)]) {
      assert.equal(regexMatches(pattern, 'a', 'match', newRegexCache()), null, pattern.slice(0, 20));
    }
  });
});

describe('a hostile configuration', () => {
  it('of very many costly patterns is given up on, in bounded time, and never guessed', () => {
    const patterns = new Map(Array.from({ length: 5000 }, (_, i) => [`(${'(a|a)*'.repeat(50)}b${i})*c`, 2]));
    const cache = newRegexCache();
    const began = process.cpuUsage();
    for (let i = 0; i < 200; i++) assert.ok('undecided' in resolvePattern(patterns, `${'a'.repeat(500)}${i}`, 2, cache));
    assert.ok(process.cpuUsage(began).user < 10_000_000);
  });

  it('of one name for each of many modules is resolved', () => {
    const modules = Array.from({ length: 2000 }, (_, i) => `model.layers.${i}.self_attn.q_proj`);
    const patterns = new Map(modules.map((module, i) => [module, i + 1]));
    const cache = newRegexCache();
    for (const [i, module] of modules.entries()) assert.deepEqual(resolvePattern(patterns, module, 2, cache), { value: i + 1 });
  });
});
