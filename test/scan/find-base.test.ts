import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { locateModel } from '../../src/checkpoint/model.js';
import { planModel } from '../../src/reading/model-plan.js';
import { readModel } from '../../src/reading/model-read.js';
import type { ModelReading } from '../../src/reading/model.js';
import type { KeptModel } from '../../src/reading/reading-file.js';
import { findBase } from '../../src/scan/find-base.js';
import { addBase, listBases, removeBase } from '../../src/signature/bases.js';
import { openBaseReading, openLibrary, SHIPPED_LIBRARY, type Library } from '../../src/signature/library.js';
import { fixture, temporaryFolder } from '../helpers/fixtures.js';
import { tinyBase, writeModel } from '../helpers/tiny-models.js';

const options = { executionProvider: 'cpu', threads: 1 } as const;

async function readingOf(folder: string): Promise<ModelReading> {
  return readModel({ ...planModel(await locateModel(folder), []), invariants: { lines: true, spectrum: false, sketch: false } }, options);
}

const family = new Map(await Promise.all(['base', 'stranger', 'tuned', 'sibling'].map(async (name) => [name, await readingOf(fixture(`family/${name}`))] as const)));

function member(name: string): ModelReading {
  const reading = family.get(name);
  assert.ok(reading);
  return reading;
}

function kept(reading: ModelReading): KeptModel {
  return {
    of: 'weights', reading,
    provenance: { tool: { name: 'weightseq', version: '1' }, architecture: { name: 'llama', known: true }, bytes: 0, baseClaim: null, files: [], signatures: [], weightsTotal: 22, gaps: [], plan: null, part: null },
  };
}

async function libraryOf(t: TestContext, bases: Record<string, ModelReading>): Promise<Library> {
  const folder = temporaryFolder(t);
  for (const [name, reading] of Object.entries(bases)) await addBase(folder, name, kept(reading));
  return openLibrary(SHIPPED_LIBRARY, folder);
}

