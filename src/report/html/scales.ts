/** Scales that all pictures of a page share, so that colours and bars can be compared. In: grids. Out: their extremes. */
import type { Grid } from './grid.js';

export interface Scales {
  /** Largest |score| of a cell: the end of the colour scale; 0 when nothing was scored. */
  readonly cell: number;
  /** Lowest and highest sum of a layer, 0 included. */
  readonly total: readonly [number, number];
  /** Lowest and highest running sum and threshold, 0 included. */
  readonly running: readonly [number, number];
  /** Largest |ΔW| of a layer. */
  readonly norm: number;
}

/** Colours on each side of nothing. */
export const STEPS = 8;

/** The scales of a page. */
export function scalesOf(pictures: readonly { readonly grid: Grid; readonly threshold: number | null }[]): Scales {
  let cell = 0;
  let norm = 0;
  const total: [number, number] = [0, 0];
  const running: [number, number] = [0, 0];
  for (const { grid, threshold } of pictures) {
    for (const { cells } of grid.rows) for (const c of cells) if (c.state === 'scored') cell = Math.max(cell, Math.abs(c.score));
    for (const value of grid.totals) stretch(total, value);
    for (const value of [grid.start, threshold, ...grid.running]) stretch(running, value);
    for (const value of grid.norms.byLayer) norm = Math.max(norm, value ?? 0);
  }
  return { cell, total, running, norm };
}

function stretch(range: [number, number], value: number | null): void {
  if (value === null || !Number.isFinite(value)) return;
  range[0] = Math.min(range[0], value);
  range[1] = Math.max(range[1], value);
}

/** The colour of a score: −STEPS … STEPS, linear, 0 for what is less than half a step. */
export function stepOf(score: number, largest: number): number {
  const step = largest === 0 ? 0 : Math.round((score / largest) * STEPS);
  // Not −0.
  return step === 0 ? 0 : step;
}

/** The class of a colour: `t1` to `t8` towards the trait, `a1` to `a8` away from it, `z` for nothing. */
export function stepClass(step: number): string {
  return step === 0 ? 'z' : `${step > 0 ? 't' : 'a'}${Math.abs(step)}`;
}
