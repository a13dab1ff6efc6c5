/** Everything that a rule can ask of one item of a report: name, type, meaning. docs/policy.md lists the same, and a test holds it to that. */
import { ERROR_CODES } from '../errors.js';
import { counts } from '../report/exit.js';
import { BESIDE, type Contamination, type ReportFinding, type ReportItem } from '../report/schema.js';
import { EXCUSED, known, UNKNOWN, type Plain, type Value } from './logic.js';

/** Texts of which there are only some: to compare with another is an error. */
export const CHOICES = {
  verdict: ['present', 'absent', 'indeterminate'],
  how: ['measured', 'claimed', 'assumed', 'shape', 'unknown'],
  kind: ['adapter', 'checkpoint', 'unknown'],
  source: ['weights', 'reading', 'unhashed reading'],
  beside: BESIDE,
  error: Object.keys(ERROR_CODES),
} as const satisfies Record<string, readonly string[]>;

export type Choice = keyof typeof CHOICES;
export type Type = 'number' | 'boolean' | 'text' | Choice;

export interface Name {
  /** As it is written, without the argument: `coverage`, `base.declared`, `shift`, `interval.low`. */
  readonly name: string;
  /** What stands in the parentheses; null for a name without. */
  readonly argument: 'trait' | Choice | null;
  readonly type: Type;
  readonly means: string;
  readonly of: (item: ReportItem, argument: string) => Value;
}

function ofItem(name: string, type: Type, means: string, of: (item: ReportItem) => Plain | null): Name {
  return { name, argument: null, type, means, of: (item) => known(of(item)) };
}

function ofTrait(name: string, type: Type, means: string, of: (finding: ReportFinding) => Plain | null): Name {
  return {
    name, argument: 'trait', type, means,
    of: (item, trait) => {
      const finding = findingOf(item, trait);
      return finding === undefined ? UNKNOWN : counts(finding) ? known(of(finding)) : EXCUSED;
    },
  };
}

function ofChoice(name: string, argument: Choice, type: Type, means: string, of: (item: ReportItem, choice: string) => Plain): Name {
  return { name, argument, type, means, of };
}

const WORST_FIRST: readonly ReportFinding['verdict'][] = ['present', 'indeterminate', 'absent'];

/** What the report says of a trait; of several signatures for it, the one that counts and says the worst. */
function findingOf(item: ReportItem, trait: string): ReportFinding | undefined {
  const place = (finding: ReportFinding) => WORST_FIRST.indexOf(finding.verdict) + (counts(finding) ? 0 : WORST_FIRST.length);
  return item.findings.filter((finding) => finding.trait === trait).sort((a, b) => place(a) - place(b))[0];
}

/** Weights that changed and that no signature scores; null where that is not known. */
function unexplained({ unexplained: listed, weights, findings }: ReportItem): number | null {
  if (listed) return listed.length;
  if (!weights) return null;
  const scored = new Set(findings.flatMap((finding) => finding.weights.map(({ name }) => name)));
  return weights.filter(({ name, norm }) => norm.value !== 0 && !scored.has(name)).length;
}

/** The base that the configuration names, as the library calls it where it knows it. */
function declared({ base }: ReportItem): string | null {
  return base.how === 'claimed' ? base.name : base.declaredAs ?? base.declared;
}

/** The largest share; 0 without a contaminated ancestor, null where one's is not known. */
function shareOf(ancestors: Contamination['ancestors']): number | null {
  const shares = ancestors.map(({ share }) => share?.value ?? null);
  return shares.some((share) => share === null) ? null : Math.max(0, ...shares.map((share) => share ?? 0));
}

