/**
 * What a model lacks. Pure. In: its configuration and the weights that its tensors stand for. Out: a Gap for each weight
 * that the architecture has and the file has not: a loader would fill it at random, or with something from elsewhere.
 */
import type { Gap } from '../types.js';
import type { ModelConfig } from './model-config.js';

/** By weight (`5.q`, `embed`), the experts for which there is a tensor; empty for a weight without experts. */
export type Claims = ReadonlyMap<string, ReadonlySet<number>>;

const LISTED = 4;
const MEND = 'download or save the model again';

/** Gaps of a model whose architecture is known; none for another. */
export function missingWeights(config: ModelConfig, claims: Claims): Gap[] {
  const { layout, sizes } = config;
  if (layout === null) return [];
  const gaps: Gap[] = [];
  const gap = (name: string, reason: string): void => { gaps.push({ name, reason: `${reason}; ${MEND}`, bytes: 0 }); };
  const blocks = [...new Set([...claims.keys()].filter((name) => name.includes('.')).map((name) => Number(name.split('.')[0])))].sort((a, b) => a - b);
  const expected = sizes.layers ?? (blocks.at(-1) ?? -1) + 1;
  const extra = blocks.filter((block) => block >= expected);
  if (extra.length > 0) gap('num_hidden_layers', `config.json asks for ${expected} blocks, found tensors of others too: ${list(extra)}`);
  const within = new Set(blocks.filter((block) => block < expected));
  if (within.size < expected) {
    const missing: number[] = [];
    for (let block = 0; missing.length < LISTED && block < expected; block++) if (!within.has(block)) missing.push(block);
    gap('num_hidden_layers', `expected ${expected} blocks, found no tensors of ${expected - within.size} of them: ${list(missing, expected - within.size)}`);
  }
  for (const block of within) {
    for (const role of layout.roles) {
      const name = `${block}.${role}`;
      const experts = claims.get(name);
      if (experts === undefined) gap(name, `no tensor holds the ${role} weight of block ${block}`);
      else if (experts.size > 0) checkExperts(name, experts, sizes.experts, gap);
    }
  }
  if (!claims.has('embed') && !(config.ties === true && claims.has('head'))) gap('embed', 'no tensor holds the embedding');
  if (!claims.has('head') && config.ties === false && config.hasHead) gap('head', 'no tensor holds the output layer, which config.json says is not tied to the embedding');
  return gaps;
}

function checkExperts(name: string, experts: ReadonlySet<number>, count: number | null, gap: (name: string, reason: string) => void): void {
  const expected = count ?? [...experts].reduce((most, expert) => Math.max(most, expert), 0) + 1;
  const missing = Array.from({ length: Math.min(expected, 65_536) }, (_, i) => i).filter((i) => !experts.has(i));
  if (missing.length > 0) gap(name, `expected ${expected} experts, found no tensor of ${missing.length} of them: ${list(missing)}`);
  const extra = [...experts].filter((expert) => expert >= expected);
  if (extra.length > 0) gap(name, `config.json asks for ${expected} experts, found tensors of others too: ${list(extra)}`);
}

function list(numbers: readonly number[], total = numbers.length): string {
  const more = total > LISTED ? ` and ${total - LISTED} more` : '';
  return `${numbers.slice(0, LISTED).join(', ')}${more}`;
}
