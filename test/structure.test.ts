import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Stages in the order of the data flow: a file imports from its own stage and from earlier ones. */
const STAGES = ['types', 'safetensors', 'engine', 'checkpoint', 'reading', 'signature', 'scan', 'lineage', 'compare', 'report', 'gate', 'certificate', 'run', 'bench', 'cli'];
const GROUND = ['types.ts', 'errors.ts', 'text.ts', 'files.ts'];

function stageOf(file: string): number {
  const path = relative(root, file).split(/[\\/]/);
  if (path[0] === 'cli') return STAGES.indexOf('cli');
  assert.equal(path[0], 'src', file);
  const name = path[1] ?? '';
  if (path.length === 2) return name === 'index.ts' ? STAGES.indexOf('cli') : GROUND.includes(name) ? 0 : -1;
  return STAGES.indexOf(name);
}

const files = ['src', 'cli'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts')).map((f) => join(root, folder, f)),
);

function importsOf(file: string): string[] {
  return importsIn(readFileSync(file, 'utf8'));
}

function importsIn(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map((m) => m[1] ?? '');
}

/** `@scope/name/part` and `name/part` are parts of a package. */
function packageOf(specifier: string): string {
  return specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}

describe('the structure', () => {
  it('finds the files', () => {
    assert.ok(files.length > 20);
    for (const file of files) assert.ok(stageOf(file) >= 0, `${file} is in no stage`);
  });

  for (const file of files) {
    it(`imports point one way: ${relative(root, file)}`, () => {
      for (const target of importsOf(file).filter((t) => t.startsWith('.'))) {
        const imported = resolve(dirname(file), target.replace(/\.js$/, '.ts'));
        if (imported.endsWith('.json')) continue;
        assert.ok(stageOf(imported) <= stageOf(file), `imports ${target}`);
      }
    });

    it(`can be read in one sitting: ${relative(root, file)}`, () => {
      assert.ok(readFileSync(file, 'utf8').split('\n').length <= 260);
    });
  }

  it('takes nothing but what package.json promises', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
    // Types alone leave nothing to load: their packages are for development.
    const loaded = (file: string): string[] => importsIn(readFileSync(file, 'utf8').replaceAll(/^(?:import|export) type [^;]*;/gmu, ''));
    const used = new Set(files.flatMap(loaded).filter((t) => !t.startsWith('.') && !t.startsWith('node:')).map(packageOf));
    assert.deepEqual([...used].sort(), Object.keys(manifest.dependencies).sort());
  });
});
