/** From results to the Report. In: what scans gave. Out: plain data that every form renders. Pure. */
import type { WeightseqError } from '../errors.js';
import type { FlooredNorm } from '../scan/change.js';
import type { BaseOf } from '../scan/base.js';
import type { Finding } from '../scan/finding.js';
import type { Identity } from '../scan/identity.js';
import type { ModelScanResult } from '../scan/model-scan.js';
import { norm } from '../scan/null.js';
import type { ScanResult } from '../scan/scan.js';
import type { AnyScanResult } from '../scan/any.js';
import { exitCodeOf, worst } from './exit.js';
import { MOST_EVIDENCE, type Contamination, type FailOn, type Report, type ReportFinding, type ReportItem } from './schema.js';

/** The Report of several scanned paths. Pure. */
export function report(results: readonly AnyScanResult[], failOn: FailOn, version: string): Report {
  return reportOf(results.map((result) => itemOf(result, failOn)), failOn, version);
}

/** The Report of items that stand already. Pure. */
export function reportOf(items: readonly ReportItem[], failOn: FailOn, version: string): Report {
  return { schemaVersion: 1, tool: { name: 'weightseq', version }, failOn, items: [...items], exitCode: worst(items.map((i) => i.exitCode)) };
}

/**
 * What a report says of one scanned path; plain data.
 * @param contamination what it inherits, where a registry was consulted
 */
export function itemOf(result: AnyScanResult, failOn: FailOn, contamination?: Contamination): ReportItem {
  const item = 'kind' in result ? modelItem(result, failOn) : adapterItem(result, failOn);
  if (contamination === undefined) return item;
  const whole = { ...item, contamination };
  return { ...whole, exitCode: exitCodeOf(whole, failOn) };
}

function adapterItem(result: ScanResult, failOn: FailOn): ReportItem {
  const { checkpoint, reading, errors } = result;
  const findings = result.findings.map(reportFinding);
  const coverage = {
    bytes: reading?.bytes ?? 0,
    bytesTotal: checkpoint?.bytes ?? 0,
    read: reading?.weights.length ?? 0,
    scored: reading?.weights.filter((w) => w.coordinates.size > 0).length ?? 0,
    total: checkpoint?.weights.length ?? 0,
    unread: result.gaps.map(({ name, reason }) => ({ name, reason })),
  };
  const item = {
    path: result.path,
    kind: checkpoint?.kind ?? ('unknown' as const),
    ...(result.source.from === 'reading' ? { source: sourceOf(result.source) } : {}),
    findings,
    deltaNorm: reading ? finite(norm(reading.weights.map((w) => w.deltaNorm))) : null,
    coverage,
    base: baseOf(result.base, { layers: result.knownBase?.layers ?? null, declared: checkpoint?.baseClaim ?? null, measured: null, norm: result.baseNorm }),
    ...(reading ? { weights: reading.weights.map(({ name, deltaNorm }) => ({ name, norm: exactNorm(deltaNorm) })) } : {}),
    ...identityOf(result),
    beside: result.beside.map((entry) => ({ ...entry })),
    errors: errors.map(reportError),
    seconds: result.seconds,
  };
  return { ...item, exitCode: exitCodeOf(item, failOn) };
}

function modelItem(result: ModelScanResult, failOn: FailOn): ReportItem {
  const { change, coverage, source, errors } = result;
  const item = {
    path: result.path,
    kind: coverage.total > 0 ? result.kind : ('unknown' as const),
    source: sourceOf(source),
    findings: result.findings.map((finding) => ({ ...reportFinding(finding), scoreSd: finite(finding.scoreSd) })),
    deltaNorm: change && finite(change.norm.value),
    ...(change ? {
      change: finiteNorm(change.norm),
      weights: change.weights.map(({ name, norm }) => ({ name, norm: finiteNorm(norm) })),
      unexplained: result.unexplained.map(({ name, deltaNorm }) => ({ name, deltaNorm: finite(deltaNorm) })),
    } : {}),
    coverage: { ...coverage, notCompared: change?.notCompared.map(({ name }) => name) ?? [], unread: result.gaps.map(({ name, reason }) => ({ name, reason })) },
    base: baseOf(result.base, { layers: result.knownBase?.layers ?? null, declared: result.declaredBase, measured: result.measuredBase, norm: result.baseNorm }),
    ...(result.architecture ? { architecture: { ...result.architecture } } : {}),
    ...identityOf(result),
    beside: result.beside.map((entry) => ({ ...entry })),
    errors: errors.map(reportError),
    seconds: result.seconds,
  };
  return { ...item, exitCode: exitCodeOf(item, failOn) };
}

