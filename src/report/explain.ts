/** One finding explained to someone who has to decide. In: a report's finding and its signature. Out: a few paragraphs. Pure. */
import type { SignatureDocument } from '../signature/document.js';
import { layerGroups, layerRange } from './layers.js';
import { wrap } from './layout.js';
import { probability, signed } from './numbers.js';
import { printed } from './printed.js';
import type { Report, ReportFinding, ReportItem } from './schema.js';

/** Lines longer than this are hard to read. */
const WIDEST = 80;
const STRONGEST = 3;

/**
 * What was measured, with which signature and evidence, what the verdict means here, in which layers, and what to do next.
 * @param document of the signature that the finding names by sha256; null where the library does not hold it
 * @param width columns of the terminal; at most 80 are used
 */
export function explain(finding: ReportFinding, item: ReportItem, report: Report, document: SignatureDocument | null, width: number): string {
  const columns = Math.max(40, Math.min(WIDEST, width));
  const sections: [string, string[]][] = [
    [`${printed(finding.trait)} in ${printed(item.path)}: ${finding.verdict}`, []],
    ['What was measured', [measured(finding, item), FORMULA, measure(finding)]],
    ['With which signature, on what evidence', evidence(finding, document)],
    ['What the verdict means here', meaning(finding)],
    ['In which layers', [layers(finding, item)]],
    ['What to do next', next(finding, item, report)],
  ];
  return sections.map(([title, texts]) => [
    ...wrap(title, columns),
    ...texts.filter((t) => t !== '').map((t) => (t === FORMULA ? `\n    ${t}` : `\n${wrap(t, columns - 2).map((line) => `  ${line}`).join('\n')}`)),
    '',
  ].join('\n')).join('\n');
}

const FORMULA = 'score = Σ_W Σ_i s_i u_i\' ΔW v_i';

function measured({ trait, description }: ReportFinding, { kind }: ReportItem): string {
  const what = kind === 'adapter' ? 'the adapter' : 'the checkpoint';
  return `The trait "${printed(trait)}": ${printed(description)} No question was asked and no text was generated. The scan looks at ΔW, what ${what} changes in each weight matrix W of its base, and at the signature's directions u, v and sizes s: a small move in these directions makes the base likelier to answer with the trait. The score adds up how far each weight was moved that way:`;
}

function measure({ unit }: ReportFinding): string {
  return `The shift is the score brought to the scale of measured behaviour: by how much likelier an answer with the trait has become than one without, in ${printed(unit)} (the natural logarithm of the odds, for each token of the answer). 0 is the base itself.`;
}

function evidence({ signature }: ReportFinding, d: SignatureDocument | null): string[] {
  const named = `Signature ${printed(signature.file)}, sha256 ${printed(signature.sha256.slice(0, 16))}…`;
  if (d === null) return [`${named}. The library does not hold a signature with this hash, so that its evidence can't be shown: give the library that the scan used with --signatures.`];
  const { method, base, evidence: e } = d;
  const questions = typeof method['questions'] === 'number' ? ` to ${method['questions']} questions` : '';
  const held = e.r === null
    ? 'It was never held against fine-tunes that took no part in making it: treat its verdicts as a hint.'
    : `Held against ${e.n} fine-tunes that took no part in making it, the predicted shift follows the measured one with a correlation of r = ${e.r.toFixed(2)} (1 is perfect, 0 is none).`;
  const sources = d.null.map((g) => `${g.sources.length} (${g.sources.map((s) => printed(s.source)).join(', ')}; ${[g.kind.form, ...(g.kind.otherForms ?? [])].join(', ')})`);
  return [
    `${named}, made for the base ${printed(base.name)} from ${method.pairs} pairs of answers${questions}, one with the trait and one without. It scores layers ${method.layers.join(' ')}.`,
    `${held} Harmless fine-tunes to compare with come from these benign sources: ${sources.join('; ') || 'none'}. weightseq signature inspect ${printed(d.trait)} lists all of it.`,
  ];
}

