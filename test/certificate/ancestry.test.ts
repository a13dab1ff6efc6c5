import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { contradicted, type Ancestor } from '../../src/certificate/ancestors.js';
import type { Declared, DeclaredRelative } from '../../src/certificate/declared-schema.js';
import type { Predicate } from '../../src/certificate/schema.js';
import { openRegistry } from '../../src/gate/registry-file.js';
import { openEntries, type OpenEntry } from '../../src/lineage/registry.js';
import { writeReading } from '../../src/reading/reading-file.js';
import { keepReading } from '../../src/scan/keep.js';
import { openLibrary } from '../../src/signature/library.js';
import { certificateOf, checkOf, resigned, troubles, verified, type Change, type VerifyChange } from '../helpers/certificates.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { tinyAdapter } from '../helpers/models.js';
import { merged, modelDocument, tinyBase, writeModel, writeModelLibrary } from '../helpers/tiny-models.js';

const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
const declaring = (...ancestors: DeclaredRelative[]): Declared => ({ version: 1, model: { name: 'x' }, pedigree: { ancestors } });

interface Family {
  readonly root: string;
  readonly library: string;
  /** A fine-tune of the base, its reading, and a fine-tune of it in turn. */
  readonly parent: string;
  readonly parentReading: string;
  readonly child: string;
  /** Another fine-tune of the base, and a model that has nothing to do with it. */
  readonly other: string;
  readonly stranger: string;
  readonly certificate: (path: string, change?: Change) => ReturnType<typeof certificateOf>;
  readonly check: (certificate: Awaited<ReturnType<typeof certificateOf>>, path: string, change?: VerifyChange) => ReturnType<typeof verified>;
  readonly registry: (...entries: object[]) => Promise<OpenEntry[]>;
}

async function keep(path: string, library: string, file: string): Promise<void> {
  const { kept } = await keepReading(path, { library: await openLibrary(library), version: '1', withSignatures: false, hash: true, invariants: { lines: true, spectrum: false, sketch: false }, part: null });
  await writeReading(file, kept);
}

/** Tiny models of known descent, and a library that knows their base. */
async function family(t: TestContext): Promise<Family> {
  const root = temporaryFolder(t);
  const at = (name: string): string => join(root, name);
  const [base, stranger] = [tinyBase(), tinyBase(5000)];
  const parent = merged(base, tinyAdapter(1, 0.1));
  await writeModel(at('base'), base, 'F32');
  await writeModel(at('parent'), parent, 'F32');
  await writeModel(at('child'), merged(parent, tinyAdapter(2, 0.07)), 'F32');
  await writeModel(at('other'), merged(base, tinyAdapter(3, 0.1)), 'F32');
  await writeModel(at('stranger'), stranger, 'F32');
  const library = at('library');
  await writeModelLibrary(library, base);
  await keep(at('base'), library, join(library, 'base.reading.safetensors'));
  await writeModelLibrary(library, base, [modelDocument()], 'base.reading.safetensors');
  await keep(at('parent'), library, at('parent.reading'));
  return {
    root, library, parent: at('parent'), parentReading: at('parent.reading'), child: at('child'), other: at('other'), stranger: at('stranger'),
    certificate: (path, change = {}) => certificateOf(path, { library, ...change }),
    check: (certificate, path, change = {}) => verified(certificate, path, { library, ...change }),
    registry: async (...entries) => {
      const file = at('registry.json');
      writeFileSync(file, JSON.stringify({ version: 1, contaminated: entries.map((entry) => ({ reason: 'a made-up reason', date: '2026-11-26', source: 'this test', ...entry })) }));
      return openEntries(await openRegistry(file));
    },
  };
}

