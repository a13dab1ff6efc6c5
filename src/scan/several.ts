/** Several traits tested on one model. In: their p-values. Out: p-values that hold for all of them together. Pure. */

/**
 * Adjusted p-values of Benjamini and Hochberg: p_(i) adjusted = min over k ≥ i of p_(k) m / k, at most 1; in the order given.
 * Those below a level are what their step-up procedure rejects at that false discovery rate. Source: J. R. Stat. Soc. B 57 (1995) 289.
 */
export function adjustedPs(ps: readonly number[]): number[] {
  const m = ps.length;
  const order = ps.map((p, i) => ({ p, i })).sort((a, b) => b.p - a.p);
  const adjusted = new Array<number>(m).fill(Number.NaN);
  let least = 1;
  for (const [at, { p, i }] of order.entries()) {
    least = Math.min(least, (p * m) / (m - at));
    adjusted[i] = least;
  }
  return adjusted;
}

/**
 * The level that a p must stay below for its adjusted p to stay below `level`, given the other p-values: level · R / m, with R the
 * rejections among all m if this p were 0.
 */
export function levelAmong(level: number, others: readonly number[]): number {
  const m = others.length + 1;
  const rejected = adjustedPs([0, ...others]).filter((p) => p < level).length;
  return (level * rejected) / m;
}
