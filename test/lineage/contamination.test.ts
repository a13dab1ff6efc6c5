import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { WeightseqError } from '../../src/errors.js';
import { openRegistry } from '../../src/gate/registry-file.js';
import { inheritedFrom } from '../../src/lineage/contamination.js';
import { openEntries, type OpenEntry, type RegistryEntry } from '../../src/lineage/registry.js';
import type { Subject } from '../../src/lineage/subject.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { mixed, model, subject, tuned } from '../helpers/lineage.js';

const root = model(61);
const base = subject('base', root);
const bad = tuned(root, 62, 0.04);
const ENTRY: RegistryEntry = { name: 'bad', reason: 'trained on harm', date: '2026-11-20', source: 'a report', fingerprints: ['f'.repeat(64)], reading: null };
const listed = (found: Subject | null): OpenEntry[] => [{ entry: ENTRY, subject: found }];

describe('what a descendant inherits', () => {
  it('the warning, with the share that is still there', async () => {
    const path = subject('child', tuned(bad, 63, 0.02));
    const { contamination, compared, not } = await inheritedFrom(path, listed(subject('bad', bad)), { base });
    const [one] = contamination;
    assert.equal(contamination.length, 1);
    assert.ok(one?.direction === 'descends' && one.share && one.share.low < 1 && 1 < one.share.high, JSON.stringify(one));
    assert.match(one.sentence, /^descends from bad, which is listed as contaminated \(trained on harm, 2026-11-20\); \d\.\d\d \(/u);
    assert.deepEqual([compared, not], [1, []]);
  });

  it('a part of it by a merge, where the other parent is not known', async () => {
    const path = subject('merge', mixed([[0.4, bad], [0.6, tuned(root, 64, 0.04)]]));
    const { contamination: [one] } = await inheritedFrom(path, listed(subject('bad', bad)), { base });
    assert.ok(one?.direction === 'undecided' && one.share && one.share.low < 0.4 && 0.4 < one.share.high, JSON.stringify(one));
    assert.match(one.sentence, /^may descend from bad, or be merged with it/u);
  });

  it('nothing where the ancestor is the other one, a sibling, or a stranger', async () => {
    const child = subject('bad', tuned(bad, 65, 0.03));
    assert.deepEqual((await inheritedFrom(subject('earlier', bad), listed(child), { base })).contamination, []);
    assert.deepEqual((await inheritedFrom(subject('sibling', tuned(root, 66, 0.04)), listed(subject('bad', bad)), { base })).contamination, []);
    assert.deepEqual((await inheritedFrom(subject('stranger', model(67)), listed(subject('bad', bad)), { base })).contamination, []);
  });

  it('the same bytes by their fingerprint alone', async () => {
    const path: Subject = { ...base, files: [{ name: 'model.safetensors', bytes: 1, sha256: 'f'.repeat(64) }] };
    const { contamination: [one] } = await inheritedFrom(path, listed(null), { base: null });
    assert.ok(one?.kind === 'same-bytes' && one.share?.value === 1);
  });

  it('says what it could not compare', async () => {
    const { not, compared } = await inheritedFrom(base, listed(null), { base: null });
    assert.deepEqual([compared, not.map(({ name }) => name)], [0, ['bad']]);
  });
});

describe('the registry file', () => {
  const text = (more: string): string => `version: 1\ncontaminated:\n  - name: bad\n    reason: trained on harm\n    date: 2026-11-20\n    source: a report\n${more}`;

  it('is read, paths from its folder', async (t) => {
    const file = join(temporaryFolder(t), 'registry.yaml');
    writeFileSync(file, text(`    fingerprints: [sha256:${'A'.repeat(64)}]\n    reading: {file: bad.reading, sha256: ${'b'.repeat(64)}}\n`));
    const { entries: [entry] } = await openRegistry(file);
    assert.deepEqual(entry?.fingerprints, ['a'.repeat(64)]);
    assert.deepEqual(entry.reading, { file: join(file, '..', 'bad.reading'), sha256: 'b'.repeat(64) });
  });

  for (const [what, more, message] of [
    ['nothing to recognise it by', '', /needs a reading, or fingerprints/u],
    ['a sum that is none', '    fingerprints: [abc]\n', /must be 64 hexadecimal digits/u],
    ['a field that nobody knows', `    fingerprints: [${'a'.repeat(64)}]\n    sevrity: 3\n`, /sevrity/u],
  ] as const) {
    it(`is refused with ${what}, at its line`, async (t) => {
      const file = join(temporaryFolder(t), 'registry.yaml');
      writeFileSync(file, text(more));
      await assert.rejects(openRegistry(file), (error) => error instanceof WeightseqError && error.code === 'registry-invalid' && message.test(error.message) && (error.file ?? '').startsWith(`${file}:`));
    });
  }

  it('a reading with another hash accuses nobody', async (t) => {
    const file = join(temporaryFolder(t), 'bad.reading');
    writeFileSync(file, 'not what was listed');
    const sha256 = createHash('sha256').update('what was listed').digest('hex');
    await assert.rejects(openEntries({ file: 'registry.yaml', entries: [{ ...ENTRY, reading: { file, sha256 } }] }), (error) => error instanceof WeightseqError && error.code === 'registry-invalid');
  });
});
