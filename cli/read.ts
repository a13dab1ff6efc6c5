/** `weightseq read`: keeps a reading of a whole checkpoint. In: a path. Out: a file, and what is missing from it on stderr. */
import type { Command } from 'commander';
import { locateModel } from '../src/checkpoint/model.js';
import { EXIT, type ExitCode } from '../src/errors.js';
import { planModel } from '../src/reading/model-plan.js';
import { readModelApart } from '../src/reading/apart.js';
import { writeReading } from '../src/reading/reading-file.js';
import { identify, stampsOf, withChanged } from '../src/scan/identity.js';
import { baseClaim } from '../src/scan/model-base.js';
import { openEntry, openLibrary } from '../src/signature/library.js';
import { escapeText } from '../src/text.js';
import { checkOutput, libraryOption, version } from './io.js';
import { log } from './log.js';
import { startProgress } from './progress.js';

interface Flags {
  readonly signatures: string;
  readonly output: string;
  readonly hash: boolean;
}

const EXAMPLES = `Examples:
  weightseq read ./my-model -o my-model.reading
  weightseq scan my-model.reading
`;

const EXIT_CODES = `
Exit codes:
  0  everything read
  2  wrong usage, or the checkpoint cannot be read
  3  incomplete: the reading says what is missing from it
`;

/** Adds `read` to the program; `done` takes the exit code. */
export function addRead(program: Command, done: (code: ExitCode) => void): void {
  program
    .command('read')
    .description('keep a reading of a whole checkpoint: the numbers that every later scan needs')
    .argument('<path>', 'model folder, its index, or one safetensors file')
    .requiredOption('-o, --output <file>', 'write the reading to this file, whole or not at all')
    .addOption(libraryOption())
    .option('--no-hash', 'leave out the sha256 of the shards, and say so in the reading')
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (path: string, flags: Flags) => {
      done(await run(path, flags));
    });
}

async function run(path: string, { signatures: folder, output, hash }: Flags): Promise<ExitCode> {
  await checkOutput(output, [path], folder);
  const library = await openLibrary(folder);
  const checkpoint = await locateModel(path);
  const stamps = await stampsOf(checkpoint);
  const signatures = await Promise.all(library.entries.map((entry) => openEntry(library, entry)));
  const plan = planModel(checkpoint, signatures.map(({ sha256, weights }) => ({ key: sha256, weights })));
  const progress = startProgress();
  // Weights are read by the engine, and once more to be hashed.
  let done = 0;
  const total = plan.bytes + (hash ? checkpoint.bytes : 0);
  const reading = await readModelApart(plan, { executionProvider: 'cpu' }, (bytes) => { progress.update(0, done = bytes, total); });
  // A signature of another model takes no number of this one.
  const taken = signatures.filter(({ sha256 }) => reading.weights.some(({ coordinates }) => coordinates.has(sha256)));
  const { files, changed } = await identify(checkpoint, stamps, hash, (bytes) => { progress.update(0, Math.min(done += bytes, total), total); });
  progress.end();
  const failed = withChanged(reading.failed, changed);
  const gaps = [...checkpoint.gaps, ...plan.gaps];
  await writeReading(output, {
    of: 'weights',
    reading: { ...reading, failed },
    provenance: {
      tool: { name: 'weightseq', version: version() },
      architecture: { ...checkpoint.architecture },
      bytes: checkpoint.bytes,
      baseClaim: await baseClaim(path),
      files: [...files],
      signatures: taken.map(({ sha256, document }) => ({ trait: document.trait, base: document.base.name, sha256 })),
      weightsTotal: checkpoint.weights.length,
      gaps,
      plan: null,
      part: null,
    },
  });
  if (!checkpoint.architecture.known) {
    const { name } = checkpoint.architecture;
    log.warn('architecture', `${name === null ? 'no config.json names an architecture' : `the architecture ${escapeText(name)} is not known`}: weights are told by their names and shapes`, { name });
  }
  const notFinite = reading.nonFinite.map(({ name, nan, infinite }) => ({ name, reason: `holds ${nan} NaN and ${infinite} infinite values` }));
  const missing = [...gaps, ...failed, ...notFinite];
  for (const { name, reason } of missing) log.warn('missing', `missing from the reading: ${escapeText(name)}: ${escapeText(reason)}`, { name, reason });
  return missing.length > 0 ? EXIT.incomplete : EXIT.clean;
}
