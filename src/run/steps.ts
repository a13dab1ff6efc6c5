/** The steps of a training run. In: paths in order, or the folder of a run. Out: what to scan at each step, and the step's number. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { WeightseqError } from '../errors.js';

export interface Step {
  /** From the name of the path where all have one and they ascend, else counted from 1. */
  readonly step: number;
  readonly path: string;
}

export interface Steps {
  readonly steps: readonly Step[];
  /** Whether the numbers are the run's own. */
  readonly isNumbered: boolean;
}

/** What transformers' Trainer calls its checkpoints, and what others do. */
const CHECKPOINT = /^checkpoint-(\d{1,12})$/u;
const NUMBERED = /(?:^|[-_])(?:checkpoint|ckpt|step|steps|epoch|iter)[-_]?(\d{1,12})(?:\.[a-z]+)*$/iu;

/**
 * Each path is a step, in the order given; a folder that holds checkpoint-N folders stands for these, sorted by N.
 * @throws WeightseqError `usage` for fewer than two steps, or one that is given twice
 */
export async function expandSteps(paths: readonly string[]): Promise<Steps> {
  const found = (await Promise.all(paths.map(expand))).flat();
  const seen = new Set<string>();
  for (const path of found) {
    if (seen.has(resolve(path))) throw new WeightseqError('usage', 'this step is given twice', { file: path, mend: 'Give each step once.' });
    seen.add(resolve(path));
  }
  if (found.length < 2) {
    throw new WeightseqError('usage', found.length === 0 ? 'no step is given' : 'one step is no run', { ...(found[0] === undefined ? {} : { file: found[0] }), mend: 'Give two steps or more, or a folder that holds checkpoint-N folders.' });
  }
  const numbers = found.map((path) => NUMBERED.exec(basename(resolve(path)))?.[1]).map((digits) => (digits === undefined ? null : Number(digits)));
  const isNumbered = numbers.every((number, i) => number !== null && (i === 0 || number > (numbers[i - 1] ?? Infinity)));
  return { isNumbered, steps: found.map((path, i) => ({ path, step: isNumbered ? numbers[i] ?? i + 1 : i + 1 })) };
}

async function expand(path: string): Promise<string[]> {
  const isFolder = await stat(path).then((found) => found.isDirectory(), () => false);
  const names = isFolder ? await readdir(path).catch(() => []) : [];
  const numbered = names.flatMap((name) => {
    const digits = CHECKPOINT.exec(name)?.[1];
    return digits === undefined ? [] : [{ name, number: Number(digits) }];
  });
  // What can't be looked into, its scan says.
  return numbered.length === 0 ? [path] : numbered.sort((a, b) => a.number - b.number).map(({ name }) => join(path, name));
}
