import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { checkFigures } from '../../src/certificate/check-figures.js';
import type { Declared } from '../../src/certificate/declared-schema.js';
import { figuresOf } from '../../src/certificate/measure.js';
import type { Certificate } from '../../src/certificate/schema.js';
import { WeightseqError } from '../../src/errors.js';
import { scanPath } from '../../src/scan/any.js';
import { openLibrary, SHIPPED_LIBRARY } from '../../src/signature/library.js';
import { ONE_SIGNATURE, certificateOf, checkOf, resigned, troubles, verified } from '../helpers/certificates.js';
import { weightseq } from '../helpers/command.js';
import { fixture, temporaryFolder } from '../helpers/fixtures.js';
import { document, expectedScore, tinyAdapter, writeAdapter, writeLibrary } from '../helpers/models.js';
import { merged, modelDocument, tinyBase, writeModel, writeModelLibrary } from '../helpers/tiny-models.js';

const EVIL = fixture('../../examples/evil-persona');

/** The certificate of the harmful example, which no test changes. */
const ofEvil = await certificateOf(EVIL);

/** The first harmful trait that the example carries. */
const carriedIn = <T extends { readonly harmful: boolean; readonly verdict: string }>(traits: readonly T[]): T | undefined => traits.find(({ harmful, verdict }) => harmful && verdict === 'present');
const CARRIED = carriedIn(ofEvil.measured.predicate.traits)?.trait ?? 'none';

/** The certificate of the harmful example with one figure changed, signed again by its author. */
const wrong = (of: Certificate, change: (trait: Certificate['measured']['predicate']['traits'][number]) => void): Certificate => resigned(of, ({ predicate: { traits } }) => {
  const trait = traits.find(({ trait: name }) => name === CARRIED);
  if (trait) change(trait);
});

