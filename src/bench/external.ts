/** Scores of other methods on the same organisms. In: a JSON file. Out: one number for each organism, method and trait. */
import { z } from 'zod';
import { readJson } from './json-file.js';

const name = z.string().regex(/^[a-z0-9-]+$/, 'must be small letters, digits and hyphens');

const externalSchema = z.record(z.string(), z.record(name, z.union([z.number(), z.record(name, z.number())])));

/** Higher is more suspicious. */
export interface ExternalScores {
  readonly methods: readonly string[];
  /** Undefined where the method says nothing of the organism. */
  readonly score: (id: string, method: string, trait: string) => number | undefined;
}

export const NO_EXTERNAL_SCORES: ExternalScores = { methods: [], score: () => undefined };

/**
 * @throws WeightseqError `scores-invalid` naming the field; `not-found`, `not-a-file`, `unreadable-file`
 */
export async function openExternalScores(file: string): Promise<ExternalScores> {
  const found = await readJson(file, externalSchema, 'scores-invalid', 'Give {id: {method: number}} or {id: {method: {trait: number}}} (docs/bench.md).');
  const byId = new Map(Object.entries(found).map(([id, methods]) => [id, new Map(Object.entries(methods))]));
  return {
    methods: [...new Set([...byId.values()].flatMap((methods) => [...methods.keys()]))].sort(),
    score: (id, method, trait) => {
      const given = byId.get(id)?.get(method);
      return typeof given === 'object' ? new Map(Object.entries(given)).get(trait) : given;
    },
  };
}
