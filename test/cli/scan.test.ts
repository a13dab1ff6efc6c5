import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Report, ReportItem } from '../../src/report/schema.js';
import { MAIN, weightseq, type Ran } from '../helpers/command.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { document, expected, expectedScore, random, tinyAdapter, writeAdapter, writeLibrary, type TinyAdapter } from '../helpers/models.js';

const schema = JSON.parse(readFileSync(new URL('../../../schemas/report.schema.json', import.meta.url), 'utf8')) as object;
const validate = new Ajv2020({ strict: true }).compile(schema);

/** Scans with --format json, checks the report against the shipped schema, gives it back. */
function scanJson(args: readonly string[]): Ran & { report: Report; item: ReportItem } {
  const run = weightseq(['scan', ...args, '--format', 'json']);
  const report = JSON.parse(run.stdout) as Report;
  assert.ok(validate(report), JSON.stringify(validate.errors));
  assert.equal(run.status, report.exitCode);
  const item = report.items[0];
  assert.ok(item);
  return { ...run, report, item };
}

/** A library and an adapter in a temporary folder; the adapter is scaled to the wanted score. */
async function setUp(t: TestContext, wanted: number, config: Record<string, unknown> = {}): Promise<{ library: string; adapter: TinyAdapter; folder: string; root: string }> {
  const root = temporaryFolder(t);
  const library = await writeLibrary(join(root, 'library'));
  const adapter = tinyAdapter(1, wanted / expectedScore(tinyAdapter(1)));
  const folder = join(root, 'adapter');
  await writeAdapter(folder, adapter, config);
  return { library, adapter, folder, root };
}

