/** What is declared of a model's ancestors, and what is known of them by now. In: a certificate, its model's weights, a registry. Out: checks. */
import { inheritedFrom } from '../lineage/contamination.js';
import type { OpenEntry } from '../lineage/registry.js';
import type { Inherited } from '../lineage/schema.js';
import type { Library } from '../signature/library.js';
import { escapeText } from '../text.js';
import { contradicted, declaredAncestors, descentSaid, type Ancestor } from './ancestors.js';
import { found, passed, type Check } from './checks.js';
import type { Figures } from './measure.js';
import type { Certificate, Predicate, Statement } from './schema.js';

const UNREADABLE = 'the declared ancestors can\'t be read: the BOM has another form than certify gives it';

/** The declared base against the one that the weights have: as they were certified, and as they are read now. */
export function checkBase({ declared }: Certificate, { base }: Predicate, figures: Figures | null, library: Library): Check {
  const ancestors = declaredAncestors(declared);
  if (ancestors === null) return found('base', 'unchecked', null, UNREADABLE);
  for (const measured of [base, ...(figures === null ? [] : [figures.base])]) {
    const [wrong] = contradicted(ancestors, measured, library);
    if (wrong) return found('base', 'failed', 'base-contradicted', `the declared base is ${escapeText(wrong.name)}, and ${descentSaid(measured)}`, { mend: 'Do not rely on what the certificate declares.' });
  }
  const shown = figures?.base ?? base;
  if (shown.measured !== null) return passed('base', `${descentSaid(shown)}${ancestors.length === 0 ? '; no ancestor is declared' : ', and nothing that is declared contradicts it'}`);
  const said = base.name === null ? '' : `; it is ${escapeText(base.name)} as ${base.how === 'assumed' ? 'was assumed' : 'the configuration claims'}`;
  return found('base', 'skipped', null, `the weights do not tell the base${said}`);
}

/** An ancestor that could be listed: by what it is called, and by the bytes of its weights. */
interface Known {
  readonly what: string;
  readonly names: readonly string[];
  readonly sha256: readonly string[];
}

/**
 * The model and its ancestors against a registry of contaminated models: by hashes and names always, and by the weights where they were read.
 * @param registry null where nobody asks
 */
export async function checkAncestors({ declared }: Certificate, statement: Statement, figures: Figures | null, registry: readonly OpenEntry[] | null): Promise<Check[]> {
  if (registry === null) return [found('ancestors', 'skipped', null, 'no registry was given: whether an ancestor is listed as contaminated was not looked at')];
  const ancestors = declaredAncestors(declared);
  const known = knownAncestors(ancestors ?? [], statement);
  const listed = new Map<string, string>();
  for (const { entry } of registry) {
    const same = known.find(({ names, sha256 }) => names.includes(entry.name) || entry.fingerprints.some((fingerprint) => sha256.includes(fingerprint)));
    if (same) listed.set(entry.name, `${same.what} is listed as contaminated (${entry.reason}, ${entry.date})`);
  }
  const inherited = figures === null ? null : await inheritedFrom(figures.descendant.subject, registry, figures.descendant.relate);
  // What the weights show says more than a name.
  for (const { ancestor, sentence } of inherited?.contamination ?? []) listed.set(ancestor, `by its weights the model ${sentence}`);
  const open = inherited?.contamination.filter((one) => !isSure(one) && !known.some(({ names }) => names.includes(one.ancestor))).map(({ ancestor }) => ancestor) ?? [];
  const checks = [...listed].map(([name, message]) => found('ancestors', open.includes(name) ? 'unchecked' : 'failed', 'ancestor-contaminated', escapeText(message), { mend: `Do not use it before its source is asked: ${escapeText(sourceOf(registry, name))}.` }));
  const not = inherited?.not ?? [];
  if (not.length > 0) checks.push(found('ancestors', 'warning', null, `${not.length} of ${registry.length} listed models could not be held against the weights: ${not.slice(0, 3).map(({ name, reason }) => `${escapeText(name)} (${escapeText(reason)})`).join('; ')}${not.length > 3 ? '; …' : ''}`));
  if (ancestors === null) checks.push(found('ancestors', 'unchecked', null, UNREADABLE));
  if (checks.some(({ status }) => status !== 'warning')) return checks;
  return [passed('ancestors', `none of the ${registry.length} models that the registry lists is known to be an ancestor${figures === null ? ', by names and hashes alone' : ''}`), ...checks];
}

/** Half of the ancestor's change in the model is no chance, whichever of the two was first. */
const MOST_BY_CHANCE = 0.5;

function isSure({ direction, share }: Inherited): boolean {
  return direction === 'same' || direction === 'descends' || (share !== null && share.low > MOST_BY_CHANCE);
}

function sourceOf(registry: readonly OpenEntry[], name: string): string {
  return registry.find(({ entry }) => entry.name === name)?.entry.source ?? '';
}

/** The model itself, what is declared, the base, and what its weights were found to be made of. */
function knownAncestors(declared: readonly Ancestor[], { subject, predicate: { base, lineage } }: Statement): Known[] {
  const made = lineage.relations.filter(({ direction }) => direction !== 'ancestor');
  return [
    { what: 'the model itself', names: [], sha256: subject.map(({ digest }) => digest.sha256) },
    ...made.map(({ candidate, fingerprints }) => ({ what: `its relative ${candidate}`, names: [candidate], sha256: fingerprints })),
    ...(lineage.merge?.parents ?? []).map(({ candidate }) => ({ what: `its parent ${candidate}`, names: [candidate], sha256: [] })),
    ...[...new Set([base.name, base.measured, base.claimed])].flatMap((name) => (name === null ? [] : [{ what: `its base ${name}`, names: [name], sha256: [] }])),
    ...declared.map(({ name, sha256 }) => ({ what: `the declared ancestor ${name}`, names: [name], sha256: sha256 === null ? [] : [sha256] })),
  ];
}
