/**
 * npm test: runs every dist/test/**\/*.test.js but those in test/pack, which install the packed program and take minutes;
 * npm run test:pack runs those alone. Node 20's own runner takes no globs, and Node 22's no folders.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const isPack = process.argv[2] === 'pack';
const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.js') && file.startsWith(`pack${sep}`) === isPack)
  .map((file) => join('test', file))
  .sort();
// By itself the runner leaves one core idle: on two it would run one file at a time.
const { status } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', `--test-concurrency=${availableParallelism()}`, ...files], { cwd: root, stdio: 'inherit' });
process.exitCode = status ?? 1;
