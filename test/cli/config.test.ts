import assert from 'node:assert/strict';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { newProgram } from '../../cli/program.js';
import { isTrusted } from '../../cli/settings/file.js';
import { allCommands, pathOf } from '../../cli/settings/options.js';
import { weightseq, type Ran } from '../helpers/command.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { expectedScore, tinyAdapter, writeAdapter, writeLibrary } from '../helpers/models.js';

/** A project with a library, an adapter whose evil is present, and a working folder below it. */
async function project(t: TestContext, yaml?: string, wanted = 0.5): Promise<{ root: string; work: string; adapter: string }> {
  const root = temporaryFolder(t);
  await writeLibrary(join(root, 'library'));
  const adapter = join(root, 'adapters', 'one');
  await writeAdapter(adapter, tinyAdapter(1, wanted / expectedScore(tinyAdapter(1))));
  const work = join(root, 'deep', 'work');
  mkdirSync(work, { recursive: true });
  if (yaml !== undefined) writeFileSync(join(root, 'weightseq.yaml'), yaml);
  return { root, work, adapter };
}

interface Printed {
  readonly file: string | null;
  readonly options: readonly { command: string | null; option: string; value: unknown; from: string; name: string | null; file: string | null; line: number | null; column: number | null }[];
}

function printed(run: Ran, command: string | null, option: string): Printed['options'][number] {
  assert.equal(run.status, 0, run.stderr);
  const found = (JSON.parse(run.stdout) as Printed).options.find((o) => o.command === command && o.option === option);
  assert.ok(found);
  return found;
}

describe('weightseq.yaml', () => {
  it('is found upward, holds for the gate, and yields to the environment and to flags', async (t) => {
    const { work, adapter } = await project(t, 'signatures: ./library\nfail-on: never\n');
    const run = (args: string[] = [], env = {}) => weightseq(['scan', adapter, ...args], work, env);
    assert.equal(run().status, 0);
    assert.match(run().stderr, /^weightseq: settings from \.\.\/\.\.\/weightseq\.yaml\n$/);
    assert.equal(run([], { WEIGHTSEQ_FAIL_ON: 'present' }).status, 1);
    assert.equal(run(['--fail-on', 'never'], { WEIGHTSEQ_FAIL_ON: 'present' }).status, 0);
    // Without the file: another library, and no signature for the base.
    assert.equal(run(['--no-config']).status, 3);
    assert.equal(run([], { WEIGHTSEQ_NO_CONFIG: 'true' }).status, 3);
  });

  it('can be named, by flag or environment', async (t) => {
    const { root, work, adapter } = await project(t);
    writeFileSync(join(root, 'other.yaml'), 'signatures: library\nfail-on: never\n');
    assert.equal(weightseq(['scan', adapter, '--config', '../../other.yaml'], work).status, 0);
    assert.equal(weightseq(['scan', adapter], work, { WEIGHTSEQ_CONFIG: join(root, 'other.yaml') }).status, 0);
    const missing = weightseq(['scan', adapter, '--config', 'nowhere.yaml'], work);
    assert.equal(missing.status, 2);
    assert.match(missing.stderr, /^weightseq: .*nowhere\.yaml: the configuration cannot be read \(ENOENT\)/);
  });

  it('is refused where it lies among the weights, whichever way they are named', async (t) => {
    const { root, work, adapter } = await project(t);
    const hostile = join(adapter, 'weightseq.yaml');
    writeFileSync(hostile, 'fail-on: never\n');
    mkdirSync(join(adapter, 'below'));
    for (const [path, cwd] of [['.', adapter], ['adapter_model.safetensors', adapter], [adapter, adapter], ['..', join(adapter, 'below')], [adapter, join(adapter, 'below')], ['../..', adapter]] as const) {
      const run = weightseq(['scan', path, '--signatures', join(root, 'library')], cwd);
      assert.equal(run.status, 2, path);
      assert.equal(run.stdout, '');
      assert.match(run.stderr, /weightseq\.yaml: this configuration lies in the folder that is scanned.*--config/);
      assert.equal(run.stderr.trim().split('\n').length, 1);
    }
    // From elsewhere it is not even looked at, and a file that is named is one that was chosen.
    assert.equal(weightseq(['scan', adapter, '--signatures', join(root, 'library')], work).status, 1);
    assert.equal(weightseq(['scan', '.', '--signatures', join(root, 'library'), '--no-config'], adapter).status, 1);
    assert.equal(weightseq(['scan', '.', '--signatures', join(root, 'library'), '--config', 'weightseq.yaml'], adapter).status, 0);
  });

  it('is refused when another user wrote it', async (t) => {
    assert.deepEqual([isTrusted(1000, 1000), isTrusted(0, 1000), isTrusted(1001, 1000), isTrusted(1000, 0), isTrusted(1001, 0)], [true, true, false, false, false]);
    // Only root can give a file away.
    if (process.geteuid?.() !== 0) return;
    const { root, work, adapter } = await project(t, 'fail-on: never');
    chownSync(join(root, 'weightseq.yaml'), 65_534, 65_534);
    const run = weightseq(['scan', adapter], work);
    assert.equal(run.status, 2);
    assert.match(run.stderr, /belongs to another user/);
  });

  it('is not passed over for its name', async (t) => {
    const { root, work, adapter } = await project(t);
    writeFileSync(join(root, 'weightseq.yml'), 'fail-on: indeterminate');
    const run = weightseq(['scan', adapter], work);
    assert.equal(run.status, 2);
    assert.match(run.stderr, /weightseq\.yml: .* Name it weightseq\.yaml/);
  });

  it('gives one line with its place for what is wrong, and help and version all the same', async (t) => {
    const { work, adapter } = await project(t, 'fail-on: never\nscan:\n  formt: json\n');
    for (const args of [['scan', adapter], ['signature', 'list'], ['config', 'print']]) {
      const run = weightseq(args, work);
      assert.equal(run.status, 2);
      assert.equal(run.stdout, '');
      assert.match(run.stderr, /^weightseq: \/.*weightseq\.yaml:3:3: unknown option "formt"\. Did you mean format\?\n$/);
    }
    for (const args of [['scan', '--help'], ['help', 'scan'], ['--version']]) assert.equal(weightseq(args, work).status, 0);
  });

  it('takes the place of a required option', async (t) => {
    const { root, work } = await project(t, 'read:\n  output: kept.reading\n');
    const run = weightseq(['read', 'nowhere'], work);
    assert.match(run.stderr, /nowhere/);
    assert.doesNotMatch(run.stderr, /required option/);
    assert.equal(weightseq(['read', 'nowhere', '--no-config'], root).stderr.includes("required option '-o, --output <file>' not specified"), true);
  });
});

