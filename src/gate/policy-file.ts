/** A policy, from a profile's name or a YAML file to rules that can be applied. */
import { stat } from 'node:fs/promises';
import { WeightseqError } from '../errors.js';
import { escapeText } from '../text.js';
import { ExpressionError } from './expression-error.js';
import { compile, type Expression } from './expression.js';
import { policySchema, PROFILE_NAMES, type ProfileName, type Rule } from './policy-schema.js';
import { PROFILES } from './profiles.js';
import { readYaml } from './yaml-file.js';

export interface CompiledRule extends Rule {
  readonly expression: Expression;
}

export interface Policy {
  /** The profile, or the file as it was given. */
  readonly name: string;
  /** The profile that a file extends; null for a profile itself. */
  readonly extends: ProfileName | null;
  readonly rules: readonly CompiledRule[];
}

/**
 * A built-in profile, or a file (docs/policy.md). A file without `extends` extends `default`: to leave the line out must not let
 * a harmful trait pass. A rule takes the place of one with the same id in the profile.
 * @throws WeightseqError `policy-invalid`, at the line and column of what is wrong; `not-found`
 */
export async function openPolicy(nameOrFile: string): Promise<Policy> {
  if (isProfile(nameOrFile)) return { name: nameOrFile, extends: null, rules: await Promise.all(PROFILES[nameOrFile].map(compileRule)) };
  const isThere = await stat(nameOrFile).then(() => true, () => false);
  if (!isThere) throw new WeightseqError('not-found', 'no such policy', { file: nameOrFile, mend: `Give a file, or one of: ${PROFILE_NAMES.join(', ')}.` });
  const { value, where } = await readYaml(nameOrFile, policySchema, 'policy-invalid');
  const own: CompiledRule[] = [];
  for (const [i, rule] of (value.rules ?? []).entries()) {
    if (own.some(({ id }) => id === rule.id)) throw new WeightseqError('policy-invalid', `rules[${i}].id: ${escapeText(rule.id)} is the id of an earlier rule`, { file: where(['rules', i, 'id']), mend: 'Give it another.' });
    own.push(await compileRule(rule).catch((error: unknown) => {
      if (!(error instanceof ExpressionError)) throw error;
      throw new WeightseqError('policy-invalid', `rules[${i}].when: ${error.message}`, {
        file: where(['rules', i, 'when'], error.offset), excerpt: excerpt(rule.when, error.offset), cause: error,
        ...(error.mend === undefined ? {} : { mend: error.mend }),
      });
    }));
  }
  const from = value.extends ?? 'default';
  const kept = await Promise.all(PROFILES[from].filter(({ id }) => !own.some((rule) => rule.id === id)).map(compileRule));
  return { name: nameOrFile, extends: from, rules: [...kept, ...own] };
}

function isProfile(name: string): name is ProfileName {
  return (PROFILE_NAMES as readonly string[]).includes(name);
}

async function compileRule(rule: Rule): Promise<CompiledRule> {
  return { ...rule, expression: await compile(rule.when) };
}

/** Characters of the expression before and after the place that are shown. */
const AROUND = 30;

/** The line of the expression, cut around the place, and a caret under it. */
export function excerpt(text: string, offset: number): [line: string, caret: string] {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  const line = text.slice(start, end < 0 ? undefined : end);
  const at = offset - start;
  const from = at > 2 * AROUND ? at - AROUND : 0;
  const to = line.length > at + 2 * AROUND ? at + AROUND : line.length;
  const before = `${from > 0 ? '…' : ''}${escapeText(line.slice(from, at))}`;
  return [`${before}${escapeText(line.slice(at, to))}${to < line.length ? '…' : ''}`, `${' '.repeat(before.length)}^`];
}
