/** `weightseq explain`: one finding in plain words. In: a saved report and the library. Out: paragraphs. */
import { normalize } from 'node:path';
import type { Command } from 'commander';
import { EXIT, WeightseqError, type ExitCode } from '../src/errors.js';
import { explain } from '../src/report/explain.js';
import { explainRule, ruleIds } from '../src/report/explain-rule.js';
import { openReport } from '../src/report/open.js';
import type { Report, ReportFinding, ReportItem } from '../src/report/schema.js';
import type { SignatureDocument } from '../src/signature/document.js';
import { openEntry, openLibrary } from '../src/signature/library.js';
import { escapeText } from '../src/text.js';
import { libraryOption, output, terminalWidth } from './io.js';

interface Flags {
  readonly signatures: string;
  readonly report: string;
  readonly item?: string;
}

const EXAMPLES = `Examples:
  weightseq explain evil --report report.json
  weightseq explain evil --report report.json --item ./adapters/a
  weightseq explain scan-incomplete --report report.json
  weightseq scan ./my-adapter --format json | weightseq explain evil --report -
`;

const EXIT_CODES = `
Exit codes:
  0  explained, whatever the verdict
  2  wrong usage, or the file is no report
`;

/** Adds `explain` to the program; `done` takes the exit code. */
export function addExplain(program: Command, done: (code: ExitCode) => void): void {
  program
    .command('explain')
    .description('say in plain words what a finding rests on, what it means and what to do next; reads no weights')
    .argument('<finding>', 'a trait, or what else the report found, as SARIF names it: scan-incomplete, scan-error, beside-pickle, policy-ID')
    .requiredOption('--report <file>', 'report that scan --format json wrote; - for standard input')
    .option('--item <path>', 'the item of the report, where several have this trait')
    .addOption(libraryOption())
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (trait: string, flags: Flags) => {
      await run(trait, flags);
      done(EXIT.clean);
    });
}

async function run(named: string, { signatures, report: path, item: wanted }: Flags): Promise<void> {
  const report = await openReport(path);
  const columns = terminalWidth();
  const isTrait = (name: string) => report.items.some((item) => item.findings.some((f) => f.trait === name));
  // A trait may be named as SARIF does.
  const trait = isTrait(named) ? named : named.replace(/^trait-/u, '');
  const rule = isTrait(trait) ? null : explainRule({ ...report, items: itemsAt(report, wanted) }, named, columns);
  if (rule !== null) {
    await output(rule, undefined);
    return;
  }
  const { item, finding } = find(report, trait, wanted, path);
  const document = await documentOf(finding, signatures);
  await output(explain(finding, item, report, document, columns), undefined);
}

/** The one finding that is meant. */
function find(report: Report, trait: string, wanted: string | undefined, file: string): { item: ReportItem; finding: ReportFinding } {
  const usage = (message: string, mend: string) => new WeightseqError('usage', message, { file: file === '-' ? 'standard input' : file, mend });
  const items = itemsAt(report, wanted);
  if (wanted !== undefined && items.length === 0) throw usage(`the report has no item ${escapeText(wanted)}`, `Name one of: ${names(report.items.map((i) => i.path))}.`);
  const found = items.flatMap((item) => item.findings.filter((f) => f.trait === trait).map((finding) => ({ item, finding })));
  const [first, ...others] = found;
  if (first === undefined) {
    const traits = names(items.flatMap((item) => item.findings.map((f) => f.trait)));
    const known = [traits, names(ruleIds(report))].filter((text) => text !== '').join(', ');
    throw usage(`the report has no finding of the trait ${escapeText(trait)}`, known === '' ? 'Nothing was judged in it: see it with weightseq convert.' : `Name one of: ${known}.`);
  }
  if (others.length > 0 && wanted === undefined) throw usage(`${found.length} items have the trait ${escapeText(trait)}`, `Choose one with --item: ${names(found.map((f) => f.item.path))}.`);
  return first;
}

/** The items with this path; all where none is wanted. */
function itemsAt({ items }: Report, wanted: string | undefined): ReportItem[] {
  return items.filter((item) => wanted === undefined || plain(item.path) === plain(wanted));
}

/** A path without `./` and the slash at its end. */
function plain(path: string): string {
  return normalize(path).replace(/(?<=.)\/$/u, '');
}

/** At most ten names, each once. */
function names(all: readonly string[]): string {
  const unique = [...new Set(all)];
  return `${unique.slice(0, 10).map(escapeText).join(', ')}${unique.length > 10 ? ` and ${unique.length - 10} more` : ''}`;
}

/** Null when the library does not list the signature by its hash; a file that was changed since is an error. */
async function documentOf({ signature }: ReportFinding, folder: string): Promise<SignatureDocument | null> {
  const library = await openLibrary(folder);
  const entry = library.entries.find(({ sha256 }) => sha256 === signature.sha256);
  return entry === undefined ? null : (await openEntry(library, entry)).document;
}
