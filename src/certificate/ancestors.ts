/** What a certificate declares that a model descends from. In: its ML-BOM. Out: the ancestors, and whether the weights contradict them. Pure. */
import { z } from 'zod';
import type { KnownBase } from '../signature/document.js';
import { namesBase, type Library } from '../signature/library.js';
import { RELATION } from './relation.js';
import type { DeclaredSection } from './schema.js';

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

/** A base by its name, and by what else it is called. */
type Named = Pick<KnownBase, 'name' | 'aliases'>;

/**
 * The declared bases that are another model than the one which the weights say; empty where they agree, or where one of the two says nothing.
 * Where no ancestor is declared as the base, those whose names the library knows as bases count as declared.
 * @param measured what the weights say; null where they do not tell
 */
export function contradicted(ancestors: readonly Ancestor[], measured: Named | null, library: Pick<Library, 'entries'>): Ancestor[] {
  if (measured === null) return [];
  const said = ancestors.filter(({ relation }) => relation === 'base');
  const isKnown = (name: string): boolean => library.entries.some(({ base, aliases = [] }) => namesBase(name, { name: base, aliases }));
  const bases = said.length > 0 ? said : ancestors.filter(({ relation, name }) => relation === null && isKnown(name));
  return bases.some(({ name }) => namesBase(name, measured)) ? [] : bases;
}
