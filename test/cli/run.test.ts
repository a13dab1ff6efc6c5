import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Report } from '../../src/report/schema.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { expectedScore, tinyAdapter, writeAdapter, writeLibrary } from '../helpers/models.js';
import { childrenOf, filesIn, MAIN, reads, runs, start, until, writeLargeAdapter } from '../helpers/runs.js';

const schema = JSON.parse(readFileSync(new URL('../../../schemas/report.schema.json', import.meta.url), 'utf8')) as object;
const validate = new Ajv2020({ strict: true }).compile(schema);
const isLinux = process.platform === 'linux';

/** A library, and adapters in a folder: 1 is harmful, 2 harmless. */
async function setUp(t: TestContext): Promise<{ root: string; library: string; many: string; options: string[] }> {
  const root = temporaryFolder(t);
  const many = join(root, 'many');
  for (const [name, score] of [['1', 0.5], ['2', 0.0001]] as const) {
    await writeAdapter(join(many, name), tinyAdapter(1, score / expectedScore(tinyAdapter(1))));
  }
  const library = await writeLibrary(join(root, 'library'));
  return { root, library, many, options: ['--signatures', library, '--format', 'json'] };
}

function parse(text: string): Report {
  const report = JSON.parse(text) as Report;
  assert.ok(validate(report), JSON.stringify(validate.errors));
  return report;
}

describe('a run of many', () => {
  it('of a folder, a pattern and a list gives one report and the worst exit code', async (t) => {
    const { many, options } = await setUp(t);
    mkdirSync(join(many, '3'));
    writeFileSync(join(many, '3', 'adapter_model.bin'), 'pickle');
    for (const [args, input] of [[[many], null], [[join(many, '*'), '--jobs', '2'], null], [['-'], readdirSync(many).map((name) => join(many, name)).join('\0')]] as const) {
      const { status, stdout, stderr } = await start(['scan', ...args, ...options], input).ended;
      const { items, exitCode } = parse(stdout);
      assert.deepEqual(items.map(({ exitCode: code }) => code), [1, 0, 2]);
      assert.deepEqual([status, exitCode], [1, 1]);
      assert.match(stderr, /^weightseq: .*3: expected adapter_model\.safetensors/);
      assert.equal(stderr.trim().split('\n').length, 1);
    }
    rmSync(join(many, '1'), { recursive: true });
    assert.equal((await start(['scan', many, ...options]).ended).status, 2);
    rmSync(join(many, '3'), { recursive: true });
    assert.equal((await start(['scan', many, ...options]).ended).status, 0);
  });

  it('of nothing is no clean run', async (t) => {
    const { root, options } = await setUp(t);
    mkdirSync(join(root, 'empty'));
    const empty = await start(['scan', join(root, 'empty'), ...options]).ended;
    assert.equal(empty.status, 2);
    assert.match(empty.stderr, /holds no adapter and no checkpoint/);
    const list = await start(['scan', '-', ...options], '').ended;
    assert.deepEqual([list.status, list.stdout], [2, '']);
    assert.match(list.stderr, /names no path/);
  });

  it('shows one line for each in the table', async (t) => {
    const { many, library } = await setUp(t);
    const { stdout } = await start(['scan', many, '--signatures', library]).ended;
    const summary = stdout.slice(stdout.indexOf('2 items, exit code 1'));
    assert.match(summary, /HARMFUL TRAIT FOUND: evil {2}.*1 {2}\(exit 1\)\n.*NOT FOUND: evil/su);
  });

  it('reports from a process that has not loaded the engine', { skip: !isLinux }, async (t) => {
    const { many, options } = await setUp(t);
    const file = join(many, '..', 'objects.json');
    const hook = `process.on('exit', () => require('fs').writeFileSync(${JSON.stringify(file)}, JSON.stringify(process.report.getReport().sharedObjects)))`;
    writeFileSync(join(many, '..', 'hook.cjs'), hook);
    const { status } = spawnSync(process.execPath, ['--require', join(many, '..', 'hook.cjs'), MAIN, 'scan', many, ...options]);
    assert.equal(status, 1);
    const objects = JSON.parse(readFileSync(file, 'utf8')) as string[];
    assert.ok(objects.some((name) => name.includes('libc')));
    assert.deepEqual(objects.filter((name) => name.includes('onnx')), []);
  });

  const usage: [string, string[], RegExp][] = [
    ['no number of jobs', ['--jobs', '0'], /whole number from 1/],
    ['a trust that there is not', ['--cache-trust', 'mtime'], /Allowed choices are content, stat/],
    ['a cache that is something else', ['--cache=/'], /no cache of weightseq/],
    ['a cache without a name', ['--cache='], /has no folder/],
  ];
  for (const [what, args, message] of usage) {
    it(`is a usage error: ${what}`, async (t) => {
      const { many, options } = await setUp(t);
      const { status, stdout, stderr } = await start(['scan', many, ...options, ...args]).ended;
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, message);
    });
  }

  it('never takes a path for the folder of the cache', async (t) => {
    const { many, options } = await setUp(t);
    const { status, stderr } = await start(['scan', '--cache', join(many, '1'), join(many, '2'), ...options]).ended;
    assert.equal(status, 2);
    assert.match(stderr, /after an equals sign/);
  });
});

