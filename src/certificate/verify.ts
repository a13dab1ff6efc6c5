/** A certificate held against a model. In: both, keys and signatures. Out: a verdict with a check for everything that was looked at. */
import { asWeightseqError, WeightseqError } from '../errors.js';
import { escapeText } from '../text.js';
import { namesBase, type Library } from '../signature/library.js';
import { contradicted, declaredAncestors } from './ancestors.js';
import { checkBytes } from './check-bytes.js';
import { checkCoverage, checkFigures } from './check-figures.js';
import { checkDeclared, checkExpiry, checkSignature, checkStatement, statementOfCertificate, type SignatureOptions } from './check-signature.js';
import { CHECKED, found, passed, verdictOf, type Check, type Verification } from './checks.js';
import { placeOf } from './files.js';
import { figuresOf, type Figures, type MeasureOptions } from './measure.js';
import type { OpenedCertificate } from './open.js';
import type { Certificate, Predicate } from './schema.js';

export interface VerifyOptions extends Omit<MeasureOptions, 'assumeBase'>, SignatureOptions {
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
  else checks.push(...checkFigures(predicate, figures));
  checks.push(checkBase(certificate, predicate, typeof figures === 'string' ? null : figures, options.library));
  checks.sort((a, b) => CHECKED.indexOf(a.check) - CHECKED.indexOf(b.check));
  const { date, expires, tool, base, change, traits } = predicate;
  return {
    schemaVersion: 1, tool: { name: 'weightseq', version: options.version }, certificate: { path: file, sha256 }, path, ...verdictOf(checks),
    recomputed: typeof figures !== 'string', checks, certified: { date, expires, tool, base, change, traits },
  };
}

/** The figures, or why there are none. */
async function recompute(path: string, { base: certified }: Predicate, { library, base, baseReading, version, onProgress, recompute: isAsked }: VerifyOptions): Promise<Figures | string> {
  if (!isAsked) return '--no-recompute asks for bytes and signature alone';
  const given = base !== undefined ? 'base' : baseReading !== undefined ? 'base-reading' : 'library';
  if (given !== certified.from) {
    if (given === 'library') return `they were made with --${certified.from}; give it again`;
    throw new WeightseqError('usage', `the certificate was made ${certified.from === 'library' ? 'without' : `with --${certified.from}, not with`} --${given}`, { mend: `Leave out --${given}.` });
  }
  const assumeBase = certified.how === 'assumed' && certified.name !== null ? certified.name : undefined;
  try {
    return await figuresOf(path, { library, assumeBase, base, baseReading, version, onProgress });
  } catch (error) {
    const { code, message } = asWeightseqError(error);
    if (code === 'internal') throw error;
    return `${message} (${code})`;
  }
}

/** The declared base against the one that the weights have: as they were certified, and as they are read now. */
function checkBase(certificate: Certificate, { base }: Predicate, figures: Figures | null, library: Library): Check {
  const ancestors = declaredAncestors(certificate.declared);
  if (ancestors === null) return found('base', 'unchecked', null, 'the declared ancestors can\'t be read: the BOM has another form than certify gives it');
  const measured = [base.measured, figures?.base.measured ?? null].filter((name) => name !== null);
  for (const name of measured) {
    const entry = library.entries.find((one) => one.base === name);
    const [wrong] = contradicted(ancestors, { name, aliases: entry?.aliases ?? [] }, library);
    if (wrong) return found('base', 'failed', 'base-contradicted', `the declared base is ${escapeText(wrong.name)}, and the weights are a descendant of ${escapeText(name)}`, { mend: 'Do not rely on what the certificate declares.' });
  }
  const [name] = measured;
  if (name === undefined) return found('base', 'skipped', null, `the weights do not tell the base${base.name === null ? '' : `; it is ${escapeText(base.name)} as ${base.how === 'assumed' ? 'it was assumed' : 'the configuration claims'}`}`);
  const isDeclared = ancestors.some((ancestor) => namesBase(ancestor.name, { name, aliases: [] }));
  return passed('base', `the weights are a descendant of ${escapeText(name)}${isDeclared ? ', as is declared' : ''}`);
}
