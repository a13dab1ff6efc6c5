/** Which layer of a candidate each layer of a path is. Pure. In: two subjects. Out: a map of layers with what it rests on, where there is one. */
import { studentUpperTail } from '../scan/student.js';
import { deviation } from './invariants.js';
import { layersOf, type Subject } from './subject.js';

export interface LayerMap {
  /** For each layer of the path, the layer of the candidate. */
  readonly of: readonly number[];
  /** How likely so clear an order is by chance: the largest over layers, times the pairs that were tried. */
  readonly p: number;
  /** Mean over layers of the rms deviation of norms of rows and columns, in units of their spread. */
  readonly deviation: number;
}

/** A layer is told from the others where its agreement lies so far out among all pairs of layers. */
const LEVEL = 1e-3;
/** A layer is found again where norms of its rows and columns deviate by less than this share of their spread. */
const CLOSE = -0.7;

/**
 * Compares every layer of the path with every layer of the candidate, by the norms of the rows and columns of each weight and the values
 * of each norm and bias: a layer that was taken over agrees, another layer of the same model does not.
 * @returns null where not every layer of the path is found
 */
export function layerMap(path: Subject, candidate: Subject): LayerMap | null {
  const [n, m] = [layersOf(path), layersOf(candidate)];
  const [own, others] = [featuresOf(path, n), featuresOf(candidate, m)];
  const table = own.map((a) => others.map((b) => agreementOf(a, b)));
  const of: number[] = [];
  for (const row of table) {
    const values = row.map((value) => value ?? Infinity);
    const least = Math.min(...values);
    if (!(least < CLOSE)) return null;
    of.push(values.indexOf(least));
  }
  const chosen = table.flatMap((row, i) => row.filter((value, j) => value !== null && j === of[i])) as number[];
  const rest = table.flatMap((row, i) => row.filter((value, j) => value !== null && j !== of[i])) as number[];
  if (rest.length < 3) return null;
  const mean = rest.reduce((sum, v) => sum + v, 0) / rest.length;
  const sd = Math.sqrt(rest.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (rest.length - 1));
  const worst = Math.max(...chosen);
  const p = Math.min(1, n * m * studentUpperTail((mean - worst) / (sd * Math.sqrt(1 + 1 / rest.length)), rest.length - 1));
  if (!(p < LEVEL)) return null;
  return { of, p, deviation: Math.exp(chosen.reduce((sum, v) => sum + v, 0) / chosen.length) };
}

/** Whether the layers of a map stand in their old order, each once. */
export function isInOrder({ of }: Pick<LayerMap, 'of'>): boolean {
  return of.every((layer, i) => i === 0 || layer > (of[i - 1] ?? 0));
}

/**
 * The subject with each weight and vector under the name that the candidate has for it; of weights that were read with the sign
 * probes of the candidate's names the sign coordinates then compare.
 */
export function renamed(subject: Subject, map: readonly number[]): Subject {
  const rename = (name: string, layer: number | null): string => (layer === null ? name : name.replace(/^(layers\.)?\d+/u, (_, prefix: string | undefined) => `${prefix ?? ''}${map[layer] ?? layer}`));
  const weights = [...subject.weights.values()].map((weight) => {
    const name = rename(weight.name, weight.layer);
    return [name, { ...weight, name, layer: weight.layer === null ? null : map[weight.layer] ?? weight.layer, signsAs: weight.signsAs === name ? undefined : weight.signsAs }] as const;
  });
  const vectors = [...subject.vectors.values()].map((vector) => {
    const name = rename(vector.name, vector.layer);
    return [name, { ...vector, name, layer: vector.layer === null ? null : map[vector.layer] ?? vector.layer }] as const;
  });
  return { ...subject, weights: new Map(weights), vectors: new Map(vectors) };
}

type Features = ReadonlyMap<string, Float64Array>;

/** Of each layer: norms of rows and columns by role, values of norms and biases by name. */
function featuresOf({ weights, vectors }: Subject, layers: number): Features[] {
  const found = Array.from({ length: layers }, () => new Map<string, Float64Array>());
  const within = (name: string): string => name.replace(/^(layers\.)?\d+\./u, '');
  for (const { name, layer, invariants: { lines } } of weights.values()) {
    if (layer === null || lines === undefined) continue;
    found[layer]?.set(`${within(name)}.rows`, Float64Array.from(lines.rows));
    found[layer]?.set(`${within(name)}.columns`, Float64Array.from(lines.columns));
  }
  for (const { name, layer, values } of vectors.values()) {
    // Norms and biases have signs, which a deviation of logarithms has no use for: what they share is told by their size.
    if (layer !== null) found[layer]?.set(within(name), values.map((v) => Math.abs(v) + 1e-3));
  }
  return found;
}

/** Mean over features; null without any. */
function agreementOf(a: Features, b: Features): number | null {
  const values = [...a].flatMap(([name, own]) => {
    const other = b.get(name);
    return other?.length === own.length ? deviation(own, other) ?? [] : [];
  });
  return values.length === 0 ? null : values.reduce((sum, v) => sum + v, 0) / values.length;
}
