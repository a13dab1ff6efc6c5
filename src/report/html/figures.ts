/** Numbers as the page writes them. In: numbers of the report. Out: text. */

/** Four significant digits and a sign: what a table and a readout give as the figure. */
export function exact(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return 'n/a';
  if (value === 0) return '0';
  return `${value > 0 ? '+' : '−'}${size(Math.abs(value), 4)}`;
}

/** Three significant digits and a sign: for labels in a picture, as the headline figures have them. */
export function brief(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return 'n/a';
  return value === 0 ? '0' : `${value > 0 ? '+' : '−'}${size(Math.abs(value))}`;
}

/** A length such as |ΔW|, without a sign. */
export function size(value: number | null, digits = 3): string {
  if (value === null || !Number.isFinite(value)) return 'n/a';
  return value === 0 ? '0' : value.toPrecision(digits).replace('e-', 'e−');
}

/** `1 model`, `2 models`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}

/** An SVG coordinate: a tenth of a pixel is enough. */
export function px(value: number): number {
  return Math.round(value * 10) / 10;
}
