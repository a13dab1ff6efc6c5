/** What one process costs. In: a command. Out: its CPU time, wall time and peak memory, as the kernel counted them for it and its children. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export interface Cost {
  /** User and system time, in seconds. */
  readonly cpu: number;
  /** Seconds. */
  readonly wall: number;
  /** Largest resident set, mapped pages of files included, in MB (10⁶ bytes). */
  readonly peak: number;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Exit codes that mean that it did its work. */
  readonly codes: readonly number[];
}

interface Meter {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

/**
 * GNU time and Python's os.wait4 both report the rusage of the process that they start. GNU time comes first: a child begins
 * with the peak of what started it, and time itself is small.
 */
const METERS: readonly Meter[] = [
  { name: 'GNU time', program: '/usr/bin/time', args: ['-q', '-f', 'cost %U %S %e %M'] },
  {
    name: 'Python os.wait4',
    program: 'python3',
    args: ['-c', [
      'import os, sys, time',
      'start = time.perf_counter()',
      'pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)',
      '_, status, usage = os.wait4(pid, 0)',
      'print("cost", usage.ru_utime, usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss, file=sys.stderr)',
      'sys.exit(os.waitstatus_to_exitcode(status) & 255)',
    ].join('\n')],
  },
];

let chosen: Meter | undefined;

/** What measures here; throws where nothing does. */
export function meter(): Meter {
  chosen ??= METERS.find(({ program }) => (program.startsWith('/') ? existsSync(program) : spawnSync(program, ['--version']).status === 0));
  if (chosen === undefined) throw new Error('neither GNU time nor python3 is here: nothing to measure with');
  return chosen;
}

/** Runs a command to its end with its output thrown away; throws when it does not end as it should. */
export function measure({ program, args, codes }: Command): Cost {
  const { program: timer, args: options } = meter();
  const { status, stderr, error } = spawnSync(timer, [...options, program, ...args], { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  if (error) throw error;
  const cost = /^cost ([\d.]+) ([\d.]+) ([\d.]+) (\d+)$/m.exec(stderr);
  if (!cost || status === null || !codes.includes(status)) throw new Error(`${program} ${args.join(' ')} ended with ${status ?? 'a signal'}: ${stderr}`);
  const [user = NaN, system = NaN, wall = NaN, kibibytes = NaN] = cost.slice(1).map(Number);
  return { cpu: user + system, wall, peak: (kibibytes * 1024) / 1e6 };
}
