/** Whether the bytes at a path are those that were certified. In: a path and the subjects. Out: a check for each kind of difference. */
import { asWeightseqError, WeightseqError } from '../errors.js';
import type { OnProgress } from '../reading/model-read.js';
import { openSafetensors } from '../safetensors/file.js';
import { hashFile } from '../signature/library.js';
import { quoteText } from '../text.js';
import { found, passed, type Check, type VerdictCode } from './checks.js';
import { isWeights, loadable, type Place } from './files.js';
import { DIGITS, hashWeights } from './hashes.js';
import type { Statement } from './schema.js';
import { pathOfSubject } from './subjects.js';

/** One subject, and what is there in its place. */
interface Held {
  readonly name: string;
  readonly expected: string;
  /** Null where it is missing. */
  readonly sha256: string | null;
  readonly file: string | null;
}

/**
 * @param path as the user gave it
 * @throws WeightseqError `usage` where the certificate is of a folder and the path a file, or the reverse; `unreadable-file`, `unsafe-name`
 */
export async function checkBytes(path: string, place: Place, statement: Statement, onProgress?: OnProgress): Promise<Check[]> {
  const { of } = statement.predicate.model;
  if (of !== place.of) {
    const [certified, mend] = of === 'folder' ? ['a folder', 'Give the folder.'] : ['one file', 'Give the file itself.'];
    throw new WeightseqError('usage', `the certificate is of ${certified}, and the path is not`, { file: path, mend });
  }
  const held = await holdAll(path, place, statement, onProgress);
  const names = new Set(held.map(({ name }) => name));
  const extra = of === 'folder' ? (await loadable(place.folder)).filter((name) => !names.has(name)) : [];
  const weights = held.filter(({ name }) => isWeights(name));
  const configuration = held.filter(({ name }) => !isWeights(name));
  return [
    ...await checkWeights(weights, extra.filter(isWeights), statement),
    ...checkConfiguration(configuration, extra.filter((name) => !isWeights(name))),
  ];
}

async function holdAll(path: string, place: Place, { subject }: Statement, onProgress?: OnProgress): Promise<Held[]> {
  const held: Held[] = [];
  for (const [i, { name, digest: { sha256: expected } }] of subject.entries()) {
    // The user named the file, whatever it was called when it was certified.
    const file = place.of === 'file' && isWeights(name) ? path : await pathOfSubject(place, name).catch(missing);
    const sha256 = file === null ? null : await hashFile(file).catch((error: unknown) => { throwOther(error); return null; });
    held.push({ name, expected, sha256, file: sha256 === null ? null : file });
    onProgress?.(i + 1, subject.length);
  }
  return held;
}

function missing(error: unknown): null {
  if (error instanceof WeightseqError && error.code === 'weights-missing') return null;
  throw error;
}

/** Lets a file pass that is not there. */
function throwOther(error: unknown): void {
  const cause = error instanceof WeightseqError ? error.cause : undefined;
  if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw error;
}

async function checkWeights(held: readonly Held[], extra: readonly string[], statement: Statement): Promise<Check[]> {
  const wrong = held.filter(({ sha256, expected }) => sha256 !== expected);
  if (wrong.length === 0 && extra.length === 0) return [passed('bytes', `${counted(held.length, 'file')} of weights ${held.length === 1 ? 'is the certified one' : 'are the certified ones'} (sha256)`)];
  const compared = new Map<string, Same>();
  for (const one of wrong) compared.set(one.name, await sameTensors(one, statement));
  if (isOther(held, wrong, extra, [...compared.values()])) {
    const { same, total } = sum([...compared.values()]);
    return [found('bytes', 'failed', 'other-model', `this is another model than the certified one: ${total > 0 ? `${same} of its ${total} tensors are the same` : 'none of its files is the same'}`, {
      mend: 'Give the certificate that belongs to this model, or the model that belongs to this certificate.', files: [...wrong.map(({ name }) => name), ...extra],
    })];
  }
  const checks: Check[] = [];
  for (const one of wrong) checks.push(difference(one, held, compared.get(one.name)));
  for (const name of extra) checks.push(failed('shard-extra', name, 'is a file of weights that was not certified, and that some loader takes', 'Remove it, or certify the folder with it.'));
  return checks;
}

