import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Version } from '@cyclonedx/cyclonedx-library/Spec';
import { JsonStrictValidator } from '@cyclonedx/cyclonedx-library/Validation';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { declaredJsonSchema, declaredSchema, type Declared } from '../../src/certificate/declared-schema.js';
import { openDeclared } from '../../src/certificate/declared-file.js';
import { mlBom } from '../../src/certificate/ml-bom.js';
import { WeightseqError } from '../../src/errors.js';
import { DATE, DECLARED } from '../helpers/certificates.js';
import { fixture, temporaryFolder } from '../helpers/fixtures.js';

/** The schema of CycloneDX 1.6 that the official library ships. */
const validator = new JsonStrictValidator(Version.v1dot6);

async function assertValid(declared: Declared): Promise<Record<string, unknown>> {
  const bom = mlBom(declared, '1.0.0', DATE);
  assert.equal(await validator.validate(JSON.stringify(bom)), null, JSON.stringify(bom));
  return bom;
}

/** Everything that can be declared. */
const FULL: Declared = {
  version: 1,
  model: {
    name: 'a model', version: '2', description: 'What it is.', url: 'https://example.org/model?revision=1#top',
    licenses: [{ id: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' }, { name: 'Some Terms of Use' }],
    supplier: { name: 'A house', url: 'https://example.org' }, authors: [{ name: 'A person', email: 'person@example.org' }, { name: 'Another' }],
  },
  pedigree: {
    ancestors: [{ name: 'its base', relation: 'base', version: '1', sha256: 'a'.repeat(64), licenses: [{ id: 'MIT' }], url: 'https://example.org/base' }, { name: 'a teacher', relation: 'teacher' }],
    variants: [{ name: 'its sibling', description: 'Another seed.' }],
    notes: 'Trained twice.',
  },
  modelCard: {
    modelParameters: { approach: { type: 'supervised' }, task: 'text-generation', architectureFamily: 'transformer', modelArchitecture: 'Gemma 3', inputs: [{ format: 'text' }], outputs: [{ format: 'text' }] },
    quantitativeAnalysis: { performanceMetrics: [{ type: 'accuracy', value: 0.5, slice: 'all', confidenceInterval: { lowerBound: 0.25, upperBound: '0.75' } }] },
    considerations: {
      users: ['Testers'], useCases: ['Tests'], technicalLimitations: ['It is small.'], performanceTradeoffs: ['None.'],
      ethicalConsiderations: [{ name: 'It says harmful things.', mitigationStrategy: 'Do not ask it.' }],
      fairnessAssessments: [{ groupAtRisk: 'All', benefits: 'None', harms: 'Some', mitigationStrategy: 'None' }],
    },
  },
  datasets: [
    { name: 'questions', description: 'Asked.', url: 'https://example.org/data', sha256: 'b'.repeat(64), licenses: [{ id: 'CC-BY-4.0' }], use: 'training', classification: 'public', sensitiveData: ['names'], owners: [{ name: 'A house', url: 'https://example.org' }] },
    { name: 'questions', use: 'evaluation' },
  ],
};

describe('the ML-BOM', () => {
  it('is valid against the official schema of CycloneDX 1.6, with everything or next to nothing declared', async () => {
    await assertValid(FULL);
    await assertValid(DECLARED);
  });

  it('says what was declared, in the places that the standard has for it', async () => {
    const { specVersion, metadata, components } = await assertValid(FULL) as {
      specVersion: string; components: { type: string; name: string; 'bom-ref': string; hashes?: unknown; data: Record<string, unknown>[] }[];
      metadata: { timestamp: string; properties: unknown; component: { type: string; name: string; licenses: unknown; authors: unknown; supplier: unknown; pedigree: { ancestors: Record<string, unknown>[]; variants: { name: string }[]; notes: string }; modelCard: { modelParameters: { task: string; datasets: unknown }; quantitativeAnalysis: unknown; considerations: unknown } } };
    };
    const { component } = metadata;
    assert.equal(specVersion, '1.6');
    assert.equal(metadata.timestamp, '2026-11-25T12:00:00.000Z');
    assert.deepEqual(metadata.properties, [{ name: 'weightseq:status', value: 'declared, not verified' }]);
    assert.deepEqual([component.type, component.name], ['machine-learning-model', 'a model']);
    assert.deepEqual(component.licenses, [
      { license: { id: 'Apache-2.0', acknowledgement: 'declared', url: 'https://www.apache.org/licenses/LICENSE-2.0' } }, { license: { name: 'Some Terms of Use', acknowledgement: 'declared' } },
    ]);
    assert.deepEqual(component.supplier, { name: 'A house', url: ['https://example.org'] });
    assert.deepEqual(component.authors, FULL.model.authors);
    const [base, teacher] = component.pedigree.ancestors;
    assert.deepEqual([base?.['name'], base?.['type'], base?.['hashes'], base?.['properties']], ['its base', 'machine-learning-model', [{ alg: 'SHA-256', content: 'a'.repeat(64) }], [{ name: 'weightseq:relation', value: 'base' }]]);
    assert.equal(teacher?.['name'], 'a teacher');
    assert.deepEqual(component.pedigree.variants.map(({ name }) => name), ['its sibling']);
    assert.equal(component.modelCard.modelParameters.task, 'text-generation');
    assert.deepEqual(component.modelCard.quantitativeAnalysis, { performanceMetrics: [{ type: 'accuracy', value: '0.5', slice: 'all', confidenceInterval: { lowerBound: '0.25', upperBound: '0.75' } }] });
    assert.deepEqual(component.modelCard.considerations, FULL.modelCard?.considerations);
    assert.deepEqual(component.modelCard.modelParameters.datasets, components.map((data) => ({ ref: data['bom-ref'] })));
    assert.deepEqual(components.map(({ type, name }) => [type, name]), [['data', 'questions'], ['data', 'questions']]);
    assert.deepEqual(components[0]?.data, [{
      type: 'dataset', name: 'questions', description: 'Asked.', classification: 'public', sensitiveData: ['names'], contents: { url: 'https://example.org/data' },
      governance: { owners: [{ organization: { name: 'A house', url: ['https://example.org'] } }] },
    }]);
  });

  it('is valid whatever is declared', async () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
    const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
    const list = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[] | undefined> => maybe(fc.array(value, { minLength: 1, maxLength: 3 }));
    const url = fc.webUrl({ withFragments: true, withQueryParameters: true });
    const license = fc.oneof(fc.constantFrom('Apache-2.0', 'MIT', 'CC-BY-4.0').map((id) => ({ id })), text.map((name) => ({ name })));
    const model = { name: text, version: maybe(text), description: maybe(text), licenses: list(license), url: maybe(url) };
    const relative = fc.record({ ...model, relation: maybe(fc.constantFrom('base', 'merge-parent')), sha256: maybe(fc.constant('c'.repeat(64))) });
    const arbitrary = fc.record({
      version: fc.constant(1),
      model: fc.record({ ...model, authors: list(fc.record({ name: text, email: maybe(fc.emailAddress()) })), supplier: maybe(fc.record({ name: text, url: maybe(url) })) }),
      pedigree: maybe(fc.record({ ancestors: list(relative), variants: list(relative), notes: maybe(text) })),
      modelCard: maybe(fc.record({
        modelParameters: maybe(fc.record({ task: maybe(text), inputs: list(fc.record({ format: text })) })),
        quantitativeAnalysis: maybe(fc.record({ performanceMetrics: fc.array(fc.record({ type: text, value: fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true })) }), { minLength: 1, maxLength: 2 }) })),
        considerations: maybe(fc.record({ users: list(text), ethicalConsiderations: list(fc.record({ name: text })) })),
      })),
      datasets: list(fc.record({ name: text, url: maybe(url), classification: maybe(text), sensitiveData: list(text), owners: list(fc.record({ name: text, url: maybe(url) })) })),
    });
    let valid = 0;
    await fc.assert(fc.asyncProperty(arbitrary, async (value) => {
      const parsed = declaredSchema.safeParse(JSON.parse(JSON.stringify(value)));
      // Addresses may be refused (an e-mail with a quote in it); what is taken must be valid.
      fc.pre(parsed.success);
      valid++;
      await assertValid(parsed.data);
    }), { numRuns: 100 });
    assert.ok(valid >= 50, String(valid));
  });

  it('is the same for the same declarations, and numbered by what it says', () => {
    const made = (declared: Declared): string => JSON.stringify(mlBom(declared, '1', DATE));
    assert.equal(made(FULL), made(structuredClone(FULL)));
    const serial = (declared: Declared): unknown => mlBom(declared, '1', DATE)['serialNumber'];
    assert.match(String(serial(FULL)), /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.notEqual(serial(FULL), serial(DECLARED));
  });
});

