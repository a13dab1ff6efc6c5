/** Which value each option has, and where it comes from. In: a command, the environment, a file. Out: settled values; pure. */
import { dirname, resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { WeightseqError } from '../../src/errors.js';
import { quoteText } from '../../src/text.js';
import { didYouMean, meant } from '../suggest.js';
import { errorAt, type ConfigFile, type Entry } from './file.js';
import { allCommands, coerce, environmentName, pathOf, settingsOf, type Raw, type Setting } from './options.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Sources {
  readonly environment: Environment;
  readonly file: ConfigFile | null;
}

export type Origin =
  | { readonly from: 'flag' }
  | { readonly from: 'environment'; readonly name: string }
  | { readonly from: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly from: 'default' };

export interface Settled {
  readonly setting: Setting;
  readonly value: unknown;
  readonly origin: Origin;
}

/** What one source says of one option. */
interface Said {
  readonly name: string;
  readonly raw: Raw;
  readonly origin: Origin;
  /** Said of this command alone: it must hold for it. Else it may be meant for another command with such an option. */
  readonly section: readonly string[] | null;
  readonly error: (message: string) => WeightseqError;
  readonly place?: (path: string) => string;
}

/** Names that say which file is read cannot stand in it. */
const OUTSIDE: readonly string[] = ['config', 'no-config'];
/** An unknown variable this near to a known one is a slip, not somebody else's. */
const SLIP = 0.6;

/**
 * Every option of a command with what the environment, the file or its default gives, in this order.
 * @param program of which the command is a part
 * @param path of the command whose section counts: for the program's own options, that of the command that runs
 * @throws WeightseqError `usage` for a value that the option does not take
 */
export function settle(program: Command, command: Command, { environment, file }: Sources, path = pathOf(command)): Settled[] {
  return settingsOf(command).map((setting) => {
    for (const said of [fromEnvironment(setting, environment), ...fromFile(setting, file, path)]) {
      const [first, second] = said;
      if (first === undefined) continue;
      if (second !== undefined) throw second.error(`contradicts or repeats ${quoteText(first.name)}`);
      const value = valueOf(program, setting, first);
      if (value !== undefined) return { setting, value: value.is, origin: first.origin };
    }
    return { setting, value: defaultOf(setting), origin: { from: 'default' } };
  });
}

/** A lone --no-hash stands for a hash that is on. */
function defaultOf({ names, option }: Setting): unknown {
  return option.negate && option.defaultValue === undefined && [...names.values()].every((o) => o.negate || o.hidden) ? true : option.defaultValue;
}

function fromEnvironment({ names }: Setting, environment: Environment): Said[] {
  return [...names.keys()].flatMap((name): Said[] => {
    const variable = environmentName(name);
    const raw = environment[variable];
    // Set and empty is not set: that is how a pipeline passes on a variable that it does not have.
    if (raw === undefined || raw === '') return [];
    const error = (message: string) => new WeightseqError('usage', `${variable}: ${message}`);
    return [{ name, raw, origin: { from: 'environment', name: variable }, section: null, error }];
  });
}

/** What the file says, the section of the command itself first, the top level last. */
function fromFile({ names }: Setting, file: ConfigFile | null, path: readonly string[]): Said[][] {
  if (file === null) return [];
  const sections = path.map((_, i) => path.slice(0, path.length - i));
  return [...sections, []].map((section) => file.entries
    .filter((entry) => names.has(entry.key) && isSame(entry.section, section) && entry.value !== null && !OUTSIDE.includes(entry.key))
    .map((entry) => saidIn(file, entry)));
}

function saidIn(file: ConfigFile, entry: Entry): Said {
  const { key, line, column, valuePlace } = entry;
  return {
    name: key,
    raw: entry.value ?? '',
    origin: { from: 'file', file: file.path, line, column },
    section: entry.section,
    error: (message) => errorAt(file.path, valuePlace, `${key}: ${message}`),
    place: (path) => resolve(dirname(file.path), path),
  };
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((part, i) => part === b[i]);
}

