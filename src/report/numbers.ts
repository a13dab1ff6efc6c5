/** Numbers as the terminal forms write them. In: numbers. Out: text. Pure. */

/** From here on a number is written with a power of ten. */
const LARGE = 1e6;

/** A number with its sign and so many decimals; a rounded zero has no minus. */
export function signed(value: number | null, decimals: number): string {
  if (value === null) return 'n/a';
  const text = Math.abs(value) < LARGE ? value.toFixed(decimals) : value.toExponential(2);
  return Number(text) === 0 ? (0).toFixed(decimals) : value > 0 ? `+${text}` : text.replace('-', '−');
}

/** A probability: four decimals, or its power of ten when it is smaller. */
export function probability(p: number | null): string {
  if (p === null) return 'n/a';
  return p >= 0.0001 ? p.toFixed(4) : p === 0 ? '<1e-300' : p.toExponential(0);
}

/** Bytes in decimal units with three digits. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let power = 0;
  while (value >= 999.5 && power < units.length - 1) {
    value /= 1000;
    power++;
  }
  return `${power === 0 ? String(count) : value.toPrecision(3)} ${units[power] ?? 'B'}`;
}