export const NAMES: readonly Name[] = [
  ofTrait('verdict', 'verdict', 'what the scan says of the trait', (f) => f.verdict),
  ofTrait('shift', 'number', 'predicted shift, in nats per token', (f) => f.shift),
  ofTrait('interval.low', 'number', 'lower end of the prediction interval of the shift', (f) => f.interval?.low ?? null),
  ofTrait('interval.high', 'number', 'upper end of it', (f) => f.interval?.high ?? null),
  ofTrait('p', 'number', 'how often benign fine-tunes of this kind reach such a score', (f) => f.p),
  ofTrait('adjustedP', 'number', 'p adjusted for all the harmful traits that were tested; present needs it below the level', (f) => f.adjustedP ?? null),
  ofTrait('conformalP', 'number', 'the same by counting; never below 1 / (sources + 1)', (f) => f.conformalP),
  ofTrait('score', 'number', 'the raw sum behind the shift', (f) => f.score),
  ofTrait('threshold', 'number', 'the score from which on the verdict is present', (f) => f.threshold),
  ofTrait('nullSources', 'number', 'benign sources behind p; 0 when no null matches', (f) => f.nullSources),
  { name: 'suppressed', argument: 'trait', type: 'boolean', means: 'whether a suppression holds for the trait', of: (item, trait) => item.findings.some((f) => f.trait === trait && f.suppression !== undefined) },
  ofChoice('count', 'verdict', 'number', 'how many harmful traits have this verdict, without suppressed and known ones', (item, verdict) => item.findings.filter((f) => f.harmful && counts(f) && f.verdict === verdict).length),
  ofItem('tested', 'number', 'how many harmful traits were tested', (item) => item.findings.filter((f) => f.harmful).length),
  ofItem('coverage', 'number', 'share of the weights that was read, 0 to 1', ({ coverage: { read, total } }) => read / total),
  ofItem('unread', 'number', 'how many things were not read or not understood', (item) => item.coverage.unread.length),
  ofItem('unexplained', 'number', 'how many weights changed that no signature scores', unexplained),
  ofItem('deltaNorm', 'number', 'norm of ΔW over all weights (Frobenius)', (item) => item.deltaNorm),
  ofItem('baseNorm', 'number', 'norm of W0 over the weights of the base', (item) => item.base.norm),
  ofItem('base.name', 'text', 'the base that the findings are for', (item) => item.base.name),
  ofItem('base.how', 'how', 'how that is known', (item) => item.base.how),
  ofItem('base.declared', 'text', 'the base that the configuration names, as the library calls it where it knows it', declared),
  ofItem('base.measured', 'text', 'the base that the weights themselves show; never known of an adapter', (item) => item.base.measured),
  ofItem('kind', 'kind', 'what was scanned', (item) => item.kind),
  ofItem('source', 'source', 'whether the weights were read now, or a kept reading', (item) => item.source ?? 'weights'),
  ofItem('hashed', 'boolean', 'whether the report says which bytes were scanned', (item) => item.digest !== null),
  ofChoice('beside', 'beside', 'boolean', 'whether such a thing lies beside the weights', (item, what) => item.beside.some((b) => b.what === what)),
  ofItem('contaminated', 'boolean', 'whether an ancestor is listed in the registry that was given with --registry', ({ contamination }) => contamination === undefined ? null : contamination.ancestors.length > 0),
  ofItem('ancestorShare', 'number', 'the largest share of a contaminated ancestor\'s change that is still present', ({ contamination }) => contamination === undefined ? null : shareOf(contamination.ancestors)),
  ofItem('errors', 'number', 'how many errors there were', (item) => item.errors.length),
  ofChoice('error', 'error', 'boolean', 'whether there was an error with this code', (item, code) => item.errors.some((e) => e.code === code)),
];

/** How a name is written in a rule: `shift("TRAIT")`, `interval("TRAIT").low`, `beside("pickle")`. */
export function writtenAs({ name, argument }: Name): string {
  if (argument === null) return name;
  const [head = '', field] = name.split('.');
  const inside = argument === 'trait' ? 'TRAIT' : CHOICES[argument][0];
  return `${head}("${inside}")${field === undefined ? '' : `.${field}`}`;
}
