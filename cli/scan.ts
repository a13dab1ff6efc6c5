import { InvalidArgumentError, Option, type Command } from 'commander';
import { EXIT, WeightseqError, type ErrorCode, type ExitCode } from '../src/errors.js';
import { renderJson } from '../src/report/json.js';
import { renderPlans } from '../src/report/plans.js';
import { report } from '../src/report/report.js';
import type { FailOn } from '../src/report/schema.js';
import { renderTable } from '../src/report/table.js';
import { worst } from '../src/report/exit.js';
import { prepareModel, scanModel, type ModelScanOptions, type ModelScanResult, type PreparedModel } from '../src/scan/model-scan.js';
import { prepare, scan, type Prepared, type ScanResult } from '../src/scan/scan.js';
import { openLibrary } from '../src/signature/library.js';
import { checkOutput, fail, libraryOption, output, takesColour, version } from './io.js';
import { startProgress } from './progress.js';

interface Flags {
  readonly signatures: string;
  readonly trait?: string[];
  readonly format: 'table' | 'json';
  readonly failOn: FailOn;
  readonly assumeBase?: string;
  readonly base?: string;
  readonly baseReading?: string;
  readonly output?: string;
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
export function addScan(program: Command, done: (code: ExitCode) => void): void {
  program
    .command('scan')
    .description('say which known harmful traits an adapter or a whole checkpoint carries, how strongly, in which layers')
    .argument('<path...>', 'folder or file of an adapter or of a whole checkpoint, or a kept reading')
    .addOption(libraryOption())
    .option('--trait <name>', 'only this trait (may be repeated)', collect)
    .addOption(new Option('--format <format>', 'form of the report').choices(['table', 'json']).default('table'))
    .addOption(new Option('--fail-on <verdict>', 'what makes exit code 1').choices(['present', 'indeterminate', 'never']).default('present'))
    .option('--assume-base <name>', 'the base to judge against, whatever the weights claim')
    .option('--base <path>', 'the base itself, of a whole checkpoint: its weights are subtracted')
    .option('--base-reading <file>', 'a kept reading of the base, in place of the one in the library')
    .option('-o, --output <file>', 'write the report to this file, whole or not at all')
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

async function run(paths: readonly string[], flags: Flags): Promise<ExitCode> {
  await checkOutput(flags.output, [...paths, ...[flags.base, flags.baseReading].filter((p) => p !== undefined)], flags.signatures);
  const options: ModelScanOptions = {
    library: await openLibrary(flags.signatures),
    traits: flags.trait,
    assumeBase: flags.assumeBase,
    base: flags.base,
    baseReading: flags.baseReading,
  };
  return flags.dryRun ? showPlans(paths, options, flags) : scanAll(paths, options, flags);
}

/** What `locate` says of a path that is no adapter, and may be a whole checkpoint or a reading. */
const NO_ADAPTER: readonly ErrorCode[] = ['unsupported-checkpoint', 'not-a-model', 'text'];

/** An adapter, or else a whole checkpoint or a kept reading of one. */
async function scanAny(path: string, options: ModelScanOptions): Promise<ScanResult | ModelScanResult> {
  const result = await scan(path, options);
  return result.checkpoint === null && isOther(result.errors[0]) ? scanModel(path, options) : result;
}

function isOther(error: WeightseqError | undefined): boolean {
  return error !== undefined && NO_ADAPTER.includes(error.code);
}

async function scanAll(paths: readonly string[], options: ModelScanOptions, flags: Flags): Promise<ExitCode> {
  const results: (ScanResult | ModelScanResult)[] = [];
  for (const path of paths) {
    const progress = startProgress();
    const result = await scanAny(path, { ...options, onProgress: progress.update });
    progress.end();
    for (const error of result.errors) fail(error, flags.debug ?? false);
    results.push(result);
  }
  const made = report(results, flags.failOn, version());
  const width = process.stdout.columns || 80;
  const colour = flags.output === undefined && takesColour();
  await output(flags.format === 'json' ? renderJson(made) : renderTable(made, { width, colour }), flags.output);
  return made.exitCode;
}

async function showPlans(paths: readonly string[], options: ModelScanOptions, flags: Flags): Promise<ExitCode> {
  const plans: ((Prepared | PreparedModel) & { path: string })[] = [];
  const codes: ExitCode[] = [];
  for (const path of paths) {
    try {
      const prepared = await prepareAny(path, options);
      plans.push({ ...prepared, path });
      if (prepared.gaps.length > 0 || prepared.signatures.length === 0) codes.push(EXIT.incomplete);
    } catch (error) {
      if (!(error instanceof WeightseqError)) throw error;
      codes.push(fail(error, flags.debug ?? false));
    }
  }
  await output(renderPlans(plans, flags.format), flags.output);
  return worst(codes);
}

async function prepareAny(path: string, options: ModelScanOptions): Promise<Prepared | PreparedModel> {
  try {
    return await prepare(path, options);
  } catch (error) {
    if (error instanceof WeightseqError && isOther(error)) return prepareModel(path, options);
    throw error;
  }
}
