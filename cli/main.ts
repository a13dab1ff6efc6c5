#!/usr/bin/env node
import { CommanderError } from 'commander';
import { EXIT, type RunExitCode } from '../src/errors.js';
import { fail } from './io.js';
import { log } from './log.js';
import { newProgram } from './program.js';
import { wantsStacks } from './settings/apply.js';
import { installSignals } from './signals.js';

// A reader that closes the pipe early (| head) is no failure of the scan: the exit code stays what it is.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  log.error('error', `can't write the report: ${error.code ?? error.message}`, { code: 'write-failed', exitCode: EXIT.unreadable });
  process.exit(EXIT.unreadable);
});
// Nobody may be reading the errors either: the report and the exit code still come.
process.stderr.on('error', () => undefined);

installSignals();

const done = (code: RunExitCode) => {
  process.exitCode = code;
};

const program = newProgram(done);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) done(error.exitCode === 0 ? EXIT.clean : EXIT.unreadable);
  else done(fail(error, wantsStacks(program)));
}
