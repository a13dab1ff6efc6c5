import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { probeDense, type DenseJob } from '../../src/engine/index.js';
import { layoutOf, stripsOf, tilesOf } from '../../src/engine/strips.js';
import { INTEGER_DTYPES, assertDense, normals, put, randomProbes, randomWeight, valuesOf, type Spec } from '../helpers/dense.js';
import { FLOAT_DTYPES } from '../helpers/reference.js';
import { rejected } from '../helpers/safetensors.js';

const CPU = { executionProvider: 'cpu' } as const;
const SIGNS = { seed: 0, columns: 4 };
const DTYPES = [...FLOAT_DTYPES, ...INTEGER_DTYPES];

function jobOf(spec: Spec, seed = 1, columns: readonly number[] = [2]): DenseJob {
  return { weight: randomWeight(spec, seed), probes: randomProbes(spec.shape, columns, seed + 100), signs: SIGNS };
}

async function check(job: DenseJob): Promise<void> {
  assertDense(job, await probeDense(job, CPU));
}

describe('a dense weight agrees with the plain reference', () => {
  for (const dtype of DTYPES) {
    it(`${dtype}: odd shapes, both ways of storage`, async () => {
      for (const shape of [[1, 1], [1, 13], [13, 1], [37, 41], [129, 31], [64, 128]] as const) {
        for (const transposed of [false, true]) await check(jobOf({ shape, dtype, transposed }));
      }
    });

    it(`${dtype}: some outputs of a fused weight`, async () => {
      for (const transposed of [false, true]) {
        await check(jobOf({ shape: [11, 17], dtype, transposed, stored: 33, ranges: [[22, 11]] }));
        await check(jobOf({ shape: [13, 17], dtype, transposed, stored: 40, ranges: [[3, 5], [0, 1], [21, 7]] }));
      }
    });
  }

  it('several signatures, of different ranks and types, and those without columns', async () => {
    const job = jobOf({ shape: [70, 45] }, 5, [1, 0, 7, 3]);
    await check(job);
    await check({ ...job, signs: null });
    await check({ ...job, probes: [] });
    await check({ ...job, probes: [], signs: null });
    await check({ ...job, signs: { seed: 9, columns: 37 } });
  });

  it('more rows than a tile, more tiles than a strip, and one row more or fewer', async () => {
    const layout = layoutOf({ tensor: put('F32', [1, 1], [1]), transposed: false, outputs: [[0, 1]] }, [1 << 20, 4096]);
    const tile = tilesOf(4096, { first: 0, count: 1 << 20 })[0]?.count ?? 0;
    const strip = stripsOf(layout, [put('F32', [1, 1], [1])], 3)[0]?.count ?? 0;
    assert.ok(tile >= 64 && strip > tile && strip % tile === 0);
    // The reference is a loop: probes are one column and no signs.
    for (const rows of [tile - 1, tile, tile + 1, 3 * tile + 65]) {
      for (const transposed of [false, true]) {
        const shape = transposed ? [4096, rows] as const : [rows, 4096] as const;
        await check({ ...jobOf({ shape, dtype: 'BF16', transposed }, rows, [1]), signs: { seed: 1, columns: 1 } });
      }
    }
  });

  it('many tiles of W − W0, of some outputs, with bases that lie alike, in pieces, and the other way round', async () => {
    const rows = 2 * 64 + 7;
    for (const dtype of ['BF16', 'F8_E5M2', 'I16', 'F64'] as const) {
      for (const transposed of [false, true]) {
        const shape = transposed ? [2100, rows] as const : [rows, 2100] as const;
        const more = shape[0] + 11;
        const spec = { shape, dtype, transposed, stored: more, ranges: [[4, shape[0]]] } as const;
        const job = { ...jobOf(spec, rows, [1]), signs: { seed: 1, columns: 1 } };
        await check(job);
        const pieces = [[0, 30], [41, shape[0] - 30]] as const;
        for (const base of [spec, { ...spec, ranges: pieces }, { ...spec, transposed: !transposed, ranges: pieces }]) await check({ ...job, base: randomWeight({ ...base, folder: 'base' }, 77) });
      }
    }
  });

  it('a long column and a long row, in several sessions', async () => {
        for (const shape of [[30011, 1], [1, 30011]] as const) {
      for (const transposed of [false, true]) await check({ ...jobOf({ shape, dtype: 'BF16', transposed }, 3, [40, 1]), signs: null });
    }
    const tensor = put('BF16', [1], [1]);
    assert.equal(stripsOf({ rows: 30011, columns: 1, transposed: false }, [tensor], 41).length, 2);
  });

  it('W − W0, in two folders, of every pair of types', async () => {
    for (const [i, dtype] of FLOAT_DTYPES.entries()) {
      for (const [j, other] of FLOAT_DTYPES.entries()) {
        const job = jobOf({ shape: [23, 19], dtype, folder: 'fine-tuned/model' }, i + 50);
        await check({ ...job, base: randomWeight({ shape: [23, 19], dtype: other, folder: 'base' }, j) });
      }
    }
  });

  it('W − W0 with a base that is fused or stored the other way round', async () => {
    for (const dtype of ['BF16', 'F32', 'F8_E5M2', 'I8'] as const) {
      for (const transposed of [false, true]) {
        const job = jobOf({ shape: [23, 19], dtype, transposed, stored: 50, ranges: [[20, 20], [2, 3]] });
        for (const turned of [false, true]) {
          await check({ ...job, base: randomWeight({ shape: [23, 19], dtype, transposed: turned, folder: 'base' }, 8) });
          await check({ ...job, base: randomWeight({ shape: [23, 19], dtype, transposed: turned, stored: 70, ranges: [[1, 1], [40, 22]], folder: 'base' }, 9) });
        }
      }
    }
  });

  it('any shape, any type, any storage', async () => {
    await fc.assert(fc.asyncProperty(
      fc.record({
        outputs: fc.integer({ min: 1, max: 90 }), inputs: fc.integer({ min: 1, max: 90 }), dtype: fc.constantFrom(...DTYPES), transposed: fc.boolean(),
        columns: fc.array(fc.nat(4), { maxLength: 3 }), seed: fc.nat(1e6), base: fc.option(fc.constantFrom(...DTYPES)), signs: fc.nat(5),
      }),
      async ({ outputs, inputs, dtype, transposed, columns, seed, base, signs }) => {
        const shape = [outputs, inputs] as const;
        const job = { ...jobOf({ shape, dtype, transposed }, seed, columns), signs: { seed, columns: signs } };
        await check(base === null ? job : { ...job, base: randomWeight({ shape, dtype: base, folder: 'base' }, seed + 1) });
      },
    ), { numRuns: 60 });
  });
});