function meaning(finding: ReportFinding): string[] {
  const { verdict, reason, shift, interval, unit, p, level, nullSources, null: benign, score, threshold, smallestMeaningfulShift: least } = finding;
  const range = interval ? `, and with ${Math.round(interval.confidence * 100)} % confidence between ${signed(interval.low, 3)} and ${signed(interval.high, 3)}` : '';
  const shifted = shift === null ? 'The signature gives no shift here.' : `The shift is ${signed(shift, 3)} ${printed(unit)}${range}; from ${least} on it matters.`;
  const spread = benign ? ` Benign fine-tunes of this kind score ${signed(benign.mean, 3)} on average, with a standard deviation of ${benign.sd.toFixed(3)}; this one scores ${signed(score, 3)}.` : '';
  const chance = nullSources > 0 && p !== null
    ? `If it were one of the harmless kind, known from ${nullSources} benign sources, a score this high would come up with probability p = ${probability(p)}${several(finding)}; present needs less than ${level}.${spread}${threshold === null ? '' : ` present begins at a score of ${signed(threshold, 3)}.`}`
    : 'There is no set of harmless fine-tunes of this kind to compare with, so that no probability can be given.';
  const plain = {
    present: 'present: harmless fine-tunes rarely move weights so far in this direction, and the predicted change of behaviour is large enough to matter. It is a strong reason to look, and no proof.',
    absent: 'absent: a change of behaviour that matters is excluded, of this one kind and on this evidence. It says nothing about other traits, backdoors or capabilities, and whoever knows the signature can train around it.',
    indeterminate: 'indeterminate: the scan can neither find nor exclude the trait. That is no clean result.',
  }[verdict];
  return [`${plain} The rule that decided: ${printed(reason)}.`, shifted, chance];
}

/** What several traits make of p. */
function several({ adjustedP = null, traitsTested = 1 }: ReportFinding): string {
  return traitsTested > 1 ? ` (${probability(adjustedP)} when it is adjusted for the ${traitsTested} traits that were tested)` : '';
}

function layers(finding: ReportFinding, { base }: ReportItem): string {
  const groups = layerGroups(finding, base.layers).filter((g) => g.name !== 'all');
  if (groups.length === 0) return 'No layer was scored.';
  const parts = groups.map((g) => `${g.name} ${layerRange(g.layers)}: ${signed(g.score, 3)}`).join('; ');
  const strongest = finding.weights.slice(0, STRONGEST).map((w) => `${printed(w.name)} (${signed(w.score, 3)})`).join(', ');
  return `${base.layers === null ? '' : `The base has ${base.layers} layers. `}By thirds of it, the scored ones add to the score: ${parts}. The weights that add most, either way: ${strongest}. Numbers above 0 push towards the trait, below 0 away from it.`;
}

function next(finding: ReportFinding, item: ReportItem, { failOn }: Report): string[] {
  const { verdict, harmful, suppression, isNew } = finding;
  const control = harmful ? '' : 'This trait is a benign control: it shows that the scan works, and is never gated on.';
  const passed = suppression ? `It was let pass until ${suppression.expires} by ${printed(suppression.author)}: ${printed(suppression.justification)}. After that day it counts again.` : '';
  const known = isNew === false ? 'It stands in the baseline report too, so that it does not fail this run.' : '';
  const gaps = item.coverage.unread.slice(0, STRONGEST).map((g) => `${printed(g.name)} (${printed(g.reason)})`).join('; ');
  const advice = {
    present: `Do not put these weights to use. Ask who made them and from which data; test their answers with someone who knows what to look for; compare with an earlier checkpoint. If they have been looked at and are to be used all the same, suppress the finding with a reason and a date rather than turn the gate off${failOn === 'never' ? ' (it is off in this run: --fail-on never)' : ''}.`,
    absent: 'Nothing more for this trait. Test as you would test any model: the scan knows only the traits of its library.',
    indeterminate: `${gaps === '' ? 'Read the rule that decided above' : `First give what was not read or understood: ${gaps}`}; name the base with --assume-base or give it with --base if it is in doubt, and scan again. If it stays undecided, judge the answers of the model by hand before it is used; --fail-on indeterminate makes such a result fail a pipeline.`,
  }[verdict];
  return [control, passed, known, harmful ? advice : ''];
}