/** The value; undefined for one that only another command takes: `format: sarif` at the top level is no word to `signature list`. */
function valueOf(program: Command, setting: Setting, said: Said): { is: unknown } | undefined {
  try {
    return { is: coerce(setting, said.name, said.raw, said.place) };
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    const others = scope(program, said.section ?? []).filter((command) => command !== setting.command).flatMap(settingsOf);
    if (others.some((other) => other.names.has(said.name) && takes(other, said))) return undefined;
    throw said.error(error.message);
  }
}

function takes(setting: Setting, { name, raw }: Said): boolean {
  try {
    coerce(setting, name, raw);
    return true;
  } catch {
    return false;
  }
}

/** The command of that path and all below it; none where there is no such command. */
function scope(program: Command, section: readonly string[]): Command[] {
  return allCommands(program).filter((command) => isSame(pathOf(command).slice(0, section.length), section));
}

/**
 * Holds every entry of a file against the commands that there are, whichever of them runs.
 * @throws WeightseqError `usage` for a key that is no option, or a value that none of its commands takes
 */
export function checkFile(program: Command, file: ConfigFile): void {
  for (const entry of file.entries) {
    const { section, key, value, isSection } = entry;
    // A section may be empty, as when all of it is commented out.
    if (value === null && scope(program, [...section, key]).length > 0) continue;
    const settings = [...new Set([...scope(program, section), program])].flatMap(settingsOf);
    const fitting = settings.filter(({ names }) => names.has(key));
    if (OUTSIDE.includes(key)) throw errorAt(file.path, entry, `${key} has no meaning in the file that it would name`);
    if (fitting.length === 0) {
      if (isSection) throw errorAt(file.path, entry, `there is no command ${quoteText([...section, key].join(' '))}`, commandMeant(program, [...section, key]));
      throw errorAt(file.path, entry, `unknown option ${quoteText(key)}`, keyMeant(program, settings, key));
    }
    if (value === null) throw errorAt(file.path, entry, `${key}: expected a value, found ${isSection ? 'a section' : 'none'}`);
    const said = saidIn(file, entry);
    if (!fitting.some((setting) => takes(setting, said))) for (const setting of fitting) valueOf(program, setting, said);
  }
  // What contradicts itself does so whichever command runs.
  for (const command of allCommands(program)) settle(program, command, { environment: {}, file });
}

function keyMeant(program: Command, settings: readonly Setting[], key: string): string {
  const here = settings.flatMap(({ names }) => [...names].filter(([name, o]) => !o.hidden && !OUTSIDE.includes(name)).map(([name]) => name));
  const elsewhere = allCommands(program).filter((command) => settingsOf(command).some(({ names }) => names.has(key)));
  if (elsewhere.length > 0) return `It is an option of ${elsewhere.map((c) => pathOf(c).join(' ')).join(', ')}.`;
  return didYouMean(key, here, 'weightseq config print shows the names.');
}

function commandMeant(program: Command, section: readonly string[]): string {
  const known = allCommands(program).map((command) => pathOf(command).join(' ')).filter((name) => name !== '');
  return didYouMean(section.join(' '), known, `Commands are ${known.join(', ')}.`);
}

/**
 * Variables that begin as ours do and that no option has: somebody else's, or a slip.
 * @throws WeightseqError `usage` for one that is nearly the name of an option, since the gate would be set otherwise than meant
 */
export function unknownVariables(program: Command, environment: Environment): string[] {
  const known = new Set(allCommands(program).flatMap(settingsOf).flatMap(({ names }) => [...names.keys()].map(environmentName)));
  const unknown = Object.keys(environment).filter((name) => name.startsWith('WEIGHTSEQ_') && !known.has(name)).sort();
  const bare = (name: string) => name.slice('WEIGHTSEQ_'.length);
  for (const name of unknown) {
    const near = meant(bare(name), [...known].map(bare), SLIP);
    if (near !== null) throw new WeightseqError('usage', `${quoteText(name)} in the environment is no option`, { mend: `Did you mean WEIGHTSEQ_${near}?` });
  }
  return unknown;
}
