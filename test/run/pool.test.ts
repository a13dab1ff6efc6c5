import assert from 'node:assert/strict';
import { linkSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { laneCount } from '../../cli/run-options.js';
import { WeightseqError } from '../../src/errors.js';
import type { ReportItem } from '../../src/report/schema.js';
import type { Finished, RunSettings } from '../../src/run/messages.js';
import { scanTargets } from '../../src/run/pool.js';
import { writeShard } from '../helpers/checkpoints.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { expectedScore, tinyAdapter, writeAdapter, writeLibrary } from '../helpers/models.js';
import { childrenOf, writeLargeAdapter } from '../helpers/runs.js';

async function setUp(t: TestContext): Promise<{ root: string; settings: RunSettings; adapter: string }> {
  const root = temporaryFolder(t);
  const adapter = join(root, 'adapter');
  await writeAdapter(adapter, tinyAdapter(1, 0.5 / expectedScore(tinyAdapter(1))));
  const library = await writeLibrary(join(root, 'library'));
  return { root, adapter, settings: { library, failOn: 'present', version: '0.0.0', cache: null, debug: false } };
}

function codesOf(items: readonly (ReportItem | null)[]): (number | undefined)[] {
  return items.map((item) => item?.exitCode);
}

describe('a pool', () => {
  it('gives the items in the order of the targets, with one process or several', async (t) => {
    const { root, adapter, settings } = await setUp(t);
    const targets = [{ path: join(root, 'none') }, { path: adapter }, { path: root, error: new WeightseqError('not-a-model', 'nothing there') }, { path: adapter }];
    for (const jobs of [1, 3]) {
      const order: number[] = [];
      const items = await scanTargets(targets, settings, { jobs, onItem: (index) => order.push(index) });
      assert.deepEqual(codesOf(items), [2, 1, 2, 1]);
      assert.deepEqual(items.map((item) => item?.errors.map(({ code }) => code)), [['not-found'], [], ['not-a-model'], []]);
      assert.deepEqual(order.sort(), [0, 1, 2, 3]);
      assert.ok(Math.abs((items[1]?.findings[0]?.score ?? NaN) - 0.5) < 1e-5);
    }
  });

  it('refuses settings that are no good, whatever there is to scan', async (t) => {
    const { root, adapter, settings } = await setUp(t);
    const empty = [{ path: root, error: new WeightseqError('not-a-model', 'nothing there') }];
    for (const [change, code] of [[{ traits: ['nonsense'] }, 'unknown-trait'], [{ library: join(root, 'none') }, 'signature-invalid']] as const) {
      for (const targets of [empty, [{ path: adapter }]]) {
        await assert.rejects(scanTargets(targets, { ...settings, ...change }, { jobs: 2 }), (error) => error instanceof WeightseqError && error.code === code);
      }
    }
  });

  it('replaces a process that is killed, and gives its item an error', { skip: process.platform !== 'linux' }, async (t) => {
    const { root, adapter, settings } = await setUp(t);
    writeLargeAdapter(join(root, 'large'), 100);
    const targets = [{ path: adapter }, { path: join(root, 'large') }, { path: adapter }];
    const killed: number[] = [];
    const items = await scanTargets(targets, settings, {
      jobs: 1,
      onProgress: (index) => {
        if (index !== 1 || killed.length > 0) return;
        for (const pid of childrenOf(process.pid)) {
          process.kill(pid, 'SIGKILL');
          killed.push(pid);
        }
      },
    });
    assert.equal(killed.length, 1);
    assert.deepEqual(codesOf(items), [1, 3, 1]);
    assert.deepEqual(items[1]?.errors.map(({ code }) => code), ['engine-failed']);
    assert.match(items[1].errors[0]?.message ?? '', /SIGKILL/);
  });

  it('between two items replaces one that died, which is not the next one\'s fault', { skip: process.platform !== 'linux' }, async (t) => {
    const { adapter, settings } = await setUp(t);
    const items = await scanTargets([{ path: adapter }, { path: adapter }], settings, {
      jobs: 1, onItem: (index) => { if (index === 0) for (const pid of childrenOf(process.pid)) process.kill(pid, 'SIGKILL'); },
    });
    // The signal and the next order cross: the one that died may have taken it.
    assert.equal(codesOf(items)[0], 1);
    assert.ok([1, 3].includes(codesOf(items)[1] ?? NaN));
  });

  const damages: [string, (file: string) => void][] = [
    ['truncated', (file) => { truncateSync(file, 4_000_000); }],
    ['emptied', (file) => { truncateSync(file, 0); }],
    ['deleted', (file) => { rmSync(file); }],
    ['written over', (file) => { writeFileSync(file, Buffer.alloc(5_000_000, 1)); }],
    ['replaced', (file) => {
      writeFileSync(`${file}.new`, Buffer.alloc(1000));
      renameSync(`${file}.new`, file);
    }],
  ];
  for (const [how, damage] of damages) {
    it(`an adapter that is ${how} while it is read is incomplete, and hides no other`, async (t) => {
      const { root, adapter, settings } = await setUp(t);
      const file = writeLargeAdapter(join(root, 'large'), 100);
      let steps = 0;
      const items = await scanTargets([{ path: join(root, 'large') }, { path: adapter }], settings, {
        jobs: 1, onProgress: (index) => { if (index === 0 && steps++ === 0) damage(file); },
      });
      assert.ok(steps > 0);
      assert.deepEqual(codesOf(items), [3, 1]);
      const said = [...(items[0]?.errors.map(({ message }) => message) ?? []), ...(items[0]?.coverage.unread.map(({ reason }) => reason) ?? [])].join('\n');
      assert.match(said, /SIGBUS|could not be read|the file changed while it was read/);
    });

    it(`a shard of a checkpoint that is ${how} while it is read is incomplete, and hides no other`, async (t) => {
      const { root, adapter, settings } = await setUp(t);
      const file = join(root, 'model', 'model.safetensors');
      await writeShard(file, Array.from({ length: 8 }, (_, layer) => [`model.layers.${layer}.self_attn.q_proj.weight`, [2048, 4096], 'F32'] as const));
      let steps = 0;
      const items = await scanTargets([{ path: join(root, 'model') }, { path: adapter }], settings, {
        jobs: 1, onProgress: (index) => { if (index === 0 && steps++ === 0) damage(file); },
      });
      assert.ok(steps > 0);
      assert.deepEqual(codesOf(items), [3, 1]);
    });
  }

  it('that is ended gives what is finished', async (t) => {
    const { root, adapter, settings } = await setUp(t);
    writeLargeAdapter(join(root, 'large'), 200);
    const ending = new AbortController();
    const items = await scanTargets([{ path: adapter }, { path: join(root, 'large') }, { path: adapter }], settings, {
      jobs: 1, signal: ending.signal, onProgress: (index) => { if (index === 1) ending.abort(); },
    });
    assert.deepEqual(codesOf(items), [1, undefined, undefined]);
    if (process.platform === 'linux') assert.deepEqual(childrenOf(process.pid), []);
  });

  it('takes a thousand adapters without growing', async (t) => {
    const { root, adapter, settings } = await setUp(t);
    const targets = Array.from({ length: 1000 }, (_, i) => ({ path: join(root, 'many', String(i)) }));
    for (const { path } of targets) {
      mkdirSync(path, { recursive: true });
      for (const name of ['adapter_config.json', 'adapter_model.safetensors']) linkSync(join(adapter, name), join(path, name));
    }
    const used: { readonly child: number; readonly parent: number }[] = [];
    const items = await scanTargets(targets, settings, {
      jobs: 1, onItem: (_, { rss }: Finished) => used.push({ child: rss, parent: process.memoryUsage.rss() }),
    });
    assert.ok(codesOf(items).every((code) => code === 1));
    // After the first hundred, when all code is loaded; the lowest of each stretch is what the collector can't free.
    for (const who of ['child', 'parent'] as const) {
      const least = (from: number, to: number) => Math.min(...used.slice(from, to).map((u) => u[who]));
      const growth = least(800, 1000) - least(100, 300);
      assert.ok(growth < 40e6, `${who}: ${growth} bytes over 700 adapters`);
    }
  });
});

describe('processes and threads', () => {
  it('are no more than cores, items and what was asked for', () => {
    assert.deepEqual(laneCount(1, 10, 8), { jobs: 1, threads: undefined });
    assert.deepEqual(laneCount(4, 10, 8), { jobs: 4, threads: 2 });
    assert.deepEqual(laneCount(16, 10, 8), { jobs: 8, threads: 1 });
    assert.deepEqual(laneCount(16, 2, 8), { jobs: 2, threads: 4 });
    assert.deepEqual(laneCount(3, 0, 2), { jobs: 1, threads: undefined });
  });
});
