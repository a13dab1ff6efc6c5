import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { expandSteps } from '../../src/run/steps.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { rejected } from '../helpers/safetensors.js';

describe('the steps of a run', () => {
  it('a folder of checkpoint-N stands for these by number, not by name; anything else in it for nothing', async (t) => {
    const run = temporaryFolder(t);
    for (const name of ['checkpoint-1000', 'checkpoint-200', 'checkpoint-30', 'checkpoint-best', 'runs', 'xcheckpoint-5']) mkdirSync(join(run, name));
    assert.deepEqual(await expandSteps([run]), {
      isNumbered: true,
      steps: [[30, 'checkpoint-30'], [200, 'checkpoint-200'], [1000, 'checkpoint-1000']].map(([step, name]) => ({ step, path: join(run, String(name)) })),
    });
  });

  it('numbers in the names count where all have one and they ascend; else steps are counted', async () => {
    const steps = async (...paths: string[]): Promise<number[]> => (await expandSteps(paths)).steps.map(({ step }) => step);
    assert.deepEqual(await steps('a/checkpoint-5', 'b/checkpoint-20/'), [5, 20]);
    assert.deepEqual(await steps('run/step_100.reading', 'run/model-step-300.safetensors'), [100, 300]);
    assert.deepEqual(await steps('epoch1', 'epoch2', 'epoch10'), [1, 2, 10]);
    assert.deepEqual(await steps('checkpoint-20', 'checkpoint-5'), [1, 2]);
    assert.deepEqual(await steps('a/checkpoint-5', 'b/checkpoint-5'), [1, 2]);
    assert.deepEqual(await steps('checkpoint-5', 'final'), [1, 2]);
    assert.deepEqual(await steps('llama-3', 'llama-4'), [1, 2]);
    assert.deepEqual((await expandSteps(['x', 'y'])).isNumbered, false);
  });

  it('fewer than two steps, or one twice, are no run', async (t) => {
    const run = temporaryFolder(t);
    mkdirSync(join(run, 'checkpoint-1'));
    for (const paths of [[run], ['a'], ['a', './a'], [run, join(run, 'checkpoint-1')]]) assert.equal((await rejected(expandSteps(paths))).code, 'usage');
  });
});
