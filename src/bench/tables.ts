/** Tables of figures. In: cells that are text already. Out: columns for a terminal, or markdown. Pure. */
import { columns, paragraph } from '../report/layout.js';
import { escapeText } from '../text.js';

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** A sentence or two below it. */
  readonly note?: string;
}

/** For a terminal: title, aligned columns, note. */
export function tableText({ title, head, rows, note }: Table, width: number): string {
  const body = rows.length === 0 ? '  none' : columns([head, ...rows]);
  return `${paragraph('', title, width)}\n\n${body}\n${note === undefined ? '' : `\n${paragraph('  ', note, width)}\n`}`;
}

/** The same in markdown, without its title; every cell is escaped. */
export function tableMarkdown({ head, rows, note }: Table): string {
  if (rows.length === 0) return `None.\n`;
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => markdownCell(cell)).join(' | ')} |`;
  const numeric = head.map((_, i) => i > 0 && rows.every((row) => /^(?:[+\-−]?[\d.]|–$|$)/u.test(row[i] ?? '')));
  return `${line(head)}\n|${numeric.map((right) => (right ? '--:' : '---')).join('|')}|\n${rows.map(line).join('\n')}\n${note === undefined ? '' : `\n${markdownCell(note)}\n`}`;
}

/** A number with so many digits after the point; – where there is none. */
export function fixed(value: number | null, digits = 3): string {
  return value === null || !Number.isFinite(value) ? '–' : value.toFixed(digits);
}

/** A share in per cent. */
export function percent(value: number | null, digits = 1): string {
  return value === null || !Number.isFinite(value) ? '–' : `${(100 * value).toFixed(digits)} %`;
}

/** Text that stands for itself in a table of markdown. */
export function markdownCell(text: string): string {
  return escapeText(text).replace(/[\\`*_[\]<>|]/gu, (c) => `\\${c}`);
}
