/** The policy file. schemas/policy.schema.json is made from this file (npm run schema), for editors that check YAML while it is written. */
import { z } from 'zod';

export const LEVELS = ['error', 'warning', 'note'] as const;
export const PROFILE_NAMES = ['strict', 'default', 'report-only'] as const;
export type ProfileName = (typeof PROFILE_NAMES)[number];

const rule = z.strictObject({
  id: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be small letters and digits, joined by hyphens').max(64).describe('stands in reports; a rule with the id of one in the profile takes its place'),
  when: z.string().min(1).max(1000).describe('a condition over one item of the report: weightseq policy names'),
  message: z.string().min(1).max(500).describe('what a reader is told when the rule matches'),
  level: z.enum(LEVELS).describe('error: exit code 1; warning and note are shown and change no exit code'),
});

export const policySchema = z.strictObject({
  version: z.literal(1),
  extends: z.enum(PROFILE_NAMES).optional().describe('the profile whose rules hold too; default when absent'),
  rules: z.array(rule).max(200).optional(),
});

export type Rule = z.infer<typeof rule>;

/** The JSON Schema (draft 2020-12) that is shipped as schemas/policy.schema.json. */
export function policyJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(policySchema, { target: 'draft-2020-12' }), $id: 'urn:weightseq:policy:1', title: 'weightseq policy, version 1' };
}
