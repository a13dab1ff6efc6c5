#!/usr/bin/env node
import { EXIT, type RunExitCode } from '../src/errors.js';
import { fail } from './io.js';
import { log } from './log.js';
import { dismiss, prewarm } from '../src/run/hand.js';
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

// A scan is done by another process: what that one loads, it loads while this one reads the command line.
const isScan = process.argv[2] === 'scan' && !process.argv.some((arg) => arg === '-h' || arg === '--help' || arg === '--dry-run');
if (isScan) prewarm();

// What nobody foresaw, in code that nobody awaits: never exit code 1, which would say that a trait was found.
process.on('uncaughtException', (error) => {
  fail(error, process.argv.includes('--debug'));
  process.exit(EXIT.unreadable);
});

const done = (code: RunExitCode) => {
  process.exitCode = code;
};

// Loaded after the signals are answered: it takes most of the start.
const [{ CommanderError }, { newProgram, onlyCommand }, { wantsStacks }] = await Promise.all([import('commander'), import('./program.js'), import('./settings/apply.js')]);
const program = await newProgram(done, await onlyCommand(process.argv.slice(2), process.env));

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) done(error.exitCode === 0 ? EXIT.clean : EXIT.unreadable);
  else done(fail(error, wantsStacks(program)));
} finally {
  dismiss();
}
