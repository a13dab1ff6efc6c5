/** What one process costs. In: a command. Out: its CPU time, wall time and peak memory, with those of its children. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

export interface Cost {
  /** User and system time, in seconds, children included. */
  readonly cpu: number;
  /** Seconds. */
  readonly wall: number;
  /** MB (10⁶ bytes), mapped pages of files included: the largest sum over the process and its children at one moment, shared pages once. */
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

/** Between two looks at the memory of all processes together. */
const SAMPLE_MS = 10;

let chosen: Meter | undefined;

/** What measures here; throws where nothing does. */
export function meter(): Meter {
  chosen ??= METERS.find(({ program }) => (program.startsWith('/') ? existsSync(program) : spawnSync(program, ['--version']).status === 0));
  if (chosen === undefined) throw new Error('neither GNU time nor python3 is here: nothing to measure with');
  return chosen;
}

/**
 * Runs a command twice, to its end and with its output thrown away; throws when it does not end as it should. The times are
 * those of the first run, which nothing watches: to sum the memory of a process with gigabytes mapped takes a good part of a
 * core. The second run gives the peak: the kernel's, of each process alone, or where there is a /proc the sampled sum of the
 * meter's descendants, whichever is larger.
 */
export async function measure(command: Command): Promise<Cost> {
  const { cpu, wall } = await runOnce(command, false);
  const { peak } = await runOnce(command, true);
  return { cpu, wall, peak };
}

async function runOnce({ program, args, codes }: Command, watched: boolean): Promise<Cost> {
  const { program: timer, args: options } = meter();
  const child = spawn(timer, [...options, program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; });
  let together = 0;
  const sampler = watched ? setInterval(() => { together = Math.max(together, residentBelow(child.pid ?? 0)); }, SAMPLE_MS) : undefined;
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  }).finally(() => { clearInterval(sampler); });
  const cost = /^cost ([\d.]+) ([\d.]+) ([\d.]+) (\d+)$/m.exec(stderr);
  if (!cost || status === null || !codes.includes(status)) throw new Error(`${program} ${args.join(' ')} ended with ${status ?? 'a signal'}: ${stderr}`);
  const [user = NaN, system = NaN, wall = NaN, kibibytes = NaN] = cost.slice(1).map(Number);
  return { cpu: user + system, wall, peak: Math.max(kibibytes * 1024, together) / 1e6 };
}

/**
 * Bytes resident in the descendants of a process, a page that several share counted once (proportional set size: the pages of
 * Node itself are the same in all of its processes); 0 where there is no /proc.
 */
function residentBelow(pid: number): number {
  let bytes = 0;
  for (const child of childrenOf(pid)) {
    const kibibytes = Number(/^Pss:\s+(\d+)/m.exec(readOr(`/proc/${child}/smaps_rollup`))?.[1] ?? 0);
    bytes += kibibytes * 1024 + residentBelow(child);
  }
  return bytes;
}

function childrenOf(pid: number): number[] {
  return readOr(`/proc/${pid}/task/${pid}/children`).split(' ').filter((text) => text !== '').map(Number);
}

/** A process may end at any moment. */
function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
