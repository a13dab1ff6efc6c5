/** Plain-text layout of the terminal forms. In: text and columns. Out: lines. Pure. */
import wrapAnsi from 'wrap-ansi';
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

/** Left-aligned columns, two spaces apart and two from the margin; escaped. */
export function columns(rows: readonly (readonly string[])[]): string {
  const escaped = rows.map((row) => row.map(escapeText));
  const widths = (escaped[0] ?? []).map((_, i) => Math.max(...escaped.map((row) => row[i]?.length ?? 0)));
  return escaped.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd()).join('\n');
}
