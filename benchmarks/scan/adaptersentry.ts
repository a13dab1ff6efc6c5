/** AdapterSentry, the other scanner that reads LoRA weights. In: a work folder. Out: its command and versions, or why it cannot be had. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const VERSION = '2.0.2';

export type Installed = { readonly program: string; readonly versions: Readonly<Record<string, string>> } | { readonly missing: string };

/** Installs it into a virtual environment of its own in the work folder, unless it is there. */
export function install(work: string): Installed {
  const folder = join(work, 'adaptersentry');
  const bin = join(folder, process.platform === 'win32' ? 'Scripts' : 'bin');
  const program = join(bin, 'adaptersentry');
  if (!existsSync(program)) {
    for (const [command, args] of [
      ['python3', ['-m', 'venv', folder]],
      [join(bin, 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `adaptersentry==${VERSION}`]],
    ] as const) {
      const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
      if (status === 0) continue;
      const reason = error ? error.message : stderr.trim().split('\n').at(-1) ?? '';
      return { missing: `adaptersentry ${VERSION} could not be installed (${reason})` };
    }
  }
  const code = 'import json, platform, numpy; from importlib.metadata import version\n'
    + 'print(json.dumps({"adaptersentry": version("adaptersentry"), "python": platform.python_version(), "numpy": numpy.__version__}))';
  const { status, stdout } = spawnSync(join(bin, 'python'), ['-c', code], { encoding: 'utf8' });
  if (status !== 0) return { missing: `adaptersentry ${VERSION} is installed and does not start` };
  const versions = JSON.parse(stdout) as Record<string, string>;
  return versions['adaptersentry'] === VERSION ? { program, versions } : { missing: `the work folder holds another version than ${VERSION}` };
}