describe('an interrupted run', () => {
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
    it(`reports what is finished: ${signal}`, { skip: !isLinux }, async (t) => {
      const { root, many, options } = await setUp(t);
      const large = writeLargeAdapter(join(many, '3'), 200);
      const { child, ended } = start(['scan', many, ...options, '-o', join(root, 'report.json')]);
      assert.ok(child.pid);
      let scanning: number[] = [];
      await until('reading', () => (scanning = childrenOf(child.pid ?? 0)).some((pid) => reads(pid, large)));
      child.kill(signal);
      const { status, stderr } = await ended;
      assert.equal(status, code);
      assert.match(stderr, /interrupted: 2 of 3 items were finished/);
      const report = parse(readFileSync(join(root, 'report.json'), 'utf8'));
      assert.deepEqual([report.interrupted, report.exitCode, report.items.length], [signal, code, 2]);
      assert.deepEqual(readdirSync(root).sort(), ['library', 'many', 'report.json']);
      assert.ok(!scanning.some(runs));
    });
  }

  it('writes the same to stdout', { skip: !isLinux }, async (t) => {
    const { many, options } = await setUp(t);
    const large = writeLargeAdapter(join(many, '3'), 200);
    const { child, ended } = start(['scan', many, ...options]);
    await until('reading', () => childrenOf(child.pid ?? 0).some((pid) => reads(pid, large)));
    child.kill('SIGINT');
    const { status, stdout } = await ended;
    assert.equal(status, 130);
    assert.equal(parse(stdout).interrupted, 'SIGINT');
  });

  it('ends at once on the second signal, though nobody takes the report', { skip: !isLinux }, async (t) => {
    const { many, options } = await setUp(t);
    // More than a pipe holds.
    for (let i = 10; i < 70; i++) cpSync(join(many, '2'), join(many, String(i)), { recursive: true });
    const large = writeLargeAdapter(join(many, 'z'), 200);
    const child = spawn(process.execPath, [MAIN, 'scan', many, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; });
    await until('reading', () => childrenOf(child.pid ?? 0).some((pid) => reads(pid, large)));
    child.kill('SIGINT');
    await until('the answer', () => stderr.includes('62 of 63 items were finished'));
    await setTimeout(300);
    assert.equal(child.exitCode, null);
    child.kill('SIGINT');
    assert.equal(await ended, 130);
    child.stdout.destroy();
  });

  it('that is killed leaves no process and no half-written file, and --resume goes on', { skip: !isLinux }, async (t) => {
    const { root, many, options } = await setUp(t);
    const large = writeLargeAdapter(join(many, '3'), 40);
    const args = ['scan', many, ...options, `--cache=${join(root, 'cache')}`, '-o', join(root, 'report.json')];
    const { child, ended } = start(args);
    let scanning: number[] = [];
    await until('reading', () => (scanning = childrenOf(child.pid ?? 0)).some((pid) => reads(pid, large)));
    child.kill('SIGKILL');
    assert.equal((await ended).signal, 'SIGKILL');
    await until('the end of its processes', () => !scanning.some(runs));
    assert.deepEqual(readdirSync(root).sort(), ['cache', 'library', 'many']);
    const { status, stderr } = await start([...args, '--resume']).ended;
    assert.equal(status, 1);
    assert.match(stderr, /2 of 3 items taken from the cache/);
    const { items } = parse(readFileSync(join(root, 'report.json'), 'utf8'));
    assert.deepEqual(items.map(({ exitCode, cached }) => [exitCode, cached]), [[1, true], [0, true], [3, undefined]]);
    assert.deepEqual(filesIn(join(root, 'cache')).filter((name) => name.endsWith('.tmp')), []);
  });
});

describe('two runs', () => {
  it('share one cache at the same time', async (t) => {
    const { root, many, options } = await setUp(t);
    for (let i = 10; i < 30; i++) cpSync(join(many, '2'), join(many, String(i)), { recursive: true });
    const args = ['scan', many, ...options, `--cache=${join(root, 'cache')}`];
    const ends = await Promise.all([start(args).ended, start(args).ended, start([...args, '--jobs', '2']).ended]);
    const plain = (text: string) => parse(text).items.map((item) => ({ ...item, seconds: 0, cached: null }));
    for (const { status, stdout } of ends) {
      assert.equal(status, 1);
      assert.deepEqual(plain(stdout), plain(ends[0].stdout));
    }
    const files = filesIn(join(root, 'cache')).filter((name) => !/^(?:CACHEDIR\.TAG|items(?:.[0-9a-f]{2})?)$/u.test(name));
    assert.equal(files.length, 22);
    assert.ok(files.every((name) => name.endsWith('.json')));
    assert.match((await start(args).ended).stderr, /22 of 22 items taken from the cache/);
  });
});

