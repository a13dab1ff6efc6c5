/**
 * What scanning a 1.66 GB adapter costs, beside `cat` of the same file and beside AdapterSentry's default scan of it.
 * Run: npm run bench -- [--work FOLDER] [--runs N]. Whole processes, interleaved, five times each after one that does not count
 * (so the file is in the page cache). Writes benchmarks/results/scan-lora-70b.json and .md. It measures; nothing is asserted.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { install } from './adaptersentry.js';
import { BASE, LAYERS, make, RANK, WEIGHTS } from './make.js';
import { measure, meter, type Command, type Cost } from './measure.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const RESULTS = join(ROOT, 'benchmarks', 'results');
const MEASURES = ['cpu', 'wall', 'peak'] as const;
const UNITS = { cpu: 's', wall: 's', peak: 'MB' } as const;

interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

type Summary = Record<keyof Cost, Spread>;

const { values: flags } = parseArgs({ options: { work: { type: 'string' }, runs: { type: 'string' } } });
const work = flags.work ?? join(os.tmpdir(), 'weightseq-bench');
const runs = Number(flags.runs ?? 5);
mkdirSync(work, { recursive: true });

const adapter = join(work, 'adapter');
const file = join(adapter, 'adapter_model.safetensors');
if (!existsSync(join(work, 'signatures', 'index.json'))) {
  say('making the adapter and its signature…');
  make(work);
}
const sentry = install(work);
const ours = [join(ROOT, 'dist', 'cli', 'main.js'), 'scan', adapter, '--signatures', join(work, 'signatures'), '--assume-base', BASE];
const contenders: Record<string, Command> = {
  // Exit code 3: the scan is whole, and its verdict may be `indeterminate`; checkScan looks at what was read.
  weightseq: { program: process.execPath, args: ours, codes: [0, 3] },
  cat: { program: 'cat', args: [file], codes: [0] },
  ...('missing' in sentry ? {} : { AdapterSentry: { program: sentry.program, args: ['scan', file], codes: [0] } }),
};

checkScan();
const costs = new Map<string, Cost[]>(Object.keys(contenders).map((name) => [name, []]));
const loadBefore = os.loadavg();
for (let run = 0; run <= runs; run++) {
  for (const [name, command] of Object.entries(contenders)) {
    const cost = measure(command);
    if (run > 0) costs.get(name)?.push(cost);
    say(`${run === 0 ? 'warming' : `${run} of ${runs}`}: ${name} ${cost.cpu.toFixed(2)} s CPU, ${cost.wall.toFixed(2)} s, ${cost.peak.toFixed(0)} MB`);
  }
}
writeResults();

/** The scan that is measured reads all of the adapter. */
function checkScan(): void {
  const { stdout, stderr } = spawnSync(process.execPath, [...ours, '--format', 'json'], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  const count = LAYERS * WEIGHTS.length;
  if (!stdout.startsWith('{')) throw new Error(`the scan gave no report: ${stderr}`);
  const table = spawnSync(process.execPath, ours, { encoding: 'utf8' }).stdout;
  if (!table.includes(`${count} of ${count} weights`)) throw new Error(`the scan did not read all ${count} weights:\n${table}`);
}

function writeResults(): void {
  const summaries = [...costs].map(([name, all]) => [name, summarise(all)] as const);
  const own = summaries.find(([name]) => name === 'weightseq')?.[1];
  const ratios = Object.fromEntries(summaries.filter(([name]) => name !== 'weightseq').map(([name, other]) => [
    name, Object.fromEntries(MEASURES.map((key) => [key, round((own?.[key].median ?? NaN) / other[key].median)])),
  ]));
  const results = {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    machine: {
      cpu: os.cpus()[0]?.model ?? 'unknown', cores: os.cpus().length, memoryGB: round(os.totalmem() / 1e9),
      system: `${os.type()} ${os.release()} ${os.arch()}`, loadBefore: loadBefore.map(round), loadAfter: os.loadavg().map(round),
    },
    versions: {
      weightseq: versionOf(join(ROOT, 'package.json')), node: process.version,
      onnxruntime: versionOf(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')),
      ...('missing' in sentry ? {} : sentry.versions),
    },
    method: { runs, meter: meter().name, order: Object.keys(contenders).join(', '), cache: 'warm', output: 'thrown away' },
    file: { bytes: statSync(file).size, layers: LAYERS, weights: LAYERS * WEIGHTS.length, rank: RANK, dtype: 'BF16' },
    ...('missing' in sentry ? { notMeasured: sentry.missing } : {}),
    summaries: Object.fromEntries(summaries),
    ratiosOfMedians: ratios,
    costs: Object.fromEntries(costs),
  };
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, 'scan-lora-70b.json'), `${JSON.stringify(results, null, 2)}\n`);

  const rows = MEASURES.flatMap((key) => summaries.map(([name, of]) => {
    const ratio = name === 'weightseq' ? '1' : format((own?.[key].median ?? NaN) / of[key].median);
    return `| ${{ cpu: 'CPU, user + system', wall: 'wall', peak: 'peak memory' }[key]} (${UNITS[key]}) | ${name} | ${format(of[key].min)} | ${format(of[key].median)} | ${format(of[key].max)} | ${ratio} |`;
  }));
  const { machine, versions, method } = results;
  const text = [
    '# Scanning a LoRA adapter of a 70B model', '',
    `A synthetic PEFT adapter of ${(results.file.bytes / 1e9).toFixed(2)} GB (${LAYERS} layers, ${results.file.weights} weights, rank ${RANK}, bf16), one signature of rank 8; ${method.runs} runs each after one that does not count, interleaved, page cache warm.`,
    'Whole processes with their start; AdapterSentry makes its default scan of the same file. They look for different things: only the cost is compared.', '',
    '| measure | program | min | median | max | weightseq ÷ it |', '|---|---|---|---|---|---|', ...rows, '',
    ...('missing' in sentry ? [`AdapterSentry was not measured: ${sentry.missing}.`, ''] : []),
    `${results.date}, commit ${results.commit}. ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGB} GB, ${machine.system}; load ${machine.loadBefore[0] ?? NaN} before and ${machine.loadAfter[0] ?? NaN} after. Measured with ${method.meter}.`,
    `${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')}.`, '',
    'Run again: `npm run bench -- --work FOLDER` (2 GB of disk).', '',
  ].join('\n');
  writeFileSync(join(RESULTS, 'scan-lora-70b.md'), text);
  process.stdout.write(text);
}

function summarise(all: readonly Cost[]): Summary {
  const spread = (key: keyof Cost): Spread => {
    const sorted = all.map((cost) => cost[key]).sort((a, b) => a - b);
    const middle = (sorted.length - 1) / 2;
    const median = ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
    return { min: sorted[0] ?? NaN, median: round(median), max: sorted.at(-1) ?? NaN };
  };
  return { cpu: spread('cpu'), wall: spread('wall'), peak: spread('peak') };
}

function commit(): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
    return git('rev-parse', '--short=12', 'HEAD') + (git('status', '--porcelain', '--', 'src', 'cli', 'benchmarks/scan') === '' ? '' : ' with changes');
  } catch {
    return 'unknown';
  }
}

function versionOf(manifest: string): string {
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  return version;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
