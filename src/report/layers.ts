/** Layers of a model in groups that stay the same whatever is found in them. Pure. */
import type { ReportFinding } from './schema.js';

export interface LayerGroup {
  readonly name: 'early' | 'middle' | 'late' | 'all';
  /** Scored layers, ascending. */
  readonly layers: readonly number[];
  /** Sum of their scores; null when one is not known. */
  readonly score: number | null;
}

const THIRDS = ['early', 'middle', 'late'] as const;

/**
 * The scored layers by thirds of the model: middle layers carry a trait, early and late ones style. Thirds, and no runs of one
 * sign, because a finding must keep its name when its numbers change. One group of `all` where no layer was scored.
 * @param total layers of the base; null: as many as are scored
 */
export function layerGroups(finding: Pick<ReportFinding, 'layers' | 'score'>, total: number | null): LayerGroup[] {
  const of = finding.layers.reduce((most, { layer }) => Math.max(most, layer + 1), total ?? 0);
  const groups = THIRDS.map((name, third): LayerGroup => {
    const layers = finding.layers.filter(({ layer }) => Math.floor((3 * layer) / of) === third);
    return { name, layers: layers.map((l) => l.layer).sort((a, b) => a - b), score: layers.reduce<number | null>((sum, { score }) => (sum === null || score === null ? null : sum + score), 0) };
  }).filter((group) => group.layers.length > 0);
  return groups.length > 0 ? groups : [{ name: 'all', layers: [], score: finding.score }];
}

/** Such as `layers 8 to 13`, `layer 3`, or `no layer`. */
export function layerRange(layers: readonly number[]): string {
  const [first] = layers;
  const last = layers.at(-1);
  if (first === undefined || last === undefined) return 'no layer';
  return first === last ? `layer ${first}` : `layers ${first} to ${last}`;
}

/** The layer that a canonical weight name begins with; null for a weight outside the layers. */
export function layerOf(weight: string): number | null {
  const found = /^(\d{1,9})\./u.exec(weight)?.[1];
  return found === undefined ? null : Number(found);
}