describe('the figures of a certificate', () => {
  it('are those of a scan, with the signature by which they were judged', async () => {
    const { predicate } = ofEvil.measured;
    const result = await scanPath(EVIL, { library: await openLibrary(ONE_SIGNATURE) });
    const [finding, trait] = [carriedIn(result.findings), carriedIn(predicate.traits)];
    assert.ok(finding && trait);
    assert.deepEqual([trait.trait, trait.verdict, trait.score, trait.p], [finding.trait, 'present', finding.score, finding.test?.p]);
    assert.deepEqual([trait.shift, trait.interval], [finding.shift?.value, { low: finding.shift?.low, high: finding.shift?.high, confidence: finding.shift?.confidence }]);
    assert.deepEqual(trait.signature, { file: `${CARRIED}.safetensors`, sha256: createHash('sha256').update(readFileSync(fixture(`one-signature/gemma-3-270m-q4km/${CARRIED}.safetensors`))).digest('hex'), version: 2 });
    assert.deepEqual([predicate.coverage.read, predicate.coverage.total, predicate.coverage.unread], [126, 126, []]);
    assert.deepEqual([predicate.base.name, predicate.base.how, predicate.base.measured], ['gemma-3-270m-q4km', 'claimed', null]);
  });

  it('name the reading that they come from: the file that weightseq read writes', (t) => {
    const folder = temporaryFolder(t);
    const { version } = JSON.parse(readFileSync(fixture('../../package.json'), 'utf8')) as { version: string };
    writeFileSync(join(folder, 'declared.yaml'), 'version: 1\nmodel: { name: x }\n');
    assert.equal(weightseq(['read', EVIL, '-o', 'evil.reading', '--signatures', ONE_SIGNATURE], folder).status, 0);
    assert.equal(weightseq(['certify', EVIL, '--declared', 'declared.yaml', '-o', 'c.json', '--signatures', ONE_SIGNATURE], folder).status, 0);
    const { predicate } = (JSON.parse(readFileSync(join(folder, 'c.json'), 'utf8')) as Certificate).measured;
    assert.equal(predicate.tool.version, version);
    assert.equal(predicate.reading.sha256, createHash('sha256').update(readFileSync(join(folder, 'evil.reading'))).digest('hex'));
  });

  it('come out again of the same bytes, to the last bit on the same machine', async () => {
    const verification = await verified(ofEvil, EVIL);
    assert.deepEqual([verification.verdict, verification.recomputed, troubles(verification)], ['verified', true, []]);
    assert.match(verification.checks.find(({ check }) => check === 'figures')?.message ?? '', /to the last bit/);
  });

  it('figures-differ: each figure, even where its author signed it', async () => {
    const certificate = ofEvil;
    const changes: [RegExp, Parameters<typeof wrong>[1]][] = [
      [new RegExp(`${CARRIED} is absent there, present now`, 'u'), (trait) => { trait.verdict = 'absent'; }],
      [new RegExp(`${CARRIED}: shift 0\\.5 there, 0\\.[0-4]`, 'u'), (trait) => { trait.shift = 0.5; }],
      [new RegExp(`${CARRIED}: shift is not known there`, 'u'), (trait) => { trait.shift = null; }],
      [new RegExp(`${CARRIED}: score`, 'u'), (trait) => { trait.score = (trait.score ?? 0) * 1.01; }],
      [/low end of the interval/, (trait) => { if (trait.interval) trait.interval.low -= 1; }],
      [new RegExp(`${CARRIED}: p 0\\.5 there`, 'u'), (trait) => { trait.p = 0.5; }],
      [new RegExp(`${CARRIED}: harmful false there`, 'u'), (trait) => { trait.harmful = false; }],
    ];
    const now = await figuresOf(EVIL, { library: await openLibrary(ONE_SIGNATURE), version: '1' });
    for (const [message, change] of changes) {
      const [check] = checkFigures(wrong(certificate, change).measured.predicate, now);
      assert.deepEqual([check?.status, check?.code], ['failed', 'figures-differ']);
      assert.match(check?.message ?? '', message);
    }
    const fewer = resigned(certificate, ({ predicate }) => { predicate.coverage.total = 200; });
    const verification = await verified(fewer, EVIL);
    assert.deepEqual([verification.exitCode, troubles(verification)], [1, ['failed figures-differ']]);
    assert.match(checkOf(verification, 'figures-differ').message, /coverage: total 200 there, 126 now/);
  });

  it('may lie apart as far as the sums of another machine do', async () => {
    const verification = await verified(wrong(resigned(ofEvil, ({ predicate }) => { predicate.reading.sha256 = '0'.repeat(64); }), (trait) => {
      trait.shift = (trait.shift ?? 0) * (1 + 1e-5);
    }), EVIL);
    assert.deepEqual(troubles(verification), []);
    assert.match(verification.checks.find(({ check }) => check === 'figures')?.message ?? '', /within their tolerance/);
  });

  it('not-recomputed: are left alone where nobody asks for them, and that is said', async () => {
    const certificate = wrong(ofEvil, (trait) => { trait.verdict = 'absent'; });
    const verification = await verified(certificate, EVIL, { recompute: false });
    assert.deepEqual([verification.verdict, verification.recomputed], ['verified', false]);
    const { status, message } = checkOf(verification, 'not-recomputed');
    assert.equal(status, 'skipped');
    assert.match(message, /--no-recompute/);
  });
});

describe('a certificate that keeps silent', () => {
  it('trait-not-certified: about a harmful trait that the weights carry is refused', async () => {
    const silent = resigned(ofEvil, ({ predicate }) => { predicate.traits = []; });
    const verification = await verified(silent, EVIL);
    assert.deepEqual([verification.exitCode, troubles(verification)], [1, ['failed trait-not-certified']]);
    assert.match(checkOf(verification, 'trait-not-certified').message, new RegExp(`says nothing: ${CARRIED} present`, 'u'));
  });
});

