/** npm run size: what the packed program weighs, and what it takes once installed. Installs it in a temporary folder. */
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytes } from '../src/report/numbers.js';

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly entryCount: number;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'weightseq-size-'));

/** Bytes of the files in a folder, links not followed. */
function sizeOf(path: string): number {
  const found = lstatSync(path);
  return found.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0) : found.size;
}

function npm(...args: string[]): string {
  const { status, stdout } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} ended with ${status ?? 'a signal'}`);
  return stdout;
}

try {
  const [packed] = Object.values(JSON.parse(npm('pack', root, '--json', '--ignore-scripts', '--pack-destination', folder)) as Record<string, Packed>);
  if (packed === undefined) throw new Error('npm pack names no package');
  npm('install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--prefix', folder, join(folder, packed.filename));
  const modules = join(folder, 'node_modules');
  const packages = readdirSync(modules).filter((name) => !name.startsWith('.')).map((name): [string, number] => [name, sizeOf(join(modules, name))]);
  const total = packages.reduce((sum, [, size]) => sum + size, 0);
  const libraries = join(modules, 'onnxruntime-node', 'bin');
  const here = sizeOf(join(libraries, readdirSync(libraries)[0] ?? '', process.platform, process.arch));
  process.stdout.write([
    `packed       ${bytes(packed.size)} (${packed.entryCount} files, ${bytes(packed.unpackedSize)} unpacked)`,
    `installed    ${bytes(total)} (${packages.length} packages and scopes)`,
    ...packages.sort((a, b) => b[1] - a[1]).slice(0, 5).map(([name, size]) => `  ${bytes(size).padStart(9)}  ${name}`),
    `of which     ${bytes(sizeOf(libraries))} are ONNX Runtime for every platform; this one needs ${bytes(here)}`,
    '',
  ].join('\n'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
