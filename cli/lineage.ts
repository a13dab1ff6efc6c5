/** `weightseq lineage`. In: a path, and what it may descend from. Out: relations, merges, inherited contamination, and the exit code. */
import { Option, type Command } from 'commander';
import type { ExitCode } from '../src/errors.js';
import { findLineage } from '../src/lineage/command.js';
import { escapeJson } from '../src/report/json.js';
import { renderLineage } from '../src/report/lineage-table.js';
import { openLibrary } from '../src/signature/library.js';
import { basesOption, checkOutput, libraryOption, output, takesColour, terminalWidth, version } from './io.js';
import { startProgress } from './progress.js';

interface Flags {
  readonly signatures: string;
  readonly library?: string;
  readonly against?: string[];
  readonly base?: string;
  readonly registry?: string;
  readonly format: 'table' | 'json';
  readonly failOn: 'contaminated' | 'never';
  readonly output?: string;
}

const EXAMPLES = `Examples:
  weightseq lineage ./my-model
  weightseq lineage ./my-model --against teacher.reading other.reading
  weightseq lineage ./my-model --registry contaminated.yaml --fail-on contaminated
`;

const EXIT_CODES = `
Exit codes:
  0  everything was read and decided, whether a relation was found or none
  1  a contaminated ancestor, with --fail-on contaminated
  2  wrong usage, or something cannot be read
  3  incomplete: not everything was read, a relation or its direction is undecided, or the base is not known
`;

/** Adds `lineage` to the program; `done` takes the exit code. */
export function addLineage(program: Command, done: (code: ExitCode) => void): void {
  program
    .command('lineage')
    .description('say what a model descends from, in which direction, and what it inherits')
    .argument('<path>', 'adapter, whole checkpoint, or a kept reading')
    .option('--against <path...>', 'what it may be related to: readings, checkpoints or adapters; the known bases and the registry when not given')
    .option('--base <path>', 'the base of all of them, or a reading of it; found among the known bases when not given')
    .option('--registry <file>', 'models that are known to be contaminated (YAML or JSON)')
    .addOption(libraryOption())
    .addOption(basesOption())
    .addOption(new Option('--format <format>', 'form of the output').choices(['table', 'json']).default('table'))
    .addOption(new Option('--fail-on <what>', 'what makes exit code 1').choices(['contaminated', 'never']).default('never'))
    .option('-o, --output <file>', 'write it to this file, whole or not at all')
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (path: string, flags: Flags) => {
      done(await run(path, flags));
    });
}

async function run(path: string, { signatures, library: bases, against, base, registry, format, failOn, output: file }: Flags): Promise<ExitCode> {
  await checkOutput(file, [path, ...(against ?? []), base, registry].filter((input) => input !== undefined), signatures);
  const library = await openLibrary(signatures, bases);
  const listed = registry === undefined ? undefined : await (await import('../src/gate/registry-file.js')).openRegistry(registry);
  const progress = startProgress();
  const lineage = await findLineage(path, {
    library, against, base, registry: listed, failOnContaminated: failOn === 'contaminated', version: version(),
    onProgress: (bytes, total) => { progress.update(0, bytes, total); },
  }).finally(() => { progress.end(); });
  const text = format === 'json' ? `${escapeJson(JSON.stringify(lineage, null, 2))}\n` : renderLineage(lineage, { width: terminalWidth(), colour: file === undefined && takesColour() });
  await output(text, file);
  return lineage.exitCode;
}
