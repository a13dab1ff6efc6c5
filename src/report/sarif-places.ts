/** Where an item lies, for SARIF: relative URIs and what they are relative to. Pure. */
import type { ArtifactLocation } from 'sarif';
import type { ReportItem } from './schema.js';

/** The working folder of the scan; the name under which GitHub knows the root of the repository. */
const SOURCE_ROOT = '%SRCROOT%';
const FILE_SYSTEM = 'FILESYSTEM';
const ABOVE = 'ABOVE_';

interface Parts {
  readonly base: string;
  readonly segments: readonly string[];
}

/** Folders between, `.` and `..` resolved; what climbs out of the working folder is relative to a folder above it. */
function parts(path: string): Parts {
  const isDrive = /^[A-Za-z]:[\\/]/u.test(path);
  const isAbsolute = isDrive || path.startsWith('/');
  const segments: string[] = [];
  let climbed = 0;
  for (const segment of path.split(isDrive ? /[\\/]/u : '/')) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') segments.push(segment);
    else if (segments.pop() === undefined) climbed++;
  }
  return { base: isAbsolute ? FILE_SYSTEM : climbed > 0 ? `${ABOVE}${climbed}` : SOURCE_ROOT, segments };
}

/** Each segment percent-encoded; a lone surrogate, which no URI can hold, becomes U+FFFD. */
function uriOf(segments: readonly string[]): string {
  return segments.map((s) => encodeURIComponent(s.replace(/\p{Cs}/gu, '\ufffd'))).join('/');
}

/** The folder that the item's files are named in: its path, or where its path is one of these files. */
function folderOf({ path, files }: Pick<ReportItem, 'path' | 'files'>): Parts {
  const whole = parts(path);
  return files.some(({ name }) => name === whole.segments.at(-1)) ? { ...whole, segments: whole.segments.slice(0, -1) } : whole;
}

/** A file of an item, by its name relative to the item's folder. */
export function fileLocation(item: Pick<ReportItem, 'path' | 'files'>, name: string): ArtifactLocation {
  const { base, segments } = folderOf(item);
  return { uri: uriOf([...segments, ...parts(name).segments]), uriBaseId: base };
}

/** The weights of an item: their first file, or its path where the files are not known or the numbers come from a reading. */
export function weightsLocation(item: Pick<ReportItem, 'path' | 'files' | 'source'>): ArtifactLocation {
  const weights = item.files.find(({ name }) => name.endsWith('.safetensors')) ?? item.files[0];
  if (weights !== undefined && (item.source ?? 'weights') === 'weights') return fileLocation(item, weights.name);
  const { base, segments } = parts(item.path);
  return { uri: segments.length > 0 ? uriOf(segments) : './', uriBaseId: base };
}

/** What the bases of these locations are. */
export function baseIds(locations: readonly ArtifactLocation[]): Record<string, ArtifactLocation> {
  const used = [...new Set(locations.map((l) => l.uriBaseId ?? SOURCE_ROOT))].sort();
  return Object.fromEntries(used.map((base): [string, ArtifactLocation] => {
    if (base === FILE_SYSTEM) return [base, { uri: 'file:///' }];
    const description = base === SOURCE_ROOT ? 'the working folder of the scan' : `folders above the working folder of the scan: ${base.slice(ABOVE.length)}`;
    return [base, { description: { text: description } }];
  }));
}

/**
 * What stands for each path in a fingerprint: a relative path in full; of another its shortest end that tells it from the
 * other paths, so that the same item has one fingerprint on every machine.
 */
export function pathKeys(paths: readonly string[]): Map<string, string> {
  const all = [...new Set(paths)].map((path) => ({ path, ...parts(path) }));
  const keys = new Map(all.filter((p) => p.base === SOURCE_ROOT).map((p) => [p.path, p.segments.join('/')]));
  let open = all.filter((p) => p.base !== SOURCE_ROOT);
  for (let length = 1; open.length > 0; length++) {
    const end = (p: Parts): string => p.segments.slice(-length).join('/');
    const count = new Map<string, number>();
    for (const p of open) count.set(end(p), (count.get(end(p)) ?? 0) + 1);
    const isDone = (p: Parts): boolean => count.get(end(p)) === 1 || p.segments.length <= length;
    for (const p of open.filter(isDone)) keys.set(p.path, end(p));
    open = open.filter((p) => !isDone(p));
  }
  return keys;
}
