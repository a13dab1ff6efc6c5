/** `weightseq scan`. In: paths and options. Out: a report, and the exit code of the gate. */
import { resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { SIGNAL_EXIT, WeightseqError, type RunExitCode } from '../src/errors.js';
import { reportOf } from '../src/report/report.js';
import type { FailOn, Report } from '../src/report/schema.js';
import { FORMATS, type Format } from '../src/report/formats.js';
import { expandTargets, type Target } from '../src/run/targets.js';
import { audited, type Audit } from './audit/log.js';
import { addGateOptions, gateInputs, needsHash, openGate, type GateFlags } from './gate-options.js';
import { basesOption, checkOutput, libraryOption, output, takesColour, terminalWidth, version } from './io.js';
import { logItem } from './log-item.js';
import { addRunOptions, openCacheOf, type RunFlags } from './run-options.js';
import { readList, runScan, type RunOutcome } from './run.js';
import { refuseFoundIn } from './settings/apply.js';
import { settingsMade } from './settings/made.js';

// What scans runs in other processes: this one loads neither the engine nor the library, nor what it may not need, and stays small.

export interface ScanFlags extends RunFlags, GateFlags {
  readonly signatures: string;
  readonly library: string;
  readonly trait?: string[];
  readonly format: Format;
  readonly failOn: FailOn;
  readonly assumeBase?: string;
  readonly base?: string;
  readonly baseReading?: string;
  readonly registry?: string;
  readonly output?: string;
  readonly hash?: boolean;
  readonly auditLog?: string;
  readonly dryRun?: true;
  readonly debug?: true;
}

const EXAMPLES = `Examples:
  weightseq scan ./my-adapter
  weightseq scan ./adapters --format json -o report.json
  weightseq scan ./adapters --jobs 4 --resume
  find . -name adapter_config.json -print0 | weightseq scan -
  weightseq scan ./my-model --base ./its-base
  weightseq scan ./my-adapter --assume-base gemma-3-270m-q4km --trait evil
`;

const EXIT_CODES = `
Exit codes:
  0  everything read, no harmful trait found
  1  the gate failed (--fail-on)
  2  wrong usage, or something cannot be read
  3  incomplete: not everything was read or understood, no signature for the base, or undecided
  130, 143  interrupted: the report holds the items that were finished
`;

/** Adds `scan` to the program; `done` takes the exit code. */
export function addScan(program: Command, done: (code: RunExitCode) => void): void {
  addGateOptions(addRunOptions(program
    .command('scan')
    .description('say which known harmful traits an adapter or a whole checkpoint carries, how strongly, in which layers')
    .argument('<path...>', 'folder or file of an adapter or of a whole checkpoint, a kept reading, a folder of many, a pattern, or - for a list on stdin')
    .addOption(libraryOption())
    .addOption(basesOption())
    .option('--trait <name>', 'only this trait (may be repeated)', collectTraits)
    .addOption(new Option('--format <format>', 'form of the report').choices(FORMATS).default('table'))
    .addOption(new Option('--fail-on <verdict>', 'what makes exit code 1').choices(['present', 'indeterminate', 'contaminated', 'never']).default('present'))
    .option('--assume-base <name>', 'the base to judge against, whatever the weights claim')
    .option('--base <path>', 'the base itself, of a whole checkpoint: its weights are subtracted')
    .option('--base-reading <file>', 'a kept reading of the base, in place of the one in the library')
    .option('--registry <file>', 'models that are known to be contaminated (YAML or JSON): says which of them are ancestors (turns --hash on)')
    .option('-o, --output <file>', 'write the report to this file, whole or not at all')
    .option('--hash', 'list the sha256 of the files that decide, and a digest over them')
    .option('--audit-log <file>', 'append what was scanned, by whom, with which outcome (implies --hash)')))
    .option('--dry-run', 'show what would be read, and read nothing')
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (paths: string[], flags: ScanFlags, command: Command) => {
      const targets = await expandTargets(paths, readList);
      await refuseFoundIn(program, targets.flatMap(({ path, origin = path }) => [path, origin]));
      await checkAuditLog(targets, flags);
      const facts = { version: version(), argv: process.argv.slice(2), cwd: process.cwd() };
      done(await audited(flags.auditLog, facts, settingsMade(program, command), (audit) => run(targets, flags, audit)));
    });
}

/** Adds a trait to those named before. */
export function collectTraits(value: string, previous: string[] | undefined): string[] {
  if (value === '') throw new InvalidArgumentError('a trait has a name.');
  return [...(previous ?? []), value];
}

async function checkAuditLog(targets: readonly Target[], { auditLog, output, signatures }: ScanFlags): Promise<void> {
  if (auditLog === undefined) return;
  if (auditLog === '') throw new WeightseqError('usage', '--audit-log has no file name', { mend: 'Give the path of a file.' });
  await checkOutput(auditLog, targets.map(({ path }) => path), signatures);
  if (output !== undefined && resolve(output) === resolve(auditLog)) throw new WeightseqError('usage', '-o and --audit-log name the same file', { file: auditLog });
}

async function run(targets: readonly Target[], flags: ScanFlags, audit: Audit | null): Promise<RunExitCode> {
  const inputs = [...targets.map(({ path }) => path), flags.base, flags.baseReading, flags.registry, ...gateInputs(flags)].filter((path) => path !== undefined);
  await checkOutput(flags.output, inputs, flags.signatures);
  if (flags.failOn === 'contaminated' && flags.registry === undefined) throw new WeightseqError('usage', '--fail-on contaminated needs a registry', { mend: 'Give one with --registry FILE.' });
  const gate = await openGate(flags, flags.failOn);
  if (flags.dryRun) {
    const { showPlans } = await import('./plans.js');
    return showPlans(targets, flags);
  }
  // An audit says which bytes were scanned; a suppression holds for some bytes alone.
  const hash = flags.hash ?? (audit !== null || flags.registry !== undefined || needsHash(flags, gate));
  const outcome = await scanAll(targets, { ...flags, hash });
  const made = gate.apply(finish(outcome, flags));
  made.items.forEach(logItem);
  await audit?.items(made);
  const width = terminalWidth();
  const colour = flags.output === undefined && takesColour();
  const { render } = await import('../src/report/render.js');
  await output(render(made, flags.format, { width, colour, showSuppressed: flags.showSuppressed ?? false }), flags.output);
  return made.exitCode;
}

async function scanAll(targets: readonly Target[], flags: ScanFlags): Promise<RunOutcome> {
  const { signatures: library, library: bases, trait: traits, assumeBase, base, baseReading, registry, hash, failOn, jobs, debug = false } = flags;
  const cache = await openCacheOf(flags);
  return runScan(targets, { library, bases, traits, assumeBase, base, baseReading, registry, hash, failOn, version: version(), cache, debug }, jobs);
}

/** The report of what a run gave; of one that was ended, what it had finished. */
function finish({ items, interrupted }: RunOutcome, { failOn }: ScanFlags): Report {
  const whole = reportOf(items, failOn, version());
  return interrupted === null ? whole : { ...whole, interrupted, exitCode: SIGNAL_EXIT[interrupted] };
}
