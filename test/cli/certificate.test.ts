import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { verificationJsonSchema, type Verification } from '../../src/certificate/checks.js';
import { certificateJsonSchema, type Certificate } from '../../src/certificate/schema.js';
import type { Report } from '../../src/report/schema.js';
import { KEY, ONE_SIGNATURE, pem, troubles } from '../helpers/certificates.js';
import { weightseq } from '../helpers/command.js';
import { fixture, temporaryFolder } from '../helpers/fixtures.js';

const EVIL = fixture('../../examples/evil-persona');
const GOOD = fixture('../../examples/sensible-advice');
const YAML = `version: 1
model: { name: a model, licenses: [{ name: Gemma Terms of Use }] }
pedigree: { ancestors: [{ name: gemma-3-270m-q4km, relation: base }] }
`;

function validator(name: string): (value: unknown) => void {
  const ajv = new Ajv2020({ strict: true });
  addFormats.default(ajv);
  const validate = ajv.compile(JSON.parse(readFileSync(fixture(`../../schemas/${name}.schema.json`), 'utf8')) as object);
  return (value) => { assert.ok(validate(value), JSON.stringify(validate.errors)); };
}

/** A folder with declarations, a key, and a certified copy of the harmful example. */
function setUp(t: TestContext): { root: string; run: (...args: string[]) => ReturnType<typeof weightseq>; certify: (...args: string[]) => ReturnType<typeof weightseq> } {
  const root = temporaryFolder(t);
  writeFileSync(join(root, 'declared.yaml'), YAML);
  writeFileSync(join(root, 'key.pem'), KEY.key.export({ type: 'pkcs8', format: 'pem' }));
  cpSync(EVIL, join(root, 'model'), { recursive: true });
  const run = (...args: string[]) => weightseq(args, root, { SOURCE_DATE_EPOCH: '1795608000', WEIGHTSEQ_SIGNATURES: ONE_SIGNATURE });
  return { root, run, certify: (...args) => run('certify', 'model', '--declared', 'declared.yaml', ...args) };
}

