import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { compare, type CompareOptions, type ComparisonResult } from '../../src/compare/compare.js';
import { summarise, type Summary } from '../../src/compare/summary.js';
import { writeReading } from '../../src/reading/reading-file.js';
import { keepReading } from '../../src/scan/keep.js';
import { openLibrary } from '../../src/signature/library.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { tinyAdapter, writeAdapter, type TinyAdapter } from '../helpers/models.js';
import { decode, encode, type FloatDtype } from '../helpers/reference.js';
import { merged, pathOf, tinyBase, writeModel, writeModelLibrary, type TinyModel } from '../helpers/tiny-models.js';

const base = tinyBase();
const first = tinyAdapter(3, 0.15);
const other = tinyAdapter(4, 0.12);

/** An adapter at some share of its strength. */
function times(adapter: TinyAdapter, by: number): TinyAdapter {
  return { ...adapter, factors: new Map([...adapter.factors].map(([name, { A, B }]) => [name, { A, B: { ...B, data: B.data.map((v) => v * by) } }])) };
}

/** A quarter of the first is left, and there is something of its own. */
const mended = merged(merged(base, times(first, 0.25)), times(other, 0.5));

/** The numbers as a type stores them. */
function stored(model: TinyModel, dtype: FloatDtype): TinyModel {
  return new Map([...model].map(([name, { shape, values }]) => [name, { shape, values: decode(dtype, encode(dtype, values)) }]));
}

interface Sums { a: number; b: number; d: number; ad: number }

/** |A|², |B|², |D|² and <A, D> in plain sums, of one tensor or of all matrices. */
function sums(A: TinyModel, B: TinyModel, W0: TinyModel, only?: string): Sums {
  const total = { a: 0, b: 0, d: 0, ad: 0 };
  for (const [name, { shape, values }] of A) {
    if (shape.length !== 2 || (only !== undefined && name !== only)) continue;
    values.forEach((value, i) => {
      const x = value - (W0.get(name)?.values[i] ?? Number.NaN);
      const d = (B.get(name)?.values[i] ?? Number.NaN) - value;
      total.a += x * x;
      total.b += (x + d) ** 2;
      total.d += d * d;
      total.ad += x * d;
    });
  }
  return total;
}

const near = (actual: number | null | undefined, expected: number, tolerance: number, what: string): void => { assert.ok(actual != null && Math.abs(actual - expected) <= tolerance, `${what}: ${actual ?? 'nothing'}, expected ${expected}`); };

/** Within twice the 90 % interval: one draw in a thousand is not. */
const about = (estimate: { value: number; low: number; high: number } | null, expected: number, what: string): void => {
  assert.ok(estimate && estimate.low < estimate.high && Math.abs(estimate.value - expected) <= estimate.high - estimate.low, `${what}: ${JSON.stringify(estimate)}, expected ${expected}`);
};

async function setUp(t: TestContext, models: Record<string, { model: TinyModel; dtype: FloatDtype }>): Promise<{ at: (name: string) => string; run: (a: string, b: string, options?: Partial<CompareOptions>) => Promise<{ result: ComparisonResult; summary: Summary }>; keep: (name: string, sketch?: boolean) => Promise<string> }> {
  const root = temporaryFolder(t);
  const at = (name: string): string => join(root, name);
  const folder = at('library');
  await writeModelLibrary(folder, base);
  await writeModel(at('base'), base, 'BF16');
  for (const [name, { model, dtype }] of Object.entries(models)) await writeModel(at(name), model, dtype);
  const keep = async (name: string, sketch = false): Promise<string> => {
    const { kept } = await keepReading(at(name), { library: await openLibrary(folder), withSignatures: true, hash: false, invariants: { lines: false, spectrum: false, sketch }, part: null, version: '0.0.0' });
    await writeReading(at(`${name}.reading`), kept);
    return `${name}.reading`;
  };
  await keep('base', true);
  const run = async (a: string, b: string, options: Partial<CompareOptions> = {}): Promise<{ result: ComparisonResult; summary: Summary }> => {
    const result = await compare(at(a), at(b), { library: await openLibrary(folder), ...options });
    return { result, summary: summarise(result.pairs) };
  };
  return { at, run, keep };
}

