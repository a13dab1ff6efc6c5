import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, realpathSync, symlinkSync, truncateSync } from 'node:fs';
import nodePath, { join } from 'node:path';
import { describe, it } from 'node:test';
import { batches, probeAll, probeLowRank, type ProbeJob } from '../../src/engine/index.js';
import { commonFolder } from '../../src/engine/folder.js';
import { WeightseqError } from '../../src/errors.js';
import type { TensorInfo } from '../../src/types.js';
import { assertAgrees } from '../helpers/agree.js';
import { decode } from '../helpers/reference.js';
import { rejected, thrown } from '../helpers/safetensors.js';
import { randomJob, store, temporaryFolder } from '../helpers/tensors.js';

const CPU = { executionProvider: 'cpu' } as const;
const folder = temporaryFolder();
const files = store(folder);
const job = randomJob(files, { outputs: 7, inputs: 5, rank: 2 }, 1);

/** The job with its tensors' files moved; `move` gives the new real path of a file. */
function moved(move: (file: string, index: number) => string): ProbeJob {
  let index = 0;
  const of = (tensor: TensorInfo): TensorInfo => ({ ...tensor, file: move(tensor.file, index++) });
  const { left, right } = job.delta;
  return {
    ...job,
    delta: { ...job.delta, left: { ...left, tensor: of(left.tensor) }, right: { ...right, tensor: of(right.tensor) } },
    probes: job.probes.map((probe) => ({ ...probe, U: of(probe.U), V: of(probe.V) })),
  };
}

function copyTo(file: string, target: string): string {
  mkdirSync(nodePath.dirname(target), { recursive: true });
  cpSync(file, target);
  return target;
}

describe('the folder of a session', () => {
  const { posix, win32 } = nodePath;
  const cases: readonly (readonly [files: readonly string[], folder: string, locations: readonly string[]])[] = [
    [['/a/b/x', '/a/b/y'], '/a/b', ['x', 'y']],
    [['/a/b/x', '/a/bc/y'], '/a', ['b/x', 'bc/y']],
    [['/a/b/c/x', '/a/b/y'], '/a/b', ['c/x', 'y']],
    [['/a/x', '/b/y'], '/', ['a/x', 'b/y']],
    [['/x', '/b/y', '/b/z'], '/', ['x', 'b/y', 'b/z']],
    [['/a/..b/x', '/a/y'], '/a', ['..b/x', 'y']],
  ];
  for (const [paths, expected, locations] of cases) {
    it(`${paths.join(' and ')}: ${expected}`, () => {
      const found = commonFolder(paths, posix);
      assert.equal(found.folder, expected);
      assert.deepEqual(paths.map((path) => found.locations.get(path)), locations);
    });
  }

  it('on Windows: any case, other separators', () => {
    const found = commonFolder(['C:\\Models\\a\\x', 'c:\\models\\b\\y'], win32);
    assert.equal(found.folder, 'C:\\Models');
    assert.deepEqual([...found.locations.values()], ['a/x', 'b/y']);
  });

  it('on Windows: no folder above two drives', () => {
    const error = thrown(() => commonFolder(['C:\\a\\x', 'D:\\b\\y', 'C:\\c\\z'], win32));
    assert.equal(error.code, 'engine-failed');
    assert.match(error.message, /drives/);
  });

  it('sibling folders, spaces, letters beyond ASCII', async () => {
    const other = moved((file, index) => copyTo(file, join(folder, ['one', 'one more', 'ünï 重', 'a/b/c'][index] ?? '', 'w e.safetensors')));
    assertAgrees(other, await probeLowRank(other, CPU), files);
  });

  it('folders whose only common parent is the root', async () => {
    // Any bytes are read as float8: any file outside the temporary folder will do, and none need be written there.
    const atRoot = (top: string) => top === nodePath.parse(top).root;
    const outside = [new URL('../../../package.json', import.meta.url), process.execPath].map((file) => realpathSync(file)).find((file) => atRoot(commonFolder([file, folder]).folder));
    assert.ok(outside !== undefined, 'both the repository and Node lie beside the temporary folder');
    const U: TensorInfo = { name: 'text', dtype: 'F8_E4M3', shape: [7, 2], file: outside, offset: 1, bytes: 14 };
    const other = { ...job, probes: job.probes.map((probe) => ({ ...probe, U })) };
    const text = decode('F8_E4M3', readFileSync(outside).subarray(1, 15));
    assertAgrees(other, await probeLowRank(other, CPU), { ...files, valuesOf: (tensor) => (tensor === U ? text : files.valuesOf(tensor)) });
  });

  it('files behind links, by their real path', async () => {
    const target = join(folder, 'blobs', '0abc');
    copyTo(job.delta.left.tensor.file, target);
    mkdirSync(join(folder, 'snapshots'), { recursive: true });
    symlinkSync(target, join(folder, 'snapshots', 'adapter.safetensors'));
    const other = moved((file, index) => (index === 0 ? realpathSync(join(folder, 'snapshots', 'adapter.safetensors')) : file));
    assertAgrees(other, await probeLowRank(other, CPU), files);
  });
});