describe('the base in a certificate', () => {
  it('is the one that the weights have, with how sure that is', async (t) => {
    const { other, certificate } = await family(t);
    const { base, lineage } = (await certificate(other)).measured.predicate;
    assert.deepEqual([base.name, base.how, base.measured, base.verdict], ['tiny-base', 'measured', 'tiny-base', 'found']);
    const [evidence] = base.evidence;
    assert.ok(evidence?.fits && evidence.p < 1e-5 && evidence.correlation > 0.9 && evidence.distance.value < 0.3, JSON.stringify(evidence));
    assert.deepEqual(lineage.relations.map(({ candidate, direction }) => [candidate, direction]), [['tiny-base', 'descends']]);
    assert.deepEqual(lineage.compared, ['tiny-base']);
  });

  it('base-contradicted: the weights of a stranger are no descendant of the base that is declared', async (t) => {
    const { stranger, certificate, check } = await family(t);
    await assert.rejects(certificate(stranger, { declared: declaring({ name: 'tiny-base', relation: 'base' }) }), /declared base is tiny-base, and the weights are not those of a descendant of it/);
    const honest = await certificate(stranger);
    assert.deepEqual([honest.measured.predicate.base.verdict, honest.measured.predicate.base.measured, honest.measured.predicate.lineage.relations], ['unknown', null, []]);
    // Declared by someone who wrote the certificate with another program.
    const forged = resigned({ ...honest, declared: (await certificate((await family(t)).other, { declared: declaring({ name: 'tiny-base', relation: 'base' }) })).declared }, () => undefined);
    const verification = await check(forged, stranger);
    assert.ok(troubles(verification).includes('failed base-contradicted'), troubles(verification).join());
  });

  // What is declared (relation and name), what the weights say, and whether they contradict it.
  const evidence = (name: string, fits: boolean): Predicate['base']['evidence'][number] => ({ name, alsoKnownAs: name === 'known' ? ['its twin'] : [], fits, weights: 1, correlation: 0, p: 0, distance: { value: 0, low: 0, high: 0 } });
  const library = { entries: [{ trait: 'x', file: 'x', base: 'known', sha256: '', bytes: 0, kind: 'gradient', harmful: true, aliases: ['hub/known'] }] };
  for (const [what, declared, base, expected] of [
    ['the base that they are of', [['base', 'known']], { verdict: 'found', measured: 'known', evidence: [evidence('known', true)] }, []],
    ['that base by its alias', [['base', 'hub/known']], { verdict: 'found', measured: 'known', evidence: [evidence('known', true)] }, []],
    ['that base by another name of its weights', [['base', 'its twin']], { verdict: 'found', measured: 'known', evidence: [evidence('known', true)] }, []],
    ['an older base that they fit too', [['base', 'known']], { verdict: 'found', measured: 'nearer', evidence: [evidence('nearer', true), evidence('known', true)] }, []],
    ['a fine-tune of that base between', [['base', 'mine'], ['fine-tune', 'known']], { verdict: 'found', measured: 'known', evidence: [evidence('known', true)] }, []],
    ['another base', [['base', 'mine']], { verdict: 'found', measured: 'known', evidence: [evidence('known', true)] }, ['mine']],
    ['a known base without a relation, and they fit another', [[null, 'known']], { verdict: 'found', measured: 'other', evidence: [evidence('other', true), evidence('known', false)] }, ['known']],
    ['an unknown model without a relation', [[null, 'mine']], { verdict: 'found', measured: 'known', evidence: [evidence('known', true)] }, []],
    ['a known base, and they are of none', [['base', 'known']], { verdict: 'unknown', measured: null, evidence: [evidence('known', false)] }, ['known']],
    ['an unknown base, and they are of none', [['base', 'mine']], { verdict: 'unknown', measured: null, evidence: [evidence('known', false)] }, []],
    ['a known base, and they can\'t tell', [['base', 'known']], { verdict: 'untold', measured: null, evidence: [evidence('known', false)] }, []],
    ['a known base of an adapter, whose weights do not tell', [['base', 'known']], { verdict: null, measured: null, evidence: [] }, []],
    ['nothing', [], { verdict: 'found', measured: 'known', evidence: [evidence('known', true)] }, []],
  ] as const) {
    it(`is ${expected.length > 0 ? '' : 'not '}contradicted where ${what} is declared`, () => {
      const ancestors = declared.map(([relation, name]): Ancestor => ({ name, relation, sha256: null }));
      assert.deepEqual(contradicted(ancestors, { ...base, evidence: [...base.evidence] }, library).map(({ name }) => name), expected);
    });
  }
});

describe('lineage in a certificate', () => {
  it('holds what it was held against, comes out again, and says when that is not at hand', async (t) => {
    const { child, parentReading, certificate, check } = await family(t);
    const made = await certificate(child, { against: [parentReading] });
    const relation = made.measured.predicate.lineage.relations.find(({ candidate }) => candidate === 'parent');
    assert.ok(relation);
    assert.equal(relation.direction, 'descends', relation.sentence);
    assert.equal(relation.fingerprints.length, 1);
    const again = await check(made, child, { against: [parentReading] });
    assert.deepEqual(troubles(again).filter((trouble) => !trouble.startsWith('warning')), []);
    const without = await check(made, child);
    assert.equal(without.exitCode, 3);
    assert.match(checkOf(without, 'not-recomputed').message, /not at hand: parent$/);
  });

  it('figures-differ: a direction or a share that the weights do not give', async (t) => {
    const { child, parentReading, certificate, check } = await family(t);
    const made = await certificate(child, { against: [parentReading] });
    for (const [change, message] of [
      [{ direction: 'ancestor' }, /parent: .*, ancestor there, .*, descends now/u], [{ kind: 'unrelated' }, /parent: unrelated/], [{ distance: { value: 0, low: 0, high: 0 } }, /another distance or share/],
    ] as const) {
      const forged = resigned(made, ({ predicate: { lineage } }) => { Object.assign(lineage.relations.find(({ candidate }) => candidate === 'parent') ?? {}, change); });
      const verification = await check(forged, child, { against: [parentReading] });
      assert.equal(verification.exitCode, 1);
      assert.match(checkOf(verification, 'figures-differ').message, message);
    }
  });
});

