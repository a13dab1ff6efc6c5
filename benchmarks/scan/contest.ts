/** One contest: commands run in turn, several times. In: commands. Out: spreads, ratios of medians, and a table. */
import { execFileSync, spawnSync } from 'node:child_process';
import os from 'node:os';
import { measure, type Command, type Cost } from './measure.js';

const MEASURES = ['cpu', 'wall', 'peak'] as const;
const NAMES = { cpu: 'CPU, user + system (s)', wall: 'wall (s)', peak: 'peak memory (MB)' } as const;

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export interface Contest {
  readonly name: string;
  /** What is scanned, in a sentence. */
  readonly about: string;
  /** Bytes of weights that each command reads. */
  readonly bytes: number;
  readonly cache: 'warm' | 'cold';
  readonly runs: number;
  readonly summaries: Readonly<Record<string, Readonly<Record<keyof Cost, Spread>>>>;
  readonly costs: Readonly<Record<string, readonly Cost[]>>;
}

/**
 * Runs all commands one after the other, `runs` times. Warm: after one round that does not count, so that the files are in the
 * page cache. Cold: the files are dropped from it before each command (GNU dd's nocache).
 */
export async function hold(options: { name: string; about: string; bytes: number; runs: number; files: readonly string[]; commands: Readonly<Record<string, Command>>; cold?: boolean }): Promise<Contest> {
  const { name, about, bytes, runs, files, commands, cold = false } = options;
  const costs = Object.fromEntries(Object.keys(commands).map((key): [string, Cost[]] => [key, []]));
  for (let run = cold ? 1 : 0; run <= runs; run++) {
    for (const [key, command] of Object.entries(commands)) {
      if (cold) for (const file of files) spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none']);
      const cost = await measure(command);
      if (run > 0) costs[key]?.push(cost);
      process.stderr.write(`${name}, ${run === 0 ? 'warming' : `${run} of ${runs}`}: ${key} ${cost.cpu.toFixed(2)} s CPU, ${cost.wall.toFixed(2)} s, ${cost.peak.toFixed(0)} MB\n`);
    }
  }
  const summaries = Object.fromEntries(Object.entries(costs).map(([key, all]) => [key, summarise(all)]));
  return { name, about, bytes, cache: cold ? 'cold' : 'warm', runs, summaries, costs };
}

/** A Markdown table, with what weightseq needs over what each other needs, median by median. */
export function table({ summaries, bytes }: Contest): string[] {
  const own = summaries['weightseq'];
  const rows = MEASURES.flatMap((key) => Object.entries(summaries).map(([name, of]) => {
    const ratio = name === 'weightseq' || own === undefined ? '' : format(own[key].median / of[key].median);
    return `| ${NAMES[key]} | ${name} | ${format(of[key].min)} | ${format(of[key].median)} | ${format(of[key].max)} | ${ratio} |`;
  }));
  const rate = own === undefined ? [] : ['', `weightseq reads ${format(bytes / own.wall.median / 1e9)} GB/s of wall time (median), start of the program included.`];
  return ['| measure | program | min | median | max | weightseq ÷ it |', '|---|---|---|---|---|---|', ...rows, ...rate];
}

function summarise(all: readonly Cost[]): Record<keyof Cost, Spread> {
  const spread = (key: keyof Cost): Spread => {
    const sorted = all.map((cost) => cost[key]).sort((a, b) => a - b);
    const middle = (sorted.length - 1) / 2;
    const median = ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
    return { min: round(sorted[0] ?? NaN), median: round(median), max: round(sorted.at(-1) ?? NaN) };
  };
  return { cpu: spread('cpu'), wall: spread('wall'), peak: spread('peak') };
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGB: number;
  readonly system: string;
}

export function machine(): Machine {
  return { cpu: os.cpus()[0]?.model ?? 'unknown', cores: os.cpus().length, memoryGB: round(os.totalmem() / 1e9), system: `${os.type()} ${os.release()} ${os.arch()}` };
}

/** The commit that is measured, and the tree of the code in it, which stays findable when commits are rewritten. */
export function commit(root: string): { commit: string; tree: string } {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
    const changed = git('status', '--porcelain', '--', 'src', 'cli', 'benchmarks/scan') === '' ? '' : ' with changes';
    return { commit: git('rev-parse', '--short=12', 'HEAD') + changed, tree: git('rev-parse', '--short=12', 'HEAD:src') + changed };
  } catch {
    return { commit: 'unknown', tree: 'unknown' };
  }
}

export function round(value: number): number {
  return Number(value.toPrecision(4));
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
