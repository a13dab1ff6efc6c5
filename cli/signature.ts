/** `weightseq signature`: the library of signatures. In: a folder. Out: lists, evidence, checks. */
import { stat } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { EXIT, WeightseqError, type ExitCode } from '../src/errors.js';
import { describeSignature, listLibrary } from '../src/report/signatures.js';
import { escapeJson } from '../src/report/json.js';
import { readSignature, type Signature } from '../src/signature/format.js';
import { knownTraits, openEntry, openLibrary, type Library } from '../src/signature/library.js';
import { unlisted, verifyEntry, verifySignature, type Check } from '../src/signature/verify.js';
import { escapeText } from '../src/text.js';
import { libraryOption, output } from './io.js';

interface Flags {
  readonly signatures: string;
  readonly format: 'table' | 'json';
}

/** Adds `signature list|inspect|verify` to the program; `done` takes the exit code. */
export function addSignature(program: Command, done: (code: ExitCode) => void): void {
  const group = program
    .command('signature')
    .description('the library of signatures: what can be found, on what evidence')
    .addHelpText('before', 'Examples:\n  weightseq signature list\n  weightseq signature inspect evil\n');
  const command = (name: string, description: string, example: string) =>
    group
      .command(name)
      .description(description)
      .addOption(libraryOption())
      .option('--debug', 'show stack traces')
      .addHelpText('before', `Example:\n  ${example}\n`);
  const format = () => new Option('--format <format>', 'form of the output').choices(['table', 'json']).default('table');

  command('list', 'every signature: trait, base, size, evidence', 'weightseq signature list')
    .addOption(format())
    .action(async (flags: Flags) => {
      await list(flags);
    });
  command('inspect', 'what one signature was built from, and how well it predicts', 'weightseq signature inspect evil')
    .argument('<trait-or-file>', 'a trait of the library, or a signature file')
    .addOption(format())
    .action(async (name: string, flags: Flags) => {
      await inspect(name, flags);
    });
  command('verify', 'check hashes, numbers and stated evidence', 'weightseq signature verify')
    .argument('[file...]', 'signature files; the whole library when none is given')
    .action(async (files: string[], flags: Flags) => {
      done(await verify(files, flags));
    });
}

async function list({ signatures, format }: Flags): Promise<void> {
  const library = await openLibrary(signatures);
  const opened = await Promise.all(library.entries.map((entry) => openEntry(library, entry)));
  const text = format === 'json' ? escapeJson(JSON.stringify(library.entries, null, 2)) : listLibrary(opened);
  await output(`${text}\n`, undefined);
}

async function inspect(name: string, { signatures, format }: Flags): Promise<void> {
  for (const signature of await find(name, signatures)) {
    const text = format === 'json' ? escapeJson(JSON.stringify(signature.document, null, 2)) : describeSignature(signature);
    await output(`${text}\n`, undefined);
  }
}

/** A file of that path, or else every signature of that trait. */
async function find(name: string, folder: string): Promise<Signature[]> {
  const isFile = await stat(name).then((s) => s.isFile(), () => false);
  if (isFile) return [await readSignature(name)];
  const library = await openLibrary(folder);
  const entries = library.entries.filter((e) => e.trait === name);
  if (entries.length > 0) return Promise.all(entries.map((entry) => openEntry(library, entry)));
  throw new WeightseqError('unknown-trait', `${escapeText(name)} is neither a file nor a trait of the library`, {
    mend: `Name one of: ${knownTraits(library)}.`,
  });
}

async function verify(files: readonly string[], { signatures }: Flags): Promise<ExitCode> {
  const checked: { name: string; checks: Check[] }[] = [];
  if (files.length > 0) {
    for (const file of files) checked.push({ name: file, checks: await verifySignature(await readSignature(file)) });
  } else {
    checked.push(...(await verifyLibrary(await openLibrary(signatures))));
  }
  const lines = checked.flatMap(({ name, checks }) => [
    escapeText(name),
    ...checks.map((c) => `  ${c.ok ? 'ok  ' : 'FAIL'}  ${c.what}: ${escapeText(c.detail)}`),
  ]);
  await output(`${lines.join('\n')}\n`, undefined);
  return checked.every(({ checks }) => checks.every((c) => c.ok)) ? EXIT.clean : EXIT.gate;
}

async function verifyLibrary(library: Library): Promise<{ name: string; checks: Check[] }[]> {
  const listed = await Promise.all(library.entries.map(async (entry) => ({ name: entry.file, checks: await verifyEntry(library, entry) })));
  const strays = (await unlisted(library)).map((name) => ({
    name,
    checks: [{ what: 'index', ok: false, detail: 'the index does not list this file' }],
  }));
  return [...listed, ...strays];
}
