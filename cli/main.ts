#!/usr/bin/env node
import { CommanderError } from 'commander';
import { EXIT, type RunExitCode } from '../src/errors.js';
import { removeHalfWritten } from '../src/files.js';
import { fail } from './io.js';
import { log } from './log.js';
import { newProgram } from './program.js';
import { wantsStacks } from './settings/apply.js';

/** 128 + SIGINT, as shells have it. */
const INTERRUPTED = 130;
/** A strip of 32 MiB takes a tenth of it. */
const SETTLE_MS = 500;

// A reader that closes the pipe early (| head) is no failure of the scan: the exit code stays what it is.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  log.error('error', `can't write the report: ${error.code ?? error.message}`, { code: 'write-failed', exitCode: EXIT.unreadable });
  process.exit(EXIT.unreadable);
});
// Nobody may be reading the errors either: the report and the exit code still come.
process.stderr.on('error', () => undefined);

// The engine yields between strips, so that this comes at once; what is half written goes. A worker thread that is stopped
// within ONNX Runtime would abort the process: while this thread waits, each ends its strip and is given no other.
process.on('SIGINT', () => {
  removeHalfWritten();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SETTLE_MS);
  process.exit(INTERRUPTED);
});

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
