/** What computes: ONNX Runtime and its execution providers, each tried in a process of its own, which may crash. Out: checks. */
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { escapeText } from '../../src/text.js';
import { ok, problem, type Check } from './check.js';

const PROVIDER = fileURLToPath(new URL('./provider-process.js', import.meta.url));
const PATIENCE_MS = 30_000;

type Tried = { readonly works: true; readonly seconds: number } | { readonly works: false; readonly why: string };

function isTried(news: unknown): news is Tried {
  return typeof news === 'object' && news !== null && 'works' in news;
}

/**
 * Multiplies two small matrices through a provider. Never throws.
 * @param script what the process runs, for tests
 */
export function tryProvider(provider: string, script = PROVIDER): Promise<Tried> {
  return new Promise((resolve) => {
    const child = fork(script, [provider], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [], timeout: PATIENCE_MS, killSignal: 'SIGKILL' });
    let complaint = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => { complaint = (complaint + text).slice(-2000); });
    child.on('message', (news) => { if (isTried(news)) resolve(news); });
    child.on('error', (error) => { resolve({ works: false, why: error.message }); });
    // Without effect after it has spoken.
    child.on('close', (code, signal) => {
      const said = complaint.trim().split('\n').at(-1) ?? '';
      resolve({ works: false, why: `its process ended with ${signal ?? `exit code ${code ?? 'unknown'}`}${said === '' ? '' : `: ${said}`}` });
    });
  });
}

export async function runtimeChecks(): Promise<Check[]> {
  const [cpu, webgpu, cuda] = await Promise.all(['cpu', 'webgpu', 'cuda'].map((provider) => tryProvider(provider)));
  return [
    ok('platform', `${process.platform} ${process.arch}`),
    versionCheck(),
    cpu?.works === true
      ? ok('cpu', `runs a product in ${cpu.seconds.toFixed(2)} s`)
      : problem('cpu', reason(cpu), 'Install again with npm ci; ONNX Runtime has libraries for Linux with glibc (not Alpine), macOS on Apple silicon, and Windows.'),
    other('webgpu', webgpu, 'No matter: scans run on the cpu.'),
    other('cuda', cuda, 'No matter: scans run on the cpu. The libraries are left out with ONNXRUNTIME_NODE_INSTALL=skip, which npm packages need offline.'),
  ];
}

function other(name: string, tried: Tried | undefined, harmless: string): Check {
  return tried?.works === true ? ok(name, 'available, not needed') : ok(name, `not available: ${reason(tried)}`, harmless);
}

/** The last sentence of what the runtime says: before it stand its own source files. */
function reason(tried: Tried | undefined): string {
  if (tried === undefined || tried.works) return 'unknown';
  const why = tried.why.replace(/^.*(?:is not available here|ONNX Runtime): /u, '');
  const sentence = /(?:was false\. |: )(?=[A-Z][^:]*(?:: [^:]*)?$)/u.exec(why);
  return escapeText(sentence === null ? why : why.slice(sentence.index + sentence[0].length)).slice(0, 300);
}

function versionCheck(): Check {
  try {
    const file = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
    const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'of unknown version';
    return ok('ONNX Runtime', escapeText(version));
  } catch {
    return problem('ONNX Runtime', 'not installed', 'Install again with npm ci.');
  }
}
