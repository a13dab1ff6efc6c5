/** Where the parts of a karyogram stand. In: the number of columns and rows. Out: pixels. */

export interface Frame {
  readonly columns: number;
  /** Left edge of the first column. */
  readonly left: number;
  /** From one column to the next. */
  readonly step: number;
  /** Width of a cell. */
  readonly cell: number;
  /** Right edge of the last column. */
  readonly right: number;
  readonly width: number;
}

export const ROW_STEP = 17;
export const ROW_HEIGHT = 15;
/** Above the first row: the numbers of the layers. */
export const HEAD = 20;
export const TRACK_GAP = 14;
export const TOTAL_HEIGHT = 52;
export const RUNNING_HEIGHT = 56;
export const NORM_HEIGHT = 28;

const LABELS = 82;
const VALUES = 68;
/** Below how many columns they are so wide, in pixels. The style holds a rule for each: a rect in a page of many is short. */
export const STEPS: readonly (readonly [columns: number, step: number])[] = [[25, 22], [41, 17], [65, 13], [101, 11], [Infinity, 9]];

/** The frame of a karyogram of so many layers; fewer layers have wider columns. */
export function frameOf(columns: number): Frame {
  const step = STEPS.find(([below]) => columns < below)?.[1] ?? 9;
  const right = LABELS + columns * step;
  return { columns, left: LABELS, step, cell: step - 1, right, width: right + VALUES };
}

/** Every how many layers a number stands over the columns, so that they do not touch. */
export function labelEvery({ step }: Frame): number {
  return [1, 2, 5, 10, 20, 50].find((every) => every * step >= 22) ?? 50;
}
