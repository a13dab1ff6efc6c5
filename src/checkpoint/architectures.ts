/** Architectures as data: what architectures.json says beyond the names of names.ts, checked once. Pure. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
// The type alone: importing JSON warns on the Node versions before 20.18.3. It also has the compiler copy the file.
import type architecturesJson from './architectures.json';

const roleSchema = z.enum(['q', 'k', 'v', 'o', 'gate', 'up', 'down']);
const sizeSchema = z.enum(['hidden', 'heads', 'keyHeads', 'headSize', 'inner', 'expertInner', 'experts', 'layers']);
const fusedSchema = z.strictObject({
  /** The roles whose outputs lie one after the other. */
  parts: z.array(roleSchema),
  /** They do so for each attention head anew. */
  byHead: z.boolean().default(false),
});
const names = z.array(z.string()).default([]).transform((list): ReadonlySet<string> => new Set(list));
const byPath = z.record(z.string(), fusedSchema).default({}).transform((record): ReadonlyMap<string, Fused> => new Map(Object.entries(record)));
const layoutSchema = z.strictObject({
  /** What every block has, with or without experts. */
  roles: z.array(roleSchema),
  /** 2-D weights of several roles, by their path in the block. */
  fused: byPath,
  /** 3-D stacks of experts, each out × in. */
  stacks: byPath,
  /** Weights stored in × out. */
  transposed: names,
  /** Weights of an ambiguous path that are stored out × in. */
  linear: names,
  /** Tensors that are no weights: masks and tables that the model computes itself. */
  buffers: names,
  /** The size that is the width within one expert; null without experts. */
  expertInner: sizeSchema.nullable().default(null),
});
const fileSchema = z.object({
  ambiguous: names,
  sizes: z.record(sizeSchema, z.array(z.string())),
  models: z.record(z.string(), z.string()),
  layouts: z.record(z.string(), layoutSchema),
  quantised: z.record(z.string(), z.string()),
  quantisedIfIntegers: z.record(z.string(), z.string()),
});

export type BlockRole = z.infer<typeof roleSchema>;
export type Fused = z.infer<typeof fusedSchema>;
export type Layout = z.infer<typeof layoutSchema>;
export type SizeName = z.infer<typeof sizeSchema>;

const file = fileSchema.parse(JSON.parse(readFileSync(new URL('./architectures.json', import.meta.url), 'utf8')) as typeof architecturesJson);
const MODELS: ReadonlyMap<string, Layout> = new Map(Object.entries(file.models).map(([model, name]) => {
  const layout = file.layouts[name];
  if (layout === undefined) throw new TypeError(`architectures.json: no layout ${name}`);
  return [model, layout];
}));

/** How the fused weights of any architecture may be divided, by their path in the block. */
export const FUSED: ReadonlyMap<string, readonly Fused[]> = [...new Set(MODELS.values())].flatMap(({ fused }) => [...fused])
  .reduce((found, [path, fused]) => found.set(path, [...found.get(path) ?? [], fused]), new Map<string, readonly Fused[]>());
/** Fields of config.json by what they give; the first is the usual one. */
export const SIZE_FIELDS: ReadonlyMap<SizeName, readonly string[]> = new Map(sizeSchema.options.map((name) => [name, file.sizes[name]]));
/** Paths in a block that some architectures store in × out and others out × in. */
export const AMBIGUOUS: ReadonlySet<string> = file.ambiguous;
/** The end of a tensor's name by which a quantised layout is known. */
export interface QuantisedEnding {
  readonly ending: string;
  readonly layout: string;
  /** Tensors of ordinary models may end so too: it counts beside integers only. */
  readonly ifIntegers: boolean;
}
/** Longest first: the first that matches counts. */
export const QUANTISED: readonly QuantisedEnding[] = [
  ...Object.entries(file.quantised).map(([ending, layout]) => ({ ending, layout, ifIntegers: false })),
  ...Object.entries(file.quantisedIfIntegers).map(([ending, layout]) => ({ ending, layout, ifIntegers: true })),
].sort((a, b) => b.ending.length - a.ending.length);

/** How a `model_type` lays out its tensors; null when the table has no such architecture. */
export function layoutOf(modelType: string): Layout | null {
  return MODELS.get(modelType) ?? null;
}