/** How many tensors of a file are those that were certified, and the names of some that are not. */
interface Same {
  readonly same: number;
  readonly total: number;
  readonly changed: readonly string[];
  /** Why the file can't be compared, where it is there and can't. */
  readonly damage: string | null;
}

const NOTHING: Same = { same: 0, total: 0, changed: [], damage: null };

async function sameTensors({ name, file }: Held, { predicate: { model } }: Statement): Promise<Same> {
  const certified = model.tensors.find((one) => one.file === name)?.digests ?? '';
  const total = certified.length / DIGITS;
  if (file === null || total === 0) return { ...NOTHING, total };
  const damage = await openSafetensors(file).then(() => null, (error: unknown) => asWeightseqError(error).message);
  if (damage !== null) return { ...NOTHING, total, damage };
  const { digests, tensors } = await hashWeights(file);
  if (digests?.length !== certified.length) return { ...NOTHING, total };
  const changed = tensors.filter((_, i) => digests.slice(i * DIGITS, (i + 1) * DIGITS) !== certified.slice(i * DIGITS, (i + 1) * DIGITS));
  return { same: total - changed.length, total, changed: changed.map((tensor) => tensor.name), damage: null };
}

function sum(all: readonly Same[]): Pick<Same, 'same' | 'total'> {
  return all.reduce((so, { same, total }) => ({ same: so.same + same, total: so.total + total }), { same: 0, total: 0 });
}

/** Not one file of weights is the same, nor half of the tensors, and there are some to compare. */
function isOther(held: readonly Held[], wrong: readonly Held[], extra: readonly string[], compared: readonly Same[]): boolean {
  const isThere = wrong.some(({ file }) => file !== null) || extra.length > 0;
  if (wrong.length < held.length || !isThere || compared.some(({ damage }) => damage !== null)) return false;
  const known = new Set(held.map(({ expected }) => expected));
  // The shards of the model itself, under each other's names.
  if (wrong.some(({ sha256 }) => sha256 !== null && known.has(sha256))) return false;
  const { same, total } = sum(compared);
  return 2 * same < total || total === 0;
}

function difference({ name, sha256 }: Held, held: readonly Held[], compared: Same = NOTHING): Check {
  if (sha256 === null) return failed('shard-missing', name, 'is missing', 'Download it; the copy of the model is incomplete.');
  const twin = held.find(({ expected }) => expected === sha256);
  if (twin) return failed('shard-swapped', name, `holds the bytes that were certified as ${quoteText(twin.name)}`, 'Download the model again.');
  const { same, total, changed, damage } = compared;
  if (damage !== null) return failed('shard-changed', name, `has other bytes than those that were certified, and is damaged: ${damage}`, 'Download it again.');
  if (total > 1 && same === 0) return failed('shard-swapped', name, `is another file: none of its tensors is one of the ${total} that were certified`, 'Download the model again.');
  const first = changed.slice(0, 3).map((tensor) => quoteText(tensor)).join(', ');
  const which = total === 0 ? '' : changed.length === 0 ? ', in its header alone' : `, in ${counted(changed.length, 'tensor')} of ${total}: ${first}${changed.length > 3 ? ', …' : ''}`;
  return failed('shard-changed', name, `has other bytes than those that were certified${which}`, 'Download it again; do not load it.');
}

function checkConfiguration(held: readonly Held[], extra: readonly string[]): Check[] {
  const checks = held.filter(({ sha256, expected }) => sha256 !== expected).map(({ name, sha256 }) => (sha256 === null
    ? failed('configuration-missing', name, 'is missing', 'Download it; the copy of the model is incomplete.')
    : failed('configuration-changed', name, 'is not what was certified: the same weights may act otherwise', 'Download it again, or certify the model again.')));
  const more = extra.map((name) => failed('configuration-extra', name, 'was not certified, and a loader may read it', 'Remove it, or certify the folder with it.'));
  if (checks.length + more.length > 0) return [...checks, ...more];
  return held.length === 0 ? [] : [passed('configuration', `${counted(held.length, 'file')} of configuration ${held.length === 1 ? 'is the certified one' : 'are the certified ones'} (sha256)`)];
}

function failed(code: VerdictCode, name: string, what: string, mend: string): Check {
  return found(code.startsWith('configuration') ? 'configuration' : 'bytes', 'failed', code, `${quoteText(name)} ${what}`, { mend, files: [name] });
}

function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}
