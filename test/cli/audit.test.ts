import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { checkChain, seal } from '../../cli/audit/chain.js';
import { audited } from '../../cli/audit/log.js';
import { report } from '../../src/report/report.js';
import type { Report } from '../../src/report/schema.js';
import { environment, MAIN, weightseq } from '../helpers/command.js';
import { temporaryFolder, withoutRoot } from '../helpers/fixtures.js';
import { expectedScore, tinyAdapter, writeAdapter, writeLibrary } from '../helpers/models.js';

const FACTS = { version: '1', argv: ['scan'], cwd: '/' };
const EMPTY: Report = report([], 'present', '1');

interface Line {
  readonly event: string;
  readonly run: string;
  readonly seq: number;
  readonly [more: string]: unknown;
}

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');
const linesOf = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n');

async function setUp(t: TestContext): Promise<{ root: string; log: string; scan: (...args: string[]) => ReturnType<typeof weightseq> }> {
  const root = temporaryFolder(t);
  await writeLibrary(join(root, 'library'));
  await writeAdapter(join(root, 'evil'), tinyAdapter(1, 0.5 / expectedScore(tinyAdapter(1))));
  await writeAdapter(join(root, 'good'), tinyAdapter(1, 0.0001 / expectedScore(tinyAdapter(1))));
  return { root, log: join(root, 'audit.jsonl'), scan: (...args) => weightseq(['scan', ...args, '--signatures', 'library', '--audit-log', 'audit.jsonl'], root) };
}

/** A log of two runs, of a start, an end and so many items between them. */
async function logOf(t: TestContext, items = 1): Promise<string> {
  const file = join(temporaryFolder(t), 'audit.jsonl');
  const item = { path: 'x', kind: 'unknown', digest: null, files: [], base: {}, coverage: { unread: [] }, findings: [], errors: [], exitCode: 0 };
  const made = { ...EMPTY, items: Array.from({ length: items }, () => item) } as unknown as Report;
  for (let run = 0; run < 2; run++) {
    await audited(file, FACTS, null, async (audit) => {
      await audit?.items(made);
      return 0;
    });
  }
  return file;
}

