import assert from 'node:assert/strict';
import { rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { locateModel } from '../../src/checkpoint/model.js';
import type { DeltaWeight, ModelReading } from '../../src/reading/model.js';
import { planModel } from '../../src/reading/model-plan.js';
import { readModel } from '../../src/reading/model-read.js';
import type { KeptReading } from '../../src/reading/reading-file.js';
import { openModelReading, openReading, writeReading } from '../../src/reading/reading-file.js';
import { writeSafetensors } from '../../src/safetensors/writer.js';
import { fixture, temporaryFolder } from '../helpers/fixtures.js';
import { pathOf, tinyBase, writeModel } from '../helpers/tiny-models.js';

const options = { executionProvider: 'cpu', threads: 1 } as const;

describe('the plan of a whole checkpoint', () => {
  it('takes every weight and vector once, and counts their bytes', async (t) => {
    const folder = temporaryFolder(t);
    await writeModel(folder, tinyBase(), 'BF16');
    const checkpoint = await locateModel(folder);
    const plan = planModel(checkpoint, []);
    assert.equal(plan.bytes, checkpoint.bytes);
    assert.deepEqual([plan.of, plan.steps.length, plan.vectors.length, plan.gaps], ['weights', 22, 7, []]);
  });

  it('reads the rows that a resized vocabulary has in common with the base, and reports the others', async (t) => {
    const root = temporaryFolder(t);
    const model = tinyBase();
    const embed = model.get('model.embed_tokens.weight');
    model.set('model.embed_tokens.weight', { shape: [14, 6], values: [...embed?.values ?? [], ...new Array<number>(12).fill(1)] });
    await writeModel(join(root, 'base'), tinyBase(), 'BF16');
    await writeModel(join(root, 'model'), model, 'BF16', { config: { vocab_size: 14 } });
    const [checkpoint, base] = [await locateModel(join(root, 'model')), await locateModel(join(root, 'base'))];
    const known = planModel(checkpoint, [], new Map([['embed', [12, 6]]]));
    const held = planModel(checkpoint, [], new Map(), base);
    for (const plan of [known, held]) {
      assert.deepEqual(plan.steps.find(({ weight }) => weight.name === 'embed')?.weight.shape, [12, 6]);
      assert.match(plan.gaps.map(({ name, reason }) => `${name}: ${reason}`).join(), /^embed: rows 12 to 13 are not in the base[^,]*, whose vocabulary has 12[^,]*, these are not$/);
    }
    const embedding = (await readModel(held, options)).weights.find(({ name }) => name === 'embed');
    assert.equal(embedding?.norm, 0);
  });

  it('names what only one of the two has', async (t) => {
    const root = temporaryFolder(t);
    const model = tinyBase();
    model.delete(pathOf('1.up'));
    model.delete('model.norm.weight');
    await writeModel(join(root, 'base'), tinyBase(), 'BF16');
    await writeModel(join(root, 'model'), model, 'BF16');
    const [checkpoint, base] = [await locateModel(join(root, 'model')), await locateModel(join(root, 'base'))];
    assert.deepEqual(planModel(checkpoint, [], new Map(), base).gaps.map(({ name }) => name), ['1.up', 'norm']);
    assert.deepEqual(planModel(base, [], new Map(), checkpoint).gaps.map(({ name }) => name), ['1.up']);
  });
});

describe('the reading of a whole checkpoint', () => {
  it('has the norms of plain f64, and progress that ends at the total', async (t) => {
    const folder = temporaryFolder(t);
    const model = tinyBase();
    await writeModel(folder, model, 'BF16');
    const steps: number[] = [];
    const plan = planModel(await locateModel(folder), []);
    const reading = await readModel(plan, options, (done) => { steps.push(done); });
    for (const { name, norm } of reading.weights.filter((w) => w.layer !== null)) {
      const wanted = Math.hypot(...model.get(pathOf(name))?.values ?? []);
      assert.ok(Math.abs(norm - wanted) < 1e-6 * wanted, name);
    }
    assert.equal(steps.at(-1), plan.bytes);
    assert.deepEqual(reading.vectors.find(({ name }) => name === 'norm')?.values, Float64Array.from(model.get('model.norm.weight')?.values ?? []));
  });

  for (const [what, change] of [
    ['replaced', (file: string) => { utimesSync(file, 1, 1); }],
    ['deleted', (file: string) => { rmSync(file, { force: true }); }],
  ] as const) {
    it(`is incomplete when a shard is ${what} while it is read`, async (t) => {
      const folder = temporaryFolder(t);
      await writeModel(folder, tinyBase(), 'BF16');
      const file = join(folder, 'model.safetensors');
      let isFirst = true;
      const reading = await readModel(planModel(await locateModel(folder), []), options, () => {
        if (isFirst) change(file);
        isFirst = false;
      });
      assert.ok(reading.failed.some(({ reason }) => /changed while it was read/.test(reason)));
    });
  }
});

describe('a reading on disk', () => {
  it('comes back number for number', async (t) => {
    const folder = temporaryFolder(t);
    await writeModel(folder, tinyBase(), 'F16');
    const read = await readModel(planModel(await locateModel(folder), []), options);
    const [first, ...others] = read.weights;
    assert.ok(first);
    const hash = 'a'.repeat(64);
    const [outputs, inputs] = first.shape;
    const invariants = {
      lines: { rows: new Float32Array(outputs).fill(1 / 3), columns: new Float32Array(inputs).fill(NaN) }, spectrum: Float32Array.of(3, 2, 1),
      sketch: { range: new Float32Array(outputs * 16).fill(0.1), corange: new Float32Array(inputs * 16).fill(-0) },
    };
    const reading: ModelReading = { ...read, weights: [{ ...first, norm: NaN, coordinates: new Map([[hash, Float64Array.of(1, NaN, 1 / 3)]]), invariants }, ...others] };
    const kept: KeptReading = {
      of: 'weights',
      reading,
      provenance: {
        tool: { name: 'weightseq', version: '1' }, architecture: { name: 'llama', known: true }, bytes: 1, baseClaim: null, files: [{ name: 'x', bytes: 1, sha256: null }],
        signatures: [{ trait: 'evil', base: 'b', sha256: hash }], weightsTotal: 22, gaps: [{ name: 'a', reason: 'b', bytes: 3 }], plan: 'b'.repeat(64), part: { index: 2, count: 3 },
      },
    };
    const file = join(folder, 'kept');
    await writeReading(file, kept);
    assert.deepEqual(await openReading(file), kept);
    const weights = reading.weights.map(({ name, role, layer, shape, dtype, bytes, norm, signs, coordinates, invariants: its }): DeltaWeight => (
      { name, role, layer, shape, dtype, bytes, norm, signs, coordinates, ...(its ? { invariants: its } : {}), module: `model.${name}`, rank: 3 }
    ));
    const { failed, nonFinite, bytes, signs } = read;
    const delta: KeptReading = { of: 'delta', reading: { of: 'delta', weights, failed, nonFinite, bytes, signs }, provenance: { ...kept.provenance, part: null } };
    await writeReading(file, delta);
    assert.deepEqual(await openReading(file), delta);
    await assert.rejects(openModelReading(file), { code: 'reading-invalid', message: /of an adapter/ });
  });

  it('of format version 1 is read as it was', async (t) => {
    const folder = temporaryFolder(t);
    await writeModel(folder, tinyBase(), 'BF16');
    const { weights, vectors } = await readModel(planModel(await locateModel(folder), []), options);
    const kept = await openModelReading(fixture('readings/version-1.safetensors'));
    assert.deepEqual(kept.reading.weights.map((weight) => ({ ...weight, coordinates: new Map() })), weights);
    assert.deepEqual(kept.reading.vectors, vectors);
    assert.deepEqual([kept.provenance.part, kept.provenance.plan, kept.provenance.weightsTotal], [null, null, 22]);
  });

  const bad: [string, ReadonlyMap<string, string>, RegExp][] = [
    ['another file', new Map(), /does not say format/],
    ['a later version', new Map([['format', 'weightseq-reading'], ['version', '3']]), /version 3, this program reads versions 1 and 2/],
    ['no JSON', new Map([['format', 'weightseq-reading'], ['version', '1'], ['reading', '{']]), /not JSON/],
    ['a document without fields', new Map([['format', 'weightseq-reading'], ['version', '1'], ['reading', '{}']]), /field schemaVersion/],
    ['a document of no kind', new Map([['format', 'weightseq-reading'], ['version', '2'], ['reading', '{}']]), /field of/],
  ];
  for (const [name, metadata, message] of bad) {
    it(`is refused: ${name}`, async (t) => {
      const file = join(temporaryFolder(t), 'file');
      await writeSafetensors(file, [], metadata);
      await assert.rejects(openReading(file), { code: 'reading-invalid', message });
    });
  }
});
