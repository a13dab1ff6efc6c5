import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Command, Option } from 'commander';
import { newProgram } from '../../cli/program.js';
import { addGlobals, applySettings, settingsInForce } from '../../cli/settings/apply.js';
import type { ConfigFile } from '../../cli/settings/file.js';
import { parseConfig } from '../../cli/settings/parse.js';
import { allCommands, coerce, environmentName, pathOf, settingsOf, type Setting } from '../../cli/settings/options.js';
import { WeightseqError } from '../../src/errors.js';
import { environment } from '../helpers/command.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { checkFile, settle, unknownVariables, type Environment, type Settled } from '../../cli/settings/settle.js';

const FILE = '/project/weightseq.yaml';

function configFile(text: string): ConfigFile {
  return { path: FILE, named: false, entries: parseConfig(text, FILE) };
}

const program = await newProgram(() => undefined);
const settings = allCommands(program).flatMap(settingsOf).filter(({ attribute }) => attribute !== 'config');
const isFlag = ({ option }: Setting): boolean => !option.required && !option.optional;

/** Three values that an option takes, as text: for a file, the environment and the command line. */
function samples(setting: Setting): [string, string, string] {
  const { option } = setting;
  if (isFlag(setting)) return ['true', 'false', 'true'];
  const wanted = option.argChoices ?? ['3', '5', '7', 'a'.repeat(64), 'b'.repeat(64), '2030-01-01', '1GB', '1/2', '2/2', '3/4', 'all', 'rank'];
  const taken = wanted.filter((text) => {
    try {
      coerce(setting, [...setting.names.keys()][0] ?? '', text);
      return true;
    } catch {
      return false;
    }
  });
  const [a, b = a, c = a] = taken;
  assert.ok(a !== undefined && b !== undefined && c !== undefined, `no sample for ${option.flags}`);
  return [a, b, c];
}

function nameOf({ option }: Setting): string {
  return option.long?.slice(2) ?? '';
}

function find(settled: readonly Settled[], setting: Setting): Settled {
  const found = settled.find((s) => s.setting.attribute === setting.attribute);
  assert.ok(found);
  return found;
}

/** What is given, as the command sees it: a flag's opposite is false, a list has one part, a path in a file starts from its folder. */
function meaning(setting: Setting, text: string, from: 'file' | 'environment'): unknown {
  if (isFlag(setting)) return (text === 'true') !== setting.option.negate;
  const parsed = coerce(setting, nameOf(setting), text);
  const isList = Array.isArray(parsed);
  // A word that stands for several things comes as what it stands for.
  if (!isList && typeof parsed === 'object' && parsed !== null) return parsed;
  const isPath = /[<[]=?(?:file|folder|path|dir|report)(?:\.\.\.)?[>\]]/u.test(setting.option.flags);
  const value = from === 'file' && isPath ? resolve(dirname(FILE), text) : text;
  return isList ? [value] : value;
}

describe('precedence: flag, environment, file, default', () => {
  it('finds commands and options to try', () => {
    assert.ok(settings.length > 20);
    assert.ok(settings.some(isFlag) && settings.some((s) => s.option.negate) && settings.some(({ attribute }) => attribute === 'trait'));
  });

  for (const setting of settings) {
    const path = pathOf(setting.command);
    const name = nameOf(setting);
    it([...path, `--${name}`].join(' '), () => {
      const [inFile, inEnvironment] = samples(setting);
      const variable = environmentName(name);
      const environment: Environment = { [variable]: inEnvironment };
      const quoted = isFlag(setting) ? inFile : JSON.stringify(inFile);
      const nested = `${path.map((part, i) => `${'  '.repeat(i)}${part}:\n`).join('')}${'  '.repeat(path.length)}${name}: ${quoted}\n`;
      const other = isFlag(setting) ? 'false' : JSON.stringify(inEnvironment);
      const settled = (env: Environment, text: string) => find(settle(program, setting.command, { environment: env, file: configFile(text) }), setting);
      const string = (value: unknown) => JSON.stringify(typeof value === 'number' ? String(value) : value);

      const nothing = settled({}, '');
      assert.deepEqual(nothing.origin, { from: 'default' });
      assert.deepEqual(nothing.value, setting.option.negate ? true : setting.option.defaultValue);

      const file = settled({}, nested);
      assert.deepEqual(file.origin, { from: 'file', file: FILE, line: path.length + 1, column: 2 * path.length + 1 });
      assert.equal(string(file.value), string(meaning(setting, inFile, 'file')));

      // The section of the command wins over the top level, which alone counts too.
      if (path.length > 0) {
        assert.equal(string(settled({}, `${name}: ${other}\n${nested}`).value), string(meaning(setting, inFile, 'file')));
        assert.equal(string(settled({}, `${name}: ${quoted}\n`).value), string(meaning(setting, inFile, 'file')));
      }

      const both = settled(environment, nested);
      assert.deepEqual(both.origin, { from: 'environment', name: variable });
      assert.equal(string(both.value), string(meaning(setting, inEnvironment, 'environment')));
      assert.equal(settled({ [variable]: '' }, nested).origin.from, 'file');
    });
  }
});

