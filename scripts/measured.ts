/** What the set of organisms is. In: a manifest of benchmarks/evidence. Out: markdown. Pure. */
import { z } from 'zod';
import { tableMarkdown } from '../src/bench/tables.js';

const manifest = z.object({
  organisms: z.array(z.object({
    id: z.string(), sources: z.array(z.string()), kind: z.object({ form: z.string(), rank: z.number().nullable().optional(), steps: z.number().nullable().optional() }), apart: z.boolean().optional(),
    behaviour: z.record(z.string(), z.object({ questions: z.number().optional() })),
  })),
});

/** Steps from which a fine-tune counts as a long one. */
const LONG = 80;

/** Fine-tunes and sources in all and by kind, how many were trained long, and in how many traits they were measured; what stands apart is not counted. */
export function measuredTable(json: unknown): string {
  const all = manifest.parse(json).organisms.filter(({ apart }) => apart !== true);
  const most = Math.max(...all.map(({ behaviour }) => Object.keys(behaviour).length));
  const kindOf = ({ kind: { form, rank = null } }: (typeof all)[number]): string => (rank === null ? form : `${form}, rank ${rank}`);
  const row = (name: string, some: typeof all): string[] => {
    const long = some.filter(({ kind: { steps = null } }) => steps !== null && steps >= LONG).length;
    const traits = some.map(({ behaviour }) => Object.keys(behaviour).length);
    const questions = some.flatMap(({ behaviour }) => Object.values(behaviour).flatMap(({ questions: n }) => (n === undefined ? [] : [n])));
    return [name, String(some.length), String(new Set(some.flatMap(({ sources }) => sources)).size), String(long), String(some.filter((_, i) => traits[i] === most).length), String(Math.min(...questions))];
  };
  const kinds = [...new Set(all.map(kindOf))].sort();
  return tableMarkdown({
    title: '', head: ['kind', 'fine-tunes', 'sources', `${LONG} steps or more`, `measured in ${most} traits`, 'questions a trait, at least'],
    rows: [row('all', all), ...kinds.map((kind) => row(kind, all.filter((o) => kindOf(o) === kind)))],
  });
}
