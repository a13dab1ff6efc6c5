import wrapAnsi from 'wrap-ansi';

/** Plain-text layout shared by the terminal renderers. */
import { escapeText } from '../text.js';

/** Breaks text at spaces into lines of at most `width` columns; a longer word is cut. Colours take no columns, wide characters two. */
export function wrap(text: string, width: number): string[] {
  return wrapAnsi(text, width, { hard: true }).split('\n');
}

/** A paragraph whose first line starts with `label`, the others indented as far. */
export function paragraph(label: string, text: string, width: number): string {
  const indent = ' '.repeat(label.length);
  return wrap(text, Math.max(20, width - label.length))
    .map((line, i) => (i === 0 ? label : indent) + line)
    .join('\n');
}

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

/** Left-aligned columns, two spaces apart and two from the margin; escaped. */
export function columns(rows: readonly (readonly string[])[]): string {
  const escaped = rows.map((row) => row.map(escapeText));
  const widths = (escaped[0] ?? []).map((_, i) => Math.max(...escaped.map((row) => row[i]?.length ?? 0)));
  return escaped.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd()).join('\n');
}
