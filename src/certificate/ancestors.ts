/** What a certificate declares that a model descends from. In: its ML-BOM. Out: the ancestors, and whether the weights contradict them. Pure. */
import { z } from 'zod';
import { namesBase, type Library } from '../signature/library.js';
import { escapeText } from '../text.js';
import { RELATION } from './relation.js';
import type { DeclaredSection, Predicate } from './schema.js';

/** One ancestor, as it is declared. */
export interface Ancestor {
  readonly name: string;
  /** What it is to the model; null where that is not said. */
  readonly relation: string | null;
  /** Of its weights, where it is given. */
  readonly sha256: string | null;
}

const component = z.looseObject({
  name: z.string(),
  hashes: z.array(z.looseObject({ alg: z.string(), content: z.string() })).optional(),
  properties: z.array(z.looseObject({ name: z.string().optional(), value: z.string().optional() })).optional(),
});
const ancestry = z.looseObject({
  metadata: z.looseObject({ component: z.looseObject({ pedigree: z.looseObject({ ancestors: z.array(component).optional() }).optional() }) }),
});

/** The ancestors that a certificate declares; null where its BOM has another form than `certify` gives it. */
export function declaredAncestors({ bom }: Pick<DeclaredSection, 'bom'>): Ancestor[] | null {
  const parsed = ancestry.safeParse(bom);
  if (!parsed.success) return null;
  return (parsed.data.metadata.component.pedigree?.ancestors ?? []).map(({ name, hashes = [], properties = [] }) => ({
    name,
    relation: properties.find((property) => property.name === RELATION)?.value ?? null,
    sha256: hashes.find(({ alg }) => alg === 'SHA-256')?.content ?? null,
  }));
}

/** What the weights say of their base. */
type Measured = Pick<Predicate['base'], 'verdict' | 'measured' | 'evidence'>;

/**
 * The declared bases that the weights contradict; empty where they agree, or where one of the two says nothing. Declared are the ancestors
 * whose relation is `base`, or else those whose names the library knows as bases. The weights agree where any ancestor is a base that
 * they fit; they contradict where they fit others alone, or are held against a declared base and do not fit it.
 */
export function contradicted(ancestors: readonly Ancestor[], { verdict, measured, evidence }: Measured, library: Pick<Library, 'entries'>): Ancestor[] {
  const aliases = (base: string): string[] => library.entries.filter((entry) => entry.base === base).flatMap((entry) => entry.aliases ?? []);
  const isNamed = ({ name }: Ancestor, base: string, others: readonly string[] = []): boolean => namesBase(name, { name: base, aliases: [...aliases(base), ...others] });
  const said = ancestors.filter(({ relation }) => relation === 'base');
  const declared = said.length > 0 ? said : ancestors.filter((ancestor) => ancestor.relation === null && library.entries.some(({ base }) => isNamed(ancestor, base)));
  const fitting = evidence.filter(({ fits }) => fits).map(({ name, alsoKnownAs }) => ({ name, others: alsoKnownAs }));
  if (measured !== null) fitting.push({ name: measured, others: [] });
  if (fitting.length > 0) return ancestors.some((ancestor) => fitting.some(({ name, others }) => isNamed(ancestor, name, others))) ? [] : declared;
  if (verdict !== 'unknown') return [];
  return declared.filter((ancestor) => evidence.some(({ name, alsoKnownAs }) => isNamed(ancestor, name, alsoKnownAs)));
}

/** What the weights say in a clause, for messages. */
export function descentSaid({ measured, evidence: [nearest] }: Measured): string {
  if (measured !== null) return `the weights are a descendant of ${escapeText(measured)}`;
  return nearest?.fits === true ? `the weights fit ${escapeText(nearest.name)}` : 'the weights are not those of a descendant of it';
}
