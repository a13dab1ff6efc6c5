/**
 * Writes docs/evidence.md, its pictures and the section of the README on error rates from the committed readings: npm run evidence.
 * With --organisms DIR the readings are taken again from the organisms first; with --check nothing is written, and what differs is named.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { candidates, namesOf, secondNames, stepsTable, triedTable } from './candidates.js';
import { measuredTable } from './measured.js';
import { secondMeasureTable, secondMeasureText } from './second-measure.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const MANIFEST = 'benchmarks/evidence/manifest.json';
const READINGS = 'benchmarks/evidence/readings.safetensors';
const TEMPLATE = 'benchmarks/evidence/evidence.template.md';
const README_TEMPLATE = 'benchmarks/evidence/readme.template.md';
const CANDIDATES = 'benchmarks/evidence/candidates.json';
const PICTURES = 'evidence';

const { values } = parseArgs({ options: { organisms: { type: 'string' }, check: { type: 'boolean', default: false }, seed: { type: 'string', default: '1' } } });

/** Runs the program in the repository; its exit code 3 is passed on, others than 0 and 3 end this run. */
function weightseq(...args: string[]): number {
  const { status } = spawnSync(process.execPath, [join(root, 'dist/cli/main.js'), ...args], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0 && status !== 3) process.exit(status ?? 2);
  return status;
}

/** Stands between the two documents that one run fills. */
const BETWEEN = '\n<!-- the section of the README -->\n';
/** What the README's section lies between. */
const SECTION = /(?<=<!-- evidence: written by npm run evidence -->\n).*(?=<!-- end of evidence -->)/su;

const text = (...path: string[]): string => readFileSync(join(...path), 'utf8');

/** Makes the documents in an empty folder that stands for the repository's root. What the choice of signatures was comes from candidates.json, all else from the readings. */
function write(to: string): number {
  const found = candidates.parse(JSON.parse(text(root, CANDIDATES)));
  const manifest: unknown = JSON.parse(text(root, MANIFEST));
  const [docs, folder] = [join(to, 'docs'), mkdtempSync(join(tmpdir(), 'weightseq-template-'))];
  mkdirSync(docs);
  try {
    const template = join(folder, 'template.md');
    const tables = {
      'candidates steps': stepsTable(found), 'candidates tried': triedTable(found), 'second measure': secondMeasureTable(manifest), 'measured': measuredTable(manifest),
      'candidates passed': namesOf(found, true), 'candidates failed': namesOf(found, false), 'candidates second': secondNames(found), 'second measure r': secondMeasureText(manifest),
    };
    const both = text(root, TEMPLATE) + BETWEEN + text(root, README_TEMPLATE);
    writeFileSync(template, Object.entries(tables).reduce((filled, [place, table]) => filled.replaceAll(`{{${place}}}`, () => table), both));
    const status = weightseq('bench', 'detection', MANIFEST, '--seed', values.seed, '--svg', join(docs, PICTURES), '--markdown', join(docs, 'evidence.md'), '--template', template);
    const [document = '', section = ''] = text(docs, 'evidence.md').split(BETWEEN);
    writeFileSync(join(docs, 'evidence.md'), document);
    const readme = text(root, 'README.md');
    if (!SECTION.test(readme)) throw new Error('README.md has no place for its section on evidence');
    writeFileSync(join(to, 'README.md'), readme.replace(SECTION, () => section.replaceAll('](evidence/', '](docs/evidence/')));
    return status;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function filesIn(made: string): string[] {
  return ['README.md', 'docs/evidence.md', ...readdirSync(join(made, 'docs', PICTURES)).map((name) => join('docs', PICTURES, name))];
}

/** Puts a file in its place, whole or not at all. */
function publish(made: string, file: string): void {
  const to = join(root, file);
  copyFileSync(join(made, file), `${to}.part`);
  renameSync(`${to}.part`, to);
}

let code = 0;
if (values.organisms !== undefined) {
  const earlier = existsSync(join(root, READINGS)) ? ['--gram-from', READINGS] : [];
  code = weightseq('bench', 'read', MANIFEST, '--organisms', values.organisms, ...earlier, '-o', READINGS);
}
const made = mkdtempSync(join(tmpdir(), 'weightseq-evidence-'));
try {
  code = Math.max(code, write(made));
  const stale = filesIn(made).filter((file) => !existsSync(join(root, file)) || text(made, file) !== text(root, file));
  if (!values.check) for (const file of stale) publish(made, file);
  else if (stale.length > 0) {
    process.stderr.write(`not what the readings give: ${stale.join(', ')}. Run npm run evidence.\n`);
    code = 1;
  }
} finally {
  rmSync(made, { recursive: true, force: true });
}
process.exitCode = code;
