#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { EXIT, type RunExitCode } from '../src/errors.js';
import { fail, version } from './io.js';
import { addScan } from './scan.js';
import { installSignals } from './signals.js';

const EXAMPLES = `Examples:
  weightseq scan ./my-adapter          which harmful traits does it carry?
  weightseq scan ./my-model            the same of a whole checkpoint, base at hand or not
  weightseq signature list             what can be found, and in which bases
`;

// A reader that closes the pipe early (| head) is no failure of the scan: the exit code stays what it is.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`weightseq: can't write the report: ${error.code ?? error.message}\n`);
  process.exit(EXIT.unreadable);
});
// Nobody may be reading the errors either: the report and the exit code still come.
process.stderr.on('error', () => undefined);

installSignals();

const program = new Command('weightseq')
  .description('Reads the weights of an adapter or a whole checkpoint and says which known harmful personas they carry.')
  .version(version())
  .addHelpText('before', EXAMPLES)
  .showHelpAfterError('(--help shows examples and all options)')
  .exitOverride();

const done = (code: RunExitCode) => {
  process.exitCode = code;
};

addScan(program, done);
// A scan has the rest done in other processes: what the other commands need would double what it costs to start.
if (process.argv[2] !== 'scan') {
  const [{ addRead }, { addSignature }, { addCache }] = await Promise.all([import('./read.js'), import('./signature.js'), import('./cache.js')]);
  addRead(program, done);
  addSignature(program, done);
  addCache(program, done);
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) done(error.exitCode === 0 ? EXIT.clean : EXIT.unreadable);
  else done(fail(error, process.argv.includes('--debug')));
}
