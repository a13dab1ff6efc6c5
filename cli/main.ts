#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { EXIT, type RunExitCode } from '../src/errors.js';
import { removeHalfWritten } from '../src/files.js';
import { fail, version } from './io.js';
import { addPolicy } from './policy.js';
import { addRead } from './read.js';
import { addScan } from './scan.js';
import { addSignature } from './signature.js';

/** 128 + SIGINT, as shells have it. */
const INTERRUPTED = 130;
/** A strip of 32 MiB takes a tenth of it. */
const SETTLE_MS = 500;

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

// The engine yields between strips, so that this comes at once; what is half written goes. A worker thread that is stopped
// within ONNX Runtime would abort the process: while this thread waits, each ends its strip and is given no other.
process.on('SIGINT', () => {
  removeHalfWritten();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SETTLE_MS);
  process.exit(INTERRUPTED);
});

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
addRead(program, done);
addSignature(program, done);
addPolicy(program, done);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) done(error.exitCode === 0 ? EXIT.clean : EXIT.unreadable);
  else done(fail(error, process.argv.includes('--debug')));
}
