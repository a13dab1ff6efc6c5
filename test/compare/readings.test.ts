import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { compare } from '../../src/compare/compare.js';
import { summarise } from '../../src/compare/summary.js';
import { writeReading } from '../../src/reading/reading-file.js';
import { keepReading } from '../../src/scan/keep.js';
import { openLibrary } from '../../src/signature/library.js';
import { adapterFolder, GOLDEN } from '../helpers/compare.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { document, writeLibrary } from '../helpers/models.js';

describe('readings of two adapters against numpy', () => {
  for (const golden of GOLDEN.pairs) {
    it(`${golden.a} and ${golden.b}`, async (t) => {
      const root = temporaryFolder(t);
      // Of another base: nothing is said of traits.
      const library = await openLibrary(await writeLibrary(join(root, 'library'), [document({ base: { ...document().base, name: 'another', aliases: [] } })]));
      const paths: string[] = [];
      for (const [side, name] of [['a', golden.a], ['b', golden.b]] as const) {
        const { kept } = await keepReading(adapterFolder(name), { library, withSignatures: false, hash: false, invariants: { lines: false, spectrum: false, sketch: true }, part: null, version: '0.0.0' });
        paths.push(join(root, `${side}.reading`));
        await writeReading(paths.at(-1) ?? '', kept);
      }
      const { how, pairs, gaps } = await compare(paths[0] ?? '', paths[1] ?? '', { library });
      assert.deepEqual([how, gaps], ['signs', []]);
      const { total } = summarise(pairs);
      const size = golden.total.a + golden.total.b;
      for (const [actual, expected] of [[total.a?.value, golden.total.a], [total.b?.value, golden.total.b]] as const) assert.ok(actual !== undefined && Math.abs(actual - expected) < 1e-5 * size, `${actual}, expected ${expected}`);
      // Within twice the interval: one draw in a thousand is not.
      const about = (found: { value: number; low: number; high: number } | null, expected: number, exact: number): void => {
        assert.ok(found && Math.abs(found.value - expected) <= Math.max(exact, found.high - found.low), `${JSON.stringify(found)}, expected ${expected}`);
      };
      about(total.change, golden.total.change, 1e-4 * size);
      about(total.undone, golden.total.coefficient, 1e-5);
      for (const pair of pairs) {
        const expected = golden.weights[pair.name];
        for (const side of ['outputs', 'inputs'] as const) {
          const [found, angles] = [pair[side], expected?.[side]];
          assert.equal(found === null, angles === undefined, pair.name);
          if (found === null || angles === undefined) continue;
          assert.deepEqual(found.directions, angles.directions, pair.name);
          // A sketch of more columns than the rank has the whole range, in float32.
          found.degrees.forEach((degrees, i) => { assert.ok(Math.abs(degrees - (angles.degrees[i] ?? Number.NaN)) < 0.3, `${pair.name} ${side}: ${found.degrees.join(' ')}, expected ${angles.degrees.join(' ')}`); });
        }
      }
    });
  }
});
