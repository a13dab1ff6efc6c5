/** `weightseq bench read`: compact readings of a labelled set. In: a manifest and its organisms. Out: one file. */
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { openManifest } from '../../src/bench/manifest.js';
import { gramOf, openBenchReadings, writeBenchReadings } from '../../src/bench/readings-file.js';
import { signaturesIn, signaturesOf } from '../../src/bench/signatures.js';
import { takeReadings } from '../../src/bench/take.js';
import { EXIT, WeightseqError, type ExitCode } from '../../src/errors.js';
import { openLibrary } from '../../src/signature/library.js';
import { escapeText } from '../../src/text.js';
import { checkOutput, errorLine, libraryOption } from '../io.js';
import { log } from '../log.js';
import { startProgress } from '../progress.js';

interface Flags {
  readonly signatures: string;
  readonly signature?: string[];
  readonly organisms?: string;
  readonly output: string;
  readonly gramFrom?: string;
}

const EXAMPLES = `Examples:
  weightseq bench read manifest.json -o readings.safetensors
  weightseq bench read manifest.json --organisms ./adapters --signature evil.safetensors -o readings.safetensors
`;

const EXIT_CODES = `
Exit codes:
  0  every organism was read whole
  2  wrong usage, or the manifest or a signature can't be read
  3  incomplete: an organism, or something in it, was not read
`;

/** Adds `read` to `bench`; `done` takes the exit code. */
export function addBenchRead(group: Command, done: (code: ExitCode) => void): void {
  group
    .command('read')
    .description('keep what scoring and calibrating need of every organism in one small file')
    .argument('<manifest>', 'labelled set (docs/bench.md)')
    .requiredOption('-o, --output <file>', 'write the readings to this file, whole or not at all')
    .option('--organisms <folder>', 'where the paths of the organisms start; the folder of the manifest when absent')
    .option('--signature <file...>', 'take scores by these signatures in place of the library\'s')
    .option('--gram-from <file>', 'keep the inner products of these earlier readings, for organisms with the same id')
    .addOption(libraryOption())
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (file: string, flags: Flags) => {
      done(await run(file, flags));
    });
}

async function run(file: string, { signatures: folder, signature: files, organisms, output, gramFrom }: Flags): Promise<ExitCode> {
  const manifest = await openManifest(file, organisms);
  // What is read are the organisms; the readings themselves may lie beside the manifest, under any name but its own.
  await checkOutput(output, manifest.manifest.organisms.flatMap(({ path }) => (path === undefined ? [] : [join(manifest.folder, path)])), folder);
  if (resolve(output) === resolve(file)) throw new WeightseqError('usage', 'this file is the manifest', { file: output, mend: 'Write elsewhere.' });
  const earlier = gramFrom === undefined ? null : await openBenchReadings(gramFrom);
  const library = await openLibrary(folder);
  const given = files === undefined ? await signaturesIn(library, manifest.manifest.base) : await signaturesOf(files, manifest.manifest.base, library);
  const progress = startProgress(manifest.manifest.organisms.length);
  const { readings, failed } = await takeReadings(manifest, given, (count) => { progress.finish(count - 1); });
  progress.end();
  await writeBenchReadings(output, earlier === null ? readings : { ...readings, gram: gramOf(earlier, readings.document.organisms.map(({ id }) => id)) });
  for (const { id, error } of failed) log.warn('missing', `not read: ${id}: ${errorLine(error)}`, { id, code: error.code });
  const incomplete = readings.document.organisms.filter(({ gaps }) => gaps.length > 0);
  for (const { id, gaps } of incomplete) log.warn('gap', `not read whole: ${id}: ${escapeText(gaps[0] ?? '')}${gaps.length > 1 ? ` and ${gaps.length - 1} more` : ''}`, { id, gaps: gaps.length });
  return failed.length + incomplete.length > 0 ? EXIT.incomplete : EXIT.clean;
}
