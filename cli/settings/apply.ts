/** Settings before a command runs: flag over environment over file over default. In: the program. Out: commander's values, and where each is from. */
import { relative, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { WeightseqError } from '../../src/errors.js';
import { escapeText } from '../../src/text.js';
import { LOG_FORMATS, log, setLog, type LogFormat } from '../log.js';
import { findConfig, liesWithin, readConfig, type ConfigFile } from './file.js';
import { addOpposites, allCommands, letFlagsReplace, pathOf } from './options.js';
import { checkFile, settle, unknownVariables, type Settled, type Sources } from './settle.js';

/** The options of the program itself, which stand before or after the command. Called first: commands take over how help is shown. */
export function addGlobals(program: Command): void {
  program
    .addOption(new Option('--config <file>', 'take settings from this file, in place of the nearest weightseq.yaml'))
    .addOption(new Option('--no-config', 'take settings from no file'))
    .option('--quiet', 'only errors on stderr')
    .option('--verbose', 'say on stderr what is done')
    .addOption(new Option('--log-format <format>', 'form of the lines on stderr').choices(LOG_FORMATS).default('text'))
    .configureHelp({ showGlobalOptions: true });
}

const HELP = `
Each option is also a variable (--log-format: WEIGHTSEQ_LOG_FORMAT) and a line of
weightseq.yaml (log-format: json). weightseq config print shows what is set where.
`;

interface State {
  sources: Sources;
  /** What is wrong with the settings, for the commands that say so in place of failing. */
  problem: WeightseqError | null;
}

const states = new WeakMap<Command, State>();

/** Commands that help to find out what is wrong with the settings run in spite of it. */
function isTolerant(path: readonly string[]): boolean {
  return ['doctor', 'config', 'config path'].includes(path.join(' '));
}

/** Lets every option of every command follow the environment and the file. Called last: it walks the commands that there are. */
export function applySettings(program: Command): void {
  const state: State = { sources: { environment: process.env, file: null }, problem: null };
  states.set(program, state);
  for (const command of allCommands(program)) {
    addOpposites(command);
    letFlagsReplace(command);
    if (command.commands.length > 0) command.hook('preSubcommand', (_, next) => prepare(program, state, next));
    else command.addHelpText('after', HELP);
  }
  program.hook('preAction', (_, command) => announce(program, state, command));
}

async function prepare(program: Command, state: State, command: Command): Promise<void> {
  if (asksForHelp(program)) return;
  const path = pathOf(command);
  try {
    if (command.parent === program) {
      followEnvironment(program);
      state.sources = { environment: process.env, file: await load(program) };
      unknownVariables(program, process.env);
      if (state.sources.file !== null) checkFile(program, state.sources.file);
    }
    if (state.problem !== null) throw state.problem;
    put(settle(program, program, state.sources, path));
    put(settle(program, command, state.sources));
    setLogBy(program);
  } catch (error) {
    if (!(error instanceof WeightseqError && isTolerant(path))) throw error;
    state.problem = error;
    state.sources = { environment: {}, file: null };
  }
}

/** The form of the log, before anything can go wrong: by flags and the environment alone. */
export function followEnvironment(program: Command): void {
  put(settle(program, program, { environment: process.env, file: null }));
  setLogBy(program);
}

function asksForHelp(program: Command): boolean {
  const [first] = program.args;
  const end = program.args.indexOf('--');
  return first === 'help' || program.args.slice(0, end < 0 ? undefined : end).some((arg) => arg === '-h' || arg === '--help');
}

/** Hands commander what no flag has said. */
function put(settled: readonly Settled[]): void {
  for (const { setting: { command, attribute, option, names }, value, origin } of settled) {
    if (origin.from === 'default' || command.getOptionValueSource(attribute) === 'cli') continue;
    // A flag that is off is one that was not given.
    const isOff = value === false && option.defaultValue === undefined && ![...names.values()].some((o) => o.negate && !o.hidden);
    command.setOptionValueWithSource(attribute, isOff ? undefined : value, isOff ? 'default' : origin.from === 'environment' ? 'env' : 'config');
  }
}

async function load(program: Command): Promise<ConfigFile | null> {
  const named: unknown = program.getOptionValue('config');
  if (named === false) return null;
  if (typeof named === 'string') return readConfig(resolve(named), true);
  const found = await findConfig(process.cwd());
  return found === null ? null : readConfig(found, false);
}

const RANK = ['default', 'config', 'env', 'cli'];

function setLogBy(program: Command): void {
  const rank = (attribute: string) => (program.getOptionValue(attribute) === true ? RANK.indexOf(program.getOptionValueSource(attribute) ?? 'default') : -1);
  const [quiet, verbose] = [rank('quiet'), rank('verbose')];
  if (quiet >= 0 && quiet === verbose) throw new WeightseqError('usage', '--quiet and --verbose exclude each other', { mend: 'Leave one of them out.' });
  setLog(quiet > verbose ? 'error' : verbose >= 0 ? 'debug' : 'info', program.getOptionValue('logFormat') as LogFormat);
}

/** Says which file sets what, to those who read weights. */
async function announce(program: Command, state: State, command: Command): Promise<void> {
  const { file } = state.sources;
  const paths = command.registeredArguments.flatMap((argument, i) => (argument.name() === 'path' ? [command.processedArgs[i] as string | string[] | undefined] : [])).flat();
  await refuseFoundIn(program, paths.filter((path) => path !== undefined));
  for (const name of state.problem === null ? unknownVariables(program, process.env) : []) log.debug('settings', `${escapeText(name)} in the environment is no option`, { name });
  if (file === null) log.debug('settings', 'no configuration file is used', { file: null });
  else log[paths.length > 0 && !file.named ? 'info' : 'debug']('settings', `settings from ${escapeText(relative(process.cwd(), file.path))}`, { file: file.path });
}

/**
 * Refuses a configuration that was found where weights are scanned: it may be from whoever made them, and open the gate.
 * @param paths what is scanned, as given or after globs are expanded
 * @throws WeightseqError `usage`
 */
export async function refuseFoundIn(program: Command, paths: readonly string[]): Promise<void> {
  const file = states.get(program)?.sources.file ?? null;
  if (file === null || file.named) return;
  for (const path of paths) {
    if (!(await liesWithin(file.path, path))) continue;
    throw new WeightseqError('usage', 'this configuration lies in the folder that is scanned, and may be from whoever made the weights', {
      file: file.path, mend: 'Name it with --config to use it all the same, or give --no-config.',
    });
  }
}

/** The settings of a command with their origins, flags included. Throws as `settle`. */
export function settingsInForce(program: Command, command: Command): Settled[] {
  const sources = states.get(program)?.sources ?? { environment: {}, file: null };
  return settle(program, command, sources).map((settled): Settled => {
    const { attribute } = settled.setting;
    return command.getOptionValueSource(attribute) === 'cli' ? { ...settled, value: command.getOptionValue(attribute), origin: { from: 'flag' } } : settled;
  });
}

/** Whether stack traces are wanted, by whichever command ran. */
export function wantsStacks(program: Command): boolean {
  return process.argv.includes('--debug') || allCommands(program).some((command) => command.getOptionValue('debug') === true);
}

/** The configuration file in use, and what is wrong with the settings where a command runs in spite of it. */
export function configInUse(program: Command): { readonly file: ConfigFile | null; readonly problem: WeightseqError | null } {
  const state = states.get(program);
  return { file: state?.sources.file ?? null, problem: state?.problem ?? null };
}
