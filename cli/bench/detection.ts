/** `weightseq bench detection`: error rates on a labelled set. In: a manifest and signatures. Out: tables, JSON, markdown, pictures. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { detect, type Detection } from '../../src/bench/detection/detect.js';
import { detectionMarkdown, readTemplate } from '../../src/bench/detection/markdown.js';
import { plotsOf } from '../../src/bench/detection/plots.js';
import { detectionText } from '../../src/bench/detection/text.js';
import { NO_EXTERNAL_SCORES, openExternalScores } from '../../src/bench/external.js';
import { signaturesIn, signaturesOf } from '../../src/bench/signatures.js';
import { EXIT, WeightseqError, type ExitCode } from '../../src/errors.js';
import { writeFileAtomic } from '../../src/files.js';
import { escapeJson } from '../../src/report/json.js';
import { openLibrary } from '../../src/signature/library.js';
import { libraryOption, manifest as packageManifest, output, terminalWidth } from '../io.js';
import { labelOptions, openSet, type LabelFlags } from './options.js';

interface Flags extends LabelFlags {
  readonly signatures: string;
  readonly signature?: string[];
  readonly scores?: string;
  readonly format: 'table' | 'json';
  readonly output?: string;
  readonly svg?: string;
  readonly markdown?: string;
  readonly template?: string;
  readonly seed: number;
  readonly resamples: number;
}

const EXAMPLES = `Examples:
  weightseq bench detection manifest.json
  weightseq bench detection manifest.json --signatures ./my-library --svg plots --markdown evidence.md
  weightseq bench detection manifest.json --signature candidate.safetensors --format json
`;

const EXIT_CODES = `
Exit codes:
  0  every organism was judged, whatever came out
  2  wrong usage, or the manifest, the readings or a signature can't be read
  3  incomplete: an organism was not read
`;

function integer(most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/u.test(text) || value > most) throw new InvalidArgumentError(`Give a whole number from 0 to ${most}.`);
    return value;
  };
}

/** Adds `detection` to `bench`; `done` takes the exit code. */
export function addBenchDetection(group: Command, done: (code: ExitCode) => void): void {
  const command = group
    .command('detection')
    .description('misses, false alarms, AUROC and calibration on labelled fine-tunes, each judged without its own sources of data')
    .argument('<manifest>', 'labelled set (docs/bench.md)')
    .addOption(libraryOption())
    .option('--signature <file...>', 'these signatures in place of the library\'s')
    .option('--scores <file>', 'scores of other methods, in place of those that the manifest names')
    .addOption(new Option('--format <format>', 'form of the output').choices(['table', 'json']).default('table'))
    .option('-o, --output <file>', 'write to this file, whole or not at all; stdout when absent')
    .option('--svg <folder>', 'write pictures here')
    .option('--markdown <file>', 'write tables and figures in markdown here')
    .option('--template <file>', 'prose around the tables of --markdown (docs/bench.md)')
    .addOption(new Option('--seed <number>', 'seed of the bootstrap').argParser(integer(2 ** 32 - 1)).default(1))
    .addOption(new Option('--resamples <number>', 'resamples of the bootstrap').argParser(integer(100_000)).default(2000));
  for (const option of labelOptions()) command.addOption(option);
  command
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (manifest: string, flags: Flags) => {
      done(await run(manifest, flags));
    });
}

async function run(file: string, flags: Flags): Promise<ExitCode> {
  if (flags.template !== undefined && flags.markdown === undefined) throw new WeightseqError('usage', '--template needs --markdown', { mend: 'Say where the markdown goes.' });
  const template = await readTemplate(flags.template);
  const library = await openLibrary(flags.signatures);
  const set = await openSet(file, flags, (base) => (flags.signature === undefined ? signaturesIn(library, base) : signaturesOf(flags.signature, base, library)));
  const scores = flags.scores ?? set.manifest.externalScores;
  const detection = detect({
    subjects: set.subjects, signatures: set.signatures, readings: set.readings, external: scores === null ? NO_EXTERNAL_SCORES : await openExternalScores(scores),
    chance: { seed: flags.seed, resamples: flags.resamples }, fitOn: flags.fitOn, ...(flags.null === undefined ? {} : { design: { null: flags.null } }),
  });
  if (flags.svg !== undefined) {
    await mkdir(flags.svg, { recursive: true });
    for (const [name, svg] of await plotsOf(detection)) await writeFileAtomic(join(flags.svg, name), svg);
  }
  if (flags.markdown !== undefined) await writeFileAtomic(flags.markdown, detectionMarkdown(detection, template, { file: flags.markdown, svg: flags.svg ?? null }));
  await output(flags.format === 'json' ? jsonOf(detection) : detectionText(detection, terminalWidth()), flags.output);
  return set.isIncomplete ? EXIT.incomplete : EXIT.clean;
}

function jsonOf(detection: Detection): string {
  return `${escapeJson(JSON.stringify({ ...detection, tool: { name: 'weightseq', version: packageManifest().version ?? 'unknown' } }, null, 2))}\n`;
}
