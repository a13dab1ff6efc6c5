/** `weightseq doctor`: what scans run on. In: this machine and these settings. Out: checks, each with a mend. */
import { Option, type Command } from 'commander';
import { createColors } from 'picocolors';
import { EXIT, WeightseqError, type ExitCode } from '../src/errors.js';
import { escapeJson } from '../src/report/json.js';
import { paragraph } from '../src/report/layout.js';
import { escapeText } from '../src/text.js';
import { ok, problem, warning, type Check } from './doctor/check.js';
import { libraryChecks } from './doctor/library.js';
import { coresCheck, folderCheck, memoryCheck, nodeCheck, temporaryCheck, terminalCheck } from './doctor/machine.js';
import { runtimeChecks } from './doctor/runtime.js';
import { basesOption, errorLine, libraryOption, output, takesColour, terminalWidth, version } from './io.js';
import { configInUse, settingsInForce } from './settings/apply.js';
import { allCommands } from './settings/options.js';
import { unknownVariables, type Settled } from './settings/settle.js';

interface Flags {
  readonly signatures: string;
  readonly library: string;
  readonly format: 'table' | 'json';
}

const EXIT_CODES = `
Exit codes:
  0  nothing stands in the way of a scan (there may be warnings)
  2  wrong usage
  3  there is a problem
`;

/** Adds `doctor` to the program; `done` takes the exit code. */
export function addDoctor(program: Command, done: (code: ExitCode) => void): void {
  program
    .command('doctor')
    .description('what scans run on: runtime, memory, signatures, settings; and how to mend it')
    .addOption(libraryOption())
    .addOption(basesOption())
    .addOption(new Option('--format <format>', 'form of the output').choices(['table', 'json']).default('table'))
    .option('--debug', 'show stack traces')
    .addHelpText('before', 'Examples:\n  weightseq doctor\n  weightseq doctor --format json\n')
    .addHelpText('after', EXIT_CODES)
    .action(async ({ signatures, library, format }: Flags) => {
      const settled = everySetting(program);
      const checks = [
        nodeCheck(), ...(await runtimeChecks()),
        await coresCheck(), memoryCheck(), await temporaryCheck(), ...(await cacheCheck(settled)),
        ...(await libraryChecks(signatures, new Date(), library)),
        ...settingsChecks(program, settled), terminalCheck(),
      ];
      await output(format === 'json' ? asJson(checks) : asTable(checks, terminalWidth(), takesColour()), undefined);
      done(checks.some(({ status }) => status === 'problem') ? EXIT.incomplete : EXIT.clean);
    });
}

/** The settings of every command; the error where one of them cannot be understood. */
function everySetting(program: Command): Settled[] | WeightseqError {
  const { problem: wrong } = configInUse(program);
  if (wrong !== null) return wrong;
  try {
    unknownVariables(program, process.env);
    return allCommands(program).flatMap((command) => settingsInForce(program, command));
  } catch (error) {
    if (error instanceof WeightseqError) return error;
    throw error;
  }
}

/** The folder of the cache, where a command has one. */
async function cacheCheck(settled: Settled[] | WeightseqError): Promise<Check[]> {
  if (settled instanceof WeightseqError) return [];
  const folder = settled.find(({ setting, value }) => setting.attribute === 'cache' && typeof value === 'string')?.value;
  return typeof folder === 'string' ? [await folderCheck('cache', folder)] : [];
}

function settingsChecks(program: Command, settled: Settled[] | WeightseqError): Check[] {
  if (settled instanceof WeightseqError) {
    const { file, tensor, message, mend } = settled;
    return [problem('settings', errorLine({ file, tensor, message, mend: undefined }), mend ?? 'Correct it, or leave it out.')];
  }
  const { file } = configInUse(program);
  const unknown = unknownVariables(program, process.env).map(escapeText);
  return [
    ok('settings', file === null ? 'no configuration file' : `from ${escapeText(file.path)}`),
    ...(unknown.length > 0 ? [warning('settings', `no options, though they begin as ours do: ${unknown.join(', ')}`, 'Remove them, or see weightseq config print for the names.')] : []),
  ];
}

function asJson(checks: readonly Check[]): string {
  return `${escapeJson(JSON.stringify({ schemaVersion: 1, tool: { name: 'weightseq', version: version() }, checks }, null, 2))}\n`;
}

function asTable(checks: readonly Check[], columns: number, colour: boolean): string {
  const colours = createColors(colour);
  const width = Math.max(40, Math.min(100, columns));
  const paint = { ok: colours.green, warning: colours.yellow, problem: colours.red };
  const names = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, status, detail, mend }) => {
    const label = `${status.padEnd(7)}  ${name.padEnd(names)}  `;
    const text = paragraph(label, detail, width);
    return [`${paint[status](status)}${text.slice(status.length)}`, ...(mend === null ? [] : [paragraph(' '.repeat(label.length), mend, width)])];
  });
  const count = (status: Check['status']) => {
    const n = checks.filter((check) => check.status === status).length;
    return `${n} ${status}${n === 1 ? '' : 's'}`;
  };
  return `${[...lines, '', `${count('problem')}, ${count('warning')}`].join('\n')}\n`;
}
