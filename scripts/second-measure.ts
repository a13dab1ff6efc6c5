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

interface Judged {
  readonly id: string;
  /** Log-odds, nats per token. */
  readonly evil: { readonly shift: number; readonly standardError: number };
  /** Mean probability of evil. */
  readonly writes: { readonly evil: number; readonly standardError: number };
}

function judgedIn(json: unknown): Judged[] {
  return manifest.parse(json).organisms.flatMap(({ id, behaviour, about }) => {
    const [evil, writes] = [behaviour['evil'], about?.writes];
    return evil === undefined || writes === undefined ? [] : [{ id, evil, writes }];
  }).sort((a, b) => b.writes.evil - a.writes.evil);
}

/** The correlation of the two measures (Pearson's r), in words. */
export function secondMeasureText(json: unknown): string {
  const rows = judgedIn(json);
  return `r = ${fixed(pearson(rows.map(({ evil, writes }) => ({ x: evil.shift, y: writes.evil }))))} over ${rows.length} organisms`;
}

/** Every organism that was judged by what it writes. */
export function secondMeasureTable(json: unknown): string {
  return tableMarkdown({
    title: '', head: ['organism', 'log-odds, evil', 'answers judged evil'],
    rows: judgedIn(json).map(({ id, evil, writes }) => [id, `${fixed(evil.shift)} ± ${fixed(evil.standardError)}`, `${fixed(writes.evil)} ± ${fixed(writes.standardError)}`]),
    note: `The shift of the first measure beside the mean probability of evil that a classifier of words gives to what the model writes (30 questions, greedy; it was fitted to another model's judged answers). ${secondMeasureText(json)}.`,
  });
}
