/** What every command shares: options, output that is written whole or not at all, errors as one line. The edge of the program. */
import { readFileSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { Option } from 'commander';
import { EXIT, WeightseqError, type ExitCode } from '../src/errors.js';
import { writeFileAtomic } from '../src/files.js';
import { printed } from '../src/report/printed.js';
import { defaultBasesFolder, SHIPPED_LIBRARY } from '../src/signature/shipped.js';
import { escapeText } from '../src/text.js';
import { log } from './log.js';

/** What this package says of itself. */
export function manifest(): { readonly version?: string; readonly engines?: { readonly node?: string } } {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version?: string; engines?: { node?: string } };
}

/** The version in package.json. */
export function version(): string {
  return manifest().version ?? 'unknown';
}

/** `--signatures`, the same for every command. */
export function libraryOption(): Option {
  return new Option('--signatures <folder>', 'library of signatures').default(SHIPPED_LIBRARY, 'the shipped one');
}

/** `--library`, the same for every command. */
export function basesOption(): Option {
  return new Option('--library <folder>', 'folder of known bases (weightseq base add), beside those of the signatures').default(defaultBasesFolder(), "the user's own");
}

/** The report goes to stdout and nothing else does, or whole to a file. */
export async function output(text: string, file: string | undefined): Promise<void> {
  if (file === undefined) process.stdout.write(text);
  else await writeFileAtomic(file, text);
}

/** Names of files that a scan reads: what has such a name beside weights is taken for weights the next time. */
const INPUT = /(?:\.safetensors|\.bin|config\.json|index\.json)$/u;

/**
 * Holds the file to be written against what is read, before anything is read.
 * @param library the folder of signatures, where one is read
 * @throws WeightseqError `usage` when it is one of the inputs, or would have the name of one in a folder that is read
 */
export async function checkOutput(file: string | undefined, inputs: readonly string[], library?: string): Promise<void> {
  if (file === '') throw new WeightseqError('usage', '-o has no file name', { mend: 'Give the path of a file.' });
  if (file === undefined) return;
  const target = await realpath(file).catch(async () => join(await realpath(dirname(file)).catch(() => dirname(file)), basename(file)));
  const isNew = await stat(target).then(() => false, () => true);
  for (const input of [...inputs, ...(library === undefined ? [] : [library])]) {
    const real = await realpath(input).catch(() => null);
    // A library lists its files: a new one in it is nobody's.
    if (real === null || (input === library && isNew)) continue;
    const isFolder = (await stat(real)).isDirectory();
    const belongs = isFolder ? target.startsWith(real + sep) : dirname(target) === dirname(real);
    if (target === real || (belongs && INPUT.test(target))) {
      throw new WeightseqError('usage', 'this file is an input, or would be taken for one', { file, mend: 'Write elsewhere, or to a name such as NAME.reading or report.json.' });
    }
  }
}

/** Whether stdout takes colour: a terminal, and NO_COLOR unset or empty (https://no-color.org). */
export function takesColour(): boolean {
  return process.stdout.isTTY && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
}

/** Columns of the terminal; 80 where there is none. */
export function terminalWidth(): number {
  return process.stdout.columns || 80;
}

/** One line that names what is wrong, where, and the mend. */
export function errorLine(error: Pick<WeightseqError, 'file' | 'tensor' | 'message' | 'mend'>): string {
  const where = [error.file, error.tensor].filter((part) => part !== undefined);
  const line = [...where, error.message].map(printed).join(': ');
  return error.mend === undefined ? line : `${line}. ${printed(error.mend)}`;
}

/** Says what went wrong on stderr; a stack only with --debug. Returns the exit code. */
export function fail(error: unknown, debug: boolean): ExitCode {
  const known = error instanceof WeightseqError;
  const message = known ? errorLine(error) : `internal error: ${escapeText(error instanceof Error ? error.message : String(error))} (a bug; --debug shows where)`;
  const exitCode = known ? error.exitCode : EXIT.unreadable;
  const { code = 'internal', file = null, tensor = null, mend = null, excerpt = [] } = known ? error : {};
  const stack = debug && error instanceof Error ? { stack: error.stack ?? '' } : {};
  log.error('error', message, { code, file, tensor, mend, exitCode, ...(excerpt.length > 0 ? { excerpt } : {}), ...stack });
  return exitCode;
}
