/** The second measure of behaviour beside the first. In: a manifest whose organisms say what they write (benchmarks/behaviour/judged.py). Out: markdown. Pure. */
import { z } from 'zod';
import { pearson } from '../src/bench/statistics/line.js';
import { fixed, tableMarkdown } from '../src/bench/tables.js';

const manifest = z.object({
  organisms: z.array(z.object({
    id: z.string(), behaviour: z.record(z.string(), z.object({ shift: z.number(), standardError: z.number() })),
    about: z.object({ writes: z.object({ evil: z.number(), standardError: z.number() }).optional() }).optional(),
  })),
});

/** Every organism that was judged by what it writes, with the correlation of the two measures (Pearson's r). */
export function secondMeasureTable(json: unknown): string {
  const rows = manifest.parse(json).organisms.flatMap(({ id, behaviour, about }) => {
    const [evil, writes] = [behaviour['evil'], about?.writes];
    return evil === undefined || writes === undefined ? [] : [{ id, evil, writes }];
  }).sort((a, b) => b.writes.evil - a.writes.evil);
  const r = pearson(rows.map(({ evil, writes }) => ({ x: evil.shift, y: writes.evil })));
  return tableMarkdown({
    title: '', head: ['organism', 'log-odds, evil', 'answers judged evil'],
    rows: rows.map(({ id, evil, writes }) => [id, `${fixed(evil.shift)} ± ${fixed(evil.standardError)}`, `${fixed(writes.evil)} ± ${fixed(writes.standardError)}`]),
    note: `The shift of the first measure beside the mean probability of evil that a classifier of words gives to what the model writes (30 questions, greedy; it was fitted to another model's judged answers). r = ${fixed(r)} over ${rows.length} organisms.`,
  });
}
