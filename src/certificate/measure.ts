/** What the figures of a certificate are. In: a path. Out: what a scan says of its weights; the same to write a certificate and to verify one. */
import { asWeightseqError } from '../errors.js';
import { readModelApart } from '../reading/apart.js';
import type { OnProgress } from '../reading/model-read.js';
import type { ModelReading } from '../reading/model.js';
import { itemOf } from '../report/report.js';
import type { ReportItem } from '../report/schema.js';
import { scanPath } from '../scan/any.js';
import type { KnownBase } from '../signature/document.js';
import { openEntry, type Library } from '../signature/library.js';
import { readingDigest, type Numbers } from './reading-digest.js';
import type { CertifiedTrait, Predicate } from './schema.js';

export interface MeasureOptions {
  readonly library: Library;
  readonly assumeBase?: string | undefined;
  /** The base itself. */
  readonly base?: string | undefined;
  readonly baseReading?: string | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface Figures extends Pick<Predicate, 'base' | 'change' | 'traits' | 'coverage' | 'reading' | 'incomplete'> {
  readonly kind: Predicate['model']['kind'];
  readonly architecture: string | null;
  /** The base that the figures are for, as the signatures know it. */
  readonly knownBase: KnownBase | null;
  /** Whether something that decides could not be told; an indeterminate verdict counts (exit code 3). */
  readonly undecided: boolean;
}

/**
 * Scans a path with every signature of its base.
 * @throws WeightseqError what keeps it from being measured; that no signature fits its base is part of the figures
 */
export async function figuresOf(path: string, options: MeasureOptions): Promise<Figures> {
  const { library, assumeBase, base, baseReading, onProgress } = options;
  let read: ModelReading | null = null;
  const result = await scanPath(path, {
    library, assumeBase, base, baseReading, onProgress,
    readModel: async (...given) => (read = await readModelApart(...given)),
  });
  const broken = result.errors.find(({ code }) => code !== 'no-signature');
  if (broken !== undefined) throw broken;
  const item = itemOf(result, 'never');
  if (item.kind === 'unknown') throw asWeightseqError(new Error('nothing was measured'));
  const numbers = 'kind' in result ? modelNumbers(read) : adapterNumbers(result.reading, library);
  return {
    kind: item.kind,
    architecture: item.architecture?.name ?? null,
    knownBase: result.knownBase,
    base: {
      name: item.base.name, how: item.base.how, claimed: item.base.declared, measured: item.base.measured, norm: item.base.norm,
      from: base !== undefined ? 'base' : baseReading !== undefined ? 'base-reading' : 'library',
    },
    change: changeOf(item),
    traits: await traitsOf(item, library),
    coverage: coverageOf(item),
    reading: { sha256: readingDigest(numbers.of, numbers.weights) },
    incomplete: reasons(item),
    undecided: item.exitCode !== 0,
  };
}

type AdapterReading = Extract<Awaited<ReturnType<typeof scanPath>>, { readonly checkpoint: unknown }>['reading'];

function adapterNumbers(reading: AdapterReading, { entries }: Library): { of: string; weights: Numbers[] } {
  const sha256 = (key: string): string => entries.find(({ file }) => file === key)?.sha256 ?? key;
  const weights = (reading?.weights ?? []).map(({ name, deltaNorm, coordinates }): Numbers => ({
    name, norm: deltaNorm, coordinates: new Map([...coordinates].map(([key, values]) => [sha256(key), values])),
  }));
  return { of: 'change', weights };
}

function modelNumbers(reading: ModelReading | null): { of: string; weights: readonly Numbers[] } {
  return reading === null ? { of: 'nothing', weights: [] } : { of: reading.of, weights: reading.weights };
}

function changeOf({ change, deltaNorm }: ReportItem): Predicate['change'] {
  if (change) return { value: change.value, low: change.low, high: change.high };
  return deltaNorm === null ? null : { value: deltaNorm, low: deltaNorm, high: deltaNorm };
}

async function traitsOf({ findings }: ReportItem, library: Library): Promise<CertifiedTrait[]> {
  const made: CertifiedTrait[] = [];
  for (const finding of findings) {
    const { trait, description, harmful, verdict, reason, unit, shift, interval, score, p, conformalP, nullSources, level, smallestMeaningfulShift, signature } = finding;
    const entry = library.entries.find(({ sha256 }) => sha256 === signature.sha256);
    const version = entry ? (await openEntry(library, entry)).document.schemaVersion : 0;
    made.push({
      trait, description, harmful, verdict, reason, unit, shift, interval, score, p, conformalP, nullSources, level, smallestMeaningfulShift,
      signature: { ...signature, version },
    });
  }
  return made.sort((a, b) => (a.trait < b.trait ? -1 : 1));
}

function coverageOf({ coverage: { bytes, bytesTotal, read, scored, total, unread, notCompared = [] } }: ReportItem): Predicate['coverage'] {
  return { bytes, bytesTotal, read, scored, total, unread, notCompared };
}

/** Why not everything could be measured, in words. */
function reasons({ errors, coverage: { read, total, unread }, findings }: ReportItem): string[] {
  return [
    ...errors.map(({ message }) => message),
    ...(read < total ? [`${total - read} of ${total} weights were not read`] : []),
    ...(unread.length > 0 ? [`not read, not understood or not scored: ${unread.map(({ name }) => name).slice(0, 3).join(', ')}${unread.length > 3 ? ` and ${unread.length - 3} more` : ''}`] : []),
    ...(errors.length === 0 && !findings.some(({ harmful }) => harmful) ? ['no harmful trait was tested'] : []),
  ];
}