describe('scan --audit-log', () => {
  it('has a line for each item with what was scanned, by whom, with which outcome', async (t) => {
    const { root, log, scan } = await setUp(t);
    assert.equal(scan('evil', 'good', 'nowhere', '--fail-on', 'present').status, 1);
    assert.equal(statSync(log).mode & 0o777, 0o600);
    const lines = linesOf(log).map((line) => JSON.parse(line) as Line);
    assert.deepEqual(lines.map(({ event, seq }) => [event, seq]), [['start', 0], ['item', 1], ['item', 2], ['item', 3], ['end', 4]]);
    for (const line of lines) {
      assert.equal(line['user'], userInfo().username);
      assert.equal(line['cwd'], root);
      assert.deepEqual((line['argv'] as string[]).slice(0, 2), ['scan', 'evil']);
      assert.equal(new Date(String(line['time'])).toISOString(), line['time']);
      assert.equal(line.run, lines[0]?.run);
    }
    const [start, evil, good, nowhere, end] = lines;
    assert.ok(start && evil && good && nowhere && end);
    assert.deepEqual([evil['path'], evil['exitCode'], good['exitCode'], nowhere['exitCode'], end['exitCode'], end['items']], ['evil', 1, 0, 2, 1, 3]);
    assert.deepEqual(nowhere['errors'], ['not-found']);
    assert.deepEqual(evil['base'], { name: 'tiny-base', how: 'claimed' });
    const [finding] = evil['findings'] as { trait: string; verdict: string; score: number; p: number; signature: string }[];
    assert.ok(finding);
    assert.deepEqual([finding.trait, finding.verdict], ['evil', 'present']);
    assert.ok(Math.abs(finding.score - 0.5) < 1e-5);
    assert.equal(finding.signature, sha256(readFileSync(join(root, 'library', 'evil.safetensors'))));
    // The bytes are named without --hash being asked for.
    const hashes = Object.fromEntries((evil['files'] as { name: string; sha256: string }[]).map((f) => [f.name, f.sha256]));
    for (const name of ['adapter_config.json', 'adapter_model.safetensors']) assert.equal(hashes[name], sha256(readFileSync(join(root, 'evil', name))));
    const { options } = start['settings'] as { options: { option: string; from: string }[] };
    assert.ok(options.some(({ option, from }) => option === 'failOn' && from === 'flag'));
  });

  it('is appended to, and verified', async (t) => {
    const { root, log, scan } = await setUp(t);
    scan('good');
    const before = readFileSync(log, 'utf8');
    scan('evil');
    assert.ok(readFileSync(log, 'utf8').startsWith(before));
    const run = weightseq(['audit', 'verify', 'audit.jsonl', '--format', 'json'], root);
    assert.equal(run.status, 0);
    const head = (JSON.parse(linesOf(log).at(-1) ?? '') as { sha256: string }).sha256;
    assert.deepEqual(JSON.parse(run.stdout), { schemaVersion: 1, file: 'audit.jsonl', lines: 6, runs: 2, problems: [], unfinished: [], head });
    assert.match(weightseq(['audit', 'verify', 'audit.jsonl', '--head', head], root).stdout, /6 lines, 2 runs\n {2}ok/);
    // The last run cut off as a whole: seen by whoever kept its head.
    writeFileSync(log, before);
    assert.equal(weightseq(['audit', 'verify', 'audit.jsonl'], root).status, 0);
    assert.equal(weightseq(['audit', 'verify', 'audit.jsonl', '--head', head], root).status, 1);
    assert.equal(weightseq(['audit', 'verify', 'audit.jsonl', '--head', 'abc'], root).status, 2);
    assert.equal(weightseq(['audit', 'verify', 'library/index.json'], root).status, 2);
    assert.equal(weightseq(['audit', 'verify', 'nowhere'], root).status, 2);
  });

  it('keeps usage errors of an audited run, too', async (t) => {
    const { log, scan } = await setUp(t);
    assert.equal(scan('evil', '--trait', 'nonsense').status, 2);
    const last = JSON.parse(linesOf(log).at(-1) ?? '') as Line;
    assert.deepEqual([last.event, last['exitCode'], last['error'], last['items']], ['end', 2, 'unknown-trait', 0]);
  });

  it('no line, no scan: exit 2 and no report', async (t) => {
    const { root } = await setUp(t);
    const scan = (log: string, ...more: string[]) => weightseq(['scan', 'good', '--signatures', 'library', '--audit-log', log, ...more], root);
    writeFileSync(join(root, 'report.json'), '{"schemaVersion": 1}');
    for (const [log, message] of [['none/audit.jsonl', /can't write the audit log \(ENOENT\)/], ['.', /EISDIR/], ['/dev/null', /a regular file/], ['report.json', /something else than an audit log/], ['', /no file name/]] as const) {
      const run = scan(log);
      assert.deepEqual([run.status, run.stdout], [2, ''], log);
      assert.match(run.stderr, message);
      assert.equal(run.stderr.trim().split('\n').length, 1);
    }
    assert.equal(readFileSync(join(root, 'report.json'), 'utf8'), '{"schemaVersion": 1}');
    assert.match(scan('same.jsonl', '-o', './same.jsonl').stderr, /name the same file/);
    assert.ok(!existsSync(join(root, 'same.jsonl')));
  });

  it('fails where the log can no longer be written', async (t) => {
    const root = temporaryFolder(t);
    const file = join(root, 'audit.jsonl');
    writeFileSync(file, '');
    chmodSync(file, 0o444);
    await withoutRoot(root, async () => {
      await assert.rejects(audited(file, FACTS, null, () => Promise.resolve(0)), { code: 'write-failed' });
    });
  });
});

describe('a full disk', () => {
  it('ends an audited scan before its report: exit 2', async (t) => {
    const { root, log } = await setUp(t);
    // No file may grow beyond two blocks.
    const { status, stdout, stderr } = spawnSync('sh', ['-c', 'ulimit -f 2 && exec "$0" "$@"', process.execPath, MAIN, 'scan', 'good', '--signatures', 'library', '--audit-log', log], { cwd: root, env: environment(), encoding: 'utf8' });
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^weightseq: .*audit\.jsonl: can't write the audit log.*\n$/);
    assert.notDeepEqual(checkChain(readFileSync(log, 'utf8')).problems, []);
  });
});

describe('the chain', () => {
  it('takes what was written', async (t) => {
    const check = checkChain(readFileSync(await logOf(t), 'utf8'));
    assert.deepEqual([check.lines, check.runs, check.problems, check.unfinished], [6, 2, [], []]);
    assert.deepEqual(checkChain(''), { lines: 0, runs: 0, problems: [], unfinished: [], head: null });
  });

  it('a line is sealed with the sha256 of what stands before the seal', () => {
    const { line } = seal({ schemaVersion: 1, event: 'start', run: 'r', seq: 0, before: null, above: null });
    const body = '{"schemaVersion":1,"event":"start","run":"r","seq":0,"before":null,"above":null}';
    assert.equal(line, `${body.slice(0, -1)},"sha256":"${sha256(body)}"}`);
  });

  // Lines 1 to 3 are the first run, 4 to 6 the second.
  for (let gone = 1; gone <= 5; gone++) {
    it(`notices that line ${gone} is gone`, async (t) => {
      const lines = linesOf(await logOf(t));
      assert.notDeepEqual(checkChain(lines.filter((_, i) => i + 1 !== gone).join('\n')).problems, []);
    });
  }

  for (let changed = 1; changed <= 6; changed++) {
    it(`notices that line ${changed} was changed, with or without a new seal`, async (t) => {
      const lines = linesOf(await logOf(t));
      const edited = (lines[changed - 1] ?? '').replace('"cwd":"/"', '"cwd":"/x"');
      assert.notEqual(edited, lines[changed - 1]);
      const check = checkChain(lines.with(changed - 1, edited).join('\n'));
      assert.equal(check.problems[0]?.line, changed);
      assert.match(check.problems[0].message, /was changed: its sha256/);
      // Sealed again, it is the next line that does not fit; the last one needs the head that was kept.
      const { sha256: old, ...record } = JSON.parse(edited) as Parameters<typeof seal>[0] & { sha256: string };
      assert.notDeepEqual(checkChain(lines.with(changed - 1, seal(record).line).join('\n'), changed === 6 ? old : undefined).problems, []);
    });
  }

  it('notices a run that is gone as a whole, two lines in another order, one twice, and what is no line', async (t) => {
    const lines = linesOf(await logOf(t, 2));
    for (const damaged of [lines.slice(4), lines.toSpliced(1, 2, lines[2] ?? '', lines[1] ?? ''), [...lines, lines.at(-1) ?? ''], [...lines, 'x'], [...lines, '{"event":"end"}']]) {
      assert.notDeepEqual(checkChain(damaged.join('\n')).problems, []);
    }
  });

  it('a log that ends before a run does is incomplete', async (t) => {
    const file = await logOf(t);
    const root = join(file, '..');
    writeFileSync(file, `${linesOf(file).slice(0, 5).join('\n')}\n`);
    const run = weightseq(['audit', 'verify', file], root);
    assert.equal(run.status, 3);
    assert.match(run.stdout, /line 5 .* has no end/);
  });

  it('a half line stays by itself, is named, and the next run goes on', async (t) => {
    const file = await logOf(t);
    appendFileSync(file, '{"schemaVersion":1,"event":"it');
    await audited(file, FACTS, null, () => Promise.resolve(0));
    const { lines, problems } = checkChain(readFileSync(file, 'utf8'));
    assert.equal(lines, 9);
    assert.deepEqual(problems.map(({ line }) => line), [7]);
    assert.match(problems[0]?.message ?? '', /cut off/);
  });

  it('finds the line above a very long one', async (t) => {
    const file = await logOf(t);
    await audited(file, { ...FACTS, argv: ['x'.repeat(300_000)] }, null, () => Promise.resolve(0));
    assert.deepEqual(checkChain(readFileSync(file, 'utf8')).problems, []);
  });

  it('holds when runs write at once', async (t) => {
    const { root, log } = await setUp(t);
    const scans = Array.from({ length: 3 }, () => new Promise<number | null>((resolve) => {
      spawn(process.execPath, [MAIN, 'scan', 'good', 'evil', '--signatures', 'library', '--audit-log', 'audit.jsonl', '-o', '/dev/null'], { cwd: root, env: environment(), stdio: 'ignore' }).on('close', resolve);
    }));
    await Promise.all(scans);
    // And within one process, where every write waits for the others.
    await Promise.all(Array.from({ length: 8 }, () => audited(log, FACTS, null, async (audit) => {
      await audit?.items(EMPTY);
      return 0;
    })));
    const check = checkChain(readFileSync(log, 'utf8'));
    assert.deepEqual([check.lines, check.runs, check.problems, check.unfinished], [3 * 4 + 8 * 2, 11, [], []]);
  });
});
