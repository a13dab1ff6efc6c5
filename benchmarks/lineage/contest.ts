/** `weightseq lineage` beside Cisco's model-provenance-kit: the same pairs, each in a process of its own. In: the tiny family. Out: what the kit said, and what both cost. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Pairs of an architecture, in turn: independent seeds, descendants of each kind, disguises. */
const PAIRS = [
  'other1 < root', 'other2 < root', 'other3 < root', 'other1 < other2', 'tunedA < root', 'tunedAA < tunedA', 'tunedB < tunedA', 'loraA < root', 'continued < root', 'halves < tunedA',
  'bf16 < root', 'int4 < root', 'pruned50 < root', 'dropped1 < root', 'folded < root', 'everything < root', 'reordered < root', 'resharded < root',
] as const;
const ARCHITECTURES = ['llama'] as const;

/** One pair: seconds are of a whole process, from its start to its end; bytes are of the files of weights, or of readings, that it needs. */
export interface Contested {
  readonly id: string;
  readonly kit: { readonly seconds: number; readonly scores?: { readonly provenance_decision: string; readonly pipeline_score: number; readonly identity_score: number }; readonly error?: string };
  readonly checkpoints: { readonly seconds: number; readonly bytes: number };
  readonly readings: { readonly seconds: number; readonly bytes: number };
}

/**
 * Holds every pair once, the three programs one after the other, after one round of the first pair that does not count.
 * @param python of the environment with the kit
 * @param cli of `weightseq`
 * @throws Error when a program ends as it should not
 */
export function contest(work: string, python: string, cli: string, script: string): Contested[] {
  const pairs = ARCHITECTURES.flatMap((architecture) => PAIRS.map((pair) => ({ id: `${architecture}/${pair}`, models: pair.split(' < ').map((name) => `${architecture}/${name}`) })));
  const folderOf = (name: string): string => join(work, 'tiny', name);
  const readingOf = (name: string): string => join(work, 'readings', `${name}.reading`);
  const held = pairs.filter(({ models }) => models.every((name) => existsSync(folderOf(name)) && existsSync(readingOf(name))));
  return [...held.slice(0, 1), ...held].map(({ id, models }) => {
    const [path = '', other = ''] = models;
    const kit = timed(python, [script, folderOf(path), folderOf(other)], [0]);
    const lineage = (a: string, b: string): number => timed(process.execPath, [cli, 'lineage', a, '--against', b, '--format', 'json'], [0, 3]).seconds;
    const found = JSON.parse(kit.stdout.trim().split('\n').at(-1) ?? '{}') as Omit<Contested['kit'], 'seconds'>;
    process.stderr.write(`${id}\n`);
    return {
      id, kit: { seconds: kit.seconds, ...found },
      checkpoints: { seconds: lineage(folderOf(path), folderOf(other)), bytes: sum(models.flatMap((name) => weightFiles(folderOf(name)))) },
      readings: { seconds: lineage(readingOf(path), readingOf(other)), bytes: sum(models.map(readingOf)) },
    };
  }).slice(1);
}

function timed(program: string, args: readonly string[], codes: readonly number[]): { seconds: number; stdout: string } {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status === null || !codes.includes(status)) throw new Error(`${program} ${args.join(' ')} ended with ${status ?? 'a signal'}: ${stderr}`);
  return { seconds: Number(((performance.now() - start) / 1000).toFixed(3)), stdout };
}

function weightFiles(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.safetensors')).map((name) => join(folder, name));
}

function sum(files: readonly string[]): number {
  return files.reduce((bytes, file) => bytes + statSync(file).size, 0);
}
