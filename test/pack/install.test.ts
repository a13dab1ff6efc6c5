/** The packed program, installed in an empty folder and used from there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { FORMATS } from '../../src/report/formats.js';
import { install, pack, root, strangersEnvironment, weightseq } from '../helpers/package.js';

const folder = mkdtempSync(join(tmpdir(), 'weightseq-pack-'));
after(() => { rmSync(folder, { recursive: true, force: true }); });
const tarball = join(folder, pack(folder).filename);

/** A folder with the program installed in it. */
function installed(name: string, args: readonly string[], environment: Record<string, string> = {}): { readonly at: string; readonly status: number | null; readonly stderr: string } {
  const at = mkdtempSync(join(folder, `${name}-`));
  const { status, stderr } = install(tarball, at, args, environment);
  return { at, status, stderr };
}

function works(at: string): void {
  const evil = weightseq(at, ['scan', join(root, 'examples/evil-persona')]);
  assert.equal(evil.status, 1, evil.stderr);
  assert.match(evil.stdout, /HARMFUL TRAIT FOUND: [a-z]/);
  assert.equal(weightseq(at, ['scan', join(root, 'examples/sensible-advice')]).status, 0);
}

describe('an install without install scripts', () => {
  const { at, status, stderr } = installed('plain', ['--ignore-scripts']);

  it('needs the npm registry alone, and works', () => {
    assert.equal(status, 0, stderr);
    works(at);
  });

  it('says its version, verifies its signatures, and writes every form of a report', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    assert.equal(weightseq(at, ['--version']).stdout.trim(), version);
    assert.equal(weightseq(at, ['signature', 'verify']).status, 0);
    for (const format of FORMATS) {
      const { status: code, stdout, stderr: said } = weightseq(at, ['scan', join(root, 'examples/evil-persona'), '--format', format]);
      assert.equal(code, 1, said);
      assert.ok(stdout.length > 100, format);
    }
  });

  it('has a schema for what it writes', () => {
    const schema = JSON.parse(readFileSync(join(at, 'node_modules/weightseq/schemas/report.schema.json'), 'utf8')) as object;
    const validate = new Ajv2020({ strict: true }).compile(schema);
    assert.ok(validate(JSON.parse(weightseq(at, ['scan', join(root, 'examples/evil-persona'), '--format', 'json']).stdout)), JSON.stringify(validate.errors));
  });

  it('can be imported', () => {
    const file = join(at, 'scan.mjs');
    writeFileSync(file, readFileSync(join(root, 'integrations/node-api/scan.mjs')));
    const { status: code, stdout, stderr: said } = spawnSync(process.execPath, [file, join(root, 'examples/evil-persona')], { cwd: at, encoding: 'utf8', env: strangersEnvironment() });
    assert.equal(code, 1, said);
    assert.match(stdout, /"verdict":"present"/);
  });

  for (const [module, resolution] of [['Node16', 'Node16'], ['ESNext', 'Bundler']] as const) {
    it(`has types for TypeScript, moduleResolution ${resolution}`, () => {
      const consumer = mkdtempSync(join(at, 'consumer-'));
      writeFileSync(join(consumer, 'package.json'), '{"type":"module"}');
      writeFileSync(join(consumer, 'good.ts'), `
        import { openLibrary, report, scan, scanPath, SHIPPED_LIBRARY, WeightseqError, type Report, type ReportItem, type ScanResult } from 'weightseq';
        const library = await openLibrary(SHIPPED_LIBRARY);
        const result: ScanResult = await scan('x', { library });
        const made: Report = report([result, await scanPath('y', { library })], 'present', '1');
        export const verdicts: ('present' | 'absent' | 'indeterminate')[] = made.items.flatMap((item: ReportItem) => item.findings.map((f) => f.verdict));
        export const code = (error: unknown): number => (error instanceof WeightseqError ? error.exitCode : 2);
      `);
      writeFileSync(join(consumer, 'bad.ts'), 'import { scan } from \'weightseq\';\nexport const n: number = await scan(1);\n');
      const { stdout } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--ignoreConfig', '--noEmit', '--strict', '--target', 'ES2022', '--lib', 'ES2023', '--module', module, '--moduleResolution', resolution, '--types', 'node', '--typeRoots', join(root, 'node_modules/@types'), 'good.ts', 'bad.ts'], { cwd: consumer, encoding: 'utf8' });
      // One error, and that in the bad one: the types hold together, and are more than any.
      assert.match(stdout, /^bad\.ts\(2,\d+\): error TS\d+.*\n(?:bad\.ts\(2,.*\n| .*\n)*$/u);
    });
  }
});

describe('an install with install scripts', () => {
  it('works where ONNXRUNTIME_NODE_INSTALL is skip', () => {
    const { at, status, stderr } = installed('skip', [], { ONNXRUNTIME_NODE_INSTALL: 'skip' });
    assert.equal(status, 0, stderr);
    works(at);
  });

  it('without it, and without a way to that other host: works, or fails naming onnxruntime-node and leaves nothing', () => {
    // A proxy that refuses: for onnxruntime-node's script alone, npm does not know this variable.
    const { at, status, stderr } = installed('bare', [], { GLOBAL_AGENT_HTTPS_PROXY: 'http://127.0.0.1:9' });
    if (status === 0) { works(at); return; }
    assert.match(stderr, /onnxruntime-node/);
    assert.match(stderr, /script\/install/);
    assert.ok(!existsSync(join(at, 'node_modules', 'weightseq')));
  });
});