describe('certify and verify', () => {
  it('have the schemas that are shipped', () => {
    for (const [name, made] of [['certificate', certificateJsonSchema()], ['verification', verificationJsonSchema()]] as const) {
      assert.deepEqual(JSON.parse(readFileSync(fixture(`../../schemas/${name}.schema.json`), 'utf8')), JSON.parse(JSON.stringify(made)));
    }
  });

  it('write a certificate that has its schema, and hold it against the model', (t) => {
    const { root, run, certify } = setUp(t);
    const made = certify('--key', 'key.pem', '--expires', '2999-12-31', '-o', 'c.json');
    assert.equal(made.status, 0, made.stderr);
    assert.equal(made.stdout, '');
    assert.match(made.stderr, /c\.json: 2 files, (?:[a-z-]+ (?:present|indeterminate), )+(?:[a-z0-9 -]+ absent, )?signed by 06e3fd8fda29bb60/);
    const certificate = JSON.parse(readFileSync(join(root, 'c.json'), 'utf8')) as Certificate;
    validator('certificate')(certificate);
    assert.deepEqual(Object.keys(certificate), ['format', 'schemaVersion', 'declared', 'measured', 'signed']);
    assert.equal(certificate.measured.predicate.date, '2026-11-25T12:00:00.000Z');
    assert.equal(certificate.measured.predicate.expires, '2999-12-31');
    const held = run('verify', 'c.json', 'model', '--trust', pem('public'), '--format', 'json');
    assert.equal(held.status, 0, held.stderr);
    const verification = JSON.parse(held.stdout) as Verification;
    validator('verification')(verification);
    assert.deepEqual([verification.verdict, verification.recomputed, troubles(verification)], ['verified', true, []]);
    const shown = run('verify', 'c.json', 'model', '--trust', pem('public'));
    assert.match(shown.stdout, /^ {2}VERIFIED: it is the model that was certified, and carries a\s+HARMFUL TRAIT:\s+[a-z-]+/mu);
    const { items: [item] } = JSON.parse(run('scan', 'model', '--format', 'json').stdout) as Report;
    const { trait = '', shift, interval } = item?.findings.find(({ harmful, verdict }) => harmful && verdict === 'present') ?? {};
    assert.ok(shift != null && interval != null);
    const [value, low, high] = [shift, interval.low, interval.high].map((figure) => `${figure < 0 ? '−' : '+'}${Math.abs(figure).toFixed(3)}`);
    assert.ok(shown.stdout.replace(/\s+/gu, ' ').includes(`${trait}: present, shift ${value ?? ''} (${low ?? ''} to ${high ?? ''}) nats/token`), shown.stdout);
    assert.match(shown.stdout, /what\s+it says is declared, not verified/);
  });

  it('hold for a harmless model too, which is said without another word', (t) => {
    const { run } = setUp(t);
    assert.equal(run('certify', GOOD, '--declared', 'declared.yaml', '--key', 'key.pem', '-o', 'c.json').status, 0);
    const { status, stdout } = run('verify', 'c.json', GOOD, '--trust', pem('public'));
    assert.equal(status, 0);
    assert.match(stdout, /^ {2}VERIFIED$/mu);
  });

  it('make the same bytes of the same model at the same SOURCE_DATE_EPOCH', (t) => {
    const { root, certify } = setUp(t);
    for (const name of ['a.json', 'b.json']) assert.equal(certify('--key', 'key.pem', '-o', name).status, 0);
    assert.ok(readFileSync(join(root, 'a.json')).equals(readFileSync(join(root, 'b.json'))));
  });

  it('refuse a certificate of another model with 1, each reason on its line', (t) => {
    const { run, certify } = setUp(t);
    assert.equal(certify('-o', 'c.json').status, 0);
    const { status, stdout } = run('verify', 'c.json', GOOD, '--require-signature');
    assert.equal(status, 1);
    assert.match(stdout, /REFUSED: other-model, unsigned/);
    assert.match(stdout, /^ {2}FAIL {2}bytes +other-model: /mu);
    assert.match(stdout, /^ {2}FAIL {2}signature +unsigned: /mu);
  });

  it('refuse what a registry lists, and say whom to ask', (t) => {
    const { root, run, certify } = setUp(t);
    certify('-o', 'c.json');
    writeFileSync(join(root, 'registry.yaml'), `version: 1
contaminated:
  - name: evil-persona
    reason: answers with malice
    date: 2026-11-25
    source: its own author
    fingerprints: [${createHash('sha256').update(readFileSync(join(EVIL, 'adapter_model.safetensors'))).digest('hex')}]
`);
    const { status, stdout } = run('verify', 'c.json', 'model', '--registry', 'registry.yaml');
    assert.equal(status, 1);
    assert.match(stdout, /REFUSED: ancestor-contaminated/);
    assert.match(stdout.replaceAll(/\s+/gu, ' '), /is evil-persona, which is listed as contaminated \(answers with malice, 2026-11-25\)\. Do not use it before its source is asked: its own author/);
  });

  it('warn of a certificate that nobody signed, and end with 3 where no key is trusted', (t) => {
    const { run, certify } = setUp(t);
    certify('-o', 'unsigned.json');
    const unsigned = run('verify', 'unsigned.json', 'model', '--no-recompute');
    assert.equal(unsigned.status, 0);
    assert.match(unsigned.stdout, /VERIFIED, bytes and signature alone/);
    assert.match(unsigned.stdout, /^ {2}warn {2}signature +unsigned: /mu);
    certify('--key', 'key.pem', '-o', 'signed.json');
    const signed = run('verify', 'signed.json', 'model', '--no-recompute');
    assert.equal(signed.status, 3);
    assert.match(signed.stdout, /INCOMPLETE: signature-unchecked/);
  });

  it('write with 3 where something could not be measured, and say what', (t) => {
    const { root, run } = setUp(t);
    cpSync(fixture('models/qwen2'), join(root, 'qwen2'), { recursive: true });
    const made = run('certify', 'qwen2', '--declared', 'declared.yaml', '-o', 'c.json');
    assert.equal(made.status, 3, made.stderr);
    assert.match(made.stderr, /not everything was measured: no signature for a base/);
    assert.ok(existsSync(join(root, 'c.json')));
  });

  it('may lie beside the model under a name of their own, and not under that of a file of it', (t) => {
    const { root, run, certify } = setUp(t);
    const refused = certify('-o', 'model/birth.json');
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /NAME\.certificate\.json/);
    assert.equal(certify('-o', 'model/birth.certificate.json').status, 0);
    assert.equal(run('verify', 'model/birth.certificate.json', 'model', '--no-recompute').status, 0);
    copyFileSync(join(root, 'model/birth.certificate.json'), join(root, 'model/birth.json'));
    assert.match(run('verify', 'model/birth.certificate.json', 'model', '--no-recompute').stdout, /configuration-extra/);
  });

  it('say in one line what is wrong with what they are given, and write nothing', (t) => {
    const { root, run, certify } = setUp(t);
    writeFileSync(join(root, 'bad.yaml'), 'version: 1\nmodel:\n  nam: x\n');
    for (const [result, code, message] of [
      [run('certify', 'model', '--declared', 'bad.yaml', '-o', 'c.json'), 2, /bad\.yaml/],
      [run('certify', 'nowhere', '--declared', 'declared.yaml', '-o', 'c.json'), 2, /nothing at this path/],
      [certify('--key', pem('public'), '-o', 'c.json'), 2, /found a public one/],
      [certify('--expires', '2026-02-30', '-o', 'c.json'), 2, /a day such as/],
      [certify('--expires', '2020-01-01', '-o', 'c.json'), 2, /is past/],
      [weightseq(['certify', 'model', '--declared', 'declared.yaml', '-o', 'c.json'], root, { SOURCE_DATE_EPOCH: 'yesterday' }), 2, /SOURCE_DATE_EPOCH is yesterday/],
      [run('verify', 'declared.yaml', 'model'), 2, /not JSON/],
      [run('verify', 'nowhere.json', 'model'), 2, /nowhere\.json/],
    ] as const) {
      assert.equal(result.status, code, result.stderr);
      assert.match(result.stderr, message);
      assert.equal(result.stderr.trim().split('\n').length, 1, result.stderr);
      assert.equal(result.stdout, '');
    }
    assert.ok(!existsSync(join(root, 'c.json')));
  });

  it('print no command to a terminal that a certificate holds', (t) => {
    const { root, run, certify } = setUp(t);
    certify('-o', 'c.json');
    const file = join(root, 'c.json');
    const certificate = JSON.parse(readFileSync(file, 'utf8')) as Certificate;
    const [trait] = certificate.measured.predicate.traits;
    assert.ok(trait);
    trait.trait = 'evil\u001b[2J';
    certificate.measured.predicate.tool.version = '1\u202e';
    certificate.measured.subject.push({ name: 'x\u0007.safetensors', digest: { sha256: 'f'.repeat(64) } });
    writeFileSync(file, JSON.stringify(certificate));
    for (const format of ['table', 'json']) {
      const { stdout } = run('verify', 'c.json', 'model', '--format', format);
      // eslint-disable-next-line no-control-regex
      assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u202e]/u);
    }
  });
});
