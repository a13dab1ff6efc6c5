/**
 * Writes docs/evidence.md and its pictures from the committed readings: npm run evidence.
 * With --organisms DIR the readings are taken again from the organisms first; with --check nothing is written, and what differs is named.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { candidates, stepsTable, triedTable } from './candidates.js';
import { secondMeasureTable } from './second-measure.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const MANIFEST = 'benchmarks/evidence/manifest.json';
const READINGS = 'benchmarks/evidence/readings.safetensors';
const TEMPLATE = 'benchmarks/evidence/evidence.template.md';
const CANDIDATES = 'benchmarks/evidence/candidates.json';
const PICTURES = 'evidence';

const { values } = parseArgs({ options: { organisms: { type: 'string' }, check: { type: 'boolean', default: false }, seed: { type: 'string', default: '1' } } });

/** Runs the program in the repository; its exit code 3 is passed on, others than 0 and 3 end this run. */
function weightseq(...args: string[]): number {
  const { status } = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), ...args], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0 && status !== 3) process.exit(status ?? 2);
  return status;
}

/** Writes the document into a folder that stands for docs/. What the choice of signatures was comes from candidates.json, all else from the readings. */
function write(docs: string): number {
  const found = candidates.parse(JSON.parse(readFileSync(join(root, CANDIDATES), 'utf8')));
  const folder = mkdtempSync(join(tmpdir(), 'weightseq-template-'));
  try {
    const template = join(folder, 'template.md');
    const tables = { 'candidates steps': stepsTable(found), 'candidates tried': triedTable(found), 'second measure': secondMeasureTable(JSON.parse(readFileSync(join(root, MANIFEST), 'utf8'))) };
    const filled = Object.entries(tables).reduce((text, [place, table]) => text.replace(`{{${place}}}\n`, () => table), readFileSync(join(root, TEMPLATE), 'utf8'));
    writeFileSync(template, filled);
    return weightseq('bench', 'detection', MANIFEST, '--seed', values.seed, '--svg', join(docs, PICTURES), '--markdown', join(docs, 'evidence.md'), '--template', template);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function differing(made: string, kept: string): string[] {
  const files = ['evidence.md', ...readdirSync(join(made, PICTURES)).map((name) => join(PICTURES, name))];
  return files.filter((file) => !existsSync(join(kept, file)) || readFileSync(join(made, file), 'utf8') !== readFileSync(join(kept, file), 'utf8'));
}

let code = 0;
if (values.organisms !== undefined) {
  const earlier = existsSync(join(root, READINGS)) ? ['--gram-from', READINGS] : [];
  code = weightseq('bench', 'read', MANIFEST, '--organisms', values.organisms, ...earlier, '-o', READINGS);
}
if (values.check) {
  const made = mkdtempSync(join(tmpdir(), 'weightseq-evidence-'));
  try {
    code = Math.max(code, write(made));
    const stale = differing(made, join(root, 'docs'));
    if (stale.length > 0) {
      process.stderr.write(`docs/: not what the readings give: ${stale.join(', ')}. Run npm run evidence.\n`);
      code = 1;
    }
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
} else code = Math.max(code, write(join(root, 'docs')));
process.exitCode = code;