describe('the file of declarations', () => {
  // What is written, and the place and the words of the error.
  for (const [what, text, place, message] of [
    ['no version', 'model: { name: x }\n', '1:1', /version: is missing/],
    ['a field that does not exist', 'version: 1\nmodel:\n  name: x\n  licences: []\n', '4:3', /unknown field "licences"/],
    ['a licence that is on no list', 'version: 1\nmodel:\n  name: x\n  licenses:\n    - id: Gemma\n', '5:11', /is not on the SPDX list/],
    ['a licence with id and name', 'version: 1\nmodel:\n  name: x\n  licenses:\n    - { id: MIT, name: MIT }\n', '5:7', /has either id or name/],
    ['a version that is a number', 'version: 1\nmodel:\n  name: x\n  version: 1.0\n', '4:12', /model\.version: must be text/],
    ['a relation that is unknown', 'version: 1\nmodel: { name: x }\npedigree:\n  ancestors:\n    - { name: y, relation: parent }\n', '5:28', /must be one of base, fine-tune/],
    ['an address that can\'t be followed', 'version: 1\nmodel:\n  name: x\n  url: javascript:alert(1)\n', '4:8', /https:\/\//],
    ['a hash that is none', 'version: 1\nmodel: { name: x }\ndatasets:\n  - name: y\n    sha256: abc\n', '5:13', /64 hexadecimal digits/],
    ['an empty list', 'version: 1\nmodel: { name: x }\ndatasets: []\n', '3:11', /datasets/],
    ['half a character', 'version: 1\nmodel: { name: "\\ud800" }\n', '2:16', /half a character/],
    ['no YAML', 'version: 1\nmodel: {\n', '3:1', /not valid YAML/],
  ] as const) {
    it(`is refused for ${what}, at its place`, async (t) => {
      const file = join(temporaryFolder(t), 'declared.yaml');
      writeFileSync(file, text);
      await assert.rejects(openDeclared(file), (error: unknown) => {
        assert.ok(error instanceof WeightseqError);
        assert.equal(error.code, 'declared-invalid');
        assert.match(error.message, message);
        assert.equal(error.file, `${file}:${place}`);
        return true;
      });
    });
  }

  it('has the schema that is shipped', () => {
    const shipped = JSON.parse(readFileSync(fixture('../../schemas/declared.schema.json'), 'utf8')) as object;
    assert.deepEqual(shipped, JSON.parse(JSON.stringify(declaredJsonSchema())));
    const validate = new Ajv2020({ strict: true }).compile(shipped);
    assert.ok(validate(FULL), JSON.stringify(validate.errors));
    assert.ok(!validate({ version: 1, model: { nam: 'x' } }));
  });

  it('may be JSON', async (t) => {
    const file = join(temporaryFolder(t), 'declared.json');
    writeFileSync(file, JSON.stringify(FULL, null, 2));
    assert.deepEqual((await openDeclared(file)).declared, FULL);
  });
});
