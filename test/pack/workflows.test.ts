/** What integrations/ offers for pasting, run for real: shell steps with the packed program, on the examples. */
import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import type { Report } from '../../src/report/schema.js';
import { pack, root, strangersEnvironment } from '../helpers/package.js';

const folder = mkdtempSync(join(tmpdir(), 'weightseq-flow-'));
chmodSync(folder, 0o755);
after(() => { rmSync(folder, { recursive: true, force: true }); });
const tarball = join(folder, pack(folder).filename);

interface Step {
  readonly name?: string;
  readonly run?: string;
  readonly uses?: string;
  readonly if?: string;
  readonly env?: Record<string, string>;
}
interface Workflow {
  readonly permissions: object;
  readonly jobs: { readonly weightseq: { readonly permissions: Record<string, string>; readonly env: Record<string, string>; readonly steps: readonly Step[] } };
}
interface GitlabJob {
  readonly variables: Record<string, string>;
  readonly script: readonly string[];
  readonly artifacts: { readonly when: string; readonly paths: string[]; readonly reports: { readonly junit: string } };
}
interface Hook {
  readonly id: string;
  readonly entry: string;
  readonly files: string;
}

const readYaml = (path: string): unknown => parse(readFileSync(join(root, path), 'utf8'), { strict: true });

/** Runs a script as a runner does. */
function bash(script: string, cwd: string, environment: Record<string, string>): SpawnSyncReturns<string> {
  return spawnSync('bash', ['-eo', 'pipefail', '-c', script], { cwd, encoding: 'utf8', env: strangersEnvironment(environment) });
}

/** A repository with these adapters of the examples, and the packed program where the workflows have it. */
function repository(name: string, adapters: readonly string[]): string {
  const at = mkdtempSync(join(folder, `${name}-`));
  mkdirSync(join(at, 'tools'));
  cpSync(tarball, join(at, 'tools', basename(tarball)));
  for (const adapter of adapters) cpSync(join(root, 'examples', adapter), join(at, 'adapters', adapter), { recursive: true });
  return at;
}

const cases: [title: string, adapters: string[], code: number][] = [
  ['a harmful adapter beside a benign one', ['evil-persona', 'sensible-advice'], 1],
  ['a benign adapter', ['sensible-advice'], 0],
  ['nothing to scan', [], 2],
];

