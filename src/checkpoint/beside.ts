/**
 * The disk: what lies beside the weights of a checkpoint. In: its path and the names that were read. Out: every file that
 * some loader could run or take instead, and code that the configuration asks for. Reads names and at most 512 bytes of a
 * file, of configurations and templates all; never runs, unpacks or unpickles anything.
 */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { WeightseqError } from '../errors.js';
import { readSmallFile, readStart } from '../safetensors/file.js';
import { enterFolder, fileIn, type ModelFolder } from '../safetensors/folder.js';
import { SNIFF_BYTES } from '../safetensors/sniff.js';
import type { Beside } from '../types.js';
import { configurationCode, isConfiguration, isTemplate, templateCode } from './beside-code.js';
import { besideKinds } from './beside-kind.js';

/** What bounds the look, whatever the folder holds. */
export const BESIDE_LIMITS = {
  /** Folders within folders; the checkpoint's own is 0. */
  depth: 3,
  /** Files of which the first bytes are read; of the others only the name counts. */
  opened: 2000,
  /** Names taken in. */
  names: 20_000,
  /** Bytes of one configuration or template, and of all of them. */
  text: 10_000_000,
  texts: 50_000_000,
  /** Entries of one kind; what is beyond is counted in one more. */
  listed: 100,
} as const;

/** Of git itself: a clone brings no hooks along, and nothing else in it is run or loaded. */
const NOT_ENTERED = '.git';

interface Walk {
  readonly root: ModelFolder;
  readonly read: ReadonlySet<string>;
  readonly found: Beside[];
  names: number;
  opened: number;
  texts: number;
}

/**
 * What lies beside the weights, by name; empty where there is no folder to look into.
 * @param path the folder of a checkpoint, which is looked into with the folders in it, or a file, whose folder alone is
 * @param read names in that folder that were read
 */
export async function lookBeside(path: string, read: Iterable<string>): Promise<Beside[]> {
  const isFolder = await stat(path).then((found) => found.isDirectory(), () => null);
  if (isFolder === null) return [];
  const root = await enterFolder(isFolder ? path : dirname(path)).catch(asNull);
  if (root === null) return [];
  const walk: Walk = { root, read: new Set(read), found: [], names: 0, opened: 0, texts: 0 };
  await look(walk, '', isFolder ? BESIDE_LIMITS.depth : 0);
  return bounded(walk.found);
}

/** One folder, and those in it as deep as `depth`. */
async function look(walk: Walk, within: string, depth: number): Promise<void> {
  const unseen = (name: string, reason: string): void => { walk.found.push({ name, what: 'unseen', reason, bytes: 0 }); };
  const entries = await readdir(join(walk.root.folder, within), { withFileTypes: true }).catch(() => null);
  if (entries === null) { unseen(within, 'a folder that can\'t be read'); return; }
  for (const [i, entry] of entries.sort((a, b) => (a.name < b.name ? -1 : 1)).entries()) {
    if (walk.names >= BESIDE_LIMITS.names) {
      unseen(within === '' ? '.' : within, `${entries.length - i} more names than are looked at (${BESIDE_LIMITS.names})`);
      return;
    }
    walk.names += 1;
    const name = within === '' ? entry.name : `${within}/${entry.name}`;
    const kind = await kindOf(walk.root, name, entry);
    if (kind === 'file') await lookAtFile(walk, name);
    else if (kind !== 'folder') unseen(name, kind);
    else if (entry.name === NOT_ENTERED) continue;
    else if (depth > 0) await look(walk, name, depth - 1);
    else if (within !== '') unseen(name, `a folder deeper than ${BESIDE_LIMITS.depth} folders, which was not looked into`);
  }
}

/** A file, a folder, or why it is neither; a link counts as what it leads to, within the model's folder. */
async function kindOf(root: ModelFolder, name: string, entry: Dirent): Promise<string> {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'folder';
  if (!entry.isSymbolicLink()) return 'a pipe, socket or device, which was not opened';
  try {
    const found = await stat(await fileIn(root, name));
    if (found.isFile()) return 'file';
    // A link to a folder can lead round in a circle.
    return found.isDirectory() ? 'a link to a folder, which was not followed' : 'a link to a pipe, socket or device, which was not opened';
  } catch (error) {
    if (!(error instanceof WeightseqError)) return 'a link that can\'t be followed';
    return error.code === 'unsafe-name' ? 'a link that leads out of the folder, which was not followed' : 'a link to nothing';
  }
}

/** A file that was read is only asked for what code it names. */
async function lookAtFile(walk: Walk, name: string): Promise<void> {
  const isCode = isConfiguration(name) || isTemplate(name);
  if (walk.read.has(name) && !isCode) return;
  const mayOpen = walk.opened < BESIDE_LIMITS.opened;
  if (mayOpen) walk.opened += 1;
  const start = mayOpen ? await inside(walk.root, name, (file) => readStart(file, SNIFF_BYTES)) : null;
  const bytes = start?.bytes ?? 0;
  const said = besideKinds(name, start?.first ?? null);
  if (start === null) said.push({ what: 'unseen', reason: mayOpen ? 'it can\'t be opened, so only its name was looked at' : `only its name was looked at: more than ${BESIDE_LIMITS.opened} files` });
  else if (isCode) said.push(...await codeIn(walk, name, bytes));
  walk.found.push(...said.map((one) => ({ name, ...one, bytes })));
}

/** What a configuration or a template asks for. */
async function codeIn(walk: Walk, name: string, bytes: number): Promise<Pick<Beside, 'what' | 'reason'>[]> {
  if (bytes > BESIDE_LIMITS.text || walk.texts + bytes > BESIDE_LIMITS.texts) return [{ what: 'unseen', reason: 'too large to look for code in it' }];
  walk.texts += bytes;
  const content = await inside(walk.root, name, (file) => readSmallFile(file, BESIDE_LIMITS.text));
  if (content === null) return [{ what: 'unseen', reason: 'it can\'t be read, so whether it asks for code is not known' }];
  const text = new TextDecoder('utf-8').decode(content);
  return isTemplate(name) ? templateCode(text) : configurationCode(text, name);
}

/** What `use` gives for a file of the model; null where it can't be opened. */
async function inside<T>(root: ModelFolder, name: string, use: (file: string) => Promise<T>): Promise<T | null> {
  try {
    return await use(await fileIn(root, name));
  } catch (error) {
    return asNull(error);
  }
}

function asNull(error: unknown): null {
  if (error instanceof WeightseqError) return null;
  throw error;
}

/** At most so many entries of each kind, and at the end one for each kind that counts the rest. */
function bounded(found: readonly Beside[]): Beside[] {
  const seen = new Map<Beside['what'], number>();
  const rest = new Map<Beside['what'], { count: number; bytes: number }>();
  const listed = found.filter(({ what, bytes }) => {
    const nth = (seen.get(what) ?? 0) + 1;
    seen.set(what, nth);
    if (nth <= BESIDE_LIMITS.listed) return true;
    const more = rest.get(what) ?? { count: 0, bytes: 0 };
    rest.set(what, { count: more.count + 1, bytes: more.bytes + bytes });
    return false;
  });
  return [...listed, ...[...rest].map(([what, more]): Beside => ({ name: `${more.count} more`, what, reason: 'not listed one by one', bytes: more.bytes }))];
}
