/** Readings of many small models in one process. In: checkpoint folders. Out: kept readings, each taken once. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { locateModel } from '../../src/checkpoint/model.js';
import { planModel } from '../../src/reading/model-plan.js';
import { readModel } from '../../src/reading/model-read.js';
import { openReading, writeReading } from '../../src/reading/reading-file.js';
import { subjectOf, type Subject } from '../../src/lineage/subject.js';
import { identify, stampsOf } from '../../src/scan/identity.js';

/** As `weightseq read` takes one, in this process and with one thread; kept at `file`. */
export async function takeReading(path: string, file: string): Promise<void> {
  if (existsSync(file)) return;
  mkdirSync(dirname(file), { recursive: true });
  const checkpoint = await locateModel(path);
  const stamps = await stampsOf(checkpoint);
  const plan = { ...planModel(checkpoint, []), invariants: { lines: true, spectrum: false, sketch: false } };
  const reading = await readModel(plan, { executionProvider: 'cpu', threads: 1 });
  const { files } = await identify(checkpoint, stamps, true);
  await writeReading(file, {
    of: 'weights', reading,
    provenance: {
      tool: { name: 'weightseq', version: 'benchmark' }, architecture: { ...checkpoint.architecture }, bytes: checkpoint.bytes, baseClaim: null, files: [...files],
      signatures: [], weightsTotal: checkpoint.weights.length, gaps: [...checkpoint.gaps, ...plan.gaps], plan: null, part: null,
    },
  });
}

/** The subject of a model of the benchmark: `llama/root` lies at WORK/readings/llama/root.reading. */
export async function subjectAt(work: string, name: string): Promise<Subject> {
  return subjectOf(name, await openReading(join(work, 'readings', `${name}.reading`)));
}