describe('a report that can\'t be written', () => {
  it('is one clear line and exit 2, and leaves no half of it: a file that may not grow', { skip: !isLinux }, async (t) => {
    const { root, many, options } = await setUp(t);
    const file = join(root, 'report.json');
    writeFileSync(file, 'old');
    const { status, stderr } = spawnSync('sh', ['-c', 'ulimit -f 1; exec "$0" "$@"', process.execPath, MAIN, 'scan', many, ...options, '-o', file], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, /^weightseq: .*report\.json: can't write the file: the limit on file sizes/);
    assert.equal(stderr.trim().split('\n').length, 1);
    assert.equal(readFileSync(file, 'utf8'), 'old');
    assert.deepEqual(readdirSync(root).sort(), ['library', 'many', 'report.json']);
  });

  it('to a device that is full', { skip: !isLinux }, async (t) => {
    const { many, options } = await setUp(t);
    const { status, stderr } = await start(['scan', many, ...options, '-o', '/dev/full']).ended;
    assert.equal(status, 2);
    assert.match(stderr, /not a regular file/);
  });

  it('where nothing may be written, by anyone', { skip: !isLinux }, async (t) => {
    const { many, options } = await setUp(t);
    const { status, stderr } = await start(['scan', many, ...options, '-o', '/proc/self/report.json']).ended;
    assert.equal(status, 2);
    assert.match(stderr, /^weightseq: \/proc\/self\/report\.json: can't write the file: /);
  });

  it('to a pipe that is closed: the exit code stays', { skip: !isLinux }, async (t) => {
    const { many, options } = await setUp(t);
    for (let i = 10; i < 20; i++) cpSync(join(many, '2'), join(many, String(i)), { recursive: true });
    const script = '{ "$0" "$@"; echo "ended with $?" >&2; } | head -1';
    const { stdout, stderr } = spawnSync('sh', ['-c', script, process.execPath, MAIN, 'scan', many, ...options], { encoding: 'utf8' });
    assert.equal(stdout, '{\n');
    assert.equal(stderr, 'ended with 1\n');
  });

  it('what a killed process left is removed by the next that writes there', async (t) => {
    const { root, many, options } = await setUp(t);
    const [stale, fresh] = ['0', '1'].map((digit) => join(root, `.weightseq-${digit.repeat(16)}.tmp`)) as [string, string];
    for (const file of [stale, fresh]) writeFileSync(file, 'half');
    utimesSync(stale, 1_700_000_000, 1_700_000_000);
    assert.equal((await start(['scan', many, ...options, '-o', join(root, 'report.json')]).ended).status, 1);
    assert.deepEqual([existsSync(stale), existsSync(fresh)], [false, true]);
  });
});

describe('weightseq cache', () => {
  it('lists what is kept and removes it', async (t) => {
    const { root, many, options } = await setUp(t);
    const cache = join(root, 'cache');
    await start(['scan', many, ...options, `--cache=${cache}`]).ended;
    const list = await start(['cache', 'ls', '--folder', cache]).ended;
    assert.equal(list.status, 0);
    assert.deepEqual(list.stdout.split('\n').slice(0, 2).map((line) => line.split(/ {2,}/).at(-1)).sort(), [join(many, '1'), join(many, '2')]);
    assert.match(list.stdout, /\n2 items \([\d.]+ kB\) in /);
    const none = await start(['cache', 'prune', '--folder', cache]).ended;
    assert.deepEqual([none.status, /--older-than DAYS, --max-size SIZE or --all/.test(none.stderr)], [2, true]);
    const old = await start(['cache', 'prune', '--folder', cache, '--older-than', '1', '--max-size', '1GB']).ended;
    assert.match(old.stdout, /^removed 0 items \(0 B\), kept 2 items/);
    const all = await start(['cache', 'prune', '--folder', cache, '--all']).ended;
    assert.match(all.stdout, /^removed 2 items/);
    assert.deepEqual(filesIn(cache), ['CACHEDIR.TAG', 'items']);
  });

  it('removes nothing from a folder that is no cache', async (t) => {
    const { many } = await setUp(t);
    const { status, stderr } = await start(['cache', 'prune', '--all', '--folder', many]).ended;
    assert.equal(status, 2);
    assert.match(stderr, /no cache of weightseq/);
    assert.deepEqual(readdirSync(many).sort(), ['1', '2']);
  });
});
