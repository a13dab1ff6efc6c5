import assert from 'node:assert/strict';
import type { ProbeJob, ProbeReading } from '../../src/engine/index.js';
import { reference } from './reference.js';
import type { Store } from './tensors.js';

/** What the engine promises: relative to Σ|u||L||R||v| for coordinates, to itself for the norm. */
export const BOUND = 1e-5;

/** The reading agrees with the plain reference. */
export function assertAgrees(job: ProbeJob, reading: ProbeReading, { valuesOf }: Store): void {
  const expected = reference(job, valuesOf);
  assert.deepEqual(reading.nonFinite, []);
  assert.deepEqual([...reading.coordinates.keys()], job.probes.map(({ key }) => key));
  for (const [key, sums] of expected.coordinates) {
    const found = reading.coordinates.get(key);
    assert.equal(found?.length, sums.length);
    sums.forEach(({ value, magnitude }, i) => {
      const error = Math.abs((found[i] ?? NaN) - value);
      assert.ok(error <= BOUND * magnitude, `coordinate ${i} of ${key}: ${found[i] ?? NaN}, expected ${value} within ${BOUND * magnitude}`);
    });
  }
  const error = Math.abs(reading.deltaNorm - expected.deltaNorm);
  assert.ok(error <= BOUND * expected.deltaNorm, `norm ${reading.deltaNorm}, expected ${expected.deltaNorm}`);
}
