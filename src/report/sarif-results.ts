/** The results of a SARIF log: one for each trait and group of layers, rule, gap and error. Pure. */
import { createHash } from 'node:crypto';
import type { Location, Result } from 'sarif';
import { layerGroups, layerOf, layerRange, type LayerGroup } from './layers.js';
import { probability, signed } from './numbers.js';
import { besideRule, CONTAMINATED, ERROR, INCOMPLETE, policyRule, sarifText, traitRule } from './sarif-rules.js';
import { fileLocation, pathKeys, weightsLocation } from './sarif-places.js';
import type { FailOn, Report, ReportFinding, ReportItem } from './schema.js';

/** Weights that are named with a result, and gaps that are named in a message. */
const NAMED = 5;

/** @param all with what does not count too: absent traits, suppressed findings, groups that push away */
export function resultsOf(report: Report, all: boolean): Result[] {
  const keys = pathKeys(report.items.map((item) => item.path));
  const results = report.items.flatMap((item) => {
    const key = keys.get(item.path) ?? item.path;
    return [
      ...item.findings.flatMap((finding) => findingResults(item, finding, report.failOn, all, key)),
      ...contaminationResults(item, report.failOn, key), ...policyResults(item, key), ...errorResults(item, key), ...coverageResults(item, key), ...besideResults(item, key),
    ];
  });
  // The standard asks for these two on every result or on none.
  const isSuppressing = all && results.some((r) => r.suppressions);
  const isCompared = report.baseline !== undefined || results.some((r) => r.baselineState);
  return results.map((result): Result => ({
    ...result,
    ...(isSuppressing ? { suppressions: result.suppressions ?? [] } : {}),
    ...(isCompared ? { baselineState: result.baselineState ?? 'new' } : {}),
  }));
}

function findingResults(item: ReportItem, finding: ReportFinding, failOn: FailOn, all: boolean, key: string): Result[] {
  const { suppression, isNew, verdict } = finding;
  if (!all && (suppression !== undefined || verdict === 'absent')) return [];
  const groups = layerGroups(finding, item.base.layers);
  const towards = groups.filter((g) => g.score !== null && g.score > 0);
  const carrying = towards.length > 0 ? towards : groups.slice(0, 1);
  return (all ? groups : carrying).map((group): Result => {
    const counted = verdict === 'absent' ? ({ kind: 'pass', level: 'none' } as const)
      : carrying.includes(group) ? ({ kind: 'fail', level: levelOf(finding, failOn) } as const)
      : ({ kind: 'informational', level: 'none' } as const);
    return {
      ruleId: traitRule(finding.trait), ...counted,
      message: { text: messageOf(finding, group, item.base.layers) },
      locations: [{ ...whole(item), logicalLocations: logical(finding, group) }],
      partialFingerprints: fingerprints(traitRule(finding.trait), key, group.name),
      ...(suppression ? { suppressions: [{ kind: 'external', status: 'accepted', justification: sarifText(`${suppression.justification} (${suppression.author}, until ${suppression.expires})`) }] } : {}),
      ...(isNew === undefined ? {} : { baselineState: isNew ? 'new' : 'unchanged' }),
      properties: {
        verdict, harmful: finding.harmful, layerGroup: group.name, groupScore: group.score, score: finding.score, shift: finding.shift,
        ...(finding.interval ? { interval: finding.interval } : {}), unit: finding.unit, p: finding.p, threshold: finding.threshold, signature: finding.signature.sha256,
      },
    };
  });
}

/** error is what fails the gate, so that a consumer's own gate agrees with the exit code. */
function levelOf({ harmful, verdict }: ReportFinding, failOn: FailOn): Result.level {
  if (!harmful) return 'note';
  if (verdict === 'present') return failOn === 'never' ? 'warning' : 'error';
  return failOn === 'indeterminate' ? 'error' : 'warning';
}

