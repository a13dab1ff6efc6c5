/** The signatures: whether they are whole, how old, of which bases. In: a folder. Out: checks. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { WeightseqError } from '../../src/errors.js';
import { openBaseReading, openLibrary, knownBases, type Library } from '../../src/signature/library.js';
import { unlisted, verifyEntry } from '../../src/signature/verify.js';
import { escapeText } from '../../src/text.js';
import { errorLine } from '../io.js';
import { ok, problem, warning, type Check } from './check.js';

const AGAIN = 'Install the program or the library again; a signature that was changed is not used.';
const DAY_MS = 86_400_000;
const OLD_DAYS = 365;
/** npm gives every packed file a date of 1985. */
const FIRST_DATE = Date.UTC(2020, 0);

export async function libraryChecks(folder: string, now: Date, bases?: string): Promise<Check[]> {
  let library: Library;
  try {
    library = await openLibrary(folder, bases);
  } catch (error) {
    if (!(error instanceof WeightseqError)) throw error;
    const { file, tensor, message, mend } = error;
    return [problem('library', errorLine({ file, tensor, message, mend: undefined }), mend ?? AGAIN)];
  }
  const { entries } = library;
  const where = `${escapeText(library.folder)}: ${entries.length} signature${entries.length === 1 ? '' : 's'}, for ${escapeText(knownBases(library))}`;
  return [
    entries.length === 0 ? problem('library', where, 'Give --signatures a folder that holds signatures.') : ok('library', where),
    ...(await signatureChecks(library)),
    ...(await baseChecks(library)),
    await ageCheck(library, now),
  ];
}

async function signatureChecks(library: Library): Promise<Check[]> {
  const bad: Check[] = [];
  for (const entry of library.entries) {
    const failed = (await verifyEntry(library, entry)).filter((check) => !check.ok);
    bad.push(...failed.map(({ what, detail }) => problem('signatures', `${escapeText(entry.file)}: ${what}: ${escapeText(detail)}`, AGAIN)));
  }
  const strays = (await unlisted(library)).map((file) => warning('signatures', `${escapeText(file)} is not in the index, and not used`, 'Remove it, or write the index again.'));
  const whole = library.entries.length > 0 && bad.length === 0 ? [ok('signatures', 'all as the index lists them, by sha256, numbers and evidence')] : [];
  return [...whole, ...bad, ...strays];
}

async function baseChecks(library: Library): Promise<Check[]> {
  const checks: Check[] = [];
  for (const { name } of library.bases) {
    try {
      await openBaseReading(library, name);
    } catch (error) {
      if (!(error instanceof WeightseqError)) throw error;
      checks.push(problem('bases', `reading of ${escapeText(name)}: ${escapeText(error.message)}`, AGAIN));
    }
  }
  return checks.length > 0 || library.bases.length === 0 ? checks : [ok('bases', `${library.bases.length} reading${library.bases.length === 1 ? '' : 's'}, as the index lists ${library.bases.length === 1 ? 'it' : 'them'}`)];
}

/** By the date of the newest file: the files themselves hold none. */
async function ageCheck({ folder, entries }: Library, now: Date): Promise<Check> {
  const files = ['index.json', ...entries.map(({ file }) => file)].map((file) => join(folder, file));
  const newest = Math.max(...(await Promise.all(files.map((file) => stat(file).then((s) => s.mtimeMs, () => 0)))));
  if (newest < FIRST_DATE) return ok('age', 'not known: an npm package drops the dates of its files');
  const days = Math.max(0, Math.floor((now.getTime() - newest) / DAY_MS));
  const detail = `newest file of ${new Date(newest).toISOString().slice(0, 10)}, ${days} day${days === 1 ? '' : 's'} old`;
  return days > OLD_DAYS ? warning('age', detail, 'Update the program: newer signatures see more.') : ok('age', detail);
}
