/**
 * A folder of base readings, which tell what a model descends from. In: a folder and readings. Out: `bases.json` and one file for each
 * base (docs/reading-format.md): sign coordinates and vectors of all of it, norms of rows and columns of three layers, no coordinates.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { WeightseqError } from '../errors.js';
import { systemCode, writeFileAtomic } from '../files.js';
import { writeReading, type KeptModel } from '../reading/reading-file.js';
import { escapeText } from '../text.js';

/** A base whose reading lies in a folder: of signatures, or of bases. */
export interface ListedBase {
  readonly name: string;
  /** Relative to the folder. */
  readonly reading: string;
  readonly sha256: string;
  readonly folder: string;
}

const INDEX = 'bases.json';
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/u;

const basesIndex = z.strictObject({
  schemaVersion: z.literal(1),
  bases: z.array(z.looseObject({ name: z.string(), reading: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
});

/**
 * The bases of a folder; none where it has no `bases.json`.
 * @throws WeightseqError `reading-invalid` when that breaks the format
 */
export async function listBases(folder: string): Promise<ListedBase[]> {
  const file = join(folder, INDEX);
  const mend = 'Correct it, or add the bases again: weightseq base add.';
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(cause))) return [];
    throw new WeightseqError('unreadable-file', `the list of bases can't be read: ${systemCode(cause)}`, { file, cause, mend: 'Ask for permission to read it.' });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new WeightseqError('reading-invalid', 'the list of bases is not JSON', { file, cause, mend });
  }
  const parsed = basesIndex.safeParse(json);
  if (parsed.success) return parsed.data.bases.map(({ name, reading, sha256 }) => ({ name, reading, sha256, folder }));
  const issue = parsed.error.issues[0];
  throw new WeightseqError('reading-invalid', `list of bases: field ${escapeText(issue?.path.join('.') ?? '')}: ${escapeText(issue?.message ?? '')}`, { file, mend });
}

/**
 * Keeps the reading of a base under a name. The reading is whole and of weights.
 * @throws WeightseqError `usage` for a name that is taken or can't be a file's, `write-failed`
 */
export async function addBase(folder: string, name: string, kept: KeptModel): Promise<ListedBase> {
  if (!NAME.test(name)) throw new WeightseqError('usage', `${escapeText(name)} can't be the name of a base`, { mend: 'Give letters, digits, dots, dashes and underscores, at most 100.' });
  const bases = await listBases(folder);
  if (bases.some((base) => base.name === name)) throw new WeightseqError('usage', `there is a base ${name} already`, { file: folder, mend: `Give another name, or remove it first: weightseq base remove ${name}.` });
  const reading = `${name}.base-reading`;
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw new WeightseqError('write-failed', `can't make the folder: ${systemCode(cause)}`, { file: folder, mend: 'Give --library a folder that you may write to.', cause });
  }
  const file = join(folder, reading);
  await writeReading(file, slim(kept));
  const sha256 = createHash('sha256').update(await readFile(file)).digest('hex');
  const listed = { name, reading, sha256, folder };
  await writeIndex(folder, [...bases, listed]);
  return listed;
}

/**
 * Removes a base and its reading.
 * @throws WeightseqError `unknown-base` for a name that the folder does not list, `write-failed`
 */
export async function removeBase(folder: string, name: string): Promise<void> {
  const bases = await listBases(folder);
  const found = bases.find((base) => base.name === name);
  if (found === undefined) throw new WeightseqError('unknown-base', `there is no base ${escapeText(name)} in this folder`, { file: folder, mend: `It holds: ${bases.map((base) => escapeText(base.name)).join(', ') || 'none'}.` });
  await writeIndex(folder, bases.filter((base) => base !== found));
  // A list that was written by hand may name a file elsewhere: that stays.
  if (found.reading === `${name}.base-reading`) await rm(join(folder, found.reading), { force: true });
}

async function writeIndex(folder: string, bases: readonly ListedBase[]): Promise<void> {
  const entries = bases.map(({ name, reading, sha256 }) => ({ name, reading, sha256 }));
  await writeFileAtomic(join(folder, INDEX), `${JSON.stringify({ schemaVersion: 1, bases: entries }, null, 2)}\n`);
}

/** What a base is recognised and its descendants are traced by: without coordinates, with lines of the first, the middle and the last layer. */
export function slim({ reading, provenance }: KeptModel): KeptModel {
  const layers = [...new Set(reading.weights.flatMap(({ layer }) => layer ?? []))].sort((a, b) => a - b);
  const kept = new Set([layers[0], layers[layers.length >> 1], layers.at(-1)]);
  const weights = reading.weights.map(({ invariants, ...weight }) => {
    const lines = weight.layer !== null && kept.has(weight.layer) ? invariants?.lines : undefined;
    return { ...weight, coordinates: new Map<string, Float64Array>(), ...(lines ? { invariants: { lines } } : {}) };
  });
  return { of: 'weights', reading: { ...reading, weights }, provenance: { ...provenance, signatures: [] } };
}
