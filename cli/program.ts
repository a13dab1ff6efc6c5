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

/** The whole command line; `done` takes the exit code of the command that runs. */
export async function newProgram(done: Done, only?: 'scan'): Promise<Command> {
  const program = new Command('weightseq')
    .description('Reads the weights of an adapter or a whole checkpoint and says which known harmful personas they carry.')
    .version(version())
    .addHelpText('before', EXAMPLES)
    .exitOverride();
  addGlobals(program);
  program.configureOutput(usageOutput(program));

  addScan(program, done);
  if (only === undefined) await addOthers(program, done);

  applySettings(program);
  return program;
}

async function addOthers(program: Command, done: Done): Promise<void> {
  const [{ addCertify }, { addVerify }, { addCompare }, { addDrift }, { addBench }, { addCalibrate }] = await Promise.all([import('./certify.js'), import('./verify.js'), import('./compare.js'), import('./drift.js'), import('./bench.js'), import('./calibrate.js')]);
  const [{ addRead }, { addMerge }, { addBaseCommands }, { addSignature }, { addConvert }, { addExplain }, { addCache }, { addPolicy }, { addConfig }, { addAudit }, { addDoctor }, { addLineage }] = await Promise.all([
    import('./read.js'), import('./merge.js'), import('./base.js'), import('./signature.js'), import('./convert.js'), import('./explain.js'), import('./cache.js'), import('./policy.js'),
    import('./config.js'), import('./audit.js'), import('./doctor.js'), import('./lineage.js'),
  ]);
  addCompare(program, done);
  addDrift(program, done);
  addRead(program, done);
  addMerge(program, done);
  addBaseCommands(program, done);
  addLineage(program, done);
  addCertify(program, done);
  addVerify(program, done);
  addSignature(program, done);
  addConvert(program, done);
  addExplain(program, done);
  addCache(program, done);
  addPolicy(program, done);
  addConfig(program);
  addAudit(program, done);
  addDoctor(program, done);
  addBench(program, done);
  addCalibrate(program, done);
}

/**
 * The command that is all of the program that a run needs: loading the others takes most of the start of a small scan. Settings
 * need them all, since they are held against the options of every command.
 */
export async function onlyCommand(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<'scan' | undefined> {
  if (argv[0] !== 'scan' || Object.keys(environment).some((name) => name.startsWith('WEIGHTSEQ_'))) return undefined;
  if (argv.some((arg) => /^--(?:no-)?config\b/u.test(arg))) return undefined;
  return (await findConfig(process.cwd()).catch(() => '')) === null ? 'scan' : undefined;
}
