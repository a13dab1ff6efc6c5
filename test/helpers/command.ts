/** The program as its users start it. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url));

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An environment without settings of whoever runs the tests, and with those given. */
export function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('WEIGHTSEQ_'));
  return { ...Object.fromEntries(own), NO_COLOR: '1', ...more };
}

/** Runs the program to its end, with `input` on its standard input. */
export function weightseq(args: readonly string[], cwd?: string, more: Readonly<Record<string, string>> = {}, input = ''): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', cwd, input, env: environment(more) });
  return { status, stdout, stderr };
}
