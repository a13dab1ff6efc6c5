/** The steps of the Dockerfile, run one after the other in temporary folders; there is no Docker engine in the tests. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { root, strangersEnvironment } from '../helpers/package.js';

const folder = mkdtempSync(join(tmpdir(), 'weightseq-image-'));
chmodSync(folder, 0o755);
after(() => { rmSync(folder, { recursive: true, force: true }); });

/** Instructions of the Dockerfile, lines joined. */
const instructions = readFileSync(join(root, 'Dockerfile'), 'utf8')
  .split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [, verb = '', rest = ''] = /^([A-Z]+) (.*)$/u.exec(line) ?? [];
    return { verb, rest };
  });
const last = (verb: string): string => instructions.findLast((i) => i.verb === verb)?.rest ?? '';

/** What .dockerignore lets through: it ignores all, then takes names back. */
const allowed = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n').filter((line) => line.startsWith('!')).map((line) => line.slice(1));

describe('the image', () => {
  it('has only instructions that this test knows', () => {
    assert.deepEqual([...new Set(instructions.map(({ verb }) => verb))].sort(), ['CMD', 'COPY', 'ENTRYPOINT', 'FROM', 'RUN', 'USER', 'WORKDIR']);
    for (const { verb, rest } of instructions.filter((i) => i.verb === 'FROM')) assert.match(`${verb} ${rest}`, /^FROM node:\d+-slim(?: AS build)?$/u);
  });

  it('copies what .dockerignore lets through, and all of it', () => {
    const copied = instructions.filter(({ verb, rest }) => verb === 'COPY' && !rest.startsWith('--from')).flatMap(({ rest }) => rest.split(' ').slice(0, -1)).map((name) => name.replace(/^\.\//u, ''));
    assert.deepEqual(copied.sort(), allowed.sort());
    for (const name of copied) assert.ok(existsSync(join(root, name)), name);
  });

  it('runs as a normal user', () => {
    assert.match(last('USER'), /^[1-9]\d*:[1-9]\d*$/u);
  });

  it('builds step by step, and scans read-only weights as that user, without a home and a folder to write to', () => {
    // Absolute paths of the image lie in the temporary folder.
    const inside = (text: string): string => text.replaceAll(/(?<![\w.])\/(build|opt|weights)\b/gu, `${folder}/$1`);
    mkdirSync(join(folder, 'opt'));
    let cwd = folder;
    let stage = 0;
    for (const { verb, rest } of instructions) {
      if (verb === 'FROM') stage++;
      if (verb === 'WORKDIR') { cwd = inside(rest); mkdirSync(cwd, { recursive: true }); }
      if (verb === 'COPY' && stage === 1) {
        const names = rest.split(' ');
        const to = join(cwd, names.pop() ?? '');
        for (const name of names) cpSync(join(root, name), statSync(join(root, name)).isDirectory() || names.length === 1 ? to : join(to, name), { recursive: true });
      }
      if (verb === 'RUN') {
        const { status, stderr } = spawnSync('sh', ['-c', inside(rest)], { cwd, encoding: 'utf8', env: strangersEnvironment() });
        assert.equal(status, 0, `${rest}\n${stderr}`);
      }
    }
    const libraries = join(folder, 'opt/weightseq/node_modules/onnxruntime-node/bin/napi-v6');
    assert.deepEqual(readdirSync(libraries).flatMap((platform) => readdirSync(join(libraries, platform)).map((arch) => `${platform}/${arch}`)), [`linux/${process.arch}`]);
    assert.ok(!existsSync(join(folder, 'opt/weightseq/node_modules/typescript')));

    const [program = '', ...args] = JSON.parse(last('ENTRYPOINT')) as string[];
    const command = JSON.parse(last('CMD')) as string[];
    const user = process.geteuid?.() === 0 ? { uid: 1000, gid: 1000 } : {};
    for (const [path, code, says] of [['examples/evil-persona', 1, /HARMFUL TRAIT FOUND: [a-z]/u], ['examples/sensible-advice', 0, /NOT FOUND: [a-z, -]*evil/u], ['test/fixtures/models/llama', 3, /NOT JUDGED/u]] as const) {
      rmSync(join(folder, 'weights'), { recursive: true, force: true });
      cpSync(join(root, path), join(folder, 'weights'), { recursive: true });
      spawnSync('chmod', ['-R', 'a=rX', join(folder, 'weights')]);
      const { status, stdout, stderr } = spawnSync(program, [...args, ...command].map(inside), { cwd: join(folder, 'weights'), encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', TMPDIR: '/nonexistent', HOME: '/nonexistent' }, ...user });
      assert.equal(status, code, stderr);
      assert.match(stdout, says);
    }
  });
});