describe('weightseq scan', () => {
  it('gives the score, layers, weights and norms of the dense product', async (t) => {
    const { library, adapter, folder } = await setUp(t, 0.5);
    const { item } = scanJson([folder, '--signatures', library]);
    const finding = item.findings[0];
    assert.ok(finding?.score);
    assert.ok(Math.abs(finding.score - 0.5) < 1e-5);
    for (const weight of finding.weights) {
      const { score, norm } = expected(adapter, weight.name);
      assert.ok(Math.abs((weight.score ?? Number.NaN) - score) < 1e-5, weight.name);
      assert.ok(Math.abs((weight.deltaNorm ?? Number.NaN) - norm) < 1e-5 * norm, weight.name);
    }
    const sum = finding.layers.reduce((total, l) => total + (l.score ?? Number.NaN), 0);
    assert.ok(Math.abs(sum - finding.score) < 1e-12);
    assert.deepEqual(item.coverage, { bytes: item.coverage.bytesTotal, bytesTotal: item.coverage.bytesTotal, read: 6, scored: 6, total: 6, unread: [] });
    assert.deepEqual(item.base, { name: 'tiny-base', how: 'claimed', layers: 3, declared: 'tiny-base', measured: null, norm: null });
  });

  const verdicts: [string, number, string, number][] = [
    ['present, exit 1', 0.5, 'present', 1],
    ['absent, exit 0', 0.0001, 'absent', 0],
    ['undecided, exit 3', 0.075, 'indeterminate', 3],
  ];
  for (const [name, wanted, verdict, code] of verdicts) {
    it(name, async (t) => {
      const { library, folder } = await setUp(t, wanted);
      const { item, status } = scanJson([folder, '--signatures', library]);
      assert.equal(item.findings[0]?.verdict, verdict, item.findings[0]?.reason);
      assert.equal(status, code);
    });
  }

  it('--fail-on never turns 1 into 0, indeterminate turns 3 into 1', async (t) => {
    const { library, folder } = await setUp(t, 0.5);
    assert.equal(scanJson([folder, '--signatures', library, '--fail-on', 'never']).status, 0);
    const other = await setUp(t, 0.075);
    assert.equal(scanJson([other.folder, '--signatures', other.library, '--fail-on', 'indeterminate']).status, 1);
    assert.equal(scanJson([other.folder, '--signatures', other.library, '--fail-on', 'never']).status, 3);
  });

  it('never gates on a benign control, and shows it', async (t) => {
    const { folder, root } = await setUp(t, 0.5);
    const library = await writeLibrary(join(root, 'both'), [document({ calibration: null }), document({ trait: 'humorous', harmful: false })]);
    const { item, status } = scanJson([folder, '--signatures', library]);
    assert.deepEqual(item.findings.map((f) => [f.trait, f.verdict]), [['evil', 'indeterminate'], ['humorous', 'present']]);
    assert.equal(status, 3);
    assert.equal(scanJson([folder, '--signatures', library, '--trait', 'humorous']).status, 3);
  });

  it('scans several: one bad path never hides the others, 1 wins over 2', async (t) => {
    const { library, folder, root } = await setUp(t, 0.5);
    const { report, status, stderr } = scanJson([join(root, 'nowhere'), folder, '--signatures', library]);
    assert.deepEqual(report.items.map((i) => i.exitCode), [2, 1]);
    assert.equal(status, 1);
    assert.equal(stderr.trim().split('\n').length, 1);
    assert.match(stderr, /^weightseq: .*nowhere: /);
  });

  it('takes the weights file itself, a link to the folder, and any working folder', async (t) => {
    const { library, folder, root } = await setUp(t, 0.5);
    symlinkSync(folder, join(root, 'link'));
    for (const path of [join(folder, 'adapter_model.safetensors'), join(root, 'link'), 'adapter']) {
      const run = weightseq(['scan', path, '--signatures', library], root);
      assert.equal(run.status, 1, run.stderr);
      assert.match(run.stdout, /HARMFUL TRAIT FOUND: evil/);
    }
  });

  it('is incomplete for what it does not understand, and names it', async (t) => {
    const { library, folder } = await setUp(t, 0.5, { use_dora: true });
    const { item, status } = scanJson([folder, '--signatures', library]);
    assert.equal(status, 3);
    assert.equal(item.findings[0]?.verdict, 'indeterminate');
    assert.match(item.coverage.unread.map((u) => u.name).join(), /use_dora/);
  });

  it('is incomplete for NaN in the weights, names the tensor and counts', async (t) => {
    const { library, folder, adapter } = await setUp(t, 0.5);
    const factors = adapter.factors.get('1.q');
    assert.ok(factors);
    factors.A.data[3] = Number.NaN;
    await writeAdapter(folder, adapter);
    const { item, status } = scanJson([folder, '--signatures', library]);
    assert.equal(status, 3);
    assert.match(item.coverage.unread[0]?.name ?? '', /layers\.1\.self_attn\.q_proj\.lora_A/);
    assert.match(item.coverage.unread[0]?.reason ?? '', /1 NaN and 0 infinite/);
  });

  it('has no verdict without a signature for the base, and says how to get one', async (t) => {
    const { library, folder } = await setUp(t, 0.5, { base_model_name_or_path: 'somebody/other' });
    const { item, status, stderr } = scanJson([folder, '--signatures', library]);
    assert.equal(status, 3);
    assert.equal(item.errors[0]?.code, 'no-signature');
    assert.equal(item.coverage.read, 6);
    assert.match(stderr, /--assume-base NAME \(known: tiny-base\)/);
    assert.equal(scanJson([folder, '--signatures', library, '--assume-base', 'tiny-base']).item.base.how, 'assumed');
  });

  it('takes a base by alias and by the folder it was loaded from, not by the end of a hub name', async (t) => {
    for (const [claim, how] of [['owner/tiny-base', 'claimed'], ['/models/tiny-base/', 'claimed'], ['C:\\models\\tiny-base', 'claimed'], ['stranger/tiny-base', 'unknown'], [null, 'unknown']] as const) {
      const { library, folder } = await setUp(t, 0.5, { base_model_name_or_path: claim });
      assert.equal(scanJson([folder, '--signatures', library]).item.base.how, how, String(claim));
    }
  });

  it('finds NaN in a tensor that no rule explains', async (t) => {
    const { library, folder, adapter } = await setUp(t, 0.5);
    await writeAdapter(folder, adapter, {}, [{ name: 'strange', dtype: 'F32', shape: [2], data: new Uint8Array(Float32Array.of(1, Number.NaN).buffer) }]);
    const { status, item } = scanJson([folder, '--signatures', library]);
    assert.equal(status, 3);
    assert.match(item.coverage.unread.map(({ name, reason }) => `${name}: ${reason}`).join('\n'), /strange: no rule explains.*\nstrange: holds 1 NaN/);
  });

  it('says in a dry run too that there is no signature, and how to get one', async (t) => {
    const { library, folder } = await setUp(t, 0.5, { base_model_name_or_path: 'another' });
    const { status, stderr } = weightseq(['scan', folder, '--signatures', library, '--dry-run']);
    assert.equal(status, 3);
    assert.match(stderr, /no signature for another\. If you know its base, add --assume-base NAME/);
  });

  it('refuses an adapter whose shapes contradict the base it claims', async (t) => {
    const { library, folder, adapter } = await setUp(t, 0.5);
    const factors = adapter.factors as Map<string, { A: ReturnType<typeof random>; B: ReturnType<typeof random> }>;
    factors.set('2.v', { A: random(2, 7, 3), B: random(4, 2, 3) });
    await writeAdapter(folder, adapter);
    const { status, item } = scanJson([folder, '--signatures', library]);
    assert.equal(status, 2);
    assert.deepEqual(item.errors.map((e) => e.code), ['base-mismatch']);
    assert.match(item.errors.map((e) => e.message).join(), /2\.v \(4 × 7\) of tiny-base, where it is 4 × 6/);
  });

  it('writes -o whole or not at all, and nothing to stdout', async (t) => {
    const { library, folder, root } = await setUp(t, 0.5);
    const file = join(root, 'report.json');
    const run = weightseq(['scan', folder, '--signatures', library, '--format', 'json', '-o', file]);
    assert.equal(run.stdout, '');
    assert.ok(validate(JSON.parse(readFileSync(file, 'utf8'))));
    const bad = weightseq(['scan', folder, '--signatures', library, '-o', join(root, 'none', 'x')]);
    assert.equal(bad.status, 2);
    assert.equal(bad.stderr.trim().split('\n').length, 1);
    assert.deepEqual(readdirSync(root).sort(), ['adapter', 'library', 'report.json']);
  });

  it('never writes over what it reads', async (t) => {
    const { library, folder } = await setUp(t, 0.5);
    const before = readFileSync(join(folder, 'adapter_model.safetensors'));
    for (const target of [join(folder, 'adapter_model.safetensors'), join(folder, 'adapter_config.json'), join(library, 'index.json'), '']) {
      const run = weightseq(['scan', folder, '--signatures', library, '-o', target]);
      assert.equal(run.status, 2);
      assert.match(run.stderr, /is an input, or would be taken for one|no file name/);
    }
    assert.equal(weightseq(['scan', join(folder, 'adapter_model.safetensors'), '--signatures', library, '-o', join(folder, 'adapter_config.json')]).status, 2);
    assert.deepEqual(readFileSync(join(folder, 'adapter_model.safetensors')), before);
    // An earlier report in the same folder is no input.
    for (let i = 0; i < 2; i++) assert.equal(weightseq(['scan', folder, '--signatures', library, '-o', join(folder, 'report.txt')]).status, 1);
  });

  it('has no verdict where large factors cancel, and names the weight', async (t) => {
    const { library, folder, adapter } = await setUp(t, 0.5);
    const factors = adapter.factors.get('0.q');
    assert.ok(factors);
    // Both columns of B alike, the second row of A minus the first: their product is 0 up to rounding.
    factors.B.data.forEach((_, i) => { factors.B.data[i] = 100 * Math.sin(i >> 1); });
    factors.A.data.forEach((_, i) => { factors.A.data[i] = i < 6 ? Math.cos(i) : -Math.cos(i - 6) * (1 + 2 ** -20); });
    await writeAdapter(folder, adapter);
    const { status, item } = scanJson([folder, '--signatures', library]);
    assert.equal(status, 3);
    assert.deepEqual(item.coverage.unread.map((u) => u.name), ['0.q']);
    assert.match(item.coverage.unread[0]?.reason ?? '', /cancel/);
  });

  it('says in one line that the report cannot be written: exit 2', { skip: process.platform !== 'linux' }, async (t) => {
    const { library, folder } = await setUp(t, 0.5);
    const { status, stderr } = spawnSync('sh', ['-c', '"$0" "$@" > /dev/full', process.execPath, MAIN, 'scan', folder, '--signatures', library], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  });

  it('--dry-run shows the plan and reads no weight', async (t) => {
    const { library, folder, adapter } = await setUp(t, 0.5);
    adapter.factors.get('0.q')?.A.data.fill(Number.NaN);
    await writeAdapter(folder, adapter);
    const run = weightseq(['scan', folder, '--signatures', library, '--dry-run', '--format', 'json']);
    assert.equal(run.status, 0, run.stderr);
    const { items } = JSON.parse(run.stdout) as { items: { bytes: number; steps: { name: string; bytes: number; columns: number }[] }[] };
    assert.deepEqual(items[0]?.steps.map((s) => s.name), ['0.q', '0.v', '1.q', '1.v', '2.q', '2.v']);
    // q: A 2×6 and B 8×2, v: A 2×6 and B 4×2, four bytes each, three layers.
    assert.equal(items[0].bytes, 3 * 4 * (12 + 16 + 12 + 8));
    assert.ok(items[0].steps.every((s) => s.columns === 2));
  });

  it('has one clear line for a signature that was changed', async (t) => {
    const { library, folder } = await setUp(t, 0.5);
    const file = join(library, 'evil.safetensors');
    const bytes = readFileSync(file);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    writeFileSync(file, bytes);
    const { status, stderr } = scanJson([folder, '--signatures', library]);
    assert.equal(status, 2);
    assert.match(stderr, /evil\.safetensors: sha256 .* the index says/);
  });

  const bad: [string, (folder: string) => void, RegExp][] = [
    ['a truncated file', (f) => { truncateSync(join(f, 'adapter_model.safetensors'), 300); }, /adapter_model\.safetensors: /],
    ['a git-LFS pointer', (f) => { writeFileSync(join(f, 'adapter_model.safetensors'), 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n'); }, /LFS/],
    ['a config that is not JSON', (f) => { writeFileSync(join(f, 'adapter_config.json'), '{'); }, /adapter_config\.json: /],
  ];
  for (const [name, damage, message] of bad) {
    it(`says in one line what is wrong with ${name}: exit 2, no stack`, async (t) => {
      const { library, folder } = await setUp(t, 0.5);
      damage(folder);
      const { status, stderr } = scanJson([folder, '--signatures', library]);
      assert.equal(status, 2);
      assert.match(stderr, message);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
    });
  }

  it('shows a stack with --debug only', (t) => {
    const run = weightseq(['scan', join(temporaryFolder(t), 'nowhere'), '--debug']);
    assert.match(run.stderr, /\n\s+at /);
  });

  const usage: [string, string[], RegExp][] = [
    ['no path', ['scan'], /missing required argument/],
    ['an unknown option', ['scan', 'x', '--fromat', 'json'], /Did you mean --format/],
    ['a bad choice', ['scan', 'x', '--fail-on', 'maybe'], /Allowed choices are present, indeterminate, contaminated, never/],
    ['an unknown trait', ['scan', 'x', '--trait', 'nonsense'], /no signature for the trait nonsense/],
    ['an unknown base', ['scan', 'x', '--assume-base', 'nonsense'], /no signature for this base/],
    ['an unknown command', ['scna'], /Did you mean scan/],
    ['no library', ['scan', 'x', '--signatures', '/nonexistent'], /no readable index/],
  ];
  for (const [name, args, message] of usage) {
    it(`is a usage error: ${name}`, () => {
      const run = weightseq(args);
      assert.equal(run.status, 2);
      assert.equal(run.stdout, '');
      assert.match(run.stderr, message);
    });
  }

  it('keeps its exit code when the reader closes the pipe', async (t) => {
    const { library, folder } = await setUp(t, 0.5);
    const child = spawn(process.execPath, [MAIN, 'scan', folder, folder, folder, '--signatures', library], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    const code = await new Promise((resolve) => child.on('close', resolve));
    assert.equal(code, 1);
  });

  it('opens its help with an example', () => {
    for (const args of [['--help'], ['scan', '--help'], ['signature', '--help'], ['signature', 'verify', '--help']]) {
      const run = weightseq(args);
      assert.equal(run.status, 0);
      assert.match(run.stdout, /^(Examples?:|Usage: weightseq signature )/);
    }
  });

  it('escapes terminal controls in what a file says', async (t) => {
    const { library, folder } = await setUp(t, 0.5, { base_model_name_or_path: 'a\u001b[2Jb\u202e' });
    for (const format of ['table', 'json']) {
      const run = weightseq(['scan', folder, '--signatures', library, '--format', format]);
      for (const character of ['\u001b', '\u202e']) assert.ok(!(run.stdout + run.stderr).includes(character));
    }
  });
});

describe('weightseq signature', () => {
  it('lists, inspects and verifies a library', async (t) => {
    const library = await writeLibrary(join(temporaryFolder(t), 'library'), [document({
      evidence: {
        // r of (1, 2, 3) with (2, 4, 7) is 5 / √(2 · 38/3) = .99339…
        heldOut: [[1, 2], [2, 4], [3, 7]].map(([predicted = 0, measured = 0], i) => ({ id: `o${i}`, source: 's', predicted, measured, standardError: 0.1, score: predicted })),
        r: 5 / Math.sqrt((2 * 38) / 3), n: 3, notes: 'a note',
      },
    })]);
    const list = weightseq(['signature', 'list', '--signatures', library]);
    assert.match(list.stdout, /evil +harmful +tiny-base +2 .*r 0\.99 \(n = 3\)/);
    const inspect = weightseq(['signature', 'inspect', 'evil', '--signatures', library]);
    assert.match(inspect.stdout, /o2 +\+7\.000/);
    const verify = weightseq(['signature', 'verify', '--signatures', library]);
    assert.equal(verify.status, 0, verify.stdout);
    writeFileSync(join(library, 'stray.safetensors'), '');
    assert.equal(weightseq(['signature', 'verify', '--signatures', library]).status, 1);
  });

  it('fails a stated correlation that its rows do not give, and an unproven signature', async (t) => {
    const heldOut = [1, 2, 3].map((v) => ({ id: String(v), source: 's', predicted: v, measured: v, standardError: 0, score: v }));
    const library = await writeLibrary(join(temporaryFolder(t), 'library'), [
      document({ evidence: { heldOut, r: 0.5, n: 3, notes: '' } }), document({ trait: 'unproven' }),
    ]);
    const { status, stdout } = weightseq(['signature', 'verify', '--signatures', library]);
    assert.equal(status, 1);
    assert.match(stdout, /r is stated as 0\.5, its rows give 1\.0000/);
    assert.match(stdout, /unproven/);
  });

  it('is a usage error for what is neither file nor trait', () => {
    const run = weightseq(['signature', 'inspect', 'nonsense']);
    assert.equal(run.status, 2);
    assert.match(run.stderr, /neither a file nor a trait/);
  });
});

describe('the package', () => {
  it('can be run through its bin', () => {
    const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { bin: { weightseq: string } };
    const bin = fileURLToPath(new URL(`../../../${manifest.bin.weightseq}`, import.meta.url));
    assert.ok(existsSync(bin));
    assert.match(readFileSync(bin, 'utf8'), /^#!\/usr\/bin\/env node\n/);
  });
});

