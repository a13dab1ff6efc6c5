import assert from 'node:assert/strict';
import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Check } from '../../cli/doctor/check.js';
import { libraryChecks } from '../../cli/doctor/library.js';
import { folderCheck, isAtLeast, quotaOf } from '../../cli/doctor/machine.js';
import { tryProvider } from '../../cli/doctor/runtime.js';
import { weightseq } from '../helpers/command.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { writeLibrary } from '../helpers/models.js';

function doctor(cwd: string, args: readonly string[] = [], env = {}): { status: number | null; checks: Check[]; stderr: string } {
  const run = weightseq(['doctor', '--format', 'json', ...args], cwd, env);
  return { status: run.status, stderr: run.stderr, checks: (JSON.parse(run.stdout) as { checks: Check[] }).checks };
}

function damage(file: string): void {
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  writeFileSync(file, bytes);
}

describe('weightseq doctor', () => {
  it('finds the shipped program in order: exit 0, and a table with everything', (t) => {
    const root = temporaryFolder(t);
    const { status, checks } = doctor(root);
    assert.equal(status, 0, JSON.stringify(checks.filter((c) => c.status === 'problem')));
    const names = checks.map(({ name }) => name);
    for (const name of ['Node', 'platform', 'ONNX Runtime', 'cpu', 'webgpu', 'cuda', 'cores', 'memory', 'temporary files', 'library', 'signatures', 'bases', 'age', 'settings', 'terminal']) assert.ok(names.includes(name), name);
    assert.match(checks.find(({ name }) => name === 'cpu')?.detail ?? '', /^runs a product/);
    assert.ok(checks.every(({ status: s, mend }) => s === 'ok' || mend !== null));
    const table = weightseq(['doctor'], root);
    assert.match(table.stdout, /^ok +Node +v\d/);
    assert.match(table.stdout, /\n0 problems, \d+ warnings?\n$/);
    for (const line of table.stdout.split('\n')) assert.ok(line.length <= 80, line);
  });

  it('names a signature that was changed, and a stray one: exit 3', async (t) => {
    const root = temporaryFolder(t);
    const library = await writeLibrary(join(root, 'library'));
    assert.equal(doctor(root, ['--signatures', library]).checks.find(({ name }) => name === 'library')?.status, 'ok');
    damage(join(library, 'evil.safetensors'));
    writeFileSync(join(library, 'stray.safetensors'), '');
    const { status, checks, stderr } = doctor(root, [], { WEIGHTSEQ_SIGNATURES: library });
    assert.equal(status, 3);
    assert.equal(stderr, '');
    const signatures = checks.filter(({ name }) => name === 'signatures');
    assert.deepEqual(signatures.map(({ status: s }) => s), ['problem', 'warning']);
    assert.match(signatures[0]?.detail ?? '', /^evil\.safetensors: hash and format: sha256 .* the index says/);
    assert.match(signatures[1]?.detail ?? '', /stray\.safetensors is not in the index/);
    assert.match(weightseq(['doctor', '--signatures', library], root).stdout, /\nproblem +signatures +evil\.safetensors/);
  });

  it('names a library that is none, settings that are wrong, and variables of others', (t) => {
    const root = temporaryFolder(t);
    writeFileSync(join(root, 'weightseq.yaml'), 'fail-on: nver');
    const { status, checks } = doctor(root, ['--signatures', root]);
    assert.equal(status, 3);
    assert.match(checks.find(({ name }) => name === 'library')?.detail ?? '', /no readable index/);
    const settings = checks.filter(({ name }) => name === 'settings');
    assert.deepEqual(settings.map(({ status: s }) => s), ['problem']);
    assert.match(settings[0]?.detail ?? '', /weightseq\.yaml:1:10: fail-on: "nver" is none of/);
    const others = doctor(root, ['--no-config'], { WEIGHTSEQ_WORK: 'x' });
    assert.equal(others.status, 0);
    assert.match(others.checks.find(({ status: s }) => s === 'warning')?.detail ?? '', /WEIGHTSEQ_WORK/);
    assert.equal(doctor(root, ['--no-config'], { WEIGHTSEQ_FAIL_ON: 'nver' }).status, 3);
  });
});

describe('what doctor looks at', () => {
  async function age(t: TestContext, modified: Date, now: string): Promise<Check | undefined> {
    const library = await writeLibrary(join(temporaryFolder(t), 'library'));
    for (const file of ['index.json', 'evil.safetensors']) utimesSync(join(library, file), modified, modified);
    return (await libraryChecks(library, new Date(now))).find(({ name }) => name === 'age');
  }

  it('the age of the signatures, where it is known', async (t) => {
    const made = new Date('2026-01-01T00:00:00Z');
    assert.deepEqual(await age(t, made, '2026-01-31T12:00:00Z'), { name: 'age', status: 'ok', detail: 'newest file of 2026-01-01, 30 days old', mend: null });
    assert.equal((await age(t, made, '2027-01-02T00:00:00Z'))?.status, 'warning');
    assert.match((await age(t, new Date('1985-10-26T08:15:00Z'), '2026-01-01T00:00:00Z'))?.detail ?? '', /not known/);
  });

  it('a provider whose process crashes, or says nothing', async (t) => {
    const folder = temporaryFolder(t);
    const script = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    assert.deepEqual(await tryProvider('x', script('a.mjs', "process.kill(process.pid, 'SIGSEGV');\nawait new Promise(() => setInterval(() => {}, 1000));")), { works: false, why: 'its process ended with SIGSEGV' });
    assert.deepEqual(await tryProvider('x', script('b.mjs', "console.error('one');\nconsole.error('no library');\nprocess.exitCode = 127;\nprocess.disconnect();")), { works: false, why: 'its process ended with exit code 127: no library' });
  });

  it('versions and quotas', () => {
    assert.deepEqual(['v20.12.0', 'v20.11.9', 'v22.0.0', 'v9.99.0', 'v20.12.1'].map((v) => isAtLeast(v, '>=20.12')), [true, false, true, false, true]);
    assert.deepEqual(['max 100000', '150000 100000\n', '-1 100000', ''].map(quotaOf), [null, 1.5, null, null]);
  });

  it('the free space of a folder that is not made yet', async (t) => {
    const folder = join(temporaryFolder(t), 'a', 'b');
    const { status, detail } = await folderCheck('cache', folder);
    assert.notEqual(status, 'problem');
    assert.match(detail, /\(not made yet\): [\d.]+ .?B free$/);
  });
});
