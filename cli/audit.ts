/** `weightseq audit`: checks the log that scan --audit-log keeps. In: a file. Out: what is wrong with its chain, and the exit code. */
import { readFile } from 'node:fs/promises';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { EXIT, WeightseqError, type ExitCode } from '../src/errors.js';
import { systemCode } from '../src/files.js';
import { escapeJson } from '../src/report/json.js';
import { escapeText } from '../src/text.js';
import { checkChain, isAuditLog, type AuditCheck } from './audit/chain.js';
import { output } from './io.js';

interface Flags {
  readonly format: 'table' | 'json';
  readonly head?: string;
}

const EXIT_CODES = `
Exit codes:
  0  nothing was changed or removed
  1  a line was changed, removed or not written whole
  2  wrong usage, or no audit log
  3  a run has no end: killed, still running, or its last lines cut off
`;

/** Adds `audit verify` to the program; `done` takes the exit code. */
export function addAudit(program: Command, done: (code: ExitCode) => void): void {
  const group = program
    .command('audit')
    .description('the log that scan --audit-log keeps')
    .addHelpText('before', 'Examples:\n  weightseq scan ./my-adapter --audit-log audit.jsonl\n  weightseq audit verify audit.jsonl\n');
  group
    .command('verify')
    .description('check that no line of an audit log was changed or removed')
    .argument('<file>', 'the log')
    .option('--head <sha256>', 'a line that the log must hold, as an earlier check showed it', parseHead)
    .addOption(new Option('--format <format>', 'form of the output').choices(['table', 'json']).default('table'))
    .option('--debug', 'show stack traces')
    .addHelpText('before', 'Example:\n  weightseq audit verify audit.jsonl\n')
    .addHelpText('after', EXIT_CODES)
    .action(async (file: string, { format, head }: Flags) => {
      const check = checkChain(await readLog(file), head);
      // A log that was cut down to nothing is not one in order.
      if (check.lines === 0) throw new WeightseqError('usage', 'the audit log is empty: it holds no run', { file, mend: 'Give the file that scan --audit-log wrote.' });
      await output(format === 'json' ? `${escapeJson(JSON.stringify({ schemaVersion: 1, file, ...check }, null, 2))}\n` : asTable(file, check), undefined);
      done(check.problems.length > 0 ? EXIT.gate : check.unfinished.length > 0 ? EXIT.incomplete : EXIT.clean);
    });
}

function parseHead(value: string): string {
  if (!/^[0-9a-f]{64}$/u.test(value)) throw new InvalidArgumentError('A sha256 has 64 digits, 0 to 9 and a to f.');
  return value;
}

async function readLog(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new WeightseqError('unreadable-file', `the audit log cannot be read (${systemCode(cause)})`, { file, cause, mend: 'Check that it exists and may be read.' });
  }
  // Bytes that are no UTF-8 become another character, and so another hash.
  const text = bytes.toString('utf8');
  if (text !== '' && !isAuditLog(text) && !text.includes('\n{"schemaVersion":1,"event":"')) {
    throw new WeightseqError('usage', 'not an audit log', { file, mend: 'Give the file that scan --audit-log wrote.' });
  }
  return text;
}

function asTable(file: string, { lines, runs, problems, unfinished, head }: AuditCheck): string {
  return [
    `${escapeText(file)}: ${lines} lines, ${runs} runs`,
    ...problems.map(({ line, message }) => `  FAIL  line ${line}: ${message}`),
    ...unfinished.map(({ line, time, run }) => `  open  line ${line} (${escapeText(time)}) is the last of run ${escapeText(run)}, which has no end`),
    ...(problems.length === 0 ? [`  ok    no line was changed or removed${unfinished.length > 0 ? ' up to there' : ''}`] : []),
    ...(head === null ? [] : [`  head  ${head}`]),
    '',
  ].join('\n');
}
