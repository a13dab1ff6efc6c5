/** `weightseq config`: which setting holds. In: flags, environment, file. Out: every option with its value and origin. */
import { Option, type Command } from 'commander';
import { WeightseqError } from '../src/errors.js';
import { escapeJson } from '../src/report/json.js';
import { escapeText } from '../src/text.js';
import { output } from './io.js';
import { log } from './log.js';
import { configInUse, settingsInForce } from './settings/apply.js';
import { allCommands, environmentName, pathOf, type Setting } from './settings/options.js';
import type { Origin, Settled } from './settings/settle.js';
import { didYouMean } from './suggest.js';

interface Flags {
  readonly format: 'table' | 'json';
}

/** Adds `config print|path` to the program. */
export function addConfig(program: Command): void {
  const group = program
    .command('config')
    .description('which setting holds, and what set it')
    .addHelpText('before', 'Examples:\n  weightseq config print\n  weightseq config path\n');
  group
    .command('print')
    .description('every option, its value, and where that comes from: flag, environment, file or default')
    .argument('[command...]', 'only of this command, as with the flags that follow')
    .addOption(new Option('--format <format>', 'form of the output').choices(['table', 'json']).default('table'))
    .option('--debug', 'show stack traces')
    .allowUnknownOption()
    .addHelpText('before', 'Examples:\n  weightseq config print\n  weightseq config print scan --fail-on indeterminate\n  weightseq config print --format json\n')
    .action(async (words: string[], { format }: Flags) => {
      const commands = words.length > 0 ? [commandOf(program, words)] : allCommands(program).filter((command) => command.commands.length === 0 || command === program);
      const settled = commands.map((command): [Command, Settled[]] => [command, settingsInForce(program, command)]);
      await output(format === 'json' ? asJson(program, settled) : asTable(program, settled), undefined);
    });
  group
    .command('path')
    .description('the configuration file in use')
    .option('--debug', 'show stack traces')
    .addHelpText('before', 'Example:\n  weightseq config path\n')
    .action(async () => {
      const { file, problem } = configInUse(program);
      if (problem !== null) throw problem;
      if (file === null) log.info('settings', 'no configuration file is used', { file: null });
      else await output(`${escapeText(file.path)}\n`, undefined);
    });
}

/** The command that the words name; the flags after them become its own. */
function commandOf(program: Command, words: readonly string[]): Command {
  let command = program;
  let at = 0;
  for (;;) {
    const next = command.commands.find((c) => c.name() === words[at]);
    if (next === undefined) break;
    command = next;
    at++;
  }
  const { operands, unknown } = command.parseOptions(words.slice(at));
  const stray = operands[0] ?? unknown[0];
  if (at === 0 || stray !== undefined) {
    const known = allCommands(program).map((c) => pathOf(c).join(' ')).filter((name) => name !== '');
    const flags = command.options.filter(({ hidden }) => !hidden).map(({ long }) => long ?? '');
    const isFlag = stray?.startsWith('-') === true;
    throw new WeightseqError('usage', `${escapeText(stray ?? '')} is no ${isFlag ? `option of ${pathOf(command).join(' ')}` : 'command'}`, {
      mend: isFlag ? didYouMean(stray, flags, 'Its --help shows them.') : didYouMean(words.join(' '), known, `Commands are ${known.join(', ')}.`),
    });
  }
  return command;
}

function titleOf(command: Command): string {
  return command.parent === null ? 'all commands' : pathOf(command).join(' ');
}

function asJson(program: Command, commands: readonly [Command, Settled[]][]): string {
  const options = commands.flatMap(([command, settled]) => settled.map(({ setting, value, origin }) => ({
    command: pathOf(command).join(' ') || null,
    option: setting.option.long,
    environment: environmentName(nameOf({ setting })),
    value: (isFlag(setting) ? isOn(setting, value) : value) ?? null,
    ...{ name: null, file: null, line: null, column: null },
    ...origin,
  })));
  return `${escapeJson(JSON.stringify({ schemaVersion: 1, file: configInUse(program).file?.path ?? null, options }, null, 2))}\n`;
}

function asTable(program: Command, commands: readonly [Command, Settled[]][]): string {
  const rows = commands.map(([command, settled]) => ({
    title: titleOf(command),
    lines: settled.map((one) => [`--${nameOf(one)}`, shown(one), from(one.origin)] as const),
  }));
  const all = rows.flatMap(({ lines }) => lines);
  const widths = [0, 1].map((i) => Math.min(40, Math.max(...all.map((line) => line[i]?.length ?? 0))));
  const file = configInUse(program).file?.path;
  return [
    file === undefined ? 'no configuration file is used' : `configuration file: ${escapeText(file)}`,
    ...rows.flatMap(({ title, lines }) => [
      '', title,
      ...lines.map(([name, value, origin]) => `  ${name.padEnd(widths[0] ?? 0)}  ${value.padEnd(widths[1] ?? 0)}  ${origin}`.trimEnd()),
    ]),
    '',
  ].join('\n');
}

/** The name that the help shows. */
function nameOf({ setting }: Pick<Settled, 'setting'>): string {
  return setting.option.long?.slice(2) ?? setting.attribute;
}

function isFlag({ option }: Setting): boolean {
  return !option.required && !option.optional;
}

/** Of the flag that the help shows: --no-hash is on where the hash is off. */
function isOn({ option }: Setting, value: unknown): boolean {
  return option.negate ? value === false : value === true;
}

function shown({ setting, value, origin }: Settled): string {
  const { option } = setting;
  if (origin.from === 'default' && option.defaultValueDescription !== undefined) return option.defaultValueDescription;
  if (isFlag(setting)) return String(isOn(setting, value));
  const text = Array.isArray(value) ? value.join(', ') : value === undefined ? '-' : value === false ? 'none' : typeof value === 'string' ? value : JSON.stringify(value);
  return escapeText(text);
}

function from(origin: Origin): string {
  if (origin.from === 'environment') return `environment ${origin.name}`;
  return origin.from === 'file' ? `file, line ${origin.line}` : origin.from;
}
