/** A linear axis. In: a range of numbers and of pixels. Out: positions and round ticks. */
import { px } from './figures.js';

export interface Axis {
  /** Pixels of a number. */
  readonly at: (value: number) => number;
  readonly low: number;
  readonly high: number;
}

/** The axis that maps [low, high] to [from, to]; a range of nothing is widened. */
export function axis([low, high]: readonly [number, number], from: number, to: number): Axis {
  const width = high > low ? high - low : 1;
  return { at: (value) => px(from + ((value - low) / width) * (to - from)), low, high: low + width };
}

/** The range of some numbers, widened on both sides by a share of it. */
export function range(values: readonly number[], margin = 0): [number, number] {
  const [low, high] = values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
  if (!(low <= high)) return [-1, 1];
  const pad = high > low ? (high - low) * margin : Math.abs(high) * margin || margin;
  return [low - pad, high + pad];
}

/** Multiples of 1, 2 or 5 times a power of ten within the axis, about `count` of them. */
export function ticks({ low, high }: Pick<Axis, 'low' | 'high'>, count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.999) ?? rough;
  if (!(step > 0) || !Number.isFinite(step)) return [];
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** A tick as text. */
export function tickText(value: number): string {
  return value === 0 ? '0' : `${value > 0 ? '+' : '−'}${String(Math.abs(value)).replace('e-', 'e−')}`;
}
