/** The pairs of test/fixtures/compare and their reference values (make_compare.py, numpy in float64). */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../../test/fixtures/compare/', import.meta.url));

export interface GoldenAngles {
  readonly directions: readonly [number, number];
  readonly degrees: readonly number[];
  readonly overlap: number;
}

export interface GoldenPair {
  readonly a: string;
  readonly b: string;
  readonly weights: Readonly<Record<string, {
    readonly a: number; readonly b: number; readonly change: number; readonly aa: number; readonly ad: number;
    readonly outputs?: GoldenAngles; readonly inputs?: GoldenAngles;
    readonly rank: { readonly a: number; readonly b: number; readonly change: number };
  }>>;
  readonly total: {
    readonly a: number; readonly b: number; readonly change: number; readonly coefficient: number; readonly cosine: number | null;
    readonly concentration: { readonly weights: number; readonly top: { readonly weights: number; readonly share: number }; readonly half: number; readonly effective: number; readonly gini: number } | null;
  };
}

export interface Golden {
  readonly pairs: readonly GoldenPair[];
  readonly random: readonly { readonly n: number; readonly k: number; readonly l: number; readonly draws: number; readonly overlap: number; readonly sd: number; readonly smallestDegrees: number; readonly smallestDegreesOf5Percent: number }[];
}

export const GOLDEN = JSON.parse(readFileSync(`${FOLDER}golden.json`, 'utf8')) as Golden;

/** The folder of one of the adapters. */
export function adapterFolder(name: string): string {
  return `${FOLDER}${name}`;
}
