import { resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { EXIT, WeightseqError, type ExitCode, type RunExitCode } from '../src/errors.js';
import { renderPlans } from '../src/report/plans.js';
import { report } from '../src/report/report.js';
import type { FailOn } from '../src/report/schema.js';
import { FORMATS, render, type Format } from '../src/report/render.js';
import { worst } from '../src/report/exit.js';
import { preparePath, scanPath, type AnyScanOptions, type AnyScanResult } from '../src/scan/any.js';
import { openLibrary } from '../src/signature/library.js';
import { escapeText } from '../src/text.js';
import { audited, type Audit } from './audit/log.js';
import { checkOutput, fail, libraryOption, output, takesColour, version } from './io.js';
import { log } from './log.js';
import { logItem } from './log-item.js';
import { startProgress } from './progress.js';
import { settingsMade } from './settings/made.js';

interface Flags {
  readonly signatures: string;
  readonly trait?: string[];
  readonly format: Format;
  readonly failOn: FailOn;
  readonly assumeBase?: string;
  readonly base?: string;
  readonly baseReading?: string;
  readonly output?: string;
  readonly hash?: boolean;
  readonly auditLog?: string;
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
    .option('--audit-log <file>', 'append what was scanned, by whom, with which outcome (implies --hash)')
    .option('--dry-run', 'show what would be read, and read nothing')
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (paths: string[], flags: Flags, command: Command) => {
      await checkAuditLog(paths, flags);
      const facts = { version: version(), argv: process.argv.slice(2), cwd: process.cwd() };
      done(await audited(flags.auditLog, facts, settingsMade(program, command), (audit) => run(paths, flags, audit)));
    });
}

function collect(value: string, previous: string[] | undefined): string[] {
  if (value === '') throw new InvalidArgumentError('a trait has a name.');
  return [...(previous ?? []), value];
}

async function checkAuditLog(paths: readonly string[], { auditLog, output, signatures }: Flags): Promise<void> {
  if (auditLog === undefined) return;
  if (auditLog === '') throw new WeightseqError('usage', '--audit-log has no file name', { mend: 'Give the path of a file.' });
  await checkOutput(auditLog, paths, signatures);
  if (output !== undefined && resolve(output) === resolve(auditLog)) throw new WeightseqError('usage', '-o and --audit-log name the same file', { file: auditLog });
}

async function run(paths: readonly string[], flags: Flags, audit: Audit | null): Promise<RunExitCode> {
  await checkOutput(flags.output, [...paths, ...[flags.base, flags.baseReading].filter((p) => p !== undefined)], flags.signatures);
  const library = await openLibrary(flags.signatures);
  log.debug('library', `${library.entries.length} signatures in ${escapeText(library.folder)}`, { folder: library.folder, signatures: library.entries.length });
  const options: AnyScanOptions = {
    library,
    traits: flags.trait,
    assumeBase: flags.assumeBase,
    base: flags.base,
    baseReading: flags.baseReading,
    // An audit says which bytes were scanned.
    hash: flags.hash ?? audit !== null,
  };
  return flags.dryRun ? showPlans(paths, options, flags) : scanAll(paths, options, flags, audit);
}

async function scanAll(paths: readonly string[], options: AnyScanOptions, flags: Flags, audit: Audit | null): Promise<RunExitCode> {
  const results: AnyScanResult[] = [];
  for (const path of paths) {
    const progress = startProgress();
    const result = await scanPath(path, { ...options, onProgress: progress.update });
    progress.end();
    for (const error of result.errors) fail(error, flags.debug ?? false);
    results.push(result);
  }
  const made = report(results, flags.failOn, version());
  made.items.forEach(logItem);
  await audit?.items(made);
  const width = process.stdout.columns || 80;
  const colour = flags.output === undefined && takesColour();
  await output(render(made, flags.format, { width, colour, showSuppressed: false }), flags.output);
  return made.exitCode;
}

async function showPlans(paths: readonly string[], options: AnyScanOptions, flags: Flags): Promise<RunExitCode> {
  const { format } = flags;
  if (format !== 'table' && format !== 'json') throw new WeightseqError('usage', `--dry-run has no ${format} form`, { mend: 'Give --format table or json.' });
  const plans: (Awaited<ReturnType<typeof preparePath>> & { path: string })[] = [];
  const codes: ExitCode[] = [];
  for (const path of paths) {
    try {
      const prepared = await preparePath(path, options);
      plans.push({ ...prepared, path });
      codes.push(...prepared.errors.map((error) => fail(error, flags.debug ?? false)));
      if (prepared.gaps.length > 0) codes.push(EXIT.incomplete);
    } catch (error) {
      if (!(error instanceof WeightseqError)) throw error;
      codes.push(fail(error, flags.debug ?? false));
    }
  }
  await output(renderPlans(plans, format), flags.output);
  return worst(codes);
}
