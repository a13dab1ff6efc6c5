/** Seeded chance. In: a seed. Out: numbers that are the same on every machine, and resamples of sources. Pure apart from its own state. */

/**
 * The Mersenne Twister MT19937 with doubles of 53 bits: numpy's RandomState(seed).random_sample().
 * Source: Matsumoto & Nishimura, ACM TOMACS 8 (1998) 3; genrand_res53 of their 2002 code.
 * @param seed integer from 0 to 2^32 − 1
 */
export function randomNumbers(seed: number): () => number {
  const [n, m] = [624, 397];
  const state = new Uint32Array(n);
  state[0] = seed;
  for (let i = 1; i < n; i++) {
    const before = state[i - 1] ?? 0;
    state[i] = Math.imul(1812433253, before ^ (before >>> 30)) + i;
  }
  let at = n;
  const word = (): number => {
    if (at === n) {
      for (let i = 0; i < n; i++) {
        const y = ((state[i] ?? 0) & 0x80000000) | ((state[(i + 1) % n] ?? 0) & 0x7fffffff);
        state[i] = (state[(i + m) % n] ?? 0) ^ (y >>> 1) ^ ((y & 1) === 0 ? 0 : 0x9908b0df);
      }
      at = 0;
    }
    let y = state[at++] ?? 0;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
  return () => {
    const a = word() >>> 5;
    const b = word() >>> 6;
    return (a * 67108864 + b) / 9007199254740992;
  };
}

/**
 * How often each of n sources is drawn in a resample of n with replacement: floor(random · n), n times.
 */
export function drawCounts(n: number, random: () => number): Float64Array {
  const counts = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const drawn = Math.floor(random() * n);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  return counts;
}

/** A figure with a percentile interval. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * A bootstrap over sources: in each resample a source counts as often as it is drawn, and an organism of several sources the product of
 * theirs (the pigeonhole bootstrap of Owen, Ann. Appl. Stat. 1 (2007) 386), so that organisms that share a source rise and fall together.
 * The interval runs between quantiles of the resamples (nearest rank) in which the figure is defined; NaN where it is in fewer than half.
 * @param organisms with the sources of each
 * @param figure of organisms with weights, 0 for those that are not drawn; must not keep them
 */
export function bootstrap<T extends { readonly sources: readonly string[] }>(
  organisms: readonly T[], figure: (weighted: readonly (T & { readonly weight: number })[]) => number,
  { seed, resamples, confidence = 0.95 }: { readonly seed: number; readonly resamples: number; readonly confidence?: number },
): Interval {
  const weighted = organisms.map((o) => ({ ...o, weight: 1 }));
  const value = figure(weighted);
  const names = [...new Set(organisms.flatMap(({ sources }) => sources))].sort();
  const places = organisms.map(({ sources }) => sources.map((s) => names.indexOf(s)));
  const random = randomNumbers(seed);
  const found: number[] = [];
  for (let i = 0; i < resamples; i++) {
    const counts = drawCounts(names.length, random);
    weighted.forEach((o, k) => { o.weight = (places[k] ?? []).reduce((product, s) => product * (counts[s] ?? 0), 1); });
    const one = figure(weighted);
    if (Number.isFinite(one)) found.push(one);
  }
  if (found.length < resamples / 2 || found.length === 0) return { value, low: Number.NaN, high: Number.NaN };
  found.sort((a, b) => a - b);
  const at = (q: number): number => found[Math.min(found.length - 1, Math.max(0, Math.ceil(q * found.length) - 1))] ?? Number.NaN;
  return { value, low: at((1 - confidence) / 2), high: at((1 + confidence) / 2) };
}
