/**
 * The lineage benchmark: pairs of known relation, what `lineage` says of each, and a confusion table.
 * Run: npm run bench:lineage -- --work DIR [--base BASE --adapters FOLDER] [--python PYTHON] [--made] [--kit PYTHON]. With --made nothing is trained;
 * with --kit, the Python of an environment with Cisco's kit, the contest with it is held anew, otherwise its kept figures are shown.
 * Writes docs/lineage-benchmark.md and benchmarks/results/lineage.json. It measures; nothing is asserted.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lineageOf } from '../../src/lineage/lineage.js';
import { commit } from '../scan/contest.js';
import { subjectAt, takeReading } from './read.js';
import { contest, type Contested } from './contest.js';
import { report, type Pair, type Told } from './table.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const SCRIPTS = join(ROOT, 'benchmarks', 'lineage');
const { values: flags } = parseArgs({ options: {
  work: { type: 'string' }, base: { type: 'string' }, adapters: { type: 'string' }, python: { type: 'string' }, made: { type: 'boolean' }, only: { type: 'string' }, kit: { type: 'string' }, quiet: { type: 'boolean' },
} });
const work = flags.work ?? join(os.tmpdir(), 'weightseq-lineage');
const python = flags.python ?? 'python3';
mkdirSync(work, { recursive: true });

if (flags.made !== true) execFileSync(python, [join(SCRIPTS, 'family.py'), '--work', work], { stdio: 'inherit' });
const pairs = JSON.parse(readFileSync(join(work, 'tiny', 'pairs.json'), 'utf8')) as Pair[];
if (flags.base !== undefined && flags.adapters !== undefined) pairs.push(...await realPairs(flags.base, flags.adapters));

const told: Told[] = [];
for (const pair of pairs.filter(({ id }) => flags.only === undefined || id.includes(flags.only))) {
  for (const name of [pair.path, ...pair.against, ...(pair.base === null ? [] : [pair.base])]) {
    const place = join(work, 'tiny', name);
    if (existsSync(place)) await takeReading(place, join(work, 'readings', `${name}.reading`));
  }
  const start = performance.now();
  const [path, base] = [await subjectAt(work, pair.path), pair.base === null ? null : await subjectAt(work, pair.base)];
  const candidates = await Promise.all(pair.against.map((name) => subjectAt(work, name)));
  const named = base === null ? null : candidates.find(({ name }) => name === base.name) ?? base;
  const { relations, merge } = await lineageOf(path, candidates, { base: named });
  const [relation] = relations;
  if (relation === undefined) throw new Error(pair.id);
  const bytes = [path, ...candidates].reduce((sum, one) => sum + readingBytes(one.name), 0);
  told.push({ pair, kind: merge === null ? relation.kind : 'merge', direction: merge === null ? relation.direction : 'descends', relation, merge, seconds: (performance.now() - start) / 1000, bytes });
}

const kept = join(ROOT, 'benchmarks', 'results', 'lineage-kit.json');
if (flags.kit !== undefined) writeFileSync(kept, `${JSON.stringify(contest(work, flags.kit, join(ROOT, 'dist', 'cli', 'main.js'), join(SCRIPTS, 'kit.py')), null, 1)}\n`);
const kit = existsSync(kept) ? JSON.parse(readFileSync(kept, 'utf8')) as Contested[] : [];
const text = report(told, kit, { date: new Date().toISOString().slice(0, 10), ...commit(ROOT) });
if (flags.only === undefined) {
  writeFileSync(join(ROOT, 'docs', 'lineage-benchmark.md'), text);
  const rows = told.map(({ pair, kind, direction, relation: { correlation, p, share, evidence, undecided }, merge, seconds, bytes }) => ({ id: pair.id, truth: pair.truth, kind, direction, correlation, p, share, merge, evidence, undecided, seconds, bytes }));
  writeFileSync(join(ROOT, 'benchmarks', 'results', 'lineage.json'), `${JSON.stringify(rows, null, 1)}\n`);
}
process.stdout.write(text);

function readingBytes(name: string): number {
  return readFileSync(join(work, 'readings', `${name}.reading`)).length;
}

/** Makes the real family one checkpoint at a time: each is read, and removed again. */
async function realPairs(base: string, adapters: string): Promise<Pair[]> {
  const args = [join(SCRIPTS, 'real.py'), '--base', base, '--adapters', adapters];
  const { models, pairs: found } = JSON.parse(execFileSync(python, [...args, '--list'], { encoding: 'utf8' })) as { models: string[]; pairs: Pair[] };
  for (const name of models) {
    const file = join(work, 'readings', 'real', `${name}.reading`);
    if (existsSync(file)) continue;
    const folder = join(work, 'real');
    if (name === 'base') await takeReading(base, file);
    else {
      execFileSync(python, [...args, '--make', name, '--out', folder], { stdio: 'inherit' });
      await takeReading(folder, file);
      rmSync(folder, { recursive: true });
    }
  }
  return found;
}
