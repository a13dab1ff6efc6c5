/** SARIF 2.1.0 (OASIS), for code scanning and viewers. In: a Report. Out: JSON text. Pure. */
import type { Artifact, ArtifactLocation, Invocation, Log, Notification, Result } from 'sarif';
import { escapeJson } from './json.js';
import type { RenderOptions } from './render.js';
import { coverageText, errorText, resultsOf } from './sarif-results.js';
import { baseIds, fileLocation, weightsLocation } from './sarif-places.js';
import { notice, noticeKinds, rulesOf, sarifText, traitRule } from './sarif-rules.js';
import type { Report } from './schema.js';

/** GitHub keeps as many of a run. */
export const MOST_RESULTS = 5000;
const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';
const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;

const EXIT_TEXT: Readonly<Record<Report['exitCode'], string>> = {
  0: 'everything was read, nothing fails the gate', 1: 'the gate failed', 2: 'something cannot be read, or wrong usage',
  3: 'incomplete: something was not read, not understood, or is undecided', 130: 'interrupted', 143: 'ended',
};
const LEVELS: readonly (Result.level | undefined)[] = ['error', 'warning', 'note'];

/**
 * A report as one SARIF run. Results are problems only: consumers such as GitHub take any result for an alert, `pass` and
 * suppressed ones too. With `showSuppressed` everything is a result, with its kind and its suppressions.
 */
export function renderSarif(report: Report, { showSuppressed }: Pick<RenderOptions, 'showSuppressed'>): string {
  const rules = rulesOf(report);
  const index = new Map(rules.map((rule, i) => [rule.id, i]));
  const found = resultsOf(report, showSuppressed);
  const kept = mostSevere(found);
  const artifacts = artifactsOf(report, kept);
  const at = new Map(artifacts.map(({ location }, i) => [keyOf(location), i]));
  const indexed = (location: ArtifactLocation): ArtifactLocation => {
    const i = at.get(keyOf(location));
    return i === undefined ? location : { ...location, index: i };
  };
  const results = kept.map((result): Result => ({
    ...result,
    ruleIndex: index.get(result.ruleId ?? '') ?? -1,
    locations: (result.locations ?? []).map((l) => ({ ...l, physicalLocation: { ...l.physicalLocation, artifactLocation: indexed(l.physicalLocation?.artifactLocation ?? {}) } })),
  }));
  const log: Log = {
    $schema: SCHEMA, version: '2.1.0',
    runs: [{
      tool: { driver: { name: 'weightseq', version: report.tool.version, semanticVersion: report.tool.version, rules, notifications: noticeKinds() } },
      invocations: [invocationOf(report, found.length - kept.length, showSuppressed)],
      originalUriBaseIds: baseIds(artifacts.map(({ location }) => location ?? {})),
      artifacts, results, columnKind: 'utf16CodeUnits',
      properties: { failOn: report.failOn, ...(report.policy ? { policy: sarifText(report.policy.name) } : {}), ...(report.baseline === undefined ? {} : { baseline: sarifText(report.baseline) }) },
    }],
  };
  return `${escapeJson(JSON.stringify(log, null, 2))}\n`;
}

/** At most so many, and of these the severe ones. */
function mostSevere(results: readonly Result[]): Result[] {
  if (results.length <= MOST_RESULTS) return [...results];
  const rank = (r: Result): number => (LEVELS.includes(r.level) ? LEVELS.indexOf(r.level) : LEVELS.length);
  return [...results].sort((a, b) => rank(a) - rank(b)).slice(0, MOST_RESULTS);
}

function artifactsOf(report: Report, results: readonly Result[]): Artifact[] {
  const artifacts = new Map<string, Artifact>();
  for (const item of report.items) {
    if ((item.source ?? 'weights') !== 'weights') continue;
    for (const { name, bytes, sha256 } of item.files) {
      const location = fileLocation(item, name);
      artifacts.set(keyOf(location), { location, length: bytes, roles: ['analysisTarget'], ...(sha256 === null ? {} : { hashes: { 'sha-256': sha256 } }) });
    }
  }
  const others = [...report.items.map(weightsLocation), ...results.flatMap((r) => r.locations ?? []).map((l) => l.physicalLocation?.artifactLocation ?? {})];
  for (const location of others) if (!artifacts.has(keyOf(location))) artifacts.set(keyOf(location), { location });
  return [...artifacts.values()];
}

function keyOf(location: ArtifactLocation | undefined): string {
  return `${location?.uriBaseId ?? ''} ${location?.uri ?? ''}`;
}

function invocationOf(report: Report, cut: number, all: boolean): Invocation {
  const signal = report.interrupted;
  return {
    executionSuccessful: signal === undefined && report.items.every((item) => item.errors.length === 0),
    exitCode: report.exitCode,
    exitCodeDescription: EXIT_TEXT[report.exitCode],
    ...(signal === undefined ? {} : { exitSignalName: signal, exitSignalNumber: SIGNALS[signal] }),
    toolExecutionNotifications: notificationsOf(report, cut, all),
  };
}

function notificationsOf(report: Report, cut: number, all: boolean): Notification[] {
  const perItem = report.items.flatMap((item) => {
    const locations = [{ physicalLocation: { artifactLocation: weightsLocation(item) } }];
    const { read, total, unread } = item.coverage;
    const isPartial = unread.length > 0 || read < total;
    const suppressed = all ? [] : item.findings.filter((f) => f.suppression);
    return [
      ...item.errors.map((error) => notice('error', errorText(error), { locations })),
      ...(isPartial ? [notice('incomplete', coverageText(item), { locations })] : []),
      ...suppressed.map(({ trait, verdict, suppression: s }) => notice('suppressed', `${trait} (${verdict}): suppressed until ${s?.expires ?? ''} by ${s?.author ?? ''}: ${s?.justification ?? ''}`, { locations })),
    ];
  });
  const traits = all ? [] : [...new Set(report.items.flatMap((item) => item.findings.map((f) => f.trait)))].sort();
  const absent = traits.flatMap((trait) => {
    const tested = report.items.flatMap((item) => item.findings.filter((f) => f.trait === trait));
    const count = tested.filter((f) => f.verdict === 'absent').length;
    return count > 0 ? [notice('not-found', `${trait} was tested in ${tested.length} ${tested.length === 1 ? 'item' : 'items'} and not found in ${count}.`, { associatedRule: { id: traitRule(trait) } })] : [];
  });
  const idle = (report.suppressions ?? []).filter((s) => s.status !== 'applied');
  return [
    ...(report.interrupted ? [notice('interrupted', `${report.interrupted}: the run was ended before all items were scanned.`)] : []),
    ...(cut > 0 ? [notice('cut', `${cut} more results are left out: only ${MOST_RESULTS} are listed, the most severe. The JSON report holds all.`)] : []),
    ...perItem, ...absent,
    ...idle.map((s) => notice('suppression', `The suppression of ${s.trait} in ${s.sha256} by ${s.author} ${s.status === 'expired' ? `expired on ${s.expires}` : 'matches nothing in this run'}: it suppresses nothing.`)),
  ];
}
