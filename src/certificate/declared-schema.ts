/**
 * The file of declarations: what its author says of a model, in the words of CycloneDX 1.6. schemas/declared.schema.json is made from this
 * file (npm run schema), for editors that check YAML while it is written.
 */
import { isSupportedSpdxId } from '@cyclonedx/cyclonedx-library/SPDX';
import { z } from 'zod';

const text = (most: number) => z.string().min(1).max(most).refine((s) => !/\p{Cs}/u.test(s), 'holds half a character');
const line = text(500);
const prose = text(10_000);
/** An IRI as CycloneDX asks for it, of the kinds that can be followed. */
const url = z.string().max(2000).regex(/^https?:\/\/[A-Za-z0-9.-]+(?::\d+)?(?:\/[\w.~!$&'()*+,;=:@%/-]*)?(?:\?[\w.~!$&'()*+,;=:@%/?-]*)?(?:#[\w.~!$&'()*+,;=:@%/?-]*)?$/u, 'must be an address that begins with https:// or http://')
  .refine((address) => !/%(?![0-9A-Fa-f]{2})/u.test(address), 'has a % that no two hexadecimal digits follow');
const email = z.string().max(254).regex(/^[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/u, 'must be an address such as name@example.org');
const sha256 = z.string().regex(/^[0-9a-f]{64}$/u, 'must be 64 hexadecimal digits in small letters');
const list = <T extends z.ZodType>(of: T) => z.array(of).min(1).max(200);

const contact = z.strictObject({ name: line, email: email.optional() });
const organisation = z.strictObject({ name: line, url: url.optional() });

const license = z.strictObject({
  id: line.refine(isSupportedSpdxId, 'is not on the SPDX list: give a name in its place').optional().describe('an identifier of the SPDX list, such as Apache-2.0'),
  name: line.optional().describe('of a licence that is not on that list'),
  url: url.optional(),
}).refine(({ id, name }) => (id === undefined) !== (name === undefined), 'has either id or name');

/** A model, or what a model descends from. */
const model = {
  name: line,
  version: line.optional(),
  description: prose.optional(),
  licenses: list(license).optional(),
  url: url.optional().describe('where it is published'),
};

const relative = z.strictObject({
  ...model,
  relation: z.enum(['base', 'fine-tune', 'adapter', 'merge-parent', 'teacher', 'quantised', 'other']).optional().describe('what it is to this model; verify holds a base against what the weights say'),
  sha256: sha256.optional().describe('of its weights, where they are one file'),
});

const dataset = z.strictObject({
  name: line,
  description: prose.optional(),
  url: url.optional(),
  sha256: sha256.optional(),
  licenses: list(license).optional(),
  use: z.enum(['training', 'evaluation', 'both']).optional(),
  classification: line.optional().describe('such as public or confidential'),
  sensitiveData: list(line).optional(),
  owners: list(organisation).optional(),
});

const metric = z.strictObject({
  type: line,
  value: z.union([z.string().min(1).max(100), z.number()]),
  slice: line.optional(),
  confidenceInterval: z.strictObject({ lowerBound: z.union([z.string().min(1).max(100), z.number()]), upperBound: z.union([z.string().min(1).max(100), z.number()]) }).optional(),
});

const modelCard = z.strictObject({
  modelParameters: z.strictObject({
    approach: z.strictObject({ type: z.enum(['supervised', 'unsupervised', 'reinforcement-learning', 'semi-supervised', 'self-supervised']) }).optional(),
    task: line.optional(),
    architectureFamily: line.optional(),
    modelArchitecture: line.optional(),
    inputs: list(z.strictObject({ format: line })).optional(),
    outputs: list(z.strictObject({ format: line })).optional(),
  }).optional(),
  quantitativeAnalysis: z.strictObject({ performanceMetrics: list(metric) }).optional(),
  considerations: z.strictObject({
    users: list(prose).optional(),
    useCases: list(prose).optional(),
    technicalLimitations: list(prose).optional(),
    performanceTradeoffs: list(prose).optional(),
    ethicalConsiderations: list(z.strictObject({ name: prose, mitigationStrategy: prose.optional() })).optional(),
    fairnessAssessments: list(z.strictObject({ groupAtRisk: prose, benefits: prose.optional(), harms: prose.optional(), mitigationStrategy: prose.optional() })).optional(),
  }).optional(),
});

export const declaredSchema = z.strictObject({
  version: z.literal(1),
  model: z.strictObject({ ...model, supplier: organisation.optional(), authors: list(contact).optional() }),
  pedigree: z.strictObject({
    ancestors: list(relative).optional().describe('the models that it was made of'),
    variants: list(relative).optional().describe('what it is akin to, without being made from it'),
    notes: prose.optional(),
  }).optional(),
  modelCard: modelCard.optional(),
  datasets: list(dataset).optional(),
});

/** What the author of a certificate says of a model. Nothing of it was verified. */
export type Declared = z.infer<typeof declaredSchema>;
export type DeclaredRelative = z.infer<typeof relative>;
export type DeclaredDataset = z.infer<typeof dataset>;

/** The JSON Schema (draft 2020-12) that is shipped as schemas/declared.schema.json. */
export function declaredJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(declaredSchema, { target: 'draft-2020-12' }), $id: 'urn:weightseq:declared:1', title: 'weightseq declarations, version 1' };
}
