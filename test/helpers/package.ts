/** The packed program: what npm would publish, installed where nothing of this repository is in reach. */
import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

const packed = z.object({
  filename: z.string(),
  size: z.number(),
  unpackedSize: z.number(),
  files: z.array(z.object({ path: z.string(), size: z.number() })),
});
export type Packed = z.infer<typeof packed>;

/** The environment of a stranger: what npm passes on from this project's own settings is left out, the way to the registry is not. */
export function strangersEnvironment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^npm_(?:package|lifecycle|command)|^npm_config_(?:onnxruntime|local_prefix|prefix|ignore)|^ONNXRUNTIME_|^WEIGHTSEQ|^INIT_CWD$|^NODE_OPTIONS$|^NODE_TEST/iu.test(name));
  return { ...Object.fromEntries(own), NO_COLOR: '1', ...more };
}

/** What is packed; npm 11.16 and later name the package where earlier ones give a list. @param folder for the tarball; none is written without it */
export function pack(folder?: string): Packed {
  const where = folder === undefined ? ['--dry-run'] : ['--pack-destination', folder];
  const { stdout, status, stderr } = spawnSync('npm', ['pack', '--json', '--ignore-scripts', ...where], { cwd: root, encoding: 'utf8', env: strangersEnvironment() });
  assert.equal(status, 0, stderr);
  const answer: unknown = JSON.parse(stdout);
  return packed.parse(Object.values(answer as object)[0]);
}

/** Installs a tarball in a folder. */
export function install(tarball: string, folder: string, args: readonly string[] = [], environment: Record<string, string> = {}): SpawnSyncReturns<string> {
  return spawnSync('npm', ['install', '--loglevel', 'error', '--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline', '--prefix', folder, ...args, tarball], { cwd: folder, encoding: 'utf8', env: strangersEnvironment(environment) });
}

/** Runs the installed command. */
export function weightseq(folder: string, args: readonly string[], cwd = folder): SpawnSyncReturns<string> {
  return spawnSync(join(folder, 'node_modules', '.bin', 'weightseq'), args, { cwd, encoding: 'utf8', env: strangersEnvironment() });
}
