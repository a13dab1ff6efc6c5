/** `weightseq convert`: a saved report in another form. In: JSON. Out: text, and exit code 0 when it was rendered. */
import { Option, type Command } from 'commander';
import { EXIT, type ExitCode } from '../src/errors.js';
import { openReport } from '../src/report/open.js';
import { FORMATS, type Format } from '../src/report/formats.js';
import { render } from '../src/report/render.js';
import { SHIPPED_LIBRARY } from '../src/signature/library.js';
import { checkOutput, output, takesColour, terminalWidth } from './io.js';

interface Flags {
  readonly format: Format;
  readonly output?: string;
  readonly showSuppressed?: boolean;
}

const EXAMPLES = `Examples:
  weightseq convert report.json --format sarif -o weightseq.sarif
  weightseq convert report.json --format markdown --show-suppressed
  weightseq scan ./my-adapter --format json | weightseq convert - --format junit
`;

const EXIT_CODES = `
Exit codes:
  0  the report was rendered, whatever it says: the scan gave its own exit code, and one report
     may be rendered several times in a pipeline that has to go on
  2  wrong usage, or the file is no report
`;

/** Adds `convert` to the program; `done` takes the exit code. */
export function addConvert(program: Command, done: (code: ExitCode) => void): void {
  program
    .command('convert')
    .description('render a saved report in another form; reads no weights')
    .argument('<report>', 'report that scan --format json wrote; - for standard input')
    .addOption(new Option('--format <format>', 'form of the output').choices(FORMATS).default('table'))
    .option('-o, --output <file>', 'write it to this file, whole or not at all')
    .option('--show-suppressed', 'show findings that were let pass in full; in sarif also what was not found')
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (path: string, flags: Flags) => {
      await convert(path, flags);
      done(EXIT.clean);
    });
}

async function convert(path: string, { format, output: file, showSuppressed = false }: Flags): Promise<void> {
  await checkOutput(file, [path], SHIPPED_LIBRARY);
  const report = await openReport(path);
  const width = terminalWidth();
  await output(render(report, format, { width, colour: file === undefined && takesColour(), showSuppressed }), file);
}