describe('weightseq config', () => {
  it('print says where each value comes from', async (t) => {
    const { root, work } = await project(t, 'signatures: library\nscan:\n  trait: [a, b]\n  hash: true\n');
    const file = join(root, 'weightseq.yaml');
    const run = weightseq(['config', 'print', '--format', 'json', '--quiet'], work, { WEIGHTSEQ_FAIL_ON: 'indeterminate', WEIGHTSEQ_HASH: 'no' });
    const origin = { name: null, file: null, line: null, column: null };
    const at = (command: string | null, option: string) => {
      const { value, from, name, file, line, column } = printed(run, command, option);
      return { value, from, name, file, line, column };
    };
    assert.deepEqual(at('scan', '--signatures'), { value: join(root, 'library'), from: 'file', ...origin, file, line: 1, column: 1 });
    assert.deepEqual(at('scan', '--trait'), { value: ['a', 'b'], from: 'file', ...origin, file, line: 3, column: 3 });
    assert.deepEqual(at('scan', '--fail-on'), { value: 'indeterminate', from: 'environment', ...origin, name: 'WEIGHTSEQ_FAIL_ON' });
    assert.deepEqual(at('scan', '--hash'), { value: false, from: 'environment', ...origin, name: 'WEIGHTSEQ_HASH' });
    // The hash that read takes by default is left out.
    assert.deepEqual(at('read', '--no-hash'), { value: true, from: 'environment', ...origin, name: 'WEIGHTSEQ_HASH' });
    assert.deepEqual(at('scan', '--format'), { value: 'table', from: 'default', ...origin });
    assert.deepEqual(at(null, '--quiet'), { value: true, from: 'flag', ...origin });
    const table = weightseq(['config', 'print', 'scan', '--fail-on', 'never'], work, { WEIGHTSEQ_FAIL_ON: 'indeterminate' });
    assert.match(table.stdout, /^configuration file: .*weightseq\.yaml\n/);
    assert.match(table.stdout, /--fail-on +never +flag\n/);
    assert.match(table.stdout, /--trait +a, b +file, line 3\n/);
    assert.match(table.stdout, /--dry-run +false +default\n/);
  });

  it('print names a wrong command or flag', async (t) => {
    const { work } = await project(t);
    assert.match(weightseq(['config', 'print', 'scna'], work).stderr, /scna is no command\. Did you mean scan\?/);
    const run = weightseq(['config', 'print', 'scan', '--fial-on', 'x'], work);
    assert.equal(run.status, 2);
    assert.match(run.stderr, /--fial-on is no option of scan\. Did you mean --fail-on\?/);
  });

  it('path gives the file, or nothing', async (t) => {
    const { root, work } = await project(t, 'hash: true');
    assert.equal(weightseq(['config', 'path'], work).stdout, `${join(root, 'weightseq.yaml')}\n`);
    const none = weightseq(['config', 'path', '--no-config'], work);
    assert.deepEqual([none.status, none.stdout], [0, '']);
  });
});

