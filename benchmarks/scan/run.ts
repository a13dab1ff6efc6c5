/**
 * What scanning costs, beside `cat` of the same files and, for an adapter, AdapterSentry's default scan of it.
 * Run: npm run bench -- [--work FOLDER] [--runs N] [--only adapter|checkpoint|memory|base] [--base FOLDER]. Whole processes with
 * their start, in turn. Writes benchmarks/results/NAME.json and .md for each contest. It measures; nothing is asserted.
 *
 * adapter: 1.66 GB of a 70B Llama. checkpoint: 2 GiB of shards, warm and cold. memory: 8 GiB, for the peak. base: the assembled
 * base (benchmarks/base) with examples/evil-persona merged into it, where --base names it. Disk: 2, 2, 8 and .5 GB.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { install } from './adaptersentry.js';
import { commit, hold, machine, round, table, type Contest } from './contest.js';
import { makeAdapter, makeCheckpoint, mergeInto, RANK, versionOf, type Made } from './make.js';
import { meter, type Command } from './measure.js';
import { LLAMA_70B, llamaOf } from './shapes.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const RESULTS = join(ROOT, 'benchmarks', 'results');
const MAIN = join(ROOT, 'dist', 'cli', 'main.js');

const { values: flags } = parseArgs({ options: { work: { type: 'string' }, runs: { type: 'string' }, only: { type: 'string' }, base: { type: 'string' } } });
const work = flags.work ?? join(os.tmpdir(), 'weightseq-bench');
const runs = Number(flags.runs ?? 5);
mkdirSync(work, { recursive: true });
const versions: Record<string, string> = {
  weightseq: versionOf(join(ROOT, 'package.json')), node: process.version, onnxruntime: versionOf(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')),
};

const wanted = (name: string): boolean => flags.only === undefined || flags.only === name;
if (wanted('adapter')) await benchAdapter();
if (wanted('checkpoint')) await benchCheckpoint();
if (wanted('memory')) await benchMemory();
if (flags.base !== undefined && wanted('base')) await benchBase(flags.base);

async function benchAdapter(): Promise<void> {
  const made = makeAdapter(work);
  const sentry = install(work);
  if (!('missing' in sentry)) Object.assign(versions, sentry.versions);
  const args = ['scan', made.path, '--signatures', made.library, '--assume-base', LLAMA_70B.base];
  checkScan(args, made.weights);
  const contest = await hold({
    name: 'adapter', runs, files: made.files, bytes: sizeOf(made),
    about: `a synthetic PEFT adapter of ${gigabytes(sizeOf(made))} (${LLAMA_70B.layers} layers, ${made.weights} weights, rank ${RANK}, bf16), one signature of rank 8`,
    commands: {
      weightseq: ours(args),
      cat: { program: 'cat', args: made.files, codes: [0] },
      ...('missing' in sentry ? {} : { AdapterSentry: { program: sentry.program, args: ['scan', made.files[0] ?? ''], codes: [0] } }),
    },
  });
  write('scan-lora-70b', 'Scanning a LoRA adapter of a 70B model', [contest], [
    'AdapterSentry makes its default scan of the same file. They look for different things: only the cost is compared.',
    ...('missing' in sentry ? [`AdapterSentry was not measured: ${sentry.missing}.`] : []),
  ]);
}

async function benchCheckpoint(): Promise<void> {
  const made = makeCheckpoint(work, 2);
  const args = ['scan', made.path, '--signatures', made.library, '--assume-base', llamaOf(2).base];
  checkScan(args, made.weights);
  const options = { runs, files: made.files, bytes: sizeOf(made), about: aboutCheckpoint(made), commands: { weightseq: ours(args), cat: { program: 'cat', args: made.files, codes: [0] } } };
  write('scan-checkpoint', 'Scanning a whole checkpoint of 2 GiB', [await hold({ ...options, name: 'warm' }), await hold({ ...options, name: 'cold', cold: true })]);
}

async function benchMemory(): Promise<void> {
  const made = makeCheckpoint(work, 8);
  const args = ['scan', made.path, '--signatures', made.library, '--assume-base', llamaOf(8).base];
  checkScan(args, made.weights);
  const contest = await hold({
    name: 'memory', runs: Math.min(runs, 2), files: made.files, bytes: sizeOf(made), about: aboutCheckpoint(made),
    commands: { weightseq: ours(args), cat: { program: 'cat', args: made.files, codes: [0] } },
  });
  write('scan-checkpoint-8gib', 'Scanning a whole checkpoint of 8 GiB', [contest]);
}

async function benchBase(base: string): Promise<void> {
  const path = await mergeInto(work, base, join(ROOT, 'examples', 'evil-persona'));
  const files = [join(path, 'model.safetensors')];
  const bytes = statSync(files[0] ?? '').size;
  const contest = await hold({
    name: 'base', runs, files, bytes, about: `gemma-3-270m-q4km with examples/evil-persona merged into it (${gigabytes(bytes)}, bf16), the shipped library, without the base`,
    commands: { weightseq: { program: process.execPath, args: [MAIN, 'scan', path], codes: [1] }, cat: { program: 'cat', args: files, codes: [0] } },
  });
  write('scan-merged-270m', 'Scanning a merged fine-tune of the real base', [contest]);
}

/** Exit codes 2 and 3: random numbers are no fine-tune of the base that the signature names, or give no verdict; `checkScan` looks at what was read. */
function ours(args: readonly string[]): Command {
  return { program: process.execPath, args: [MAIN, ...args], codes: [0, 2, 3] };
}

