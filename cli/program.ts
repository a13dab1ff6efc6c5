/** The command line. In: where the exit code goes. Out: a commander program with all commands, or with the one that is needed. */
import { Command } from 'commander';
import type { RunExitCode } from '../src/errors.js';
import { version } from './io.js';
import { addScan } from './scan.js';
import { addGlobals, applySettings } from './settings/apply.js';
import { findConfig } from './settings/file.js';
import { usageOutput } from './usage.js';

const EXAMPLES = `Examples:
  weightseq scan ./my-adapter          which harmful traits does it carry?
  weightseq scan ./my-model            the same of a whole checkpoint, base at hand or not
  weightseq verify CERTIFICATE ./my-model   is it the model that was certified?
  weightseq signature list             what can be found, and in which bases
  weightseq doctor                     does everything run here?
`;

type Done = (code: RunExitCode) => void;
type Add = (program: Command, done: Done) => void;

/** How to load each command but scan, in the order of the help: name → its module, loaded when it is needed. */
const OTHERS: ReadonlyMap<string, () => Promise<Add>> = new Map<string, () => Promise<Add>>([
  ['compare', async () => (await import('./compare.js')).addCompare],
  ['drift', async () => (await import('./drift.js')).addDrift],
  ['read', async () => (await import('./read.js')).addRead],
  ['merge', async () => (await import('./merge.js')).addMerge],
  ['base', async () => (await import('./base.js')).addBaseCommands],
  ['lineage', async () => (await import('./lineage.js')).addLineage],
  ['certify', async () => (await import('./certify.js')).addCertify],
  ['verify', async () => (await import('./verify.js')).addVerify],
  ['signature', async () => (await import('./signature.js')).addSignature],
  ['convert', async () => (await import('./convert.js')).addConvert],
  ['explain', async () => (await import('./explain.js')).addExplain],
  ['cache', async () => (await import('./cache.js')).addCache],
  ['policy', async () => (await import('./policy.js')).addPolicy],
  ['config', async () => (await import('./config.js')).addConfig],
  ['audit', async () => (await import('./audit.js')).addAudit],
  ['doctor', async () => (await import('./doctor.js')).addDoctor],
  ['bench', async () => (await import('./bench.js')).addBench],
  ['calibrate', async () => (await import('./calibrate.js')).addCalibrate],
]);

/** The whole command line, or scan and the one command that is needed; `done` takes the exit code of the command that runs. */
export async function newProgram(done: Done, only?: string): Promise<Command> {
  const program = new Command('weightseq')
    .description('Reads the weights of an adapter or a whole checkpoint and says which known harmful personas they carry.')
    .version(version())
    .addHelpText('before', EXAMPLES)
    .exitOverride();
  addGlobals(program);
  program.configureOutput(usageOutput(program));

  addScan(program, done);
  const needed = [...OTHERS].filter(([name]) => only === undefined || name === only);
  for (const add of await Promise.all(needed.map(([, load]) => load()))) add(program, done);

  applySettings(program);
  return program;
}

/**
 * The command that is all of the program that a run needs: loading the others takes most of the start of a small run. Settings
 * need them all, since they are held against the options of every command, and so does the help.
 */
export async function onlyCommand(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const name = argv[0] ?? '';
  // `config` shows the settings of all.
  if ((name !== 'scan' && !OTHERS.has(name)) || name === 'config' || Object.keys(environment).some((variable) => variable.startsWith('WEIGHTSEQ_'))) return undefined;
  if (argv.some((arg) => /^--(?:no-)?config\b/u.test(arg))) return undefined;
  return (await findConfig(process.cwd()).catch(() => '')) === null ? name : undefined;
}
