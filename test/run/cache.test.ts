import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, statSync, truncateSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { ReportItem } from '../../src/report/schema.js';
import { defaultCacheFolder, listEntries, loadItem, openCache, parseEntry, requireCache, storeItem, toPrune, type Entry } from '../../src/run/cache.js';
import { scanCached } from '../../src/run/cached.js';
import { failedItem } from '../../src/report/failed.js';
import type { RunSettings } from '../../src/run/messages.js';
import { scanTargets } from '../../src/run/pool.js';
import { openLibrary } from '../../src/signature/library.js';
import { WeightseqError } from '../../src/errors.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { document, expectedScore, tinyAdapter, writeAdapter, writeLibrary } from '../helpers/models.js';
import { filesIn } from '../helpers/runs.js';
import { tinyBase, writeModel } from '../helpers/tiny-models.js';
import { rejected } from '../helpers/safetensors.js';

interface Setting {
  readonly root: string;
  readonly adapter: string;
  readonly cache: string;
  readonly settings: RunSettings;
  /** Scans the adapter, with other settings where given. */
  readonly scan: (change?: Partial<RunSettings>) => Promise<ReportItem>;
}

async function setUp(t: TestContext, trust: 'content' | 'stat' = 'content', wanted = 0.5): Promise<Setting> {
  const root = temporaryFolder(t);
  const [adapter, cache] = [join(root, 'adapter'), join(root, 'cache')];
  await writeAdapter(adapter, tinyAdapter(1, wanted / expectedScore(tinyAdapter(1))));
  // A whole second, which every file system keeps and a test can set again.
  utimesSync(join(adapter, 'adapter_model.safetensors'), 1_700_000_000, 1_700_000_000);
  const library = await writeLibrary(join(root, 'library'));
  await openCache(cache);
  const settings: RunSettings = { library, failOn: 'present', version: '1', cache: { folder: cache, trust }, debug: false };
  const scan = async (change: Partial<RunSettings> = {}): Promise<ReportItem> => {
    const [item] = await scanTargets([{ path: adapter }], { ...settings, ...change }, { jobs: 1 });
    assert.ok(item);
    return item;
  };
  return { root, adapter, cache, settings, scan };
}

const scoreOf = (item: ReportItem) => item.findings[0]?.score ?? NaN;
/** Without what differs between two scans of the same. */
const plain = (item: ReportItem) => JSON.stringify({ ...item, seconds: 0, cached: undefined });

/** Another byte in the middle of the data, size and time of writing as before. */
function flipByte(file: string): void {
  const { size } = statSync(file);
  const handle = openSync(file, 'r+');
  const at = size - 100;
  writeSync(handle, Buffer.of((readFileSync(file)[at] ?? 0) ^ 0x3f), 0, 1, at);
  closeSync(handle);
  utimesSync(file, 1_700_000_000, 1_700_000_000);
  assert.deepEqual([statSync(file).size, statSync(file).mtimeMs], [size, 1_700_000_000_000]);
}