describe('the base of a checkpoint, by its weights', () => {
  it('is found for the base itself, a fine-tune in another dtype, and its sibling', async (t) => {
    const library = await libraryOf(t, { family: member('base') });
    for (const [name, low, high] of [['base', 0, 0], ['tuned', 0.05, 0.1], ['sibling', 0.05, 0.1]] as const) {
      const { verdict, evidence: [best] } = await findBase(member(name), library);
      assert.deepEqual([verdict, best?.name, best?.weights, best?.fits], ['found', 'family', 21, true], name);
      assert.ok(best !== undefined && best.distance.value >= low && best.distance.value <= high, `${name}: ${best?.distance.value ?? NaN}`);
      assert.ok(best.p < 1e-12 && best.correlation > 0.98);
    }
  });

  it('is unknown for a model of the same configuration and text from another seed, either way round', async (t) => {
    for (const [known, other] of [['base', 'stranger'], ['stranger', 'base'], ['stranger', 'tuned'], ['tuned', 'stranger']] as const) {
      const { verdict, evidence: [best] } = await findBase(member(other), await libraryOf(t, { known: member(known) }));
      assert.deepEqual([verdict, best?.fits], ['unknown', false]);
      assert.ok((best?.p ?? 0) > 1e-3 && Math.abs(best?.correlation ?? 1) < 0.15, JSON.stringify(best));
    }
  });

  it('is the nearer of two that fit, and both are named', async (t) => {
    const library = await libraryOf(t, { grandparent: member('base'), parent: member('tuned') });
    const { verdict, evidence } = await findBase(member('tuned'), library);
    assert.deepEqual([verdict, evidence.map(({ name, fits }) => [name, fits])], ['found', [['parent', true], ['grandparent', true]]]);
  });

  it('is not guessed between two that are as near', async (t) => {
    // Halfway between two siblings: as far from the one as from the other.
    const [one, two] = [member('tuned'), member('sibling')];
    const weights = one.weights.map((weight, i) => ({ ...weight, signs: weight.signs.map((v, at) => (v + (two.weights[i]?.signs[at] ?? NaN)) / 2) }));
    const { verdict, evidence } = await findBase({ ...one, weights }, await libraryOf(t, { one, two }));
    assert.deepEqual([verdict, evidence.filter(({ fits }) => fits).map(({ name }) => name).sort()], ['several', ['one', 'two']]);
  });

  it('has both names where one model is known by two', async (t) => {
    const { verdict, evidence } = await findBase(member('tuned'), await libraryOf(t, { first: member('base'), second: member('base') }));
    assert.deepEqual([verdict, evidence.map(({ name, alsoKnownAs }) => [name, alsoKnownAs])], ['found', [['first', ['second']]]]);
  });

  it('is not told by what any two models share: norms, zeros, constants, the identity, embeddings', async (t) => {
    const shared = (seed: number): ModelReading => {
      const { vectors, weights, ...rest } = member(seed === 1 ? 'base' : 'stranger');
      // Half of the matrices, and all norms and embeddings, are the same in both; the others are of either.
      const same = new Map(member('base').weights.map((weight) => [weight.name, weight]));
      return { ...rest, vectors, weights: weights.map((weight) => (['embed', '0.q', '1.q', '2.q'].includes(weight.name) ? same.get(weight.name) ?? weight : weight)) };
    };
    const { verdict, evidence: [best] } = await findBase(shared(2), await libraryOf(t, { known: shared(1) }));
    assert.deepEqual([verdict, best?.fits], ['unknown', false]);
    const zeros = (reading: ModelReading): ModelReading => ({ ...reading, weights: reading.weights.map((weight) => ({ ...weight, signs: new Float64Array(256), norm: 0 })) });
    const none = await findBase(zeros(member('base')), await libraryOf(t, { known: zeros(member('stranger')) }));
    assert.deepEqual(none, { verdict: 'untold', evidence: [] });
  });

  it('is not told by too few weights, nor by another architecture', async (t) => {
    const one = member('base').weights.filter(({ name }) => name === '0.q');
    const few = { ...member('base'), weights: one };
    assert.equal((await findBase(few, await libraryOf(t, { known: few }))).verdict, 'untold');
    const folder = temporaryFolder(t);
    await writeModel(folder, tinyBase(), 'BF16');
    assert.deepEqual(await findBase(await readingOf(folder), await libraryOf(t, { known: member('base') })), { verdict: 'untold', evidence: [] });
  });
});

describe('a folder of bases', () => {
  it('keeps a small reading: signs and vectors of all, lines of three layers, no coordinates', async (t) => {
    const reading = member('base');
    const coordinates = new Map([['a'.repeat(64), Float64Array.of(1)]]);
    const library = await libraryOf(t, { family: { ...reading, weights: reading.weights.map((weight) => ({ ...weight, coordinates })) } });
    const base = await openBaseReading(library, 'family');
    assert.deepEqual(base?.reading.vectors, reading.vectors);
    assert.deepEqual(base.reading.weights.map(({ name, signs, coordinates: of }) => [name, signs, of.size]), reading.weights.map(({ name, signs }) => [name, signs, 0]));
    assert.deepEqual(base.reading.weights.filter(({ invariants }) => invariants === undefined).map(({ name }) => name), ['embed']);
    assert.deepEqual(base.reading.weights[0]?.invariants?.lines, reading.weights[0]?.invariants?.lines);
  });

  it('refuses a name twice, and one that is no file name; removes what it lists, and says what it does not', async (t) => {
    const folder = join(temporaryFolder(t), 'new');
    assert.deepEqual(await listBases(folder), []);
    await addBase(folder, 'family', kept(member('base')));
    await assert.rejects(addBase(folder, 'family', kept(member('base'))), { code: 'usage', message: /already/ });
    for (const name of ['', '../x', 'a b', '.hidden', 'x'.repeat(101)]) await assert.rejects(addBase(folder, name, kept(member('base'))), { code: 'usage' });
    await assert.rejects(removeBase(folder, 'other'), { code: 'unknown-base' });
    await removeBase(folder, 'family');
    assert.deepEqual(await listBases(folder), []);
  });
});