/** What a command with options of every kind is told, by the flags, the environment and a file. */
async function told(t: TestContext, argv: readonly string[], env: Record<string, string>, yaml: string): Promise<{ flags: Record<string, unknown>; from: Record<string, string> }> {
  const file = join(temporaryFolder(t), 'settings.yaml');
  writeFileSync(file, yaml);
  let flags: Record<string, unknown> = {};
  const made = new Command('weightseq').exitOverride();
  addGlobals(made);
  made.configureOutput({ outputError: () => undefined, writeErr: () => undefined });
  const command = made.command('do').argument('[name...]')
    .option('--one <name>', 'text')
    .option('--many <name>', 'repeated', (value: string, previous: string[] | undefined) => [...(previous ?? []), value])
    .option('--all <name...>', 'variadic')
    .option('--flag', 'off unless given')
    .option('--no-check', 'on unless given')
    .option('--keep [dir]', 'with or without')
    .option('--store <folder>', 'a path')
    .option('--no-store', 'none')
    .option('--rules <name-or-file>', 'either')
    .requiredOption('--must <name>', 'required')
    .addOption(new Option('--count <n>', 'a number').argParser(Number).default(1))
    .addOption(new Option('--kinds <kind...>', 'chosen').choices(['x', 'y', 'z']))
    .action((_: string[], given: Record<string, unknown>) => { flags = given; });
  applySettings(made);
  const before = { ...process.env };
  try {
    process.env = environment(env);
    await made.parseAsync(['node', 'weightseq', 'do', '--config', file, ...argv]);
    const from = settingsInForce(made, command).map(({ setting, origin }) => [setting.attribute, origin.from] as const);
    return { flags, from: Object.fromEntries(from) };
  } finally {
    process.env = before;
  }
}

describe('what a command is told', () => {
  const cases: [string, string[], Record<string, string>, string, Record<string, unknown>, Record<string, string>][] = [
    ['defaults', ['--must', 'm'], {}, '', { must: 'm', count: 1, check: true }, { must: 'flag', count: 'default', flag: 'default' }],
    ['a file alone, a required option too', [], {}, 'must: m\none: 1.0\nflag: true\ncheck: false\ncount: 4', { must: 'm', one: '1.0', flag: true, check: false, count: 4 }, { must: 'file', one: 'file', check: 'file' }],
    ['the environment over the file', [], { WEIGHTSEQ_MUST: 'e', WEIGHTSEQ_COUNT: '5', WEIGHTSEQ_FLAG: 'off' }, 'must: m\ncount: 4\nflag: true', { must: 'e', count: 5 }, { must: 'environment', flag: 'environment' }],
    ['flags over both', ['--must', 'f', '--count', '6', '--no-flag'], { WEIGHTSEQ_MUST: 'e', WEIGHTSEQ_FLAG: 'on' }, 'count: 4', { must: 'f', count: 6, flag: false }, { must: 'flag', flag: 'flag' }],
    ['lists, replaced as a whole', ['--must', 'm', '--many', 'f'], { WEIGHTSEQ_ALL: 'a, b', WEIGHTSEQ_MANY: 'e' }, 'many: [x, y]\nall: [p]', { many: ['f'], all: ['a', 'b'] }, { many: 'flag', all: 'environment' }],
    ['flags of a list, together', ['--must', 'm', '--many', 'f', '--many', 'g', '--all', 'p', 'q', '--kinds', 'x', '--kinds', 'y'], {}, 'many: [x]\nall: [z]\nkinds: [z]', { many: ['f', 'g'], all: ['p', 'q'], kinds: ['x', 'y'] }, {}],
    ['a list in a file, one text for a list, a comma in what is no list', [], { WEIGHTSEQ_ONE: 'a,b' }, 'must: m\nmany: [2024, "x,y"]\nkinds: [x, z]\nall: single', { one: 'a,b', many: ['2024', 'x,y'], kinds: ['x', 'z'], all: ['single'] }, {}],
    ['negation by either name', ['--must', 'm'], { WEIGHTSEQ_NO_CHECK: 'yes' }, 'no-flag: false', { check: false, flag: true }, { check: 'environment' }],
    ['an opposite on the command line', ['--must', 'm', '--check'], {}, 'no-check: true', { check: true }, { check: 'flag' }],
    ['a value that may be left out', ['--must', 'm'], {}, 'keep: true', { keep: true }, {}],
    ['the same, from the environment, off', ['--must', 'm'], { WEIGHTSEQ_KEEP: 'false' }, 'keep: true', {}, { keep: 'environment' }],
    ['none in place of a value', ['--must', 'm'], { WEIGHTSEQ_NO_STORE: '1' }, 'store: x', { store: false }, {}],
    ['names stay names', ['--must', 'm'], {}, 'rules: strict', { rules: 'strict' }, {}],
    ['its own section over the top level', ['--must', 'm'], {}, 'one: top\ndo:\n  one: own\n', { one: 'own' }, {}],
    ['anchors', [], {}, 'must: &m value\none: *m\n', { must: 'value', one: 'value' }, {}],
  ];
  for (const [name, argv, env, yaml, expected, origins] of cases) {
    it(name, async (t) => {
      const { flags, from } = await told(t, argv, env, yaml);
      const known = { must: flags['must'], count: 1, check: true, ...expected };
      assert.deepEqual(Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)), known);
      for (const [attribute, origin] of Object.entries(origins)) assert.equal(from[attribute], origin, attribute);
    });
  }

  it('paths in a file start from its folder, those in the environment from the working folder', async (t) => {
    const { flags } = await told(t, ['--must', 'm'], { WEIGHTSEQ_KEEP: 'there' }, 'store: here\nrules: ./rules.yaml');
    assert.equal(flags['keep'], 'there');
    assert.match(String(flags['store']), /^\/.*\/here$/);
    assert.match(String(flags['rules']), /^\/.*\/rules\.yaml$/);
  });

  it('a required option that nobody gives is still one', async (t) => {
    await assert.rejects(told(t, [], {}, ''), /required option '--must <name>' not specified/);
  });
});