function baseOf({ name, how, found, declaredAs }: BaseOf, rest: Pick<ReportItem['base'], 'layers' | 'declared' | 'measured' | 'norm'>): ReportItem['base'] {
  const evidence = found?.evidence.slice(0, MOST_EVIDENCE).map(({ distance, alsoKnownAs, ...of }) => ({ ...of, distance: { ...distance }, alsoKnownAs: [...alsoKnownAs] }));
  return { name, how, ...rest, ...(declaredAs === undefined ? {} : { declaredAs }), ...(evidence === undefined ? {} : { evidence }) };
}

function sourceOf(source: ScanResult['source']): NonNullable<ReportItem['source']> {
  return source.from === 'weights' || source.hashed ? source.from : 'unhashed reading';
}

function identityOf({ files, digest }: Identity): Pick<ReportItem, 'files' | 'digest'> {
  return { files: files.map((file) => ({ ...file })), digest };
}

/** A norm that is known: of an adapter, by its factors. */
function exactNorm(value: number): NonNullable<ReportItem['change']> {
  return finiteNorm({ value, low: value, high: value, floor: 0 });
}

function finiteNorm({ value, low, high, floor }: FlooredNorm): NonNullable<ReportItem['change']> {
  return { value: finite(value), low: finite(low), high: finite(high), floor: finite(floor) };
}

function reportFinding(finding: Finding): ReportFinding {
  const { shift, test } = finding;
  return {
    trait: finding.trait,
    description: finding.description,
    kind: finding.kind,
    harmful: finding.harmful,
    verdict: finding.verdict,
    reason: finding.reason,
    shift: shift ? finite(shift.value) : null,
    interval: shift && Number.isFinite(shift.low) && Number.isFinite(shift.high) ? { low: shift.low, high: shift.high, confidence: shift.confidence } : null,
    score: finite(finding.score),
    unit: finding.unit,
    p: test?.p ?? null,
    adjustedP: test?.adjustedP ?? null,
    traitsTested: test?.tested ?? 0,
    conformalP: test?.conformalP ?? null,
    nullSources: finding.sources,
    null: nullDistribution(finding),
    threshold: finding.threshold,
    level: finding.level,
    smallestMeaningfulShift: finding.smallestMeaningfulShift,
    layers: finding.layers.map(({ layer, score }) => ({ layer, score: finite(score) })),
    weights: finding.weights.map(({ name, score, deltaNorm }) => ({ name, score: finite(score), deltaNorm: finite(deltaNorm) })),
    signature: finding.signature,
  };
}

function nullDistribution({ group, spread }: Finding): ReportFinding['null'] {
  return group && spread && {
    form: [group.kind.form, ...(group.kind.otherForms ?? [])].join('+'), mean: spread.mean, sd: spread.sd,
    sources: group.sources.map(({ source, scores }, i) => ({ source, mean: spread.means[i] ?? Number.NaN, fineTunes: scores.length })),
  };
}

function reportError(error: WeightseqError): ReportItem['errors'][number] {
  return {
    code: error.code,
    file: error.file ?? null,
    tensor: error.tensor ?? null,
    message: error.message,
    mend: error.mend ?? null,
  };
}

/** JSON has no NaN: what is no number is null. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
