/**
 * The base of a whole checkpoint and its signatures. In: what the user and the configuration say, then what the weights show.
 * Out: before the weights are read what to take of them, and afterwards what to judge them by.
 */
import { WeightseqError } from '../errors.js';
import type { Comparable } from '../reading/compare.js';
import type { KnownBase } from '../signature/document.js';
import { knownBases, openEntry, type LibraryEntry, type ListedSignature } from '../signature/library.js';
import { escapeText } from '../text.js';
import type { Gap } from '../types.js';
import { resolveBase, type BaseOf, type ResolvedBase } from './base.js';
import { findBase, type FoundBase } from './find-base.js';
import { checkModelShapes, fittingBases, resolveModelBase, type Shaped } from './model-base.js';
import type { ModelScanOptions } from './model-scan.js';
import { baseDocument } from './scan.js';

/** A base, its signatures of the wanted traits, and what of the base is not there. */
export interface Choice extends ResolvedBase {
  readonly knownBase: KnownBase | null;
  readonly signatures: readonly ListedSignature[];
  readonly gaps: readonly Gap[];
  /** Why there is nothing to judge by; null where there is. */
  readonly problem: WeightseqError | null;
}

/** What is to be scanned: its matrices, the file that messages name, and what its configuration claims. */
export interface Claiming {
  readonly weights: readonly Shaped[];
  readonly file: string;
  readonly claim: string | null;
}

/**
 * The base by what is known before the weights are read.
 * @throws WeightseqError `unknown-base`, `base-mismatch` for shapes that contradict the base, and as `openEntry`
 */
export async function believedBase(what: Claiming, options: ModelScanOptions): Promise<Choice> {
  const { library, assumeBase } = options;
  return choiceOf(await resolveModelBase(what.weights, what.claim, assumeBase, library), what, options);
}

/** Signatures of every base that the weights may turn out to have: their numbers are taken in the same pass. */
export async function signaturesToTake({ weights }: Claiming, believed: Choice, options: ModelScanOptions): Promise<readonly ListedSignature[]> {
  if (isGiven(options)) return believed.signatures;
  const names = await fittingBases(weights, options.library);
  const others = options.library.entries.filter((entry) => names.includes(entry.base) && isWanted(entry, options));
  const opened = await Promise.all(others.map((entry) => openEntry(options.library, entry)));
  return [...believed.signatures, ...opened.filter(({ sha256 }) => !believed.signatures.some((known) => known.sha256 === sha256))];
}

/**
 * The base by the weights: the one that they are those of, or the believed one where they can't tell.
 * @throws WeightseqError as `findBase` and `believedBase`
 */
export async function measuredBase(reading: Comparable, what: Claiming, believed: Choice, options: ModelScanOptions): Promise<Choice> {
  if (isGiven(options)) return believed;
  const { library } = options;
  const found = await findBase(reading, library);
  const claims = resolveBase(what.claim, undefined, library);
  const declaredAs = claims.base.how === 'claimed' ? claims.base.name : null;
  const about = { found, declaredAs };
  const choose = async (name: string, how: BaseOf['how']): Promise<Choice> => {
    const entries = library.entries.filter(({ base }) => base === name);
    return choiceOf({ base: { name, how, ...about }, entries }, what, options);
  };
  const [best] = found.evidence;
  const fitting = found.evidence.filter(({ fits }) => fits);
  if (found.verdict === 'found' && best !== undefined) return choose(best.name, 'measured');
  if (found.verdict === 'several' && declaredAs !== null && fitting.some(({ name }) => name === declaredAs)) return choose(declaredAs, 'claimed');
  // A claim that the weights contradict is an error of its own, once the change is known.
  if (found.verdict === 'untold' || (found.verdict === 'unknown' && declaredAs !== null)) return { ...believed, base: { ...believed.base, ...about } };
  const base: BaseOf = { name: found.verdict === 'unknown' ? what.claim : null, how: 'unknown', ...about };
  return { base, entries: [], knownBase: null, signatures: [], gaps: [], problem: found.verdict === 'several' ? ambiguous(fitting.map(({ name }) => name)) : noSignature(base, options) };
}

/** Whether the user says what to judge against: nothing is looked for then. */
function isGiven({ assumeBase, base, baseReading }: ModelScanOptions): boolean {
  return assumeBase !== undefined || base !== undefined || baseReading !== undefined;
}

function isWanted({ trait }: LibraryEntry, { traits }: ModelScanOptions): boolean {
  return traits === undefined || traits.includes(trait);
}

async function choiceOf({ base, entries }: ResolvedBase, { weights, file }: Claiming, options: ModelScanOptions): Promise<Choice> {
  const knownBase = await baseDocument(options.library, entries);
  const signatures = await Promise.all(entries.filter((entry) => isWanted(entry, options)).map((entry) => openEntry(options.library, entry)));
  const gaps = knownBase ? checkModelShapes(weights, knownBase, file) : [];
  return { base, entries, knownBase, signatures, gaps, problem: signatures.length === 0 ? noSignature(base, options) : null };
}

function ambiguous(names: readonly string[]): WeightseqError {
  return new WeightseqError('base-ambiguous', `the weights fit more than one base alike: ${names.map(escapeText).join(', ')}`, { mend: 'Name one of them with --assume-base.' });
}

function noSignature({ name, how, found }: BaseOf, { library, traits }: ModelScanOptions): WeightseqError {
  const of = traits ? ` of ${traits.join(', ')}` : '';
  const whose = how === 'unknown' && found?.verdict === 'unknown' ? `: the weights are those of no known base${nearest(found)}`
    : ` for ${name === null ? 'a base that neither its name nor its shapes tell' : escapeText(name)}`;
  return new WeightseqError('no-signature', `no signature${of}${whose}`, {
    mend: `If you know its base, add --assume-base NAME (known: ${knownBases(library)}); for another base build a signature (README, "Signatures for another base").`,
  });
}

function nearest({ evidence: [best] }: FoundBase): string {
  return best === undefined ? '' : ` (the nearest, ${escapeText(best.name)}, correlates by ${best.correlation.toFixed(2)})`;
}
