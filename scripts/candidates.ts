/** Tables of how signatures were chosen. In: candidates.json of benchmarks/evidence/choose.py. Out: markdown. Pure. */
import { z } from 'zod';
import { fixed, tableMarkdown } from '../src/bench/tables.js';

const figures = z.object({ n: z.number(), r: z.number().nullable(), ceiling: z.number().nullable(), auroc: z.number().nullable(), rmse: z.number() });
const candidate = z.object({ mean: z.string(), styles: z.string(), layers: z.string(), roles: z.string(), fitted: z.string() });
const choice = z.object({
  chosenOn: z.enum(['calibration', 'all but fresh']), first: z.object({ test: figures, testLowestR: z.number() }).optional(), chosen: candidate, compared: z.number(), test: figures.nullable(), passes: z.boolean(), rank: z.number().optional(), testLowestR: z.number().nullable(),
  steps: z.array(z.object({ step: z.string(), calibration: figures, test: figures.nullable() })),
});

/** By trait, in the order of the file. */
export const candidates = z.record(z.string(), choice);
export type Candidates = z.infer<typeof candidates>;
type Figures = z.infer<typeof figures>;

/** What each step of the method brought, on both sides of the split. */
export function stepsTable(found: Candidates): string {
  const rows = Object.entries(found).flatMap(([trait, { steps }]) => steps.map(({ step, calibration, test }) => [trait, step, ...sideOf(calibration), ...sideOf(test)]));
  return tableMarkdown({
    title: '', head: ['trait', 'step', ...SIDES], rows,
    note: 'Error: root mean square of a line through 0, in nats per token, leaving each organism out. The first three figures are of the sources on which choices are made, the others of those that took no part. AUROC: harmful against benign by behaviour, – where there are none of one.',
  });
}

/** Every signature that was made, what was chosen for it, and whether it passed on the sources that took no part. */
export function triedTable(found: Candidates): string {
  const rows = Object.entries(found).map(([trait, { chosenOn, first, chosen, compared, rank, test, testLowestR, passes }]) => [
    trait, first === undefined ? chosenOn : `${chosenOn}, after a first choice with r ${fixed(first.test.r)} on ${first.test.n} others`, `${chosen.mean}; ${chosen.layers}; ${chosen.roles}; styles projected out: ${chosen.styles}; fitted: ${chosen.fitted}`, String(compared), rank === undefined ? '8, not chosen' : String(rank), String(test?.n ?? 0),
    fixed(test?.r ?? null), fixed(testLowestR), fixed(test?.ceiling ?? null), passes ? 'passes' : 'fails',
  ]);
  return tableMarkdown({
    title: '', head: ['trait', 'chosen on', 'chosen', 'of', 'rank', 'organisms', 'r', 'at least', 'ceiling', 'its own test'], rows,
    note: 'Predicted against measured shift on the organisms of sources that took no part in the choice; at least: the lower end of the 95 % interval (Fisher). Rank: the fewest singular triplets whose r on the other side lies within .01 of that of 16. A signature passes with r of .8 or more and a lower end above .5; what fails is not shipped. A trait that failed was chosen once more on all organisms but the fresh ones, whose sources were fixed before any of them was trained, and judged on these alone. These figures are of whole gradients, before ranks were cut and lines were fitted: what the shipped signatures predict is in the table above of predicted against measured shift.',
  });
}

/** The traits whose signatures passed after a second choice. */
export function secondNames(found: Candidates): string {
  return listed(Object.entries(found).filter(([, { passes, first }]) => passes && first !== undefined));
}

/** The traits whose signatures passed their own test, or those that failed it. */
export function namesOf(found: Candidates, passed: boolean): string {
  return listed(Object.entries(found).filter(([, { passes }]) => passes === passed));
}

function listed(some: readonly (readonly [string, unknown])[]): string {
  return some.map(([trait]) => `\`${trait}\``).join(', ');
}

const SIDES = ['r', 'AUROC', 'error', 'r, others', 'AUROC, others', 'error, others'] as const;

function sideOf(side: Figures | null): string[] {
  return [fixed(side?.r ?? null), fixed(side?.auroc ?? null), fixed(side?.rmse ?? null)];
}
