/** Whether the figures come out again. In: what was certified, and what the weights give now. Out: a check for each kind of difference. Pure. */
import { escapeText } from '../text.js';
import { found, passed, type Check } from './checks.js';
import type { Figures } from './measure.js';
import type { CertifiedTrait, Predicate } from './schema.js';

/**
 * How far figures may lie apart: what the order of float32 sums on another machine or another version of the engine can make of them,
 * and far below any shift that matters (docs/certificate.md). p, which is steep where it is small, may differ by 5 %.
 */
export const TOLERANCE = { relative: 1e-3, absolute: 1e-4, p: 0.05 };

type Certified = Pick<Predicate, 'base' | 'change' | 'traits' | 'coverage' | 'reading'>;
type Now = Pick<Figures, 'base' | 'change' | 'traits' | 'coverage' | 'reading'>;

/** The figures of a certificate against those that the same weights give now. */
export function checkFigures(certified: Certified, now: Now): Check[] {
  const differing: string[] = [];
  const versions: string[] = [];
  const held = (what: string, then: string | number | null, again: string | number | null, isSame = then === again): void => {
    if (!isSame) differing.push(`${what} ${shown(then)} there, ${shown(again)} now`);
  };
  const isSameBase = certified.base.name === now.base.name;
  const other = isSameBase ? null : baseOf(certified.base, now.base);
  if (other?.isWrong === true) differing.push(other.message);
  else if (other !== null) versions.push(other.message);
  if (isSameBase) {
    held('measured base', certified.base.measured, now.base.measured, certified.base.measured === now.base.measured || certified.base.measured === null);
    number('|ΔW|', certified.change?.value ?? null, now.change?.value ?? null, held);
  }
  let compared = 0;
  for (const trait of certified.traits) {
    const again = now.traits.find((one) => one.trait === trait.trait);
    const version = versionOf(trait);
    if (again === undefined) versions.push(`${escapeText(trait.trait)} (certified by ${version}, and by no signature that is installed here)`);
    else if (again.signature.sha256 !== trait.signature.sha256) versions.push(`${escapeText(trait.trait)} (certified by ${version}; installed here is ${versionOf(again)}, by which it is ${again.verdict})`);
    else {
      compared++;
      compareTrait(trait, again, held);
    }
  }
  if (isSameBase && versions.length === 0) compareCoverage(certified.coverage, now.coverage, held);
  return [
    ...(differing.length > 0 ? [found('figures', 'failed', 'figures-differ', `the weights do not give the certified figures again: ${differing.join('; ')}`, { mend: 'Do not rely on the certificate: certify the model again.' })]
      : versions.length > 0 && compared === 0 ? [] : [passed('figures', `the figures come out again${certified.reading.sha256 === now.reading.sha256 ? ', to the last bit' : ' within their tolerance'}`)]),
    ...(versions.length > 0 ? [found('figures', 'unchecked', 'signature-version', `not held against the weights, because the signature or the base is another one: ${versions.join('; ')}`, { mend: 'Verify with the signatures and bases of then (--signatures, --library), or certify the model again.' })] : []),
    ...newerTraits(now.traits.filter(({ trait }) => !certified.traits.some((one) => one.trait === trait))),
  ];
}

/** What signatures say that the certificate does not know, or keeps silent about. */
function newerTraits(traits: readonly CertifiedTrait[]): Check[] {
  const said = (of: readonly CertifiedTrait[]): string => of.map(({ trait, verdict }) => `${escapeText(trait)} ${verdict}`).join(', ');
  const harmful = traits.filter(({ harmful: isHarmful, verdict }) => isHarmful && verdict === 'present');
  const others = traits.filter((trait) => !harmful.includes(trait));
  return [
    ...(harmful.length > 0 ? [found('figures', 'failed', 'trait-not-certified', `the weights carry a harmful trait of which the certificate says nothing: ${said(harmful)}`, { mend: 'Scan the model; do not rely on the certificate.' })] : []),
    ...(others.length > 0 ? [found('figures', 'warning', 'signature-version', `signatures of which the certificate says nothing find: ${said(others)}`)] : []),
  ];
}

/** Another base than the one of the certificate: contradicted by the weights, or chosen among other bases than were known then. */
function baseOf(then: Predicate['base'], now: Predicate['base']): { readonly isWrong: boolean; readonly message: string } {
  const evidence = now.evidence.find(({ name, alsoKnownAs }) => then.name !== null && [name, ...alsoKnownAs].includes(then.name));
  const said = `base ${shown(then.name)} there, ${shown(now.name)} now`;
  if (evidence?.fits === false) return { isWrong: true, message: `${said}, and the weights are not those of a descendant of ${shown(then.name)}` };
  return { isWrong: false, message: `${said}: other bases are known here than where it was certified` };
}

type Hold = (what: string, then: string | number | null, again: string | number | null, isSame?: boolean) => void;

function compareTrait(then: CertifiedTrait, again: CertifiedTrait, held: Hold): void {
  const name = escapeText(then.trait);
  held(`${name} is`, then.verdict, again.verdict);
  held(`${name}: harmful`, String(then.harmful), String(again.harmful));
  for (const figure of ['shift', 'score', 'level', 'smallestMeaningfulShift', 'nullSources'] as const) number(`${name}: ${figure}`, then[figure], again[figure], held);
  for (const end of ['low', 'high'] as const) number(`${name}: ${end} end of the interval`, then.interval?.[end] ?? null, again.interval?.[end] ?? null, held);
  number(`${name}: confidence of the interval`, then.interval?.confidence ?? null, again.interval?.confidence ?? null, held);
  for (const figure of ['p', 'conformalP'] as const) {
    const [a, b] = [then[figure], again[figure]];
    held(`${name}: ${figure}`, a, b, a === b || (a !== null && b !== null && Math.abs(a - b) <= TOLERANCE.p * Math.max(a, b)));
  }
}

function compareCoverage(then: Predicate['coverage'], again: Predicate['coverage'], held: Hold): void {
  for (const what of ['bytes', 'bytesTotal', 'read', 'scored', 'total'] as const) held(`coverage: ${what}`, then[what], again[what]);
  const names = ({ unread, notCompared }: Predicate['coverage']): string => [...unread.map(({ name }) => name), ...notCompared].sort().join(', ');
  held('coverage: not read', names(then), names(again));
}

function number(what: string, then: number | null, again: number | null, held: Hold): void {
  const isSame = then === again || (then !== null && again !== null && Math.abs(then - again) <= TOLERANCE.absolute + TOLERANCE.relative * Math.abs(then));
  held(what, then, again, isSame);
}

function versionOf({ signature: { file, sha256, version } }: CertifiedTrait): string {
  return `${escapeText(file)}, version ${version}, sha256 ${sha256.slice(0, 12)}…`;
}

function shown(value: string | number | null): string {
  if (value === null) return 'is not known';
  return typeof value === 'number' ? String(Number(value.toPrecision(6))) : escapeText(value === '' ? 'nothing' : value);
}

/** What the certificate itself says was left out. */
export function checkCoverage({ incomplete, coverage: { read, total } }: Pick<Predicate, 'incomplete' | 'coverage'>): Check {
  if (incomplete.length === 0) return passed('coverage', `all ${total} weights were read`);
  return found('coverage', 'warning', 'incomplete-coverage', `the certificate says that not everything was measured (${read} of ${total} weights read): ${incomplete.map(escapeText).join('; ')}`);
}
