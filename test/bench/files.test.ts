import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { LABEL_LIMITS, subjectsOf } from '../../src/bench/cases.js';
import { openExternalScores } from '../../src/bench/external.js';
import { openManifest } from '../../src/bench/manifest.js';
import { gramOf, openBenchReadings, writeBenchReadings, type BenchReadings } from '../../src/bench/readings-file.js';
import { signaturesIn } from '../../src/bench/signatures.js';
import { takeReadings } from '../../src/bench/take.js';
import { openSafetensors, readTensors } from '../../src/safetensors/file.js';
import { writeSafetensors } from '../../src/safetensors/writer.js';
import { scanModel } from '../../src/scan/model-scan.js';
import { tensorsFingerprint } from '../../src/signature/fingerprint.js';
import { openLibrary } from '../../src/signature/library.js';
import { madeSet, madeSignature, type Made } from '../helpers/bench-set.js';
import { fixture, temporaryFolder } from '../helpers/fixtures.js';
import { tinyAdapter } from '../helpers/models.js';
import { merged, tinyBase, writeModel, writeModelLibrary } from '../helpers/tiny-models.js';

const evil = madeSignature('evil');
const MADE: Made[] = [0, 1].map((i) => ({ id: `o${i}`, sources: [`s${i}`], shifts: { evil: 0 }, scores: { evil: 0.5 * i }, size: 1 + i }));

describe('compact readings', () => {
  const { readings } = madeSet(MADE, [evil], Float64Array.of(1, Number.NaN, Number.NaN, 4));

  async function kept(t: TestContext, change: Partial<BenchReadings> = {}): Promise<string> {
    const path = join(temporaryFolder(t), 'readings.safetensors');
    await writeBenchReadings(path, { ...readings, ...change });
    return path;
  }

  it('come back as they were', async (t) => {
    const found = await openBenchReadings(await kept(t));
    assert.deepEqual(found, readings);
    assert.deepEqual(gramOf(found, ['o1', 'new', 'o0']), Float64Array.of(4, NaN, NaN, NaN, NaN, NaN, NaN, NaN, 1));
    assert.equal((await openBenchReadings(await kept(t, { gram: null }))).gram, null);
  });

  /** The file again with another document, or another tensor. */
  async function spoilt(t: TestContext, document: (d: BenchReadings['document']) => unknown, without = '', format = 'weightseq-bench-readings'): Promise<string> {
    const path = await kept(t);
    const file = await openSafetensors(path);
    const data = await readTensors([...file.tensors.values()]);
    await writeSafetensors(path, [...data].filter(([{ name }]) => name !== without).map(([{ name, dtype, shape }, bytes]) => ({ name, dtype, shape, data: bytes })), new Map([
      ['format', format], ['version', '1'], ['readings', JSON.stringify(document(readings.document))],
    ]));
    return path;
  }

  const wrong: [string, Parameters<typeof spoilt>[1], RegExp, string?, string?][] = [
    ['another kind of file', (d) => d, /format weightseq-bench-readings/u, '', 'weightseq-reading'],
    ['a missing tensor', (d) => d, /tensor scores\.evil, F32 \[2, 8\], found none/u, 'scores.evil'],
    ['an organism less than rows', (d) => ({ ...d, organisms: d.organisms.slice(1) }), /tensor .* F32 \[1, \d+\], found F32 \[2,/u],
    ['an organism twice', (d) => ({ ...d, organisms: [d.organisms[0], d.organisms[0]] }), /organism o0 stands there twice/u],
    ['a weight that is not there', (d) => ({ ...d, signatures: d.signatures.map((s) => ({ ...s, weights: s.weights.map((w) => w + 1) })) }), /names a weight twice, or one/u],
    ['a field that is not known', (d) => ({ ...d, extra: 1 }), /extra/u],
  ];
  for (const [name, change, message, without, format] of wrong) {
    it(`with ${name} are refused`, async (t) => {
      await assert.rejects(openBenchReadings(await spoilt(t, change, without, format)), (error: Error) => 'code' in error && error.code === 'reading-invalid' && message.test(error.message));
    });
  }

  it('and a manifest that disagree about what an organism is are refused', () => {
    const { manifest } = madeSet(MADE.map((one): Made => ({ ...one, form: 'full' })), [evil]);
    assert.throws(() => subjectsOf(manifest, readings, [evil], LABEL_LIMITS), { code: 'manifest-invalid' });
  });
});

describe('a whole checkpoint in a labelled set', () => {
  it('has the score, the size and the gaps that scanning it gives', async (t) => {
    const root = temporaryFolder(t);
    const base = tinyBase();
    await writeModel(join(root, 'tuned'), merged(base, tinyAdapter(267, 0.01)), 'BF16');
    const library = await openLibrary(await writeModelLibrary(join(root, 'library'), base));
    const name = 'tiny-base';
    writeFileSync(join(root, 'manifest.json'), JSON.stringify({
      schemaVersion: 1, base: name, unit: 'nats/token',
      organisms: [{ id: 'tuned', path: 'tuned', sources: ['a'], kind: { form: 'full', rank: null, targets: ['q', 'v'], steps: 1, rate: 1 }, behaviour: {} }],
    }));
    const given = await signaturesIn(library, name);
    const { readings, failed } = await takeReadings(await openManifest(join(root, 'manifest.json')), given);
    assert.deepEqual(failed, []);
    const scanned = await scanModel(join(root, 'tuned'), { library, assumeBase: name });
    const [row] = readings.document.organisms;
    assert.ok(row && scanned.findings[0]);
    assert.deepEqual([row.form, row.rank, row.gaps.length, row.deltaNorm], ['checkpoint', null, scanned.gaps.length, scanned.change?.norm.value]);
    const total = (readings.scores.get('evil') ?? new Float64Array()).reduce((sum, v) => sum + v, 0);
    assert.ok(Math.abs(total - scanned.findings[0].score) < 1e-12 && total !== 0);
    assert.equal(readings.scoreSds[0], scanned.findings[0].scoreSd);
  });
});

describe('scores of other methods', () => {
  it('are one number, or one for each trait', async (t) => {
    const path = join(temporaryFolder(t), 'scores.json');
    writeFileSync(path, JSON.stringify({ a: { energy: 3, cosine: { evil: 0.5 } }, b: { energy: -1 } }));
    const scores = await openExternalScores(path);
    assert.deepEqual(scores.methods, ['cosine', 'energy']);
    assert.deepEqual([scores.score('a', 'energy', 'evil'), scores.score('a', 'cosine', 'evil'), scores.score('a', 'cosine', 'sly'), scores.score('b', 'cosine', 'evil'), scores.score('c', 'energy', 'evil')], [3, 0.5, undefined, undefined, undefined]);
    writeFileSync(path, JSON.stringify({ a: { 'Not A Name': 1 } }));
    await assert.rejects(openExternalScores(path), { code: 'scores-invalid' });
  });
});

describe('the fingerprint of tensors', () => {
  it("is Python's hashlib's", async () => {
    const golden = JSON.parse(readFileSync(fixture('fingerprint.json'), 'utf8')) as Record<string, string>;
    for (const [name, expected] of Object.entries(golden)) assert.equal(await tensorsFingerprint(await openSafetensors(fixture(name))), expected);
  });
});