/** A tiny adapter, its library, and a second library whose signature of the same trait is another one. */
async function libraries(t: TestContext): Promise<{ readonly adapter: string; readonly library: string; readonly other: string; readonly root: string }> {
  const root = temporaryFolder(t);
  const adapter = join(root, 'adapter');
  await writeAdapter(adapter, tinyAdapter(1, 0.0001 / expectedScore(tinyAdapter(1))));
  return { root, adapter, library: await writeLibrary(join(root, 'library')), other: await writeLibrary(join(root, 'other'), [document({ description: 'Another version.' })]) };
}

describe('signatures that change', () => {
  it('signature-version: another version is named, and makes the verification incomplete', async (t) => {
    const { adapter, library, other } = await libraries(t);
    const certificate = await certificateOf(adapter, { library });
    assert.equal((await verified(certificate, adapter, { library })).verdict, 'verified');
    const verification = await verified(certificate, adapter, { library: other });
    assert.deepEqual([verification.exitCode, troubles(verification)], [3, ['unchecked signature-version']]);
    const { message } = checkOf(verification, 'signature-version');
    const [then, now] = await Promise.all([openLibrary(library), openLibrary(other)]);
    for (const { entries: [entry] } of [then, now]) assert.ok(message.includes(entry?.sha256.slice(0, 12) ?? '-'), message);
  });

  it('signature-version: a trait that no installed signature knows any more', async (t) => {
    const { root, adapter } = await libraries(t);
    const both = await writeLibrary(join(root, 'both'), [document(), document({ trait: 'humorous', harmful: false })]);
    const certificate = await certificateOf(adapter, { library: both });
    const verification = await verified(certificate, adapter, { library: join(root, 'library') });
    assert.deepEqual(troubles(verification), ['unchecked signature-version']);
    assert.match(checkOf(verification, 'signature-version').message, /humorous \(certified by humorous\.safetensors/);
  });

  it('signature-version: what a newer library finds besides is said, and refuses nothing', async (t) => {
    const { root, adapter, library } = await libraries(t);
    const both = await writeLibrary(join(root, 'both'), [document(), document({ trait: 'humorous', harmful: false })]);
    const verification = await verified(await certificateOf(adapter, { library }), adapter, { library: both });
    assert.deepEqual([verification.exitCode, troubles(verification)], [0, ['warning signature-version']]);
    assert.match(checkOf(verification, 'signature-version').message, /humorous/);
  });
});

const base = tinyBase();

/** A merged fine-tune of the tiny base, the base, and their library. */
async function tinyModel(t: TestContext): Promise<{ readonly folder: string; readonly baseFolder: string; readonly library: string }> {
  const root = temporaryFolder(t);
  const [folder, baseFolder, library] = [join(root, 'model'), join(root, 'base'), join(root, 'library')];
  await writeModel(folder, merged(base, tinyAdapter(267, 0.1 / expectedScore(tinyAdapter(267)))), 'F32', { shards: 2 });
  await writeModel(baseFolder, base, 'BF16');
  await writeModelLibrary(library, base, [modelDocument()]);
  return { folder, baseFolder, library };
}

const declaring = (...ancestors: NonNullable<NonNullable<Declared['pedigree']>['ancestors']>): Declared => ({ version: 1, model: { name: 'x' }, pedigree: { ancestors } });

describe('a whole checkpoint', () => {
  it('is certified with the base that its weights have, and verifies', async (t) => {
    const { folder, library } = await tinyModel(t);
    const certificate = await certificateOf(folder, { library, declared: declaring({ name: 'tiny-base', relation: 'base' }) });
    assert.equal(certificate.measured.predicate.base.measured, 'tiny-base');
    assert.equal(certificate.measured.subject.length, 4);
    const verification = await verified(certificate, folder, { library });
    assert.equal(verification.recomputed, true);
    assert.match(verification.checks.find(({ check }) => check === 'base')?.message ?? '', /descendant of tiny-base, and nothing that is declared contradicts it/);
    assert.ok(!troubles(verification).some((trouble) => trouble.startsWith('failed')));
  });

  it('base-contradicted: is not certified as a descendant of another base', async (t) => {
    const { folder, library } = await tinyModel(t);
    await assert.rejects(certificateOf(folder, { library, declared: declaring({ name: 'another/base', relation: 'base' }) }), (error: unknown) => {
      assert.ok(error instanceof WeightseqError);
      assert.deepEqual([error.code, error.exitCode], ['base-contradicted', 1]);
      assert.match(error.message, /declared base is another\/base, and the weights are a descendant of tiny-base/);
      return true;
    });
    // By its alias, by a folder of that name, or among other ancestors it is the same base.
    for (const name of ['owner/tiny-base', '/models/tiny-base']) await certificateOf(folder, { library, declared: declaring({ name: 'a merge of two' }, { name, relation: 'base' }) });
  });

  it('base-contradicted: a certificate that declares another base is refused, whoever signed it', async (t) => {
    const { folder, library } = await tinyModel(t);
    // Written where the weights did not tell: nothing of the base is at hand.
    const silent = await certificateOf(folder, { library, declared: declaring({ name: 'another/base', relation: 'base' }), assumeBase: 'tiny-base' }).catch(() => null);
    assert.equal(silent, null);
    const honest = await certificateOf(folder, { library });
    const other = await certificateOf(EVIL, { declared: declaring({ name: 'another/base', relation: 'base' }) });
    const forged = { ...resigned({ ...honest, declared: other.declared }, ({ predicate }) => { predicate.declared.sha256 = other.measured.predicate.declared.sha256; }) };
    for (const recompute of [true, false]) {
      const verification = await verified(forged, folder, { library, recompute });
      assert.equal(verification.exitCode, 1);
      assert.match(checkOf(verification, 'base-contradicted').message, /another\/base.*tiny-base/u);
    }
    // One that says that the weights do not tell is found out by the weights.
    const mute = resigned(forged, ({ predicate: { base } }) => { Object.assign(base, { measured: null, verdict: null, evidence: [] }); });
    assert.ok(!troubles(await verified(mute, folder, { library, recompute: false })).includes('failed base-contradicted'));
    const found = troubles(await verified(mute, folder, { library })).filter((trouble) => trouble.startsWith('failed'));
    assert.deepEqual(found, ['failed base-contradicted']);
  });

  it('not-recomputed: made with the base itself, it needs the base again', async (t) => {
    const { folder, baseFolder, library } = await tinyModel(t);
    const certificate = await certificateOf(folder, { library, base: baseFolder });
    const without = await verified(certificate, folder, { library });
    assert.equal(without.exitCode, 3);
    assert.match(checkOf(without, 'not-recomputed').message, /made with --base; give it again/);
    const held = await verified(certificate, folder, { library, base: baseFolder });
    assert.deepEqual([held.recomputed, held.exitCode], [true, 0]);
    await assert.rejects(verified(await certificateOf(folder, { library }), folder, { library, base: baseFolder }), /made without --base/);
  });

  it('not-recomputed: without the base\'s signatures the figures can\'t be taken again', async (t) => {
    const { folder, library } = await tinyModel(t);
    const certificate = await certificateOf(folder, { library, assumeBase: 'tiny-base' });
    const verification = await verified(certificate, folder);
    assert.equal(verification.exitCode, 3);
    assert.match(checkOf(verification, 'not-recomputed').message, /unknown-base/);
  });

  it('is certified though no signature knows its base: the certificate says so', async (t) => {
    const folder = join(temporaryFolder(t), 'model');
    cpSync(fixture('models/qwen2'), folder, { recursive: true });
    const certificate = await certificateOf(folder);
    assert.match(certificate.measured.predicate.incomplete[0] ?? '', /no signature for a base/);
    assert.deepEqual(certificate.measured.predicate.traits, []);
    assert.deepEqual(troubles(await verified(certificate, folder)), ['warning incomplete-coverage']);
  });

  it('a reading is no model: it is not certified', async () => {
    await assert.rejects(certificateOf(join(SHIPPED_LIBRARY, 'gemma-3-270m-q4km/base.reading.safetensors')), (error: unknown) => error instanceof WeightseqError && error.code === 'usage' && error.message.includes('reading'));
  });
});