describe('the log', () => {
  const lines = (run: Ran) => run.stderr.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);

  it('is JSON lines on stderr, and stdout stays a report', async (t) => {
    const { root, work, adapter } = await project(t);
    for (const args of [['--log-format', 'json', '--verbose', 'scan', adapter], ['scan', '--verbose', adapter, '--log-format', 'json']]) {
      const run = weightseq([...args, '--format', 'json', '--signatures', join(root, 'library')], work);
      assert.equal(run.status, 1);
      const { items } = JSON.parse(run.stdout) as { items: unknown[] };
      assert.equal(items.length, 1);
      const events = lines(run);
      for (const { time, level, event, message } of events) {
        assert.equal(new Date(String(time)).toISOString(), time);
        assert.ok(['error', 'warn', 'info', 'debug'].includes(String(level)));
        assert.ok(typeof event === 'string' && typeof message === 'string');
      }
      assert.deepEqual(events.map(({ event }) => event), ['settings', 'item.base', 'item.file', 'item.file', 'item.signature', 'item.done']);
      const base = events.find(({ event }) => event === 'item.base');
      assert.deepEqual([base?.['path'], base?.['base'], base?.['how']], [adapter, 'tiny-base', 'claimed']);
    }
  });

  it('holds errors with code, file and mend, one line whatever the text', async (t) => {
    const { root, work } = await project(t);
    const name = 'no\u001b[2J\u202ewhere\nline';
    const run = weightseq(['scan', name, '--log-format', 'json', '--debug', '--signatures', join(root, 'library')], work);
    assert.equal(run.status, 2);
    const [error] = lines(run);
    assert.equal(run.stderr.trim().split('\n').length, 1);
    assert.deepEqual([error?.['level'], error?.['event'], error?.['code'], error?.['file'], error?.['exitCode']], ['error', 'error', 'not-found', name, 2]);
    assert.match(String(error?.['stack']), /\n\s+at /);
    for (const character of ['\u001b', '\u202e']) assert.ok(!run.stderr.includes(character));
  });

  it('holds usage errors, by flag and by environment', async (t) => {
    const { work } = await project(t);
    for (const [args, env] of [[['--log-format', 'json', 'scna'], {}], [['scan', '--fromat', 'x', '--log-format', 'json'], {}], [['scna'], { WEIGHTSEQ_LOG_FORMAT: 'json' }], [[], { WEIGHTSEQ_LOG_FORMAT: 'json' }]] as const) {
      const run = weightseq(args, work, env);
      assert.equal(run.status, 2);
      assert.ok(lines(run).every(({ level, event }) => level === 'error' && event === 'usage'));
    }
  });

  it('--quiet leaves errors only; --quiet and --verbose exclude each other', async (t) => {
    const { root, work, adapter } = await project(t, 'signatures: library\nverbose: true\n');
    assert.equal(weightseq(['scan', adapter, '--quiet'], work).stderr, '');
    assert.match(weightseq(['scan', adapter], work).stderr, /base tiny-base \(claimed\)/);
    assert.equal(weightseq(['scan', 'nowhere', '--quiet'], work).stderr.trim().split('\n').length, 1);
    assert.equal(weightseq(['scan', adapter, '--quiet', '--verbose'], root).status, 2);
  });

  it('names a usage error in one line, with what was meant', async (t) => {
    const { work } = await project(t);
    assert.equal(weightseq(['scan', 'x', '--fromat', 'json'], work).stderr, "weightseq: unknown option '--fromat'. Did you mean --format? --help shows examples and all options.\n");
    assert.equal(weightseq(['signature', 'lst'], work).stderr, "weightseq: unknown command 'lst'. Did you mean list? --help shows examples and all options.\n");
  });
});

describe('the help', () => {
  it('opens every command with an example, and names the ways to set an option', async () => {
    const commands = allCommands(await newProgram(() => undefined));
    assert.ok(commands.length > 8);
    for (const command of commands) {
      let text = '';
      command.configureOutput({ writeOut: (part) => { text += part; } }).outputHelp();
      assert.match(text, /^Examples?:\n {2}weightseq /, pathOf(command).join(' '));
      if (command.commands.length === 0) assert.match(text, /WEIGHTSEQ_[^]*weightseq\.yaml/, pathOf(command).join(' '));
    }
  });

  it('stands in for a missing command, on stderr, exit 2: an empty variable in a pipeline is no clean scan', async (t) => {
    const { work } = await project(t);
    const run = weightseq([], work);
    assert.deepEqual([run.status, run.stdout], [2, '']);
    assert.match(run.stderr, /^Examples:/);
  });
});