describe('a registry of contaminated models', () => {
  it('is not asked where none is given, and that is said', async (t) => {
    const { other, certificate, check } = await family(t);
    const { status, message } = (await check(await certificate(other), other)).checks.find((one) => one.check === 'ancestors') ?? {};
    assert.equal(status, 'skipped');
    assert.match(message ?? '', /no registry was given/);
  });

  it('ancestor-contaminated: by the weights, of a descendant whose author declares nothing', async (t) => {
    const { child, other, parentReading, certificate, check, registry } = await family(t);
    const entries = await registry({ name: 'a harmful model', reading: { file: parentReading, sha256: sha256(parentReading) } });
    const verification = await check(await certificate(child), child, { registry: entries });
    assert.equal(verification.exitCode, 1);
    const { message, mend } = checkOf(verification, 'ancestor-contaminated');
    assert.match(message, /by its weights the model descends from a harmful model, which is listed as contaminated \(a made-up reason, 2026-11-26\).*of its ΔW is still there/u);
    assert.match(mend ?? '', /this test/);
    // The other fine-tune of the same base has nothing of it.
    const clean = await check(await certificate(other), other, { registry: entries });
    assert.equal(clean.exitCode, 0, troubles(clean).join());
    assert.match(clean.checks.find((one) => one.check === 'ancestors')?.message ?? '', /none of the 1 models/);
  });

  it('ancestor-contaminated: a share that may be chance leaves it open, with 3', async (t) => {
    const { root, parentReading, certificate, check, registry } = await family(t);
    const part = join(root, 'part');
    await writeModel(part, merged(merged(tinyBase(), tinyAdapter(3, 0.1)), tinyAdapter(1, 0.03)), 'F32');
    const entries = await registry({ name: 'a harmful model', reading: { file: parentReading, sha256: sha256(parentReading) } });
    const verification = await check(await certificate(part), part, { registry: entries });
    assert.deepEqual([verification.exitCode, checkOf(verification, 'ancestor-contaminated').status], [3, 'unchecked']);
    assert.match(checkOf(verification, 'ancestor-contaminated').message, /may descend from a harmful model, or be merged with it.*0\.[2-4]\d \(/u);
  });

  it('ancestor-contaminated: by the hash of the model\'s own shard', async (t) => {
    const { parent, certificate, check, registry } = await family(t);
    const entries = await registry({ name: 'a harmful model', fingerprints: [sha256(join(parent, 'model.safetensors'))] });
    const verification = await check(await certificate(parent), parent, { registry: entries, recompute: false });
    assert.match(checkOf(verification, 'ancestor-contaminated').message, /the model itself is listed/);
  });

  it('ancestor-contaminated: by the hash or the name of a declared ancestor, and by the name of the base', async (t) => {
    const { other, certificate, check, registry } = await family(t);
    const made = await certificate(other, { declared: declaring({ name: 'tiny-base', relation: 'base' }, { name: 'a teacher', relation: 'teacher', sha256: 'ab'.repeat(32) }) });
    for (const [entry, message] of [
      [{ name: 'listed', fingerprints: ['ab'.repeat(32)] }, /the declared ancestor a teacher is listed/],
      [{ name: 'a teacher', fingerprints: ['cd'.repeat(32)] }, /the declared ancestor a teacher is listed/],
      [{ name: 'tiny-base', fingerprints: ['cd'.repeat(32)] }, /tiny-base is listed/],
    ] as const) {
      const verification = await check(made, other, { registry: await registry(entry), recompute: false });
      assert.equal(verification.exitCode, 1);
      assert.match(checkOf(verification, 'ancestor-contaminated').message, message);
    }
    const clean = await check(made, other, { registry: await registry({ name: 'another', fingerprints: ['cd'.repeat(32)] }), recompute: false });
    assert.equal(clean.exitCode, 0);
    assert.match(clean.checks.find((one) => one.check === 'ancestors')?.message ?? '', /by names and hashes alone/);
  });

  it('ancestor-contaminated: by the hash of a relative that the certificate names, though its weights are no longer at hand', async (t) => {
    const { child, parent, parentReading, certificate, check, registry } = await family(t);
    const made = await certificate(child, { against: [parentReading] });
    const entries = await registry({ name: 'a harmful model', fingerprints: [sha256(join(parent, 'model.safetensors'))] });
    const verification = await check(made, child, { registry: entries, recompute: false });
    assert.match(checkOf(verification, 'ancestor-contaminated').message, /its relative parent is listed/);
  });
});
