/** Runs of the program, and adapters large enough to be caught while they are read. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url));

const SIDE = 16_384, RANK = 64;
/** Of one factor. */
const FACTOR = SIDE * RANK * 4;

/** An adapter of a base that no signature knows: 8.4 MB a layer, all zeros, which take no room on the disk. */
export function writeLargeAdapter(folder: string, layers: number): string {
  const header: Record<string, unknown> = {};
  let at = 0;
  for (let layer = 0; layer < layers; layer++) {
    for (const [factor, shape] of [['A', [RANK, SIDE]], ['B', [SIDE, RANK]]] as const) {
      header[`base_model.model.model.layers.${layer}.self_attn.q_proj.lora_${factor}.weight`] = { dtype: 'F32', shape, data_offsets: [at, at + FACTOR] };
      at += FACTOR;
    }
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'adapter_model.safetensors');
  const handle = openSync(file, 'w');
  writeSync(handle, Buffer.concat([length, text]));
  closeSync(handle);
  truncateSync(file, 8 + text.length + at);
  writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify({
    peft_type: 'LORA', base_model_name_or_path: 'somebody/other', r: RANK, lora_alpha: RANK, bias: 'none', target_modules: ['q_proj'], task_type: 'CAUSAL_LM',
  }));
  return file;
}

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program, started. */
export function start(args: readonly string[], input: string | null = null): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: [input === null ? 'ignore' : 'pipe', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } });
  child.stdin?.end(input);
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name]?.setEncoding('utf8').on('data', (text: string) => { texts[name] += text; });
  const ended = new Promise<Ended>((resolve) => child.on('close', (status, signal) => { resolve({ status, signal, ...texts }); }));
  return { child, ended };
}

/** Waits until something is so; throws when it is not within half a minute. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 3000; i++) {
    if (isSo()) return;
    await setTimeout(10);
  }
  throw new Error(`${what} did not come about`);
}

/** Processes that a process has started (Linux). */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter((s) => s !== '').map(Number);
}

/** Whether a process runs (Linux); one that is dead and that nobody waited for does not. */
export function runs(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !/^\d+ \(.*\) [ZX]/su.test(readFileSync(file, 'utf8'));
}

/** Whether a process has a file open or mapped (Linux): it is being read. */
export function reads(pid: number, file: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/maps`, 'utf8').includes(file);
  } catch {
    return false;
  }
}

/** Files below a folder, by their names in it. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}
