/** What the machine offers: Node, cores, memory, folders, terminal. In: nothing. Out: checks. */
import { access, constants, readFile, stat, statfs } from 'node:fs/promises';
import { availableParallelism, freemem, tmpdir, totalmem } from 'node:os';
import { dirname, resolve } from 'node:path';
import { bytes } from '../../src/report/numbers.js';
import { escapeText } from '../../src/text.js';
import { manifest, takesColour } from '../io.js';
import { ok, problem, warning, type Check } from './check.js';

/** A strip of a large weight in single precision, the products beside it, and the program. */
const MEMORY_NEEDED = 1e9;
/** What else a full disk is good for. */
const SPACE_NEEDED = 100e6;

/** Whether a version such as 20.12.1 is at least one such as 20.12. Pure. */
export function isAtLeast(version: string, least: string): boolean {
  const numbers = (text: string) => text.replace(/^[^\d]*/u, '').split('.').map(Number);
  const [a, b] = [numbers(version), numbers(least)];
  const i = b.findIndex((n, at) => n !== (a[at] ?? 0));
  return i < 0 || (a[i] ?? 0) > (b[i] ?? 0);
}

export function nodeCheck(): Check {
  const { engines: { node: needed = '>=0' } = {} } = manifest();
  if (isAtLeast(process.version, needed)) return ok('Node', process.version);
  return problem('Node', `${process.version}, which is older than ${needed}`, `Install Node ${needed.replace(/^\D*/u, '')} or later.`);
}

/** CPUs that a control group allows, from cpu.max ("200000 100000" or "max 100000"); null for no limit. Pure. */
export function quotaOf(text: string): number | null {
  const [quota = NaN, period = NaN] = text.trim().split(/\s+/u).map(Number);
  return quota > 0 && period > 0 ? quota / period : null;
}

async function quota(): Promise<number | null> {
  const first = async (...files: string[]) => (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join(' ');
  const text = await first('/sys/fs/cgroup/cpu.max').catch(() => first('/sys/fs/cgroup/cpu/cpu.cfs_quota_us', '/sys/fs/cgroup/cpu/cpu.cfs_period_us')).catch(() => '');
  return quotaOf(text);
}

export async function coresCheck(): Promise<Check> {
  const allowed = await quota();
  const cores = availableParallelism();
  if (allowed !== null && allowed < 1) return warning('cores', `${cores}, of which the control group allows ${allowed.toFixed(2)}`, 'Allow at least one core, or expect slow scans.');
  return ok('cores', `${cores}${allowed === null || allowed >= cores ? '' : `, of which the control group allows ${allowed.toFixed(1)}`}`);
}

export function memoryCheck(): Check {
  const limit = process.constrainedMemory();
  const total = totalmem();
  const isLimited = limit > 0 && limit < total;
  const free = Math.min(freemem(), isLimited ? limit : total);
  const detail = `${bytes(free)} free of ${bytes(total)}${isLimited ? `, limited to ${bytes(limit)} by the control group` : ''}`;
  return free < MEMORY_NEEDED ? warning('memory', detail, 'End other programs, or raise the limit: large weights need about 1 GB.') : ok('memory', detail);
}

/** Free space of a folder, or of the nearest one above it that there is. */
export async function folderCheck(name: string, folder: string): Promise<Check> {
  let at = resolve(folder);
  while (dirname(at) !== at && !(await stat(at).then((s) => s.isDirectory(), () => false))) at = dirname(at);
  const shown = `${escapeText(folder)}${at === resolve(folder) ? '' : ' (not made yet)'}`;
  if (!(await access(at, constants.W_OK).then(() => true, () => false))) return problem(name, `${shown}: no permission to write there`, 'Give the permission, or name another folder.');
  const { bavail, bsize } = await statfs(at);
  const free = bavail * bsize;
  return free < SPACE_NEEDED ? warning(name, `${shown}: ${bytes(free)} free`, 'Free some space.') : ok(name, `${shown}: ${bytes(free)} free`);
}

export function temporaryCheck(): Promise<Check> {
  return folderCheck('temporary files', tmpdir());
}

export function terminalCheck(): Check {
  const { isTTY, columns } = process.stdout;
  const noColour = process.env['NO_COLOR'] ? ', NO_COLOR is set' : '';
  return ok('terminal', `${isTTY ? `${columns} columns` : 'stdout is none'}, ${takesColour() ? 'with colour' : 'without colour'}${noColour}`);
}
