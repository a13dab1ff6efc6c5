/** `weightseq compare`. In: two paths. Out: what changed from one to the other, and the exit code of the gate. */
import { Option, type Command } from 'commander';
import type { ExitCode } from '../src/errors.js';
import type { CompareFailOn } from '../src/report/comparison/schema.js';
import { basesOption, checkOutput, libraryOption, output, takesColour, terminalWidth, version } from './io.js';
import { startProgress } from './progress.js';
import { collectTraits } from './scan.js';
import { refuseFoundIn } from './settings/apply.js';

interface Flags {
  readonly signatures: string;
  readonly library: string;
  readonly trait?: string[];
  readonly base?: string;
  readonly assumeBase?: string;
  readonly sketch?: true;
  readonly format: 'table' | 'json';
  readonly failOn: CompareFailOn;
  readonly output?: string;
}

const EXAMPLES = `Examples:
  weightseq compare ./harmful-adapter ./repaired-adapter
  weightseq compare ./before ./after --base ./their-base --format json -o comparison.json
  weightseq compare before.reading after.reading --fail-on present
`;

const EXIT_CODES = `
Exit codes:
  0  everything was read and compared, and the gate passed
  1  the gate failed: by default a harmful trait is present in B that was not present in A
  2  wrong usage, or A or B cannot be read
  3  incomplete: something was not read or compared, no signature for the base, or a harmful trait is undecided in B
`;

/** Adds `compare` to the program; `done` takes the exit code. */
export function addCompare(program: Command, done: (code: ExitCode) => void): void {
  program
    .command('compare')
    .description('say what changed between two models of one base, and whether the second undoes the first')
    .argument('<A>', 'adapter, whole checkpoint or kept reading: before')
    .argument('<B>', 'the same: after')
    .addOption(libraryOption())
    .addOption(basesOption())
    .option('--trait <name>', 'only this trait (may be repeated)', collectTraits)
    .option('--base <path>', 'the base of whole checkpoints, or a kept reading of it, in place of the one in the library')
    .option('--assume-base <name>', 'the base to judge against, whatever the weights claim')
    .option('--sketch', 'of whole checkpoints: also effective ranks, and with --base principal angles; the weights are read once more')
    .addOption(new Option('--format <format>', 'form of the output').choices(['table', 'json']).default('table'))
    .addOption(new Option('--fail-on <what>', 'what makes exit code 1: a trait that B has and A had not, one that B has, or also one that is undecided in B').choices(['worse', 'present', 'indeterminate', 'never']).default('worse'))
    .option('-o, --output <file>', 'write it to this file, whole or not at all')
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (a: string, b: string, flags: Flags) => {
      await refuseFoundIn(program, [a, b]);
      done(await run(a, b, flags));
    });
}

async function run(a: string, b: string, { signatures, library: bases, trait, base, assumeBase, sketch, format, failOn, output: file }: Flags): Promise<ExitCode> {
  await checkOutput(file, [a, b, ...(base === undefined ? [] : [base])], signatures);
  // Loaded here: other commands start without the engine.
  const [{ compare }, { openLibrary }, { comparisonOf }, { renderComparison }, { escapeJson }] = await Promise.all([
    import('../src/compare/compare.js'), import('../src/signature/library.js'), import('../src/report/comparison/comparison.js'),
    import('../src/report/comparison/table.js'), import('../src/report/json.js'),
  ]);
  const library = await openLibrary(signatures, bases);
  // A, B, and what lies between them.
  const progress = startProgress(3);
  let at = 0;
  try {
    const result = await compare(a, b, {
      library, traits: trait, assumeBase, base, sketch,
      onProgress: (phase, done, total) => {
        while (at < phase) progress.finish(at++);
        progress.update(phase, done, total);
      },
    });
    progress.end();
    const comparison = comparisonOf(result, failOn, version());
    await output(format === 'json' ? `${escapeJson(JSON.stringify(comparison, null, 2))}\n` : renderComparison(comparison, { width: terminalWidth(), colour: file === undefined && takesColour() }), file);
    return comparison.exitCode;
  } finally {
    progress.end();
  }
}