describe('failures', () => {
  it('a file that was cut after its header was read: named, and no signal', async () => {
    const other = moved((file, index) => (index === 1 ? copyTo(file, join(folder, 'cut.safetensors')) : file));
    truncateSync(join(folder, 'cut.safetensors'), 8);
    const error = await rejected(probeLowRank(other, CPU));
    assert.equal(error.code, 'engine-failed');
    assert.equal(error.file, join(folder, 'cut.safetensors'));
    assert.equal(error.tensor, job.delta.right.tensor.name);
  });

  it('a file that is gone', async () => {
    const error = await rejected(probeLowRank(moved((file, index) => (index === 2 ? join(folder, 'go\nne') : file)), CPU));
    assert.equal(error.code, 'engine-failed');
    assert.equal(error.tensor, job.probes[0]?.U.name);
  });

  it('an integer factor', async () => {
    const { left } = job.delta;
    const error = await rejected(probeLowRank({ ...job, delta: { ...job.delta, left: { ...left, tensor: { ...left.tensor, dtype: 'I32' } } } }, CPU));
    assert.equal(error.code, 'engine-failed');
    assert.match(error.message, /I32/);
  });

  it('a factor whose size is not its shape\'s', async () => {
    const error = await rejected(probeLowRank({ ...job, shape: [8, 5] }, CPU));
    assert.equal(error.tensor, job.delta.left.tensor.name);
    assert.match(error.message, /56 bytes of F32 are not the 16 numbers/);
  });

  for (const executionProvider of ['cuda', 'webgpu'] as const) {
    it(`${executionProvider} works, or says that it is not there`, { skip: executionProvider === 'webgpu' && process.platform !== 'linux' }, async () => {
      try {
        assertAgrees(job, await probeLowRank(job, { executionProvider }), files);
      } catch (error) {
        assert.ok(error instanceof WeightseqError, String(error));
        assert.equal(error.code, 'provider-unavailable');
        assert.match(error.message, new RegExp(`provider ${executionProvider} is not available`));
        assert.ok(error.mend);
      }
    });
  }
});

describe('many weights', () => {
  it('one that cannot be read hides no other', async () => {
    const jobs = [job, moved((file, index) => (index === 0 ? join(folder, 'absent') : file)), job];
    const readings: { job: ProbeJob; reading: unknown }[] = [];
    for await (const one of probeAll(jobs, CPU)) readings.push(one);
    assert.deepEqual(readings.map((one) => one.job), jobs);
    assert.deepEqual(readings.map(({ reading }) => reading instanceof WeightseqError && reading.code), [false, 'engine-failed', false]);
  });

  it('share sessions within limits of bytes and number', () => {
    const big = { ...job, delta: { ...job.delta, left: { ...job.delta.left, tensor: { ...job.delta.left.tensor, bytes: 12 * 2 ** 20 } } } };
    const sizes = (jobs: ProbeJob[]): number[] => [...batches(jobs)].map((batch) => batch.length);
    assert.deepEqual(sizes([]), []);
    assert.deepEqual(sizes([big, big, job, job]), [1, 3]);
    assert.deepEqual(sizes(new Array<ProbeJob>(70).fill(job)), [32, 32, 6]);
    assert.equal([...batches([big, job, big])].flat().length, 3);
  });
});
