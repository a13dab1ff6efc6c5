/** `weightseq read`: keeps a reading of an adapter or a whole checkpoint. In: a path. Out: a file, and what is missing from it on stderr. */
import { InvalidArgumentError, type Command } from 'commander';
import { EXIT, type ExitCode } from '../src/errors.js';
import type { Part } from '../src/reading/model.js';
import { writeReading } from '../src/reading/reading-file.js';
import { keepReading } from '../src/scan/keep.js';
import { openLibrary } from '../src/signature/library.js';
import { escapeText } from '../src/text.js';
import { checkOutput, libraryOption, version } from './io.js';
import { log } from './log.js';
import { startProgress } from './progress.js';

interface Flags {
  readonly signatures: string;
  readonly output: string;
  /** Such as 2/4, checked. */
  readonly part?: string;
  readonly spectrum?: true;
  readonly sketch?: true;
  readonly assumeBase?: string;
  readonly hash: boolean;
}

const EXAMPLES = `Examples:
  weightseq read ./my-model -o my-model.reading
  weightseq scan my-model.reading
  weightseq read ./my-model --part 2/4 -o part-2.reading     (then weightseq merge)
`;

const EXIT_CODES = `
Exit codes:
  0  everything read
  2  wrong usage, or the path cannot be read
  3  incomplete: the reading says what is missing from it
`;

/** Adds `read` to the program; `done` takes the exit code. */
export function addRead(program: Command, done: (code: ExitCode) => void): void {
  program
    .command('read')
    .description('keep a reading of an adapter or a whole checkpoint: the numbers that every later scan needs')
    .argument('<path>', 'adapter, model folder, its index, or one safetensors file')
    .requiredOption('-o, --output <file>', 'write the reading to this file, whole or not at all')
    .addOption(libraryOption())
    .option('--part <i/n>', 'only part i of n, to be put together by weightseq merge', checkPart)
    .option('--spectrum', 'keep the leading singular values of each weight too (reads a checkpoint three times more)')
    .option('--sketch', 'keep range sketches of each weight too, for angles between updates (16 numbers a row and column)')
    .option('--assume-base <name>', 'of an adapter: the base that tells how its fused weights divide, whatever it claims')
    .option('--no-hash', 'leave out the sha256 of the shards, and say so in the reading')
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (path: string, flags: Flags) => {
      done(await run(path, flags));
    });
}

function partOf(text: string): Part {
  const [, index = 0, count = 0] = (/^(\d{1,6})\/(\d{1,6})$/u.exec(text) ?? []).map(Number);
  return { index, count };
}

function checkPart(text: string): string {
  const { index, count } = partOf(text);
  if (index < 1 || index > count) throw new InvalidArgumentError('expected I/N, such as 2/4.');
  return text;
}

async function run(path: string, { signatures, output, part, spectrum, sketch, assumeBase, hash }: Flags): Promise<ExitCode> {
  await checkOutput(output, [path], signatures);
  const library = await openLibrary(signatures);
  const progress = startProgress();
  const { kept, missing } = await keepReading(path, {
    library, hash, part: part === undefined ? null : partOf(part), assumeBase, version: version(), withSignatures: true, invariants: { lines: true, spectrum: spectrum === true, sketch: sketch === true },
    onProgress: (bytes, total) => { progress.update(0, bytes, total); },
  });
  progress.end();
  await writeReading(output, kept);
  const { architecture: { known, name } } = kept.provenance;
  if (!known) log.warn('architecture', `${name === null ? 'no config.json names an architecture' : `the architecture ${escapeText(name)} is not known`}: weights are told by their names and shapes`, { name });
  for (const { name: what, reason } of missing) log.warn('missing', `missing from the reading: ${escapeText(what)}: ${escapeText(reason)}`, { name: what, reason });
  return missing.length > 0 ? EXIT.incomplete : EXIT.clean;
}
