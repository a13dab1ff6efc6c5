/** `weightseq base`: models that others descend from, kept as small readings. In: a checkpoint and a name. Out: a folder that scans look into. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { asWeightseqError, EXIT, WeightseqError, type ExitCode } from '../src/errors.js';
import { openReading, type KeptModel } from '../src/reading/reading-file.js';
import { escapeJson } from '../src/report/json.js';
import { bytes } from '../src/report/numbers.js';
import { baseNumbers } from '../src/scan/base-numbers.js';
import { keepReading } from '../src/scan/keep.js';
import { isKept, partError } from '../src/scan/kept.js';
import { addBase, removeBase } from '../src/signature/bases.js';
import { openBaseReading, openEntry, openLibrary, type Library } from '../src/signature/library.js';
import { escapeText } from '../src/text.js';
import { basesOption, fail, libraryOption, output, version } from './io.js';
import { log } from './log.js';
import { startProgress } from './progress.js';

interface Flags {
  readonly signatures: string;
  readonly library: string;
  readonly name: string;
  readonly hash: boolean;
  readonly format: 'table' | 'json';
}

const EXAMPLES = `Examples:
  weightseq base add ./llama-3-8b --name llama-3-8b
  weightseq scan ./some-fine-tune                    finds that base by itself
  weightseq base list
`;

const EXIT_CODES = `
Exit codes:
  0  done
  2  wrong usage, or something cannot be read
  3  incomplete: the reading of the base says what is missing from it
`;

/** Adds `base add|list|remove` to the program; `done` takes the exit code. */
export function addBaseCommands(program: Command, done: (code: ExitCode) => void): void {
  const group = program.command('base').description('known bases, which scans recognise by the weights of what descends from them').addHelpText('before', EXAMPLES);
  const command = (name: string, description: string, example: string): Command => group.command(name)
    .description(description)
    .addOption(basesOption())
    .addOption(libraryOption())
    .option('--debug', 'show stack traces')
    .addHelpText('before', `Example:\n  ${example}\n`)
    .addHelpText('after', EXIT_CODES);

  command('add', 'keep a model, or a reading of one, as a base', 'weightseq base add ./llama-3-8b --name llama-3-8b')
    .argument('<path>', 'whole checkpoint, or a kept reading of one')
    .requiredOption('--name <name>', 'what to call it')
    .option('--no-hash', 'leave out the sha256 of the shards')
    .action(async (path: string, flags: Flags) => {
      done(await add(path, flags));
    });
  command('list', 'every known base, and where its reading lies', 'weightseq base list')
    .addOption(new Option('--format <format>', 'form of the output').choices(['table', 'json']).default('table'))
    .action(async (flags: Flags) => {
      done(await list(flags));
    });
  command('remove', 'forget a base', 'weightseq base remove llama-3-8b')
    .argument('<name>', 'as base list shows it')
    .action(async (name: string, flags: Flags) => {
      done(await remove(name, flags));
    });
}

async function add(path: string, { signatures, library: folder, name, hash }: Flags): Promise<ExitCode> {
  const library = await openLibrary(signatures, folder);
  if (library.bases.some((base) => base.name === name)) throw new WeightseqError('usage', `there is a base ${escapeText(name)} already`, { mend: 'Give another name; weightseq base list shows all.' });
  const { kept, missing } = await readingOf(path, library, hash);
  // A base of that name that signatures know must be this one.
  await baseNumbers(await Promise.all(library.entries.filter(({ base }) => base === name).map((entry) => openEntry(library, entry))), kept);
  if (kept.reading.weights.every(({ layer }) => layer === null)) throw new WeightseqError('usage', 'no weight of this checkpoint lies in a block: nothing could be recognised by it', { file: path, mend: 'Give a whole model.' });
  const added = await addBase(folder, name, kept);
  const { size } = await stat(join(added.folder, added.reading));
  await output(`${name}: ${kept.reading.weights.length} weights, ${bytes(size)} in ${escapeText(added.folder)}\n`, undefined);
  for (const { name: what, reason } of missing) log.warn('missing', `missing from the reading: ${escapeText(what)}: ${escapeText(reason)}`, { name: what, reason });
  return missing.length > 0 ? EXIT.incomplete : EXIT.clean;
}

/** Of a checkpoint, or as it was kept. */
async function readingOf(path: string, library: Library, hash: boolean): Promise<{ kept: KeptModel; missing: readonly { name: string; reason: string }[] }> {
  const progress = startProgress();
  const { kept, missing } = await isKept(path) ? { kept: await openReading(path), missing: [] } : await keepReading(path, {
    library, hash, version: version(), withSignatures: false, part: null, invariants: { lines: true, spectrum: false, sketch: false },
    onProgress: (done, total) => { progress.update(0, done, total); },
  });
  progress.end();
  const { part } = kept.provenance;
  if (part !== null) throw partError(path, part);
  if (kept.of === 'weights') return { kept, missing: missing.length > 0 ? missing : [...kept.provenance.gaps, ...kept.reading.failed] };
  throw new WeightseqError('usage', 'an adapter is no base', { file: path, mend: 'Give a whole checkpoint.' });
}

async function list({ signatures, library: folder, format }: Flags): Promise<ExitCode> {
  const library = await openLibrary(signatures, folder);
  const rows: { name: string; weights: number | null; bytes: number; architecture: string | null; folder: string; sha256: string }[] = [];
  let code: ExitCode = EXIT.clean;
  for (const { name, reading, sha256, folder: where } of library.bases) {
    const file = join(where, reading);
    const size = await stat(file).then((s) => s.size, () => 0);
    try {
      const kept = await openBaseReading(library, name);
      rows.push({ name, weights: kept?.reading.weights.length ?? null, bytes: size, architecture: kept?.provenance.architecture.name ?? null, folder: where, sha256 });
    } catch (error) {
      code = fail(asWeightseqError(error), false);
      rows.push({ name, weights: null, bytes: size, architecture: null, folder: where, sha256 });
    }
  }
  const longest = Math.max(4, ...rows.map(({ name }) => escapeText(name).length));
  const lines = rows.map((row) => `${escapeText(row.name).padEnd(longest)}  ${`${row.weights ?? 'unusable:'}`.padStart(7)} weights  ${bytes(row.bytes).padStart(8)}  ${escapeText(row.architecture ?? '')}  ${escapeText(row.folder)}\n`);
  await output(format === 'json' ? `${escapeJson(JSON.stringify(rows, null, 2))}\n` : lines.join('') || 'no known base\n', undefined);
  return code;
}

async function remove(name: string, { library: folder }: Flags): Promise<ExitCode> {
  await removeBase(folder, name);
  await output(`${escapeText(name)} removed from ${escapeText(folder)}\n`, undefined);
  return EXIT.clean;
}