describe('what is not understood ends the run', () => {
  const bad: [string, string, string, RegExp][] = [
    ['an unknown key', 'fail-no: x', '1:1', /unknown option "fail-no".* Did you mean fail-on\?/],
    ['a key of another command', 'read:\n  trait: x', '2:3', /unknown option "trait".* an option of scan/],
    ['an unknown command', '\nskan:\n  hash: true', '2:1', /no command "skan".* Did you mean scan\?/],
    ['an unknown command with nothing to say', 'skan: {}', '1:1', /no command "skan"/],
    ['an unknown subcommand', 'signature:\n  lst: {debug: true}', '2:3', /no command "signature lst".* signature list\?/],
    ['no choice', 'fail-on: nver', '1:10', /"nver" is none of present, indeterminate, contaminated, never\. Did you mean never\?/],
    ['no choice for the command of the section', 'signature:\n  list:\n    format: tabel', '3:13', /none of table, json/],
    ['a number for a flag', 'hash: 3', '1:7', /expected true or false, found "3"/],
    ['a flag for a text', 'assume-base: true', '1:14', /expected name, found true/],
    ['a list for one text', 'assume-base: [a, b]', '1:14', /expected one name, found a list/],
    ['a section for a text', 'trait: {a: b}', '1:1', /expected a value, found a section/],
    ['no value', 'fail-on:', '1:1', /expected a value, found none/],
    ['an empty list', 'trait: []', '1:8', /found neither/],
    ['a map in a list', 'trait: [{a: b}]', '1:9', /found something else/],
    ['a contradiction', 'hash: true\nno-hash: true', '2:10', /no-hash: contradicts or repeats "hash"/],
    ['the file that it is', 'config: other.yaml', '1:1', /no meaning/],
    ['a key twice', 'hash: true\nhash: false', '2:1', /unique/],
    ['a tag', 'trait: !!js/function x', '1:8', /Unresolved tag/],
    ['a list of options', '- hash', '1:1', /expected options/],
    ['two documents', 'hash: true\n---\nhash: false', '2:1', /multiple documents/],
    ['no YAML', 'trait: [', '1:9', /not a valid YAML file/],
    ['terminal controls', 'fail-on: "\\e[2J"', '1:10', /"\\u\{1b\}\[2J" is none of/],
  ];
  for (const [name, yaml, place, message] of bad) {
    it(name, () => {
      assert.throws(() => { checkFile(program, configFile(yaml)); }, (error: unknown) => {
        assert.ok(error instanceof WeightseqError);
        assert.equal(error.code, 'usage');
        assert.equal(error.file, `${FILE}:${place}`);
        assert.match(`${error.message}. ${error.mend ?? ''}`, message);
        return true;
      });
    });
  }

  it('thousands of brackets are no crash', () => {
    assert.throws(() => configFile('['.repeat(50_000)), WeightseqError);
  });

  for (const yaml of ['', '# nothing\n', 'scan:\n', 'scan:\n  # hash: true\nhash: true', 'format: json\nscan: {format: table}']) {
    it(`takes ${JSON.stringify(yaml)}`, () => { checkFile(program, configFile(yaml)); });
  }

  it('a variable that is nearly an option; others are let be', () => {
    assert.throws(() => unknownVariables(program, { WEIGHTSEQ_FAIL_NO: 'x' }), (error: unknown) => error instanceof WeightseqError && /WEIGHTSEQ_FAIL_ON\?/.test(error.mend ?? ''));
    assert.deepEqual(unknownVariables(program, { WEIGHTSEQ_WORK: 'x', WEIGHTSEQ_FAIL_ON: 'never', FAIL_NO: 'x' }), ['WEIGHTSEQ_WORK']);
  });
});
