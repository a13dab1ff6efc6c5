import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Report, ReportItem } from '../../src/report/schema.js';
import { fixture, temporaryFolder } from '../helpers/fixtures.js';
import { expectedScore, tinyAdapter, writeAdapter, writeLibrary } from '../helpers/models.js';

const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const schema = JSON.parse(readFileSync(new URL('../../../schemas/report.schema.json', import.meta.url), 'utf8')) as object;
const validate = new Ajv2020({ strict: true }).compile(schema);
const PICKLE = fixture('safetensors/foreign/torch-zip.pt');

function scan(path: string, ...more: string[]): ReportItem {
  const { stdout } = spawnSync(process.execPath, [main, 'scan', path, '--format', 'json', ...more], { encoding: 'utf8' });
  const report = JSON.parse(stdout) as Report;
  assert.ok(validate(report), JSON.stringify(validate.errors));
  assert.ok(report.items[0]);
  return report.items[0];
}

const listed = ({ beside }: ReportItem): string[] => beside.map(({ name, what }) => `${name}: ${what}`);

describe('what lies beside the weights, in a report', () => {
  it('is listed for an adapter, and leaves verdict and exit code alone', async (t) => {
    const root = temporaryFolder(t);
    const library = await writeLibrary(join(root, 'library'));
    const folder = join(root, 'adapter');
    await writeAdapter(folder, tinyAdapter(1, 0.0001 / expectedScore(tinyAdapter(1))));
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ auto_map: { AutoTokenizer: ['a.B', null] } }));
    writeFileSync(join(folder, 'setup.py'), '');
    mkdirSync(join(folder, 'extra'));
    copyFileSync(PICKLE, join(folder, 'extra', 'notes.txt'));
    const item = scan(folder, '--signatures', library);
    assert.equal(item.exitCode, 0);
    assert.deepEqual(listed(item), ['extra/notes.txt: pickle', 'setup.py: script', 'tokenizer_config.json: remote-code']);
  });

  it('is listed for a whole checkpoint, whose own shards are not', (t) => {
    const folder = join(temporaryFolder(t), 'model');
    cpSync(fixture('models/llama-sharded'), folder, { recursive: true });
    writeFileSync(join(folder, 'modeling.py'), '');
    writeFileSync(join(folder, 'consolidated.safetensors'), '');
    const item = scan(folder);
    assert.deepEqual(listed(item), ['consolidated.safetensors: weights', 'modeling.py: script']);
    assert.ok(item.coverage.unread.some(({ name }) => name === 'consolidated.safetensors'), 'it stays a gap');
  });

  it('is listed where the scan fails, of an adapter and of a model that are only a pickle', (t) => {
    for (const name of ['adapter_model.bin', 'pytorch_model.bin']) {
      const folder = temporaryFolder(t);
      copyFileSync(PICKLE, join(folder, name));
      const item = scan(folder);
      assert.deepEqual([item.exitCode, item.errors[0]?.code, listed(item)], [2, 'pickle', [`${name}: pickle`, `${name}: weights`]]);
    }
  });

  it('is nothing where there is no model', (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, 'run.sh'), '');
    assert.deepEqual(scan(folder).beside, []);
    assert.deepEqual(scan(join(folder, 'nowhere')).beside, []);
  });
});
