/** What can be set, read from the commands themselves: an option that is added to a command can be set everywhere. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { quoteText } from '../../src/text.js';
import { didYouMean } from '../suggest.js';

/** One thing that can be set, of one command: an option, or a flag and its opposite. */
export interface Setting {
  readonly command: Command;
  /** Commander's name of its value. */
  readonly attribute: string;
  /** Its long names without dashes, each with the option that it belongs to: `hash`, `no-hash`. */
  readonly names: ReadonlyMap<string, Option>;
  /** The option that is shown in the help. */
  readonly option: Option;
}

/** A value as it is written: in a file, or (always text) in the environment. */
export type Raw = boolean | string | readonly string[];

/** The program itself and every command below it. */
export function allCommands(program: Command): Command[] {
  return [program, ...program.commands.flatMap(allCommands)];
}

/** Names from the program down to the command: `['signature', 'list']`, none for the program. */
export function pathOf(command: Command): string[] {
  return command.parent === null ? [] : [...pathOf(command.parent), command.name()];
}

/** `fail-on` → `WEIGHTSEQ_FAIL_ON`. */
export function environmentName(name: string): string {
  return `WEIGHTSEQ_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** Options of a command that can be set elsewhere too, in the order of its help. */
export function settingsOf(command: Command): Setting[] {
  const names = new Map<string, Map<string, Option>>();
  for (const option of command.options) {
    if (option.long === undefined || option.long === '--version') continue;
    const attribute = option.attributeName();
    const known = names.get(attribute) ?? new Map<string, Option>();
    names.set(attribute, known.set(option.long.slice(2), option));
  }
  return [...names].flatMap(([attribute, options]) => {
    const all = [...options.values()];
    const option = all.find(({ hidden }) => !hidden) ?? all[0];
    return option === undefined ? [] : [{ command, attribute, names: options, option }];
  });
}

function isBoolean(option: Option): boolean {
  return !option.required && !option.optional;
}

/** Gives each flag its opposite, unseen: what a file turns on can be turned off on the command line. */
export function addOpposites(command: Command): void {
  for (const option of [...command.options].filter(isBoolean)) {
    if (option.long === undefined || option.long === '--version') continue;
    const opposite = option.negate ? `--${option.long.slice('--no-'.length)}` : `--no-${option.long.slice(2)}`;
    if (command.options.every(({ long }) => long !== opposite)) command.addOption(new Option(opposite).hideHelp());
  }
}

type Parse = (value: string, previous: unknown) => unknown;
const parsers = new WeakMap<Option, Parse>();

/** Makes a repeated option on the command line replace what the environment or a file gave, where it would be added to it. */
export function letFlagsReplace(command: Command): void {
  for (const option of command.options) {
    const own = option.parseArg as Parse | undefined;
    if (isBoolean(option) || (own === undefined && !option.variadic)) continue;
    const parse: Parse = own ?? ((value, previous) => [...(Array.isArray(previous) ? (previous as string[]) : []), value]);
    parsers.set(option, parse);
    option.parseArg = <T>(value: string, previous: T) => {
      const isLower = ['config', 'env'].includes(command.getOptionValueSource(option.attributeName()) ?? '');
      return parse(value, isLower ? option.defaultValue : previous) as T;
    };
  }
}

/**
 * The value that an option takes from what is written under one of its names.
 * @param place turns a path into one that holds in the working folder
 * @throws InvalidArgumentError with what is wrong, and what is meant
 */
export function coerce(setting: Setting, name: string, raw: Raw, place: (path: string) => string = (path) => path): unknown {
  const option = setting.names.get(name) ?? setting.option;
  const isNegatable = [...setting.names.values()].some((o) => o.negate);
  if (isBoolean(option)) {
    const value = toBoolean(raw);
    if (!option.negate) return value;
    const positive = [...setting.names.values()].find((o) => !o.negate);
    // no-cache: false beside --cache <folder> is no word on the folder.
    return value ? false : positive === undefined || isBoolean(positive) ? true : positive.defaultValue;
  }
  if (typeof raw === 'boolean') {
    if (!raw && (isNegatable || option.optional)) return false;
    if (raw && option.optional) return option.presetArg ?? true;
    throw new InvalidArgumentError(`expected ${placeholder(option)}, found ${raw}`);
  }
  // --cache [dir] may stand alone.
  if (option.optional && (raw === 'true' || raw === 'false')) return raw === 'true' ? (option.presetArg ?? true) : false;
  const texts = typeof raw === 'string' ? split(option, raw) : raw;
  const located = texts.map((text) => (isPath(option, text) ? place(text) : text));
  const value = located.reduce<unknown>((previous, text) => parse(option, text, previous), option.defaultValue);
  if (typeof raw !== 'string' && !Array.isArray(value)) throw new InvalidArgumentError(`expected one ${placeholder(option)}, found a list`);
  return value;
}

function toBoolean(raw: Raw): boolean {
  if (typeof raw === 'boolean') return raw;
  const text = typeof raw === 'string' ? raw.toLowerCase() : '';
  if (['true', '1', 'yes', 'on'].includes(text)) return true;
  if (['false', '0', 'no', 'off'].includes(text)) return false;
  throw new InvalidArgumentError(`expected true or false, found ${typeof raw === 'string' ? quoteText(raw) : 'a list'}`);
}

/** The parts at commas, for an option that may be repeated: for no other, whose value may well hold a comma. */
function split(option: Option, text: string): string[] {
  if (!text.includes(',')) return [text];
  const parts = text.split(',').map((part) => part.trim()).filter((part) => part !== '');
  try {
    if (Array.isArray(parse(option, parts[0] ?? '', option.defaultValue))) return parts;
  } catch {
    // Neither is the whole a value then: the message is about the whole.
  }
  return [text];
}

function parse(option: Option, text: string, previous: unknown): unknown {
  const choices = option.argChoices;
  if (choices !== undefined && !choices.includes(text)) {
    throw new InvalidArgumentError(`${quoteText(text)} is none of ${choices.join(', ')}. ${didYouMean(text, choices, '')}`.trim());
  }
  const own = parsers.get(option);
  return own === undefined ? text : own(text, previous);
}

/** What the help shows between the brackets: `file`, `name`. */
function placeholder(option: Option): string {
  return /[<[]=?([^>\]]+?)(?:\.\.\.)?[>\]]/u.exec(option.flags)?.[1] ?? 'value';
}

/** What is always a path, by its name in the help. */
const PATHS = ['file', 'folder', 'path', 'dir', 'report'];

/** `<file>` holds a path; of `<name-or-file>`, what has a dot or a slash is one. `-` is a stream. */
function isPath(option: Option, text: string): boolean {
  const name = placeholder(option);
  if (text === '-' || option.argChoices?.includes(text) === true) return false;
  return PATHS.includes(name) || (name.split(/[^a-z]+/u).some((word) => PATHS.includes(word)) && /[./\\]/u.test(text));
}
