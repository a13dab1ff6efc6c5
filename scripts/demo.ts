/** npm run demo: scans the adapters in examples/, one harmful, one benign, and prints both reports. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const paths = readdirSync(new URL('../../examples', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => `examples/${entry.name}`)
  .sort();

process.stdout.write(`$ weightseq scan ${paths.join(' ')}\n\n`);
const { status } = spawnSync(process.execPath, ['dist/cli/main.js', 'scan', ...paths], { cwd: root, stdio: 'inherit' });
process.stdout.write(`\nExit code ${status ?? 'none'}. Two adapters illustrate what a report looks like; they are no evidence of how often it is right.\n`);
// The harmful example is meant to fail the gate: 1 is what the demo shows.
process.exitCode = status === 1 ? 0 : (status ?? 2);
