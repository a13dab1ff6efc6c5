/** `weightseq drift`. In: the steps of a training run. Out: how each trait's shift went, as a table, JSON or SVG, and the exit code of the gate. */
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { WeightseqError, type RunExitCode } from '../src/errors.js';
import type { Drift, DriftFailOn } from '../src/report/drift/schema.js';
import { expandSteps } from '../src/run/steps.js';
import { basesOption, checkOutput, libraryOption, output, takesColour, terminalWidth, version } from './io.js';
import { addRunOptions, openCacheOf, type RunFlags } from './run-options.js';
import { runScan } from './run.js';
import { collectTraits } from './scan.js';
import { refuseFoundIn } from './settings/apply.js';

interface Flags extends RunFlags {
  readonly signatures: string;
  readonly library: string;
  readonly trait?: string[];
  readonly base?: string;
  readonly baseReading?: string;
  readonly assumeBase?: string;
  readonly format: 'table' | 'json';
  readonly svg?: string;
  readonly failOn: DriftFailOn;
  readonly output?: string;
  readonly debug?: true;
}

const EXAMPLES = `Examples:
  weightseq drift ./run --svg drift.svg
  weightseq drift ./step-100 ./step-200 ./step-300
  weightseq drift ./run --cache --format json -o drift.json
`;

const EXIT_CODES = `
Exit codes:
  0  every step was read, and no harmful trait is present at the last
  1  the gate failed: by default a harmful trait is present at the last step
  2  wrong usage, or a step cannot be read
  3  incomplete: something was not read, no signature for the base, or a harmful trait is undecided at the last step
  130, 143  interrupted: the steps that were finished are shown
`;

/** Adds `drift` to the program; `done` takes the exit code. */
export function addDrift(program: Command, done: (code: RunExitCode) => void): void {
  addRunOptions(program
    .command('drift')
    .description('follow the shift of each trait along a training run')
    .argument('<step...>', 'adapters, whole checkpoints or kept readings in order, or a folder that holds checkpoint-N folders')
    .addOption(libraryOption())
    .addOption(basesOption())
    .option('--trait <name>', 'only this trait (may be repeated)', collectTraits)
    .option('--base <path>', 'the base itself, of whole checkpoints: its weights are subtracted')
    .option('--base-reading <file>', 'a kept reading of the base, in place of the one in the library')
    .option('--assume-base <name>', 'the base to judge against, whatever the weights claim')
    .addOption(new Option('--format <format>', 'form of the output').choices(['table', 'json']).default('table'))
    .option('--svg <file>', 'draw it too: the shift of each trait by step, with what benign fine-tunes reach')
    .addOption(new Option('--fail-on <what>', 'what makes exit code 1: a trait that is present at the last step, at any step, or also one undecided at the last').choices(['present', 'ever', 'indeterminate', 'never']).default('present'))
    .option('-o, --output <file>', 'write it to this file, whole or not at all'))
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (paths: string[], flags: Flags) => {
      done(await run(program, paths, flags));
    });
}

async function run(program: Command, paths: readonly string[], flags: Flags): Promise<RunExitCode> {
  const { signatures, library: bases, trait: traits, base, baseReading, assumeBase, format, svg, failOn, output: file, jobs, debug = false } = flags;
  const { steps, isNumbered } = await expandSteps(paths);
  await refuseFoundIn(program, [...paths, ...steps.map(({ path }) => path)]);
  const inputs = [...steps.map(({ path }) => path), base, baseReading].filter((path) => path !== undefined);
  for (const written of [file, svg]) await checkOutput(written, inputs, signatures);
  if (svg !== undefined && file !== undefined && resolve(svg) === resolve(file)) throw new WeightseqError('usage', '-o and --svg name the same file', { file });
  const cache = await openCacheOf(flags);
  const { items, interrupted } = await runScan(steps, { library: signatures, bases, traits, assumeBase, base, baseReading, failOn: 'never', version: version(), cache, debug }, jobs);

  const [{ driftOf }, { renderDrift }, { openLibrary, openEntry }, { escapeJson }] = await Promise.all([
    import('../src/report/drift/drift.js'), import('../src/report/drift/table.js'), import('../src/signature/library.js'), import('../src/report/json.js'),
  ]);
  const library = await openLibrary(signatures);
  const used = new Set(items.flatMap(({ findings }) => findings.map(({ signature }) => signature.sha256)));
  const opened = await Promise.all(library.entries.filter(({ sha256 }) => used.has(sha256)).map((entry) => openEntry(library, entry)));
  const lines = new Map(opened.map(({ sha256, document }) => [sha256, document.calibration]));
  const scanned = steps.flatMap(({ step, path }) => items.filter((item) => item.path === path).map((item) => ({ step, item })));
  const drift: Drift = driftOf(scanned, { isNumbered, failOn, version: version(), interrupted, lineOf: (sha256) => lines.get(sha256) ?? null });
  if (svg !== undefined) {
    const { plotDrift } = await import('../src/report/drift/plot.js');
    await output(await plotDrift(drift), svg);
  }
  await output(format === 'json' ? `${escapeJson(JSON.stringify(drift, null, 2))}\n` : renderDrift(drift, { width: terminalWidth(), colour: file === undefined && takesColour() }), file);
  return drift.exitCode;
}
