/** From a model and what is declared of it to its certificate. In: a path and declarations. Out: three sections that are never mixed. */
import { WeightseqError } from '../errors.js';
import { escapeText } from '../text.js';
import type { Library } from '../signature/library.js';
import { contradicted, declaredAncestors, descentSaid } from './ancestors.js';
import { canonicalJson, canonicalSha256 } from './canonical.js';
import { IN_TOTO_TYPE, signEnvelope } from './dsse.js';
import type { SigningKey } from './keys.js';
import { figuresOf, type Figures, type MeasureOptions } from './measure.js';
import type { OpenedDeclared } from './declared-file.js';
import { CERTIFICATE_FORMAT, PREDICATE_TYPE, STATEMENT_TYPE, type Certificate, type DeclaredSection, type Statement } from './schema.js';
import { requireUnchanged, subjectsOf, type Subjects } from './subjects.js';

export interface CertifyOptions extends MeasureOptions {
  /** What the certificate says of its making. */
  readonly date: Date;
  /** The last day on which it holds, YYYY-MM-DD (UTC); null for one without end. */
  readonly expires: string | null;
  /** Null for a certificate that nobody stands for. */
  readonly key: SigningKey | null;
}

export interface Made {
  readonly certificate: Certificate;
  /** Whether something that decides could not be told (exit code 3). */
  readonly undecided: boolean;
}

/**
 * Measures a model and writes down what it is and what is said of it.
 * @throws WeightseqError `base-contradicted` where the weights have another base than the declared one, and whatever keeps the model from being measured
 */
export async function certify(path: string, declared: OpenedDeclared, options: CertifyOptions): Promise<Made> {
  const { subjects, stamps } = await subjectsOf(path, options.onProgress);
  const figures = await figuresOf(path, options);
  await requireUnchanged(stamps);
  const section = await declaredSection(declared, options.version, options.date);
  requireAgreement(section, figures, options.library, path);
  const measured = statementOf(subjects, figures, section, options);
  return { certificate: assemble(section, measured, options.key), undecided: figures.undecided };
}

/** The declared section of a certificate. Pure. */
export async function declaredSection({ declared, source }: OpenedDeclared, version: string, date: Date): Promise<DeclaredSection> {
  // Loaded only here: whoever verifies needs nothing of CycloneDX.
  const { mlBom } = await import('./ml-bom.js');
  return { status: 'declared, not verified', source, bom: { ...mlBom(declared, version, date), bomFormat: 'CycloneDX', specVersion: '1.6' } };
}

function requireAgreement(section: DeclaredSection, { base }: Figures, library: Library, path: string): void {
  const [wrong] = contradicted(declaredAncestors(section) ?? [], base, library);
  if (wrong === undefined) return;
  throw new WeightseqError('base-contradicted', `the declared base is ${escapeText(wrong.name)}, and ${descentSaid(base)}`, {
    file: path, mend: 'Correct pedigree.ancestors in the file of declarations: no certificate was written.',
  });
}

/** The measured section: an in-toto statement that also names the bytes of the declared section. Pure. */
export function statementOf(subjects: Subjects, figures: Figures, section: DeclaredSection, { version, date, expires }: Pick<CertifyOptions, 'version' | 'date' | 'expires'>): Statement {
  const { of, tensors, digest, subject } = subjects;
  const { kind, architecture, base, lineage, change, traits, coverage, reading, incomplete } = figures;
  return {
    _type: STATEMENT_TYPE,
    subject,
    predicateType: PREDICATE_TYPE,
    predicate: {
      schemaVersion: 1,
      tool: { name: 'weightseq', version },
      date: date.toISOString(),
      expires,
      declared: { sha256: canonicalSha256(section) },
      model: { kind, of, architecture, digest, tensors },
      base, lineage, change, traits, coverage, reading, incomplete,
    },
  };
}

/** The certificate of two sections, signed where a key is given. Pure. */
export function assemble(declared: DeclaredSection, measured: Statement, key: SigningKey | null): Certificate {
  const signed = key === null ? null : signEnvelope(Buffer.from(canonicalJson(measured)), IN_TOTO_TYPE, key);
  return { format: CERTIFICATE_FORMAT, schemaVersion: 1, declared, measured, signed };
}
