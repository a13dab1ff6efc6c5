/** A certificate held against a model. In: both, keys and signatures. Out: a verdict with a check for everything that was looked at. */
import { asWeightseqError, WeightseqError } from '../errors.js';
import type { OpenEntry } from '../lineage/registry.js';
import { checkAncestors, checkBase } from './check-ancestry.js';
import { checkBytes } from './check-bytes.js';
import { checkCoverage, checkFigures } from './check-figures.js';
import { checkLineage } from './check-lineage.js';
import { checkDeclared, checkExpiry, checkSignature, checkStatement, statementOfCertificate, type SignatureOptions } from './check-signature.js';
import { CHECKED, found, verdictOf, type Check, type Verification } from './checks.js';
import { placeOf } from './files.js';
import { figuresOf, type Figures, type MeasureOptions } from './measure.js';
import type { OpenedCertificate } from './open.js';
import type { Predicate } from './schema.js';

export interface VerifyOptions extends Omit<MeasureOptions, 'assumeBase'>, SignatureOptions {
  /** Models that are known to be contaminated, their readings opened; null where nobody asks. */
  readonly registry: readonly OpenEntry[] | null;
  /** Whether the figures are taken from the weights again; without it bytes and signature alone are looked at. */
  readonly recompute: boolean;
}

/**
 * Looks at everything that a certificate says: the signature and the bytes first, the figures only of bytes that are the certified ones.
 * @param certificate as it was opened, and its path for the report
 * @throws WeightseqError where the path can't be read
 */
export async function verify({ certificate, sha256, file }: OpenedCertificate & { readonly file: string }, path: string, options: VerifyOptions): Promise<Verification> {
  const statement = statementOfCertificate(certificate);
  const { predicate } = statement;
  const place = await placeOf(path);
  const checks: Check[] = [
    checkDeclared(certificate, statement), ...checkStatement(certificate), checkSignature(certificate, options), checkExpiry(statement, options.now),
    checkCoverage(predicate),
  ];
  const bytes = await checkBytes(path, place, statement, options.onProgress);
  checks.push(...bytes);
  const figures = bytes.some(({ status }) => status !== 'ok') ? 'the bytes are not those that were certified' : await recompute(path, predicate, options);
  if (typeof figures === 'string') checks.push(found('figures', options.recompute && bytes.every(({ status }) => status === 'ok') ? 'unchecked' : 'skipped', 'not-recomputed', `the figures were not taken from the weights again: ${figures}`));
  else checks.push(...checkFigures(predicate, figures), ...checkLineage(predicate.lineage, figures.lineage));
  const again = typeof figures === 'string' ? null : figures;
  checks.push(checkBase(certificate, predicate, again, options.library), ...await checkAncestors(certificate, statement, again, options.registry));
  checks.sort((a, b) => CHECKED.indexOf(a.check) - CHECKED.indexOf(b.check));
  const { date, expires, tool, base, lineage, change, traits } = predicate;
  return {
    schemaVersion: 1, tool: { name: 'weightseq', version: options.version }, certificate: { path: file, sha256 }, path, ...verdictOf(checks),
    recomputed: typeof figures !== 'string', checks, certified: { date, expires, tool, base, lineage, change, traits },
  };
}

/** The figures, or why there are none. */
async function recompute(path: string, { base: certified }: Predicate, { library, base, baseReading, against, version, onProgress, recompute: isAsked }: VerifyOptions): Promise<Figures | string> {
  if (!isAsked) return '--no-recompute asks for bytes and signature alone';
  const given = base !== undefined ? 'base' : baseReading !== undefined ? 'base-reading' : 'library';
  if (given !== certified.from) {
    if (given === 'library') return `they were made with --${certified.from}; give it again`;
    throw new WeightseqError('usage', `the certificate was made ${certified.from === 'library' ? 'without' : `with --${certified.from}, not with`} --${given}`, { mend: `Leave out --${given}.` });
  }
  const assumeBase = certified.how === 'assumed' && certified.name !== null ? certified.name : undefined;
  try {
    return await figuresOf(path, { library, assumeBase, base, baseReading, against, version, onProgress });
  } catch (error) {
    const { code, message } = asWeightseqError(error);
    if (code === 'internal') throw error;
    return `${message} (${code})`;
  }
}
