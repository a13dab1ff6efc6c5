import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Comparison } from '../../src/report/comparison/schema.js';
import type { Drift } from '../../src/report/drift/schema.js';
import { weightseq, type Ran } from '../helpers/command.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { document, expectedScore, tinyAdapter, writeAdapter, writeLibrary, type TinyAdapter } from '../helpers/models.js';

const schema = (name: string): object => JSON.parse(readFileSync(new URL(`../../../schemas/${name}.schema.json`, import.meta.url), 'utf8')) as object;
const isComparison = new Ajv2020({ strict: true }).compile(schema('comparison'));
const isDrift = new Ajv2020({ strict: true }).compile(schema('drift'));

/** An adapter whose score is the number asked for: the calibration of the made-up signature gives it as the shift. */
function adapterOf(score: number, seed = 5): TinyAdapter {
  return tinyAdapter(seed, score / expectedScore(tinyAdapter(seed)));
}

/** A library, and adapters by their scores: harmful is .5, harmless .001, and undecided at the smallest shift that matters. */
async function setUp(t: TestContext): Promise<{ at: (name: string) => string; run: (...args: string[]) => Ran }> {
  const root = temporaryFolder(t);
  const at = (name: string): string => join(root, name);
  await writeLibrary(at('library'), [document()]);
  for (const [name, score] of [['harmful', 0.5], ['cured', 0.001], ['undecided', 0.075]] as const) await writeAdapter(at(name), adapterOf(score));
  return { at, run: (...args) => weightseq([...args, '--signatures', at('library')]) };
}

function comparisonIn({ stdout, status, stderr }: Ran): Comparison {
  const parsed = JSON.parse(stdout) as Comparison;
  assert.ok(isComparison(parsed), JSON.stringify(isComparison.errors));
  assert.equal(status, parsed.exitCode, stderr);
  return parsed;
}

