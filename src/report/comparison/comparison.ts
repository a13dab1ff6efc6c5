/** From a result to the Comparison. In: what comparing gave. Out: plain data that every form renders. Pure. */
import type { ComparisonResult } from '../../compare/compare.js';
import { coefficient, type Estimate } from '../../compare/inner.js';
import type { WeightPair } from '../../compare/pair.js';
import { summarise, type Group } from '../../compare/summary.js';
import type { ScoredFinding, TraitChange } from '../../compare/traits.js';
import { EXIT, type ExitCode } from '../../errors.js';
import type { FlooredNorm } from '../../scan/change.js';
import { exitCodeOf, worst } from '../exit.js';
import { itemOf } from '../report.js';
import type { ReportItem } from '../schema.js';
import { conclusionOf } from './conclusion.js';
import type { ComparedGroup, ComparedTrait, CompareFailOn, Comparison } from './schema.js';

/** The Comparison of a result. Pure. */
export function comparisonOf(result: ComparisonResult, failOn: CompareFailOn, version: string): Comparison {
  const { pairs, how, vectors, gaps, seconds } = result;
  const [a, b] = [itemOf(result.a, 'never'), itemOf(result.b, 'never')];
  const { total, cosine, own, concentration, layers, roles } = summarise(pairs);
  const traits = result.traits.map(traitOf);
  const comparison = {
    schemaVersion: 1 as const, kind: 'comparison' as const, tool: { name: 'weightseq' as const, version }, failOn, a, b, how,
    total: groupOf(total), cosine: estimateOf(cosine), own: own === null ? null : finite(own), concentration,
    layers: layers.map(({ layer, ...group }) => ({ layer, ...groupOf(group) })),
    roles: roles.map(({ role, ...group }) => ({ role, ...groupOf(group) })),
    weights: pairs.map(weightOf),
    vectors: vectors.map((vector) => ({ ...vector })),
    traits, missing: gaps.map(({ name, reason }) => ({ name, reason })), seconds,
  };
  return { ...comparison, conclusion: conclusionOf(comparison), exitCode: exitCodeOfComparison(comparison) };
}

/**
 * 1 by --fail-on: worse, a harmful trait is present in B and was not in A; present, one is present in B; indeterminate, one is present or
 * indeterminate in B. 3 where something of A or B was not read or compared, or a harmful trait is undecided in B: what was undecided in A
 * decides nothing about B. Pure.
 */
export function exitCodeOfComparison({ a, b, traits, missing, failOn }: Pick<Comparison, 'a' | 'b' | 'traits' | 'missing' | 'failOn'>): ExitCode {
  const harmful = traits.filter((trait) => trait.harmful);
  const fails = harmful.some(({ before, after }) =>
    (after.verdict === 'present' && (failOn !== 'worse' || before.verdict !== 'present')) || (after.verdict === 'indeterminate' && failOn === 'indeterminate'));
  return worst([
    ...(failOn !== 'never' && fails ? [EXIT.gate] : []),
    exitCodeOf(decided(a), 'never'), exitCodeOf(b, 'never'),
    ...(missing.length > 0 || harmful.length === 0 ? [EXIT.incomplete] : []),
  ]);
}

/** An item whose undecided verdicts do not count. */
function decided(item: ReportItem): ReportItem {
  return { ...item, findings: item.findings.map((finding) => (finding.verdict === 'indeterminate' ? { ...finding, verdict: 'absent' as const } : finding)) };
}

function groupOf({ weights, a, b, change, undone, rank, outputs, inputs }: Group): ComparedGroup {
  return { weights, a: a && normOf(a), b: b && normOf(b), change: normOf(change), undone: estimateOf(undone), rank, outputs, inputs };
}

function weightOf({ name, role, layer, a, b, change, inner, rank, outputs, inputs }: WeightPair): Comparison['weights'][number] {
  const side = (angles: WeightPair['outputs']) => angles && { ...angles, directions: [...angles.directions] as [number, number], degrees: [...angles.degrees], random: { ...angles.random } };
  return { name, role, layer, a: a && normOf(a), b: b && normOf(b), change: normOf(change), undone: estimateOf(inner && coefficient([inner])), rank, outputs: side(outputs), inputs: side(inputs) };
}

function traitOf({ trait, harmful, before, after, change, back }: TraitChange): ComparedTrait {
  const standing = ({ verdict, shift, score, test }: ScoredFinding) => ({ verdict, shift: shift && finite(shift.value), score: finite(score), p: test?.p ?? null });
  const became = after.verdict === 'indeterminate' ? 'undecided'
    : after.verdict === 'present' ? (before.verdict === 'present' ? 'still present' : 'present')
    : before.verdict === 'present' ? 'gone' : 'not present';
  return { trait, harmful, unit: after.unit, before: standing(before), after: standing(after), change: change && { ...change }, back: estimateOf(back), became };
}

function normOf({ value, low, high, floor }: FlooredNorm): Comparison['total']['change'] {
  return { value: finite(value), low: finite(low), high: finite(high), floor: finite(floor) };
}

function estimateOf(estimate: Estimate | null): { value: number; low: number; high: number } | null {
  return estimate && Object.values(estimate).every(Number.isFinite) ? { ...estimate } : null;
}

/** JSON has no NaN: what is no number is null. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
