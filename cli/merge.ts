/** `weightseq merge`: puts the parts of a reading together. In: readings that were taken with --part. Out: one file. */
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../src/errors.js';
import { mergeReadings } from '../src/reading/merge.js';
import { openReading, writeReading } from '../src/reading/reading-file.js';
import { checkOutput } from './io.js';

interface Flags {
  readonly output: string;
}

const EXAMPLES = `Example:
  weightseq read ./my-model --part 1/2 -o a.reading
  weightseq read ./my-model --part 2/2 -o b.reading          (on another machine)
  weightseq merge a.reading b.reading -o my-model.reading
`;

const EXIT_CODES = `
Exit codes:
  0  the same file that weightseq read without --part writes
  2  wrong usage, a part that cannot be read, or parts that do not belong together
  3  incomplete: a part says what is missing from it
`;

/** Adds `merge` to the program; `done` takes the exit code. */
export function addMerge(program: Command, done: (code: ExitCode) => void): void {
  program
    .command('merge')
    .description('put the parts of a reading together, which must belong to one another')
    .argument('<part...>', 'readings that were taken with --part, in any order')
    .requiredOption('-o, --output <file>', 'write the reading to this file, whole or not at all')
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (files: string[], flags: Flags) => {
      done(await run(files, flags));
    });
}

async function run(files: readonly string[], { output }: Flags): Promise<ExitCode> {
  await checkOutput(output, files);
  const kept = mergeReadings(await Promise.all(files.map(async (file) => ({ file, kept: await openReading(file) }))));
  await writeReading(output, kept);
  const { reading: { failed, nonFinite }, provenance: { gaps } } = kept;
  return gaps.length + failed.length + nonFinite.length > 0 ? EXIT.incomplete : EXIT.clean;
}