describe('weightseq compare', () => {
  it('a cure: what is left of the update, the trait before and after, exit code 0', async (t) => {
    const { at, run } = await setUp(t);
    const { total, traits: [trait], conclusion, own } = comparisonIn(run('compare', at('harmful'), at('cured'), '--format', 'json'));
    // The same update at 1/500 of its strength.
    assert.ok(total.undone && Math.abs(total.undone.value + 0.998) < 1e-6, JSON.stringify(total.undone));
    assert.ok(own !== null && own < 1e-6 * (total.a?.value ?? 0));
    assert.ok(trait?.back && Math.abs(trait.back.value - 0.998) < 1e-4, JSON.stringify(trait));
    assert.deepEqual([trait.before.verdict, trait.after.verdict, trait.became], ['present', 'absent', 'gone']);
    // t₁₉(.95) · .01 · √(2 + .499²/4), on a line of slope 1 through the origin.
    const half = 1.729133 * 0.01 * Math.sqrt(2 + 0.499 ** 2 / 4);
    assert.ok(trait.change && Math.abs(trait.change.value + 0.499) < 1e-5 && Math.abs(trait.change.high - trait.change.low - 2 * half) < 1e-5, JSON.stringify(trait.change));
    assert.match(conclusion[0] ?? '', /^B undoes A's update/u);
  });

  it('the other way round the gate fails; --fail-on says on what', async (t) => {
    const { at, run } = await setUp(t);
    const code = (a: string, b: string, ...options: string[]): number | null => run('compare', at(a), at(b), ...options).status;
    assert.equal(code('cured', 'harmful'), 1);
    assert.equal(code('cured', 'harmful', '--fail-on', 'never'), 0);
    assert.equal(code('harmful', 'harmful'), 0);
    assert.equal(code('harmful', 'harmful', '--fail-on', 'present'), 1);
    assert.equal(code('harmful', 'undecided'), 3);
    assert.equal(code('harmful', 'undecided', '--fail-on', 'indeterminate'), 1);
  });

  it('the report alone stands on stdout, in 80 columns without a terminal; -o writes it to a file', async (t) => {
    const { at, run } = await setUp(t);
    const { stdout, stderr } = run('compare', at('harmful'), at('cured'));
    assert.equal(stderr, '');
    assert.match(stdout, /^A {2}.*\nB {2}/u);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
    const written = run('compare', at('harmful'), at('cured'), '--format', 'json', '-o', at('out.json'));
    assert.equal(written.stdout, '');
    assert.ok(isComparison(JSON.parse(readFileSync(at('out.json'), 'utf8'))));
    assert.equal(run('compare', at('harmful'), at('cured'), '-o', join(at('harmful'), 'adapter_config.json')).status, 2);
  });

  it('without a signature for the base the change is told all the same, and the exit code is 3', async (t) => {
    const { at, run } = await setUp(t);
    for (const [name, score] of [['a', 0.5], ['b', 0.25]] as const) await writeAdapter(at(name), adapterOf(score), { base_model_name_or_path: 'somebody/other' });
    const { total, traits, exitCode } = comparisonIn(run('compare', at('a'), at('b'), '--format', 'json'));
    assert.ok(total.undone && Math.abs(total.undone.value + 0.5) < 1e-6, JSON.stringify(total.undone));
    assert.deepEqual([traits, exitCode], [[], 3]);
  });

  it('one line for what is wrong', async (t) => {
    const { at, run } = await setUp(t);
    await writeAdapter(at('stranger'), adapterOf(0.5), { base_model_name_or_path: 'somebody/other' });
    for (const [args, message] of [
      [[at('harmful'), at('stranger')], /belongs to the base somebody\/other, and .*harmful to tiny-base\. Compare two models of one base/u],
      [[at('harmful'), at('nowhere')], /nowhere: .*found nothing/u],
      [[at('harmful')], /missing required argument 'B'/u],
      [[at('harmful'), at('cured'), '--base', at('harmful')], /--base is of whole checkpoints/u],
    ] as const) {
      const { status, stdout, stderr } = run('compare', ...args);
      assert.equal(status, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, message);
    }
  });
});

describe('weightseq drift', () => {
  it('a folder of checkpoint-N by number: table, JSON and picture; the second time from the cache', async (t) => {
    const { at, run } = await setUp(t);
    for (const [step, score] of [[100, 0.001], [1000, 0.5], [20, 0.0005], [300, 0.03]] as const) await writeAdapter(at(`run/checkpoint-${step}`), adapterOf(score));
    const args = ['drift', at('run'), '--svg', at('drift.svg'), `--cache=${at('cache')}`];
    const table = run(...args);
    assert.equal(table.status, 1, table.stderr);
    assert.match(table.stdout, /step +shift +interval +p +verdict\n +20 .*absent\n +100 .*absent\n +300 .*\n +1000 .*present/u);
    assert.match(readFileSync(at('drift.svg'), 'utf8'), /^<svg .*\n<title>Shift by step: evil<\/title>/u);
    const { stdout, status } = run(...args, '--format', 'json');
    const drift = JSON.parse(stdout) as Drift;
    assert.ok(isDrift(drift), JSON.stringify(isDrift.errors));
    assert.deepEqual([status, drift.numbered, drift.steps.map(({ step }) => step)], [1, true, [20, 100, 300, 1000]]);
    assert.ok(drift.steps.every(({ item }) => item.cached === true));
    assert.equal(drift.traits[0]?.present, 1000);
    assert.equal(run('drift', at('run'), '--fail-on', 'never').status, 0);
  });

  it('a step that can\'t be read hides no other, and decides the exit code', async (t) => {
    const { at, run } = await setUp(t);
    const { status, stdout, stderr } = run('drift', at('cured'), at('nowhere'), at('harmful'), '--format', 'json');
    assert.equal(status, 1, stderr);
    assert.deepEqual((JSON.parse(stdout) as Drift).steps.map(({ item }) => item.errors.length), [0, 1, 0]);
    assert.match(stderr, /nowhere/u);
    assert.equal(run('drift', at('harmful'), at('nowhere'), at('cured')).status, 2);
  });

  it('one step is no run, and a picture is not written over what is read', async (t) => {
    const { at, run } = await setUp(t);
    assert.equal(run('drift', at('cured')).status, 2);
    assert.equal(run('drift', at('cured'), at('harmful'), '--svg', join(at('cured'), 'adapter_config.json')).status, 2);
    assert.equal(run('drift', at('cured'), at('harmful'), '--svg', at('x'), '-o', at('x')).status, 2);
    assert.ok(!existsSync(at('x')));
  });
});
