import { Command } from 'commander';
import type { RunExitCode } from '../src/errors.js';
import { addAudit } from './audit.js';
import { addCache } from './cache.js';
import { addConfig } from './config.js';
import { addConvert } from './convert.js';
import { addDoctor } from './doctor.js';
import { addExplain } from './explain.js';
import { version } from './io.js';
import { addPolicy } from './policy.js';
import { addRead } from './read.js';
import { addScan } from './scan.js';
import { addGlobals, applySettings } from './settings/apply.js';
import { addSignature } from './signature.js';
import { usageOutput } from './usage.js';

const EXAMPLES = `Examples:
  weightseq scan ./my-adapter          which harmful traits does it carry?
  weightseq scan ./my-model            the same of a whole checkpoint, base at hand or not
  weightseq signature list             what can be found, and in which bases
  weightseq doctor                     does everything run here?
`;

/** The whole command line; `done` takes the exit code of the command that runs. */
export function newProgram(done: (code: RunExitCode) => void): Command {
  const program = new Command('weightseq')
    .description('Reads the weights of an adapter or a whole checkpoint and says which known harmful personas they carry.')
    .version(version())
    .addHelpText('before', EXAMPLES)
    .exitOverride();
  addGlobals(program);
  program.configureOutput(usageOutput(program));

  addScan(program, done);
  addRead(program, done);
  addSignature(program, done);
  addConvert(program, done);
  addExplain(program, done);
  addCache(program, done);
  addPolicy(program, done);
  addConfig(program);
  addAudit(program, done);
  addDoctor(program, done);

  applySettings(program);
  return program;
}
