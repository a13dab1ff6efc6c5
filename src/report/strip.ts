/** A per-layer strip: one column a layer, signed, scaled to the largest |score|. */
export interface Strip {
  /** Bars of the layers that push towards the trait. */
  readonly more: string;
  /** Bars of the layers that push away from it. */
  readonly less: string;
}

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;
const UNSCORED = '·';

/**
 * Draws scores by layer; a layer without a score is a dot in both rows, a bar is never lower than its share of the largest.
 * @param layers scores of the layers that were scored
 * @param total number of layers of the base
 */
export function strip(layers: readonly { readonly layer: number; readonly score: number | null }[], total: number): Strip {
  const scores = new Map(layers.map((l) => [l.layer, l.score ?? 0]));
  const largest = Math.max(0, ...[...scores.values()].map(Math.abs));
  const row = (sign: 1 | -1) =>
    Array.from({ length: total }, (_, layer) => {
      const score = scores.get(layer);
      if (score === undefined) return UNSCORED;
      const share = largest === 0 ? 0 : (sign * score) / largest;
      return share <= 0 ? ' ' : (BARS[Math.ceil(share * BARS.length) - 1] ?? ' ');
    }).join('');
  return { more: row(1), less: row(-1) };
}

/** The ruler below a strip: the layer's number under every tenth column. */
export function ruler(from: number, to: number): string {
  let line = '';
  for (let layer = from; layer < to; layer++) {
    if (layer % 10 === 0 && line.length <= layer - from) line = line.padEnd(layer - from) + String(layer);
  }
  return line;
}