describe('closed forms', () => {
  it('an unchanged weight has a change of exactly zero', async () => {
    const job = jobOf({ shape: [65, 33] });
    const reading = await probeDense({ ...job, base: job.weight }, CPU);
    assert.equal(reading.norm, 0);
    assert.deepEqual(reading.signs, new Float64Array(16));
    assert.deepEqual(reading.coordinates.get('trait 0'), new Float64Array(2));
    assert.deepEqual(reading.errors.get('trait 0'), new Float64Array(2));
  });

  it('all ones: the coordinates are products of sums, and the norm the root of the count', async () => {
    const shape = [300, 70] as const;
    const job = { ...jobOf({ shape }), weight: { ...randomWeight({ shape }, 1), values: { tensor: put('BF16', shape, new Array<number>(21000).fill(1)), transposed: false, outputs: [[0, 300]] as const } } };
    const reading = await probeDense(job, CPU);
    assert.equal(reading.norm, Math.sqrt(21000));
    await check(job);
  });

  it('numbers on a coarse lattice, whose squares round all one way, still give the norm', async () => {
    for (const dtype of ['BF16', 'F32', 'F16'] as const) {
      const shape = [2048, 300] as const;
      const next = normals(2);
      const values = Array.from({ length: 2048 * 300 }, (_, i) => (i % 3 === 0 ? 0.0213 : 0.0213 * Math.round(4 * next())));
      const tensor = put(dtype, shape, values);
      const weight = { ...randomWeight({ shape: [1, 1] }, 1), shape, values: { tensor, transposed: false, outputs: [[0, 2048]] as const } };
      const exact = Math.sqrt(valuesOf(tensor).reduce((sum, value) => sum + value * value, 0));
      const { norm } = await probeDense({ weight, probes: [], signs: null }, CPU);
      assert.ok(Math.abs(norm / exact - 1) < 1e-7, `${dtype} ${norm / exact - 1}`);
    }
  });

  it('a weight without elements', async () => {
    for (const shape of [[0, 5], [5, 0], [0, 0]] as const) {
      const reading = await probeDense(jobOf({ shape }), CPU);
      assert.equal(reading.norm, 0);
      assert.deepEqual(reading.coordinates.get('trait 0'), new Float64Array(2));
      assert.deepEqual(reading.signs, new Float64Array(16));
    }
  });
});

describe('what does not fit', () => {
  it('is refused before it is mapped', async () => {
    const job = jobOf({ shape: [12, 10] });
    const { values } = job.weight;
    const wrong: readonly DenseJob[] = [
      { ...job, weight: { ...job.weight, shape: [12, 11] } },
      { ...job, weight: { ...job.weight, values: { ...values, outputs: [[0, 11]] } } },
      { ...job, weight: { ...job.weight, values: { ...values, outputs: [[1, 12]] } } },
      { ...job, weight: { ...job.weight, values: { ...values, outputs: [[-1, 12]] } } },
      { ...job, base: randomWeight({ shape: [11, 10] }, 3) },
      { ...job, probes: randomProbes([13, 10], [2], 4) },
      { ...job, probes: randomProbes([12, 9], [2], 4) },
    ];
    for (const bad of wrong) assert.equal((await rejected(probeDense(bad, CPU))).code, 'engine-failed');
  });

  it('releases every session', { skip: process.platform !== 'linux' }, async () => {
    const job = jobOf({ shape: [33, 21] });
    const threads = (): number => readdirSync('/proc/self/task').length;
    const maps = (): number => readdirSync('/proc/self/fd').length;
    await probeDense(job, CPU);
    const before = [threads(), maps()];
    for (let i = 0; i < 30; i++) await probeDense(job, CPU);
    assert.deepEqual([threads(), maps()], before);
  });
});