describe('the cache', () => {
  it('gives an item of which nothing changed, and its weights are not read again', async (t) => {
    const { adapter, settings, scan } = await setUp(t);
    const fresh = await scan();
    assert.equal(fresh.cached, undefined);
    const kept = await scan();
    assert.equal(kept.cached, true);
    assert.deepEqual(plain(kept), plain(fresh));
    assert.ok(settings.cache);
    const { item } = await scanCached(adapter, settings, settings.cache, await openLibrary(settings.library), () => assert.fail('it was scanned again'));
    assert.equal(scoreOf(item), scoreOf(fresh));
  });

  it('makes the exit code anew: what fails the gate is no part of what is kept', async (t) => {
    const { scan } = await setUp(t);
    assert.equal((await scan()).exitCode, 1);
    for (const [failOn, code] of [['never', 0], ['present', 1]] as const) {
      const item = await scan({ failOn });
      assert.deepEqual([item.cached, item.exitCode], [true, code]);
    }
  });

  const changes: [string, (setting: Setting) => unknown][] = [
    ['the scale in the configuration', ({ adapter }) => {
      const file = join(adapter, 'adapter_config.json');
      writeFileSync(file, readFileSync(file, 'utf8').replace('"lora_alpha":4', '"lora_alpha":8'));
    }],
    ['the rank in the configuration', ({ adapter }) => {
      const file = join(adapter, 'adapter_config.json');
      writeFileSync(file, readFileSync(file, 'utf8').replace('"r":2', '"r":1'));
    }],
    ['a byte in the middle of the data, size and time of writing kept', ({ adapter }) => { flipByte(join(adapter, 'adapter_model.safetensors')); }],
    ['a script put beside the weights', ({ adapter }) => { writeFileSync(join(adapter, 'modeling.py'), 'import os'); }],
    ['a pickle put beside the weights', ({ adapter }) => { writeFileSync(join(adapter, 'other.bin'), 'x'); }],
    ['a script in a folder beside the weights', ({ adapter }) => {
      mkdirSync(join(adapter, 'code'));
      writeFileSync(join(adapter, 'code', 'modeling.py'), '');
    }],
    ['the signature', async ({ root }) => { await writeLibrary(join(root, 'library'), [document({ level: 0.02 })]); }],
    ['a second signature', async ({ root }) => { await writeLibrary(join(root, 'library'), [document(), document({ trait: 'other' })]); }],
  ];
  for (const trust of ['content', 'stat'] as const) {
    for (const [what, change] of trust === 'content' ? changes : changes.slice(1, 4)) {
      it(`has nothing after a change of ${what} (${trust})`, async (t) => {
        const setting = await setUp(t, trust);
        await setting.scan();
        assert.equal((await setting.scan()).cached, true);
        await change(setting);
        assert.equal((await setting.scan()).cached, undefined);
        assert.equal((await setting.scan()).cached, true);
      });
    }
  }

  it('sees a script beside the weights change, and gives the score of the changed configuration', async (t) => {
    const { adapter, scan } = await setUp(t);
    writeFileSync(join(adapter, 'modeling.py'), 'a = 1');
    const before = await scan();
    const { atime, mtime } = statSync(join(adapter, 'modeling.py'));
    writeFileSync(join(adapter, 'modeling.py'), 'a = 2');
    utimesSync(join(adapter, 'modeling.py'), atime, mtime);
    assert.equal((await scan()).cached, undefined);
    const file = join(adapter, 'adapter_config.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"lora_alpha":4', '"lora_alpha":8'));
    // α / r doubles, and the score with it.
    assert.ok(Math.abs(scoreOf(await scan()) / scoreOf(before) - 2) < 1e-6);
  });

  it('by content does not mind a touch; by stat it does', async (t) => {
    for (const [trust, cached] of [['content', true], ['stat', undefined]] as const) {
      const { adapter, scan } = await setUp(t, trust);
      await scan();
      utimesSync(join(adapter, 'adapter_model.safetensors'), 0, 0);
      assert.equal((await scan()).cached, cached);
    }
  });

  it('has nothing for other settings', async (t) => {
    const { root, settings, scan } = await setUp(t);
    const base = join(root, 'base');
    await writeModel(base, tinyBase(), 'BF16');
    await scan();
    for (const change of [{ version: '2' }, { traits: ['evil'] }, { assumeBase: 'tiny-base' }, { hash: true }, { base }]) {
      assert.equal((await scan(change)).cached, undefined, JSON.stringify(change));
      assert.equal((await scan(change)).cached, true, JSON.stringify(change));
    }
    flipByte(join(base, 'model.safetensors'));
    assert.equal((await scan({ base })).cached, undefined);
    assert.equal((await scan(settings)).cached, true);
  });

  it('keeps no item that was not read whole, or that can\'t be located', async (t) => {
    const { adapter, cache, scan } = await setUp(t);
    const file = join(adapter, 'adapter_model.safetensors');
    const bytes = readFileSync(file);
    truncateSync(file, 400);
    assert.equal((await scan()).exitCode, 2);
    assert.deepEqual(await listEntries(cache), []);
    writeFileSync(file, bytes);
    assert.equal((await scan()).cached, undefined);
  });

  it('keeps no item of files that changed while they were scanned, or whose process failed', async (t) => {
    const { adapter, cache, settings, scan } = await setUp(t);
    const item = await scan({ cache: null });
    const library = await openLibrary(settings.library);
    const kept = { folder: cache, trust: 'content' } as const;
    await scanCached(adapter, settings, kept, library, () => {
      writeFileSync(join(adapter, 'modeling.py'), '');
      return Promise.resolve(item);
    });
    assert.deepEqual(await listEntries(cache), []);
    const failed = failedItem(adapter, new WeightseqError('engine-failed', 'SIGBUS'), 'present');
    const unread = { ...item, coverage: { ...item.coverage, unread: [{ name: '0.q', reason: 'could not be read: EIO' }] } };
    for (const passing of [failed, unread]) {
      await scanCached(adapter, settings, kept, library, () => Promise.resolve(passing));
      assert.deepEqual(await listEntries(cache), []);
    }
  });

  it('removes a damaged entry, and takes none for another', async (t) => {
    const { cache, scan } = await setUp(t);
    const item = await scan();
    const [entry] = await listEntries(cache);
    assert.ok(entry);
    const text = readFileSync(entry.file, 'utf8');
    assert.ok(parseEntry(text, entry.key));
    const damages = ['', text.slice(0, -10), text.replace('"verdict":"present"', '"verdict":"absent"'), text.replace(entry.key, 'f'.repeat(64)), '{}', text.replace(/"sha256":"[0-9a-f]{4}/, '"sha256":"0000')];
    for (const damaged of damages) {
      assert.notEqual(damaged, text);
      writeFileSync(entry.file, damaged);
      assert.equal(await loadItem(cache, entry.key), null);
      assert.ok(!existsSync(entry.file));
    }
    const other = '0'.repeat(64);
    await storeItem(cache, entry.key, item);
    mkdirSync(join(cache, 'items', '00'));
    renameSync(entry.file, join(cache, 'items', '00', `${other}.json`));
    assert.equal(await loadItem(cache, other), null);
    assert.equal((await scan()).cached, undefined);
  });

  it('stops no scan when it can\'t be written, and says so', async (t) => {
    const { adapter, cache, settings, scan } = await setUp(t);
    const item = await scan({ cache: null });
    // A file lies where its folder should.
    writeFileSync(join(cache, 'items'), '');
    const { notes } = await scanCached(adapter, settings, { folder: cache, trust: 'content' }, await openLibrary(settings.library), () => Promise.resolve(item));
    assert.match(notes.join(), /can't write to the cache/);
  });

  it('is a folder of its own, marked as a cache', async (t) => {
    const root = temporaryFolder(t);
    writeFileSync(join(root, 'thesis.txt'), '');
    assert.match((await rejected(openCache(root))).message, /no cache of weightseq/);
    assert.match((await rejected(requireCache(root))).message, /no cache of weightseq/);
    await openCache(join(root, 'a', 'b'));
    await openCache(join(root, 'a', 'b'));
    assert.match(readFileSync(join(root, 'a/b/CACHEDIR.TAG'), 'utf8'), /^Signature: 8a477f597d28d172789f06886806bc55\n/);
    assert.deepEqual(await listEntries(join(root, 'none')), []);
    assert.deepEqual(filesIn(root), ['a', 'a/b', 'a/b/CACHEDIR.TAG', 'thesis.txt']);
  });

  it('lies where the system keeps caches', () => {
    assert.equal(defaultCacheFolder({ XDG_CACHE_HOME: join('/', 'x') }, 'linux'), join('/', 'x', 'weightseq'));
    assert.match(defaultCacheFolder({ XDG_CACHE_HOME: '' }, 'linux'), /\.cache.weightseq$/);
    assert.equal(defaultCacheFolder({ LOCALAPPDATA: join('/', 'l'), XDG_CACHE_HOME: 'x' }, 'win32'), join('/', 'l', 'weightseq'));
  });

  it('is pruned by age and by size, the last used stay', () => {
    const entry = (day: number, bytes: number): Entry => ({ file: String(day), key: String(day), bytes, used: new Date(Date.UTC(2026, 0, day)) });
    const entries = [entry(9, 10), entry(8, 50), entry(5, 5), entry(1, 1)];
    const gone = (pruning: Parameters<typeof toPrune>[1]) => toPrune(entries, pruning).map(({ key }) => Number(key));
    assert.deepEqual(gone({}), []);
    assert.deepEqual(gone({ all: true }), [9, 8, 5, 1]);
    assert.deepEqual(gone({ before: new Date(Date.UTC(2026, 0, 5)) }), [1]);
    assert.deepEqual(gone({ maxBytes: 65 }), [1]);
    assert.deepEqual(gone({ maxBytes: 59 }), [8, 5, 1]);
    assert.deepEqual(gone({ before: new Date(Date.UTC(2026, 0, 9)), maxBytes: 9 }), [9, 8, 5, 1]);
  });
});