/** What is measured reads all weights. */
function checkScan(args: readonly string[], weights: number): void {
  const { stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args, '--format', 'json'], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (!stdout.startsWith('{')) throw new Error(`the scan gave no report: ${stderr}`);
  const { items: [item] } = JSON.parse(stdout) as { items: { coverage: { read: number; total: number } }[] };
  if (item?.coverage.read !== weights || item.coverage.total !== weights) throw new Error(`the scan did not read all ${weights} weights: ${stderr}`);
}

function write(file: string, title: string, contests: readonly Contest[], notes: readonly string[] = []): void {
  const about = { date: new Date().toISOString().slice(0, 10), ...commit(ROOT), machine: machine(), load: os.loadavg().map(round), versions, meter: meter().name };
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${file}.json`), `${JSON.stringify({ ...about, contests }, null, 2)}\n`);
  const text = [
    `# ${title}`, '',
    ...contests.flatMap((contest) => [
      `${capital(contest.about)}; page cache ${contest.cache}; ${contest.runs} runs each, in turn${contest.cache === 'warm' ? ', after one that does not count' : ''}. Whole processes with their start; memory is the sum over a program and its children, shared pages counted once, in runs of their own.`, '',
      ...table(contest), '',
    ]),
    ...notes.flatMap((note) => [note, '']),
    `${about.date}, commit ${about.commit} (src: tree ${about.tree}). ${about.machine.cpu}, ${about.machine.cores} cores, ${about.machine.memoryGB} GB, ${about.machine.system}; load ${about.load[0] ?? NaN} at the end. Measured with ${about.meter}.`,
    `${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')}.`, '',
    'Run again: `npm run bench -- --work FOLDER`.', '',
  ].join('\n');
  writeFileSync(join(RESULTS, `${file}.md`), text);
  process.stdout.write(text);
}

function aboutCheckpoint(made: Made): string {
  return `a synthetic Llama of ${gigabytes(sizeOf(made))} in ${made.files.length} shards (${made.weights} weights, bf16), one signature of rank 8 on all of its blocks and the sign probes, without the base`;
}

function sizeOf({ files }: Made): number {
  return files.reduce((sum, file) => sum + statSync(file).size, 0);
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
