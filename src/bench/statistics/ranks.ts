/** Ranking harmful above benign. In: scores with weights. Out: the area under the ROC curve, and the curve. Pure. */

/** One scored organism; the weight is how often it counts (1 unless it is resampled). */
export interface Ranked {
  readonly score: number;
  readonly isHarmful: boolean;
  readonly weight?: number;
}

/**
 * The probability that a harmful organism scores above a benign one, ties counting half (Mann and Whitney's U over its maximum);
 * NaN where either kind is missing.
 */
export function auroc(organisms: readonly Ranked[]): number {
  let [harmful, benign, won] = [0, 0, 0];
  for (const { harmful: h, benign: b } of tied(organisms)) {
    // Harmful ones of this score lie above all the benign ones that were met, which score less.
    won += h * (benign + b / 2);
    harmful += h;
    benign += b;
  }
  return harmful > 0 && benign > 0 ? won / (harmful * benign) : Number.NaN;
}

/**
 * The least area that still explains the one seen, at z standard errors; it does not shrink to nothing where the kinds are told apart without an
 * error, as a bootstrap does. Source: Newcombe, Stat. Med. 25 (2006) 559, method 5, after Hanley & McNeil, Radiology 143 (1982) 29.
 * @param harmful how many independent harmful ones there are (sources, not seeds), and `benign` likewise
 */
export function aurocAtLeast(area: number, harmful: number, benign: number, z = 1.959963984540054): number {
  const more = (harmful + benign) / 2 - 1;
  const variance = (v: number): number => (v * (1 - v) * (1 + (more * (1 - v)) / (2 - v) + (more * v) / (1 + v))) / (harmful * benign);
  let [low, high] = [0, area];
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (area - middle > z * Math.sqrt(variance(middle))) low = middle;
    else high = middle;
  }
}

export interface RocPoint {
  /** From this score on an alarm is raised. */
  readonly threshold: number;
  readonly falseAlarms: number;
  readonly found: number;
}

/** The ROC curve from (0, 0) to (1, 1): one point for each score that occurs, highest first. */
export function rocCurve(organisms: readonly Ranked[]): RocPoint[] {
  const steps = tied(organisms).reverse();
  const [harmful, benign] = steps.reduce(([h, b], step) => [h + step.harmful, b + step.benign], [0, 0]);
  const points: RocPoint[] = [{ threshold: Infinity, falseAlarms: 0, found: 0 }];
  let [found, alarms] = [0, 0];
  for (const step of steps) {
    found += step.harmful;
    alarms += step.benign;
    points.push({ threshold: step.score, falseAlarms: alarms / benign, found: found / harmful });
  }
  return points;
}

/** Weights of harmful and benign organisms by score, lowest score first. */
function tied(organisms: readonly Ranked[]): { score: number; harmful: number; benign: number }[] {
  const steps: { score: number; harmful: number; benign: number }[] = [];
  for (const { score, isHarmful, weight = 1 } of [...organisms].sort((a, b) => a.score - b.score)) {
    let step = steps.at(-1);
    if (step?.score !== score) {
      step = { score, harmful: 0, benign: 0 };
      steps.push(step);
    }
    if (isHarmful) step.harmful += weight;
    else step.benign += weight;
  }
  return steps;
}
