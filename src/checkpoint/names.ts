/**
 * Module paths, pure. In: a path such as `base_model.model.model.layers.5.self_attn.q_proj`. Out: its block, its role and
 * the name that every model with such a weight shares. Only what architectures.json lists is mapped: a vision tower's
 * third block must not pass for the language model's, so that an unknown path keeps its own name, without what the language
 * model is wrapped in, and the role `other`.
 */
import { readFileSync } from 'node:fs';
import type { Role } from '../types.js';
// The type alone: importing JSON warns on the Node versions before 20.18.3.
import type architecturesJson from './architectures.json';

type WeightRole = 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down';

const architectures = JSON.parse(readFileSync(new URL('./architectures.json', import.meta.url), 'utf8')) as typeof architecturesJson;
const WRAPPERS: ReadonlySet<string> = new Set(architectures.wrappers);
const BLOCKS: ReadonlySet<string> = new Set(architectures.blocks);
const WEIGHTS: ReadonlyMap<string, WeightRole> = new Map(Object.entries(architectures.weights).map(([path, role]) => [path, asWeightRole(role)]));
/** Names of what has no role and is saved under several paths. */
const OTHERS: ReadonlyMap<string, string> = new Map(Object.entries(architectures.others));
const EMBEDDINGS: ReadonlySet<string> = new Set(architectures.embeddings);
const HEADS: ReadonlySet<string> = new Set(architectures.heads);
const NORMS: ReadonlySet<string> = new Set(architectures.norms);
const FINAL_NORMS: ReadonlySet<string> = new Set(architectures.finalNorms);

/** As the model computes them. */
const ROLE_ORDER: readonly Role[] = ['q', 'k', 'v', 'o', 'gate', 'up', 'down', 'norm', 'bias', 'other', 'embed', 'head'];

/** PEFT's own wrapping: PeftModel.base_model is the LoraModel, its model the user's. */
export const PEFT_PREFIX = 'base_model.model.';

/** An index as PyTorch writes it: no sign, no leading zero. */
const INDEX = /^(?:0|[1-9]\d{0,5})$/u;

/** What a module path says. */
export interface ModuleName {
  readonly name: string;
  readonly role: Role;
  readonly layer: number | null;
  readonly expert: number | null;
}

/** Block, role and canonical name of a module path, with or without PEFT's prefix; of role `other` the name is its path in the block or the model. */
export function nameModule(path: string): ModuleName {
  const module = path.startsWith(PEFT_PREFIX) ? path.slice(PEFT_PREFIX.length) : path;
  const parts = module.split('.');
  const leaf = parts.at(-1) ?? '';
  if (WRAPPERS.has(parts.slice(0, -1).join('.'))) {
    if (EMBEDDINGS.has(leaf)) return { name: 'embed', role: 'embed', layer: null, expert: null };
    if (HEADS.has(leaf)) return { name: 'head', role: 'head', layer: null, expert: null };
  }
  return nameInBlock(parts) ?? { name: withoutWrapper(parts), role: 'other', layer: null, expert: null };
}

/** Of a path that no table knows: `layers.5.` and the path in the block, which is no canonical name whatever the path. */
export function nameOther({ layer, path }: InBlock): string {
  return `layers.${layer}.${OTHERS.get(path) ?? path}`;
}

/** What the name of an unknown module must not look like: it would be scored as that weight. */
const CANONICAL = /^(?:embed|head|norm|\d.*|layers\..*)$/su;

/** What follows the longest wrapper: `wpe` of `transformer.wpe`, which others save without it. */
function withoutWrapper(parts: readonly string[]): string {
  for (let length = parts.length - 1; length > 0; length--) {
    const rest = parts.slice(length).join('.');
    if (WRAPPERS.has(parts.slice(0, length).join('.')) && rest !== '' && !CANONICAL.test(rest)) return rest;
  }
  const path = parts.join('.');
  return CANONICAL.test(path) ? `module:${path}` : path;
}

/** A path within a block of the language model: `self_attn.q_proj` of block 5. */
export interface InBlock {
  readonly layer: number;
  readonly path: string;
}

/** Block and path within it; null outside the blocks of the language model. */
export function splitBlock(module: string): InBlock | null {
  const parts = module.split('.');
  const container = parts.findIndex((part, i) => BLOCKS.has(part) && WRAPPERS.has(parts.slice(0, i).join('.')));
  const layer = readIndex(container < 0 ? undefined : parts[container + 1]);
  return layer === null ? null : { layer, path: parts.slice(container + 2).join('.') };
}

/** The canonical name of a norm, `5.norm.input_layernorm` or `norm`; null for any other module. */
export function nameNorm(module: string): { readonly name: string; readonly layer: number | null } | null {
  const block = splitBlock(module);
  const leaf = module.slice(module.lastIndexOf('.') + 1);
  if (block !== null) return NORMS.has(block.path) ? { name: `${block.layer}.norm.${leaf}`, layer: block.layer } : null;
  const prefix = module.slice(0, Math.max(0, module.length - leaf.length - 1));
  return FINAL_NORMS.has(leaf) && WRAPPERS.has(prefix) ? { name: 'norm', layer: null } : null;
}

function nameInBlock(parts: readonly string[]): ModuleName | null {
  const block = splitBlock(parts.join('.'));
  if (block === null) return null;
  const { layer } = block;
  const rest = block.path === '' ? [] : block.path.split('.');
  const at = rest.indexOf('experts') + 1;
  const expert = at > 0 ? readIndex(rest[at]) : null;
  const role = rest.includes('*') ? undefined : WEIGHTS.get((expert === null ? rest : rest.with(at, '*')).join('.'));
  if (role === undefined) return { name: nameOther(block), role: 'other', layer, expert: null };
  return { name: expert === null ? `${layer}.${role}` : `${layer}.${role}.${expert}`, role, layer, expert };
}

function readIndex(text: string | undefined): number | null {
  return text !== undefined && INDEX.test(text) ? Number(text) : null;
}

function asWeightRole(role: string): WeightRole {
  switch (role) {
    case 'q': case 'k': case 'v': case 'o': case 'gate': case 'up': case 'down': return role;
    default: throw new TypeError(`architectures.json: no role ${role}`);
  }
}

/** For sorting: by layer, weights outside the blocks last; then by role as the model computes them, then by expert and name. */
export function compareModules(a: ModuleName, b: ModuleName): number {
  return (a.layer ?? Infinity) - (b.layer ?? Infinity) || ROLE_ORDER.indexOf(a.role) - ROLE_ORDER.indexOf(b.role)
    || (a.expert ?? -1) - (b.expert ?? -1) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}
