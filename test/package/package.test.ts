/** What the package holds and offers, without installing it: test/pack does that. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pack, root } from '../helpers/package.js';

/** Compressed, signatures included. */
const MAX_PACKED_BYTES = 7_000_000;

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: Record<string, string>; exports: Record<string, string | Record<string, string>> };

describe('the package', () => {
  const packed = pack();
  const paths = new Set(packed.files.map(({ path }) => path));
  const filesIn = (folder: string): string[] => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file.replaceAll('\\', '/')}`);

  it(`weighs at most ${MAX_PACKED_BYTES} bytes`, () => {
    assert.ok(packed.size <= MAX_PACKED_BYTES, `${packed.size}`);
  });

  it('holds every module, its types, the data beside them, the schemas, the signatures and the licence', () => {
    const wanted = [
      ...['src', 'cli'].flatMap(filesIn).filter((file) => file.endsWith('.ts')).map((file) => `dist/${file.replace(/\.ts$/u, '.js')}`),
      ...filesIn('src').filter((file) => file.endsWith('.ts')).map((file) => `dist/${file.replace(/\.ts$/u, '.d.ts')}`),
      ...filesIn('src').filter((file) => file.endsWith('.json')).map((file) => `dist/${file}`),
      ...filesIn('schemas').filter((file) => file.endsWith('.json')),
      ...filesIn('signatures').filter((file) => file.endsWith('.safetensors')),
      'signatures/index.json', 'LICENSE', 'NOTICE', 'README.md', 'package.json',
    ];
    assert.deepEqual([...paths].sort(), wanted.sort());
  });

  it('holds all that package.json points to', () => {
    const targets = [...Object.values(manifest.bin), ...Object.values(manifest.exports).flatMap((to) => (typeof to === 'string' ? [to] : Object.values(to)))];
    for (const target of targets) assert.ok(paths.has(target.replace(/^\.\//u, '')), target);
  });

  it('exports every schema', () => {
    const require = createRequire(import.meta.url);
    for (const file of readdirSync(join(root, 'schemas')).filter((name) => name.endsWith('.json'))) {
      const { $id } = require(`weightseq/${file}`) as { $id: string };
      assert.match($id, /^urn:weightseq:/u, file);
    }
  });
});

describe('the example of the API', () => {
  const example = join(root, 'integrations', 'node-api', 'scan.mjs');
  const run = (...paths: string[]) => spawnSync(process.execPath, [example, ...paths], { cwd: root, encoding: 'utf8' });

  it('imports weightseq by its name, and says what the command says', () => {
    assert.ok(existsSync(example));
    const { status, stdout, stderr } = run('examples/evil-persona', 'examples/sensible-advice', 'examples/nowhere');
    assert.equal(stderr, '');
    const lines = stdout.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    const said = (of: string) => new Set(lines.filter(({ path, harmful }) => path === of && harmful !== false).map(({ verdict, error }) => verdict ?? error));
    assert.ok(said('examples/evil-persona').has('present'));
    assert.deepEqual([said('examples/sensible-advice'), said('examples/nowhere')], [new Set(['absent']), new Set(['not-found'])]);
    assert.equal(status, 1);
  });

  it('has the exit code of what it scanned', () => {
    assert.equal(run('examples/sensible-advice').status, 0);
    assert.equal(run('examples/nowhere').status, 2);
  });
});