describe('the GitHub Actions workflow', () => {
  const { permissions, jobs: { weightseq: job } } = readYaml('integrations/github/weightseq.yml') as Workflow;
  const step = (name: string): Step => {
    const found = job.steps.find((s) => s.name === name);
    assert.ok(found, name);
    return found;
  };

  it('has no more rights than it needs', () => {
    assert.deepEqual(permissions, {});
    assert.deepEqual(job.permissions, { contents: 'read', 'security-events': 'write', actions: 'read' });
  });

  it('uploads and gates whatever the scan said, and puts nothing of the event into a script', () => {
    assert.match(step('Upload to code scanning').if ?? '', /!cancelled\(\) && hashFiles\('weightseq\.sarif'\)/u);
    assert.match(step('Gate').if ?? '', /!cancelled\(\)/u);
    for (const { run } of job.steps) assert.doesNotMatch(run ?? '', /\$\{\{/u);
    const order = job.steps.map(({ name }) => name);
    assert.ok(order.indexOf('Upload to code scanning') < order.indexOf('Gate'));
  });

  for (const [title, adapters, code] of cases) {
    it(`ends with ${code}: ${title}`, () => {
      const at = repository('github', adapters);
      const temporary = mkdtempSync(join(folder, 'runner-'));
      const files = { GITHUB_OUTPUT: join(temporary, 'output'), GITHUB_PATH: join(temporary, 'path'), GITHUB_STEP_SUMMARY: join(temporary, 'summary') };
      for (const file of Object.values(files)) writeFileSync(file, '');
      const environment = { ...job.env, ...files, RUNNER_TEMP: temporary };
      const result = new Map<string, number | null>();
      let failed = false;
      for (const { name = '', run, if: condition, env = {} } of job.steps) {
        if (run === undefined || (failed && condition === undefined)) continue;
        const status = /^status=(\d*)$/mu.exec(readFileSync(files.GITHUB_OUTPUT, 'utf8'))?.[1] ?? '';
        const own = Object.fromEntries(Object.entries(env).map(([key, value]) => [key, value.replace('${{ steps.scan.outputs.status }}', status)]));
        const path = `${readFileSync(files.GITHUB_PATH, 'utf8').trim().replaceAll('\n', ':')}:${process.env['PATH'] ?? ''}`;
        const done = bash(run, at, { ...environment, ...own, PATH: path });
        result.set(name, done.status);
        failed ||= done.status !== 0;
      }
      assert.equal(result.get('Install'), 0);
      assert.equal(result.get('Scan'), 0);
      assert.equal(result.get('Render'), 0, JSON.stringify([...result]));
      assert.equal(result.get('Gate'), code);
      const sarif = JSON.parse(readFileSync(join(at, 'weightseq.sarif'), 'utf8')) as { version: string; runs: { results: { level: string }[] }[] };
      assert.equal(sarif.version, '2.1.0');
      assert.equal(sarif.runs.length, 1);
      // A benign control that is there is a note, and no alarm.
      assert.equal(sarif.runs[0]?.results.some(({ level }) => level !== 'note'), code !== 0);
      assert.ok(readFileSync(files.GITHUB_STEP_SUMMARY, 'utf8').length > 50);
    });
  }
});

describe('the GitLab job', () => {
  const { weightseq: job } = readYaml('integrations/gitlab/weightseq.gitlab-ci.yml') as { weightseq: GitlabJob };

  for (const [title, adapters, code] of cases) {
    it(`ends with ${code}, and leaves its artifacts: ${title}`, () => {
      const at = repository('gitlab', adapters);
      const { status, stderr } = bash(job.script.join('\n'), at, job.variables);
      assert.equal(status, code, stderr);
      assert.equal(job.artifacts.when, 'always');
      for (const path of job.artifacts.paths) assert.ok(existsSync(join(at, path)), path);
      const report = JSON.parse(readFileSync(join(at, 'weightseq.json'), 'utf8')) as Report;
      assert.equal(report.exitCode, code);
      const junit = readFileSync(join(at, job.artifacts.reports.junit), 'utf8');
      assert.match(junit, /<testsuites/u);
      assert.equal(/<(?:failure|error)\b/u.test(junit), code !== 0);
    });
  }
});

describe('the pre-commit hook', () => {
  const [hook] = readYaml('.pre-commit-hooks.yaml') as Hook[];
  assert.ok(hook);
  const { entry, files } = hook;

  it('is the one that the example names, and takes both files of an adapter', () => {
    const config = readYaml('integrations/pre-commit/.pre-commit-config.yaml') as { repos: { hooks: { id: string }[] }[] };
    assert.deepEqual(config.repos.flatMap((repo) => repo.hooks.map(({ id }) => id)), [hook.id]);
    const pattern = new RegExp(files, 'u');
    for (const name of ['adapter_config.json', 'a/b/adapter_model.safetensors']) assert.match(name, pattern);
    for (const name of ['config.json', 'my_adapter_config.json', 'model.safetensors', 'adapter_config.json.txt']) assert.doesNotMatch(name, pattern);
  });

  it('scans each folder once, whatever its name, and fails when one of them does', () => {
    const at = repository('hook', ['evil-persona', 'sensible-advice']);
    const odd = 'adapters/-o it\'s $HOME';
    cpSync(join(root, 'examples/sensible-advice'), join(at, odd), { recursive: true });
    assert.equal(bash(`npm install --ignore-scripts --no-audit --no-fund --prefix ${at} ${tarball}`, at, {}).status, 0);
    const path = `${join(at, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`;
    const both = (name: string) => [`${name}/adapter_config.json`, `${name}/adapter_model.safetensors`];
    // pre-commit splits the entry as a shell does, and adds the names.
    const hooked = (names: readonly string[]) => spawnSync('bash', ['-c', `${entry} "$@"`, 'hook', ...names.flatMap(both)], { cwd: at, encoding: 'utf8', env: strangersEnvironment({ PATH: path }) });
    const good = hooked(['adapters/sensible-advice', odd]);
    assert.equal(good.status, 0, good.stderr);
    assert.match(good.stdout, /\b2 items, exit code 0/u);
    const bad = hooked(['adapters/sensible-advice', 'adapters/evil-persona']);
    assert.notEqual(bad.status, 0);
    assert.match(bad.stdout, /HARMFUL TRAIT FOUND: [a-z]/u);
  });
});
