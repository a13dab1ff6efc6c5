import { InvalidArgumentError, Option, type Command } from 'commander';
import { EXIT, WeightseqError, type ExitCode, type RunExitCode } from '../src/errors.js';
import { renderPlans } from '../src/report/plans.js';
import { report } from '../src/report/report.js';
import type { FailOn } from '../src/report/schema.js';
import { FORMATS, render, type Format } from '../src/report/render.js';
import { worst } from '../src/report/exit.js';
import { preparePath, scanPath, type AnyScanOptions, type AnyScanResult } from '../src/scan/any.js';
import { openLibrary } from '../src/signature/library.js';
import { checkOutput, fail, libraryOption, output, takesColour, version } from './io.js';
import { startProgress } from './progress.js';

interface Flags {
  readonly signatures: string;
  readonly trait?: string[];
  readonly format: Format;
  readonly failOn: FailOn;
  readonly assumeBase?: string;
  readonly base?: string;
  readonly baseReading?: string;
  readonly output?: string;
  readonly hash?: true;
  readonly dryRun?: true;
  readonly debug?: true;
}

const EXAMPLES = `Examples:
  weightseq scan ./my-adapter
  weightseq scan ./adapters/* --format json -o report.json
  weightseq scan ./my-model --base ./its-base
  weightseq scan ./my-adapter --assume-base gemma-3-270m-q4km --trait evil
`;

const EXIT_CODES = `
Exit codes:
  0  everything read, no harmful trait found
  1  the gate failed (--fail-on)
  2  wrong usage, or something cannot be read
  3  incomplete: not everything was read or understood, no signature for the base, or undecided
`;

/** Adds `scan` to the program; `done` takes the exit code. */
export function addScan(program: Command, done: (code: RunExitCode) => void): void {
  program
    .command('scan')
    .description('say which known harmful traits an adapter or a whole checkpoint carries, how strongly, in which layers')
    .argument('<path...>', 'folder or file of an adapter or of a whole checkpoint, or a kept reading')
    .addOption(libraryOption())
    .option('--trait <name>', 'only this trait (may be repeated)', collect)
    .addOption(new Option('--format <format>', 'form of the report').choices(FORMATS).default('table'))
    .addOption(new Option('--fail-on <verdict>', 'what makes exit code 1').choices(['present', 'indeterminate', 'never']).default('present'))
    .option('--assume-base <name>', 'the base to judge against, whatever the weights claim')
    .option('--base <path>', 'the base itself, of a whole checkpoint: its weights are subtracted')
    .option('--base-reading <file>', 'a kept reading of the base, in place of the one in the library')
    .option('-o, --output <file>', 'write the report to this file, whole or not at all')
    .option('--hash', 'list the sha256 of the files that decide, and a digest over them')
    .option('--dry-run', 'show what would be read, and read nothing')
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (paths: string[], flags: Flags) => {
      done(await run(paths, flags));
    });
}

function collect(value: string, previous: string[] | undefined): string[] {
  if (value === '') throw new InvalidArgumentError('a trait has a name.');
  return [...(previous ?? []), value];
}

async function run(paths: readonly string[], flags: Flags): Promise<RunExitCode> {
  await checkOutput(flags.output, [...paths, ...[flags.base, flags.baseReading].filter((p) => p !== undefined)], flags.signatures);
  const options: AnyScanOptions = {
    library: await openLibrary(flags.signatures),
    traits: flags.trait,
    assumeBase: flags.assumeBase,
    base: flags.base,
    baseReading: flags.baseReading,
    hash: flags.hash,
  };
  return flags.dryRun ? showPlans(paths, options, flags) : scanAll(paths, options, flags);
}

async function scanAll(paths: readonly string[], options: AnyScanOptions, flags: Flags): Promise<RunExitCode> {
  const results: AnyScanResult[] = [];
  for (const path of paths) {
    const progress = startProgress();
    const result = await scanPath(path, { ...options, onProgress: progress.update });
    progress.end();
    for (const error of result.errors) fail(error, flags.debug ?? false);
    results.push(result);
  }
  const made = report(results, flags.failOn, version());
  const width = process.stdout.columns || 80;
  const colour = flags.output === undefined && takesColour();
  await output(render(made, flags.format, { width, colour, showSuppressed: false }), flags.output);
  return made.exitCode;
}

async function showPlans(paths: readonly string[], options: AnyScanOptions, flags: Flags): Promise<RunExitCode> {
  const plans: (Awaited<ReturnType<typeof preparePath>> & { path: string })[] = [];
  const codes: ExitCode[] = [];
  for (const path of paths) {
    try {
      const prepared = await preparePath(path, options);
      plans.push({ ...prepared, path });
      if (prepared.gaps.length > 0 || prepared.signatures.length === 0) codes.push(EXIT.incomplete);
    } catch (error) {
      if (!(error instanceof WeightseqError)) throw error;
      codes.push(fail(error, flags.debug ?? false));
    }
  }
  await output(renderPlans(plans, flags.format === 'json' ? 'json' : 'table'), flags.output);
  return worst(codes);
}
