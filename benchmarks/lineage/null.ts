/**
 * The explicit null: pairs of tiny models of the same configuration and training, from other seeds. Writes src/lineage/null.json.
 * Run after the tiny family was made (family.py): node dist/benchmarks/lineage/null.js --work DIR
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { agreements } from '../../src/lineage/invariants.js';
import type { Null, Spread } from '../../src/lineage/null.js';
import { pairUp } from '../../src/lineage/pair.js';
import type { Subject } from '../../src/lineage/subject.js';
import { subjectAt, takeReading } from './read.js';

const SEEDS = ['root', 'other1', 'other2', 'other3'];
const { values: { work = '' } } = parseArgs({ options: { work: { type: 'string' } } });
const ARCHITECTURES = ['llama', 'qwen2', 'gemma3', 'gpt2'].filter((name) => existsSync(join(work, 'tiny', name, 'other3', 'config.json')));

const correlations: number[] = [];
const found = new Map<string, number[]>();
for (const architecture of ARCHITECTURES) {
  const subjects: Subject[] = [];
  for (const seed of SEEDS) {
    await takeReading(join(work, 'tiny', architecture, seed), join(work, 'readings', architecture, `${seed}.reading`));
    subjects.push(await subjectAt(work, `${architecture}/${seed}`));
  }
  subjects.forEach((a, i) => {
    for (const b of subjects.slice(i + 1)) {
      const { comparison } = pairUp(a, b);
      const dof = comparison.weights.filter(({ counts }) => counts).reduce((sum, one) => sum + one.dof, 0);
      correlations.push(comparison.correlation * Math.sqrt(dof));
      for (const { side, mode, value } of agreements(a, b)) found.set(`${side} ${mode}`, [...found.get(`${side} ${mode}`) ?? [], value]);
    }
  });
}

const shipped: Null = {
  about: `Pairs of models from other seeds, same configuration, same text: ${SEEDS.length} seeds of each of ${ARCHITECTURES.join(', ')} (benchmarks/lineage). Made by benchmarks/lineage/null.ts.`,
  freedom: ARCHITECTURES.length * (SEEDS.length - 1),
  correlation: spread(correlations),
  agreement: Object.fromEntries([...found].filter(([, values]) => values.length >= 6).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, values]) => [key, spread(values)])),
};
writeFileSync(fileURLToPath(new URL('../../../src/lineage/null.json', import.meta.url)), `${JSON.stringify(shipped, null, 2)}\n`);
process.stdout.write(`${correlations.length} pairs, ${Object.keys(shipped.agreement).length} agreements\n`);

function spread(values: readonly number[]): Spread {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const sd = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1));
  const round = (v: number): number => Number(v.toPrecision(5));
  return { pairs: values.length, mean: round(mean), sd: round(sd), least: round(Math.min(...values)), most: round(Math.max(...values)) };
}
