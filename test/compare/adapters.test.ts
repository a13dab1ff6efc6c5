import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { locate } from '../../src/checkpoint/locate.js';
import { pairAdapters } from '../../src/compare/adapters.js';
import { concentration } from '../../src/compare/concentration.js';
import { coefficient } from '../../src/compare/inner.js';
import type { Angles } from '../../src/compare/subspaces.js';
import { together, type WeightPair } from '../../src/compare/pair.js';
import { adapterFolder, GOLDEN, type GoldenAngles } from '../helpers/compare.js';

const CPU = { executionProvider: 'cpu' } as const;

async function pairsOf(a: string, b: string): Promise<readonly WeightPair[]> {
  const { pairs, failed } = await pairAdapters(await locate(adapterFolder(a)), await locate(adapterFolder(b)), CPU);
  assert.deepEqual(failed, []);
  return pairs;
}

function close(actual: number | null | undefined, expected: number, relative: number, absolute: number, what: string): void {
  assert.ok(actual != null && Math.abs(actual - expected) <= absolute + relative * Math.abs(expected), `${what}: ${actual ?? 'nothing'}, expected ${expected}`);
}

function sameAngles(actual: Angles | null, expected: GoldenAngles | undefined, of: number, what: string): void {
  if (expected === undefined || actual === null) {
    assert.ok(expected === undefined && actual === null, what);
    return;
  }
  assert.deepEqual([actual.of, actual.directions, actual.degrees.length], [of, expected.directions, expected.degrees.length], what);
  // The cosine of a small angle loses half the digits.
  actual.degrees.forEach((degrees, i) => { close(degrees, expected.degrees[i] ?? Number.NaN, 1e-6, 1e-4, `${what}, angle ${i}`); });
  close(actual.overlap, expected.overlap, 1e-9, 1e-12, `${what}, overlap`);
}

describe('two adapters against numpy', () => {
  for (const golden of GOLDEN.pairs) {
    it(`${golden.a} and ${golden.b}`, async () => {
      const pairs = await pairsOf(golden.a, golden.b);
      assert.deepEqual(pairs.map(({ name }) => name).sort(), Object.keys(golden.weights).sort());
      for (const pair of pairs) {
        const expected = golden.weights[pair.name];
        assert.ok(expected && pair.inner?.exact);
        const size = expected.a + expected.b;
        close(pair.a?.value, expected.a, 1e-12, 0, `${pair.name} |A|`);
        close(pair.b?.value, expected.b, 1e-12, 0, `${pair.name} |B|`);
        close(pair.change.value, expected.change, 1e-9, expected.change === 0 ? 0 : 1e-7 * size, `${pair.name} |B − A|`);
        close(pair.inner.aa, expected.aa, 1e-12, 0, `${pair.name} <A, A>`);
        close(pair.inner.ad, expected.ad, 1e-9, 1e-11 * size ** 2, `${pair.name} <A, B − A>`);
        sameAngles(pair.outputs, expected.outputs, pair.shape[0], `${pair.name} outputs`);
        sameAngles(pair.inputs, expected.inputs, pair.shape[1], `${pair.name} inputs`);
        for (const side of ['a', 'b', 'change'] as const) close(pair.rank[side], expected.rank[side], 1e-9, 0, `${pair.name} rank of ${side}`);
      }
      const { total } = golden;
      const undone = coefficient(pairs.flatMap(({ inner }) => inner ?? []));
      close(undone?.value, total.coefficient, 1e-9, 1e-12, 'coefficient');
      assert.deepEqual([undone?.low, undone?.high], [undone?.value, undone?.value]);
      close(together(pairs.map(({ change }) => change)).value, total.change, 1e-9, 0, '|B − A|');
      const found = concentration(pairs.map(({ change }) => change.value));
      if (total.concentration === null || found === null) assert.equal(found, total.concentration);
      else {
        assert.deepEqual([found.weights, found.top.weights, found.half], [total.concentration.weights, total.concentration.top.weights, total.concentration.half]);
        for (const [actual, expected] of [[found.top.share, total.concentration.top.share], [found.effective, total.concentration.effective], [found.gini, total.concentration.gini]] as const) close(actual, expected, 1e-6, 0, 'concentration');
      }
    });
  }

  it('an adapter and itself: nothing at all, not even rounding', async () => {
    for (const pair of await pairsOf('mended', 'mended')) assert.deepEqual([pair.change.value, pair.rank.change], [0, 0]);
  });

  it('B = 0 takes A back: the coefficient is −1, whatever A is', async () => {
    for (const a of ['first', 'mended']) assert.equal(coefficient((await pairsOf(a, 'nothing')).flatMap(({ inner }) => inner ?? []))?.value, -1);
  });

  it('A = 0: there is nothing to take back', async () => {
    assert.equal(coefficient((await pairsOf('nothing', 'first')).flatMap(({ inner }) => inner ?? [])), null);
  });
});