describe('two whole checkpoints', () => {
  for (const dtype of ['F32', 'BF16', 'F16'] as const) {
    it(`${dtype}, with the base at hand: all of it as in plain sums`, async (t) => {
      const [A, B] = [stored(merged(base, first), dtype), stored(mended, dtype)];
      const { at, run } = await setUp(t, { a: { model: A, dtype }, b: { model: B, dtype } });
      const { result, summary: { total, own, cosine } } = await run('a', 'b', { base: at('base') });
      assert.equal(result.how, 'weights');
      const all = sums(A, B, base);
      near(total.a?.value, Math.sqrt(all.a), 1e-5, '|A|');
      near(total.b?.value, Math.sqrt(all.b), 1e-5, '|B|');
      near(total.change.value, Math.sqrt(all.d), 1e-5, '|B − A|');
      near(total.undone?.value, all.ad / all.a, 1e-4, 'coefficient');
      assert.deepEqual([total.undone?.low, total.undone?.high], [total.undone?.value, total.undone?.value]);
      near(own, Math.sqrt(all.d - all.ad ** 2 / all.a), 1e-3, 'own');
      near(cosine?.value, (all.a + all.ad) / Math.sqrt(all.a * all.b), 1e-3, 'cosine');
      for (const pair of result.pairs.filter(({ layer }) => layer !== null)) {
        const one = sums(A, B, base, pathOf(pair.name));
        near(pair.change.value, Math.sqrt(one.d), 1e-5, `${pair.name} |B − A|`);
        near(pair.a?.value, Math.sqrt(one.a), 1e-5, `${pair.name} |A|`);
      }
      assert.equal(result.gaps.length, 0);
      assert.deepEqual(result.vectors, []);
    });
  }

  it('by readings: intervals that hold the truth, B − A without the base, whatever the types are', async (t) => {
    const [A, B] = [stored(merged(base, first), 'F32'), stored(mended, 'BF16')];
    const { at, run, keep } = await setUp(t, { a: { model: A, dtype: 'F32' }, b: { model: B, dtype: 'BF16' } });
    const { result, summary: { total } } = await run(await keep('a', true), await keep('b', true), { base: at('base.reading') });
    assert.equal(result.how, 'signs');
    const all = sums(A, B, base);
    const holds = (norm: { low: number; high: number } | null | undefined, square: number, what: string): void => { assert.ok(norm && norm.low <= Math.sqrt(square) && Math.sqrt(square) <= norm.high, `${what}: ${JSON.stringify(norm)}, expected ${Math.sqrt(square)}`); };
    holds(total.a, all.a, '|A|');
    holds(total.b, all.b, '|B|');
    holds(total.change, all.d, '|B − A|');
    about(total.undone, all.ad / all.a, 'coefficient');
    // Sketches are linear: the angles of the same update at two strengths, on the weights that nothing else changed, would be 0.
    assert.ok(result.pairs.some(({ outputs }) => outputs !== null), 'sketches were used');
  });

  it('reading beside weights, and beside the adapter itself', async (t) => {
    const A = stored(merged(base, first), 'F32');
    const { at, run, keep } = await setUp(t, { a: { model: A, dtype: 'F32' }, b: { model: stored(mended, 'F32'), dtype: 'F32' } });
    await writeAdapter(at('adapter'), first);
    const all = sums(A, stored(mended, 'F32'), base);
    const reading = await keep('a');
    for (const name of [reading, 'adapter']) {
      const { summary: { total } } = await run(name, 'b', { base: at('base.reading') });
      about(total.undone, all.ad / all.a, name);
    }
    // The adapter and what it was merged into are one change.
    const { summary: { total } } = await run('adapter', 'a', { base: at('base.reading') });
    assert.ok(total.undone && Math.abs(total.undone.value) < 1e-3 && total.change.value < 1e-3, JSON.stringify(total));
  });

  it('the base again takes all of A back, and A itself nothing', async (t) => {
    const A = stored(merged(base, first), 'BF16');
    const { at, run, keep } = await setUp(t, { a: { model: A, dtype: 'BF16' } });
    const reading = await keep('a');
    for (const [a, options] of [['a', { base: at('base') }], ['a', { base: at('base.reading') }], [reading, { base: at('base.reading') }]] as const) {
      const back = await run(a, a === 'a' ? 'base' : 'base.reading', options);
      near(back.summary.total.undone?.value, -1, 1e-5, 'coefficient');
      near(back.summary.own, 0, 1e-2 * (back.summary.total.a?.value ?? 0), 'own');
      const same = await run(a, a, options);
      assert.deepEqual([same.summary.total.change.value, same.summary.total.undone?.value], [0, 0]);
    }
  });

  it('principal angles from sketches: of one low-rank update at two strengths they are small, of two updates as large as numpy would have them', async (t) => {
    const { at, run } = await setUp(t, { a: { model: merged(base, first), dtype: 'F32' }, b: { model: merged(base, times(first, 2)), dtype: 'F32' } });
    const { result } = await run('a', 'b', { base: at('base'), sketch: true });
    const known = result.pairs.flatMap(({ outputs, inputs }) => [outputs, inputs]).filter((one) => one !== null);
    assert.equal(known.length, 2 * first.factors.size);
    for (const { directions, degrees } of known) {
      assert.deepEqual(directions, [first.rank, first.rank]);
      assert.ok(degrees.every((angle) => angle < 1), degrees.join(' '));
    }
    for (const { rank } of result.pairs.filter(({ outputs }) => outputs !== null)) assert.ok(rank.a !== null && rank.a >= 1 && rank.a < 4, `${rank.a ?? 'none'}`);
  });

  it('norms and biases that differ are named', async (t) => {
    const B = new Map([...base].map(([name, { shape, values }]) => [name, { shape, values: name === 'model.norm.weight' ? values.map((v, i) => (i < 2 ? v + 1 : v)) : values }]));
    const { at, run, keep } = await setUp(t, { a: { model: merged(base, first), dtype: 'F32' }, b: { model: B, dtype: 'F32' } });
    const expected = [{ name: 'norm', changed: 2, of: 6 }];
    assert.deepEqual((await run('a', 'b', { base: at('base') })).result.vectors, expected);
    assert.deepEqual((await run(await keep('a'), await keep('b'), { base: at('base.reading') })).result.vectors, expected);
  });

  it('without any number of the base B − A is known all the same, and nothing is said of undoing', async (t) => {
    const [A, B] = [stored(merged(base, first), 'F32'), stored(mended, 'F32')];
    const { run, keep } = await setUp(t, { a: { model: A, dtype: 'F32' }, b: { model: B, dtype: 'F32' } });
    const all = sums(A, B, base);
    const { summary } = await run('a', 'b');
    near(summary.total.change.value, Math.sqrt(all.d), 1e-5, '|B − A|');
    assert.deepEqual([summary.total.a, summary.total.undone, summary.own], [null, null, null]);
    const kept = await run(await keep('a'), await keep('b'));
    assert.deepEqual([kept.result.gaps, kept.result.pairs.length, kept.summary.total.undone], [[], summary.total.weights, null]);
    const { low, high } = kept.summary.total.change;
    assert.ok(low <= Math.sqrt(all.d) && Math.sqrt(all.d) <= high, `${low} to ${high}, expected ${Math.sqrt(all.d)}`);
  });

  it('what does not belong together is refused in one line', async (t) => {
    const { at, run, keep } = await setUp(t, { a: { model: merged(base, first), dtype: 'F32' } });
    await writeAdapter(at('adapter'), first);
    await writeAdapter(at('stranger'), first, { base_model_name_or_path: 'somebody/other' });
    const code = async (a: string, b: string, options: Partial<CompareOptions> = {}): Promise<string> => (await rejectedBy(run(a, b, options))).code;
    assert.equal(await code('adapter', 'stranger'), 'base-mismatch');
    assert.equal(await code('a', 'nowhere'), 'not-found');
    assert.equal(await code('adapter', 'adapter', { base: at('base') }), 'usage');
    assert.equal(await code(await keep('a'), 'a', { base: at('base') }), 'usage');
  });
});

async function rejectedBy(promise: Promise<unknown>): Promise<{ code: string }> {
  return promise.then(() => assert.fail('expected an error'), (error: unknown) => {
    assert.ok(error instanceof Error && 'code' in error && typeof error.code === 'string', String(error));
    return { code: error.code };
  });
}