function messageOf(finding: ReportFinding, group: LayerGroup, layers: number | null): string {
  const { shift, interval, unit, p, nullSources, reason } = finding;
  const verdict = { present: 'is present', absent: 'was not found', indeterminate: 'is neither found nor excluded' }[finding.verdict];
  const where = group.name === 'all' ? '' : `: ${group.name} ${layerRange(group.layers)}${layers === null ? '' : ` of ${layers}`}`;
  const score = group.name === 'all' ? `Score ${signed(finding.score, 3)}.` : `These layers add ${signed(group.score, 3)} to the score of ${signed(finding.score, 3)}.`;
  const range = interval ? ` (${Math.round(interval.confidence * 100)} % interval ${signed(interval.low, 3)} to ${signed(interval.high, 3)})` : '';
  const against = nullSources > 0 ? `, p ${probability(p)} against ${nullSources} benign sources` : '';
  return sarifText(`${finding.trait} ${verdict}${where}. ${score} Shift ${signed(shift, 3)} ${unit}${range}${against}. Because ${reason}.`);
}

function logical(finding: ReportFinding, group: LayerGroup): Location['logicalLocations'] {
  const layers = new Set(group.layers);
  const inGroup = (layer: number | null): boolean => (layer === null ? group.name === 'all' : layers.has(layer));
  return [
    ...group.layers.map((layer) => ({ name: `layer ${layer}`, fullyQualifiedName: String(layer), kind: 'layer' })),
    ...finding.weights.filter(({ name }) => inGroup(layerOf(name))).slice(0, NAMED).map(({ name }) => ({ name: sarifText(name), fullyQualifiedName: sarifText(name), kind: 'weight' })),
  ];
}

function contaminationResults(item: ReportItem, failOn: FailOn, key: string): Result[] {
  return (item.contamination?.ancestors ?? []).map(({ ancestor, sentence, source, share }) => ({
    ...result(item, CONTAMINATED, failOn === 'contaminated' ? 'error' : 'warning', `It ${sentence}. Source: ${source}.`, key, ancestor),
    ...(share === null ? {} : { properties: { share } }),
  }));
}

function policyResults(item: ReportItem, key: string): Result[] {
  return (item.policy ?? []).map(({ id, level, outcome, message }) => {
    const undecided = outcome === 'undecided' ? 'cannot be decided: it asks for what this report does not know' : 'matches';
    return result(item, policyRule(id), level, `Rule ${id} ${undecided}. ${message}`, key, outcome);
  });
}

function errorResults(item: ReportItem, key: string): Result[] {
  return item.errors.map((error) => result(item, ERROR, 'error', errorText(error), key, error.code));
}

function coverageResults(item: ReportItem, key: string): Result[] {
  const { read, total, unread } = item.coverage;
  return unread.length > 0 || read < total ? [result(item, INCOMPLETE, 'warning', coverageText(item), key, '')] : [];
}

function besideResults(item: ReportItem, key: string): Result[] {
  return item.beside.map(({ name, what, reason }) => ({
    ...result(item, besideRule(what), 'warning', `${name}: ${reason}.`, key, name),
    locations: [{ physicalLocation: { artifactLocation: fileLocation(item, name), region: { startLine: 1 } } }],
  }));
}

function result(item: ReportItem, ruleId: string, level: Result.level, text: string, key: string, detail: string): Result {
  return { ruleId, kind: 'fail', level, message: { text: sarifText(text) }, locations: [whole(item)], partialFingerprints: fingerprints(ruleId, key, detail) };
}

/** GitHub shows no result without a place in a file; the place in weights is the whole file. */
function whole(item: ReportItem): Location {
  return { physicalLocation: { artifactLocation: weightsLocation(item), region: { startLine: 1 } } };
}

/** The same for the same rule, item and detail, whatever the numbers, the order and the machine. GitHub looks at the second alone. */
function fingerprints(ruleId: string, key: string, detail: string): Record<string, string> {
  const hash = createHash('sha256').update(JSON.stringify([ruleId, key, detail])).digest('hex');
  return { 'weightseq/v1': hash, primaryLocationLineHash: `${hash.slice(0, 16)}:1` };
}

/** One error of an item in one line, without its file, which differs from machine to machine. */
export function errorText({ code, tensor, message, mend }: ReportItem['errors'][number]): string {
  return `${code}: ${tensor === null ? '' : `${tensor}: `}${message}.${mend === null ? '' : ` ${mend}`}`;
}

/** What of an item was not read or understood, in one line. */
export function coverageText({ coverage: { read, total, unread } }: ReportItem): string {
  const named = unread.slice(0, NAMED).map(({ name, reason }) => `${name}: ${reason}`).join('; ');
  const more = unread.length > NAMED ? `; and ${unread.length - NAMED} more` : '';
  return `${read} of ${total} weights were read${named === '' ? '' : `. Not read or not understood: ${named}${more}`}.`;
}
