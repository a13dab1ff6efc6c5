import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { locateModel } from '../../src/checkpoint/model.js';
import { mergeReadings } from '../../src/reading/merge.js';
import { changedGap, readModel } from '../../src/reading/model-read.js';
import { planModel } from '../../src/reading/model-plan.js';
import type { ModelPlan, Part } from '../../src/reading/model.js';
import { digestOfModel, partOfDelta, partOfModel } from '../../src/reading/part.js';
import type { KeptModel } from '../../src/reading/reading-file.js';
import type { DenseWeight, ReadPlan, TensorInfo, Vector, Weight } from '../../src/types.js';
import { fixture } from '../helpers/fixtures.js';

const tensor = (name: string, bytes: number): TensorInfo => ({ name, dtype: 'F32', shape: [bytes / 4], file: '', offset: 0, bytes });
const sizes = fc.array(fc.integer({ min: 0, max: 50 }).map((n) => 4 * n), { maxLength: 20 });
const count = fc.integer({ min: 1, max: 12 });

function planOf(steps: readonly number[], vectors: readonly number[], buffers: readonly number[]): ModelPlan {
  const weight = (name: string, bytes: number): DenseWeight => ({ name, role: 'q', layer: 0, module: '', shape: [1, bytes / 4], values: { tensor: tensor(name, bytes), transposed: false, outputs: [[0, 1]] } });
  return {
    of: 'weights', gaps: [], signs: { seed: 0, columns: 16 }, bytes: 0,
    steps: steps.map((bytes, i) => ({ weight: weight(`w${i}`, bytes), base: null, probes: [], bytes })),
    vectors: vectors.map((bytes, i) => ({ vector: { name: `v${i}`, role: 'norm', layer: 0, tensor: tensor(`v${i}`, bytes) } satisfies Vector, base: null })),
    buffers: buffers.map((bytes, i) => tensor(`b${i}`, bytes)),
  };
}

const named = ({ steps, vectors, buffers }: ModelPlan): string[] => [...steps.map(({ weight }) => weight.name), ...vectors.map(({ vector }) => vector.name), ...buffers.map(({ name }) => name)];

describe('parts of a plan', () => {
  it('hold every weight, vector and buffer whole, once, and in order', () => {
    fc.assert(fc.property(sizes, sizes, sizes, count, (steps, vectors, buffers, n) => {
      const plan = planOf(steps, vectors, buffers);
      const parts = Array.from({ length: n }, (_, i) => partOfModel(plan, { index: i + 1, count: n }));
      assert.deepEqual(parts.flatMap(named), named(plan));
      const total = [...steps, ...vectors, ...buffers].reduce((sum, bytes) => sum + bytes, 0);
      const largest = Math.max(0, ...steps, ...vectors, ...buffers);
      assert.equal(parts.reduce((sum, { bytes }) => sum + bytes, 0), total);
      for (const { bytes } of parts) assert.ok(bytes <= total / n + largest);
    }));
  });

  it('of an adapter do so too, and one part of one is the whole', () => {
    fc.assert(fc.property(sizes, sizes, count, (steps, unscored, n) => {
      const plan: ReadPlan = { steps: steps.map((bytes, i) => ({ weight: { name: `w${i}` } as Weight, probes: [], bytes })), unscored: unscored.map((bytes, i) => tensor(`u${i}`, bytes)), bytes: [...steps, ...unscored].reduce((sum, b) => sum + b, 0) };
      const parts = Array.from({ length: n }, (_, i) => partOfDelta(plan, { index: i + 1, count: n }));
      assert.deepEqual(parts.flatMap((part) => part.steps), plan.steps);
      assert.deepEqual(parts.flatMap((part) => part.unscored), plan.unscored);
      assert.deepEqual(partOfDelta(plan, { index: 1, count: 1 }), plan);
    }));
  });
});

describe('parts of a reading, merged', () => {
  it('in any order are the whole, with what failed and what is not finite in its order', async () => {
    const plan = planModel(await locateModel(fixture('family/base')), []);
    const reading = await readModel(plan, { executionProvider: 'cpu', threads: 1 });
    const failed = [...plan.steps.map(({ weight }) => weight.name), ...plan.vectors.map(({ vector }) => vector.name)].map((name) => ({ name, reason: 'of the test', bytes: 1 }));
    const whole = keptOf(plan, { ...reading, failed: [...failed, changedGap('file')], nonFinite: failed.map(({ name }) => ({ name, nan: 1, infinite: 0, bytes: 1 })) }, null);
    fc.assert(fc.property(count.chain((n) => fc.shuffledSubarray(Array.from({ length: n }, (_, i) => i + 1), { minLength: n })), (order) => {
      const parts = order.map((index) => ({ file: `part ${index}`, kept: partOf(whole, plan, { index, count: order.length }) }));
      assert.deepEqual(mergeReadings(parts), whole);
      if (order.length > 1) assert.throws(() => mergeReadings(parts.slice(1)), { code: 'part-missing' });
    }), { numRuns: 30 });
  });
});

function keptOf(plan: ModelPlan, reading: KeptModel['reading'], part: Part | null): KeptModel {
  const provenance = { tool: { name: 'weightseq', version: '1' } as const, architecture: { name: null, known: false }, bytes: 9, baseClaim: null, files: [{ name: 'x', bytes: 1, sha256: 'a'.repeat(64) }], signatures: [], weightsTotal: 22, gaps: [], plan: digestOfModel(plan), part };
  return { of: 'weights', reading, provenance };
}

/** What reading a part gives: a file that changed is noticed by each. */
function partOf({ reading, provenance }: KeptModel, plan: ModelPlan, part: Part): KeptModel {
  const mine = partOfModel(plan, part);
  const names = new Set(named(mine));
  const own = <T extends { readonly name: string }>(entries: readonly T[]): T[] => entries.filter(({ name }) => names.has(name));
  const bytes = part.index === 1 ? reading.bytes : 0;
  return { of: 'weights', provenance: { ...provenance, part }, reading: { ...reading, weights: own(reading.weights), vectors: own(reading.vectors), failed: [...own(reading.failed), changedGap('file')], nonFinite: own(reading.nonFinite), bytes } };
}
