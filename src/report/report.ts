import type { WeightseqError } from '../errors.js';
import type { FlooredNorm } from '../scan/change.js';
import type { Finding } from '../scan/finding.js';
import type { ModelScanResult } from '../scan/model-scan.js';
import { norm } from '../scan/null.js';
import type { ScanResult } from '../scan/scan.js';
import { exitCodeOf, worst } from './exit.js';
import type { FailOn, Report, ReportFinding, ReportItem } from './schema.js';

/** The Report of several scanned paths. Pure. */
export function report(results: readonly (ScanResult | ModelScanResult)[], failOn: FailOn, version: string): Report {
  const items = results.map((result) => 'kind' in result ? modelItem(result, failOn) : reportItem(result, failOn));
  return {
    schemaVersion: 1,
    tool: { name: 'weightseq', version },
    failOn,
    items,
    exitCode: worst(items.map((i) => i.exitCode)),
  };
}

function reportItem(result: ScanResult, failOn: FailOn): ReportItem {
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
    findings,
    deltaNorm: reading ? finite(norm(reading.weights.map((w) => w.deltaNorm))) : null,
    coverage,
    base: { ...result.base, layers: result.knownBase?.layers ?? null },
    errors: errors.map(reportError),
    seconds: result.seconds,
  };
  return { ...item, exitCode: exitCodeOf(item, errors.map((e) => e.exitCode), failOn) };
}

function modelItem(result: ModelScanResult, failOn: FailOn): ReportItem {
  const { change, coverage, source, errors } = result;
  const item = {
    path: result.path,
    kind: coverage.total > 0 ? result.kind : ('unknown' as const),
    source: source.from === 'weights' || source.hashed ? source.from : ('unhashed reading' as const),
    findings: result.findings.map((finding) => ({ ...reportFinding(finding), scoreSd: finite(finding.scoreSd), nullForm: finding.nullForm })),
    deltaNorm: change && finite(change.norm.value),
    ...(change ? {
      change: finiteNorm(change.norm),
      weights: change.weights.map(({ name, norm }) => ({ name, norm: finiteNorm(norm) })),
      unexplained: result.unexplained.map(({ name, deltaNorm }) => ({ name, deltaNorm: finite(deltaNorm) })),
    } : {}),
    coverage: { ...coverage, notCompared: change?.notCompared.map(({ name }) => name) ?? [], unread: result.gaps.map(({ name, reason }) => ({ name, reason })) },
    base: { ...result.base, layers: result.knownBase?.layers ?? null },
    errors: errors.map(reportError),
    seconds: result.seconds,
  };
  return { ...item, exitCode: exitCodeOf(item, errors.map((e) => e.exitCode), failOn) };
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
    conformalP: test?.conformalP ?? null,
    nullSources: finding.sources,
    level: finding.level,
    smallestMeaningfulShift: finding.smallestMeaningfulShift,
    layers: finding.layers.map(({ layer, score }) => ({ layer, score: finite(score) })),
    weights: finding.weights.map(({ name, score, deltaNorm }) => ({ name, score: finite(score), deltaNorm: finite(deltaNorm) })),
    signature: finding.signature,
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
