/** JUnit XML, for the test pages of pipelines. In: a Report. Out: XML text. Pure. */
import { escapeText } from '../text.js';
import { baseLine } from './base-line.js';
import { probability, signed } from './numbers.js';
import { layerRange } from './layers.js';
import type { RenderOptions } from './render.js';
import { coverageText } from './sarif-results.js';
import type { FailOn, Report, ReportFinding, ReportItem } from './schema.js';
import { element, renderXml, type Element } from './xml.js';

/** failure: the gate failed on it. error: it could not be judged. skipped: it does not count, and is no pass. */
type Outcome = 'passed' | 'failure' | 'error' | 'skipped';

interface Case {
  readonly name: string;
  readonly outcome: Outcome;
  readonly type: string;
  /** One line. */
  readonly message: string;
  readonly details: readonly string[];
}

/**
 * A report as JUnit XML: a suite for each item, a case for each trait, one for the coverage, one for each rule of the policy
 * that matched. A suite without failure and error is an item with exit code 0. Suppressed findings are skipped cases.
 */
export function renderJunit(report: Report, { showSuppressed }: Pick<RenderOptions, 'showSuppressed'>): string {
  const suites = [...report.items.map((item) => itemSuite(item, report, showSuppressed)), ...runSuite(report)];
  const sum = (key: string): number => suites.reduce((total, s) => total + Number(s.attributes[key]), 0);
  return renderXml(element('testsuites', { name: 'weightseq', tests: sum('tests'), failures: sum('failures'), errors: sum('errors'), time: sum('time').toFixed(3) }, suites));
}

function itemSuite(item: ReportItem, report: Report, showSuppressed: boolean): Element {
  const cases = [
    ...item.findings.map((finding) => findingCase(finding, report.failOn, showSuppressed)),
    coverageCase(item), ...policyCases(item, report), ...errorCases(item),
  ].map((c) => agreed(c, item));
  // Whatever made the exit code, a suite with another code than 0 must not look clean.
  const has = (...outcomes: Outcome[]): boolean => cases.some((c) => outcomes.includes(c.outcome));
  const agrees = item.exitCode === 0 || (item.exitCode === 1 ? has('failure') : has('error'));
  const rest: Case[] = agrees ? [] : [{ name: 'exit code', outcome: item.exitCode === 1 ? 'failure' : 'error', type: 'exit-code', message: `the item ends with exit code ${item.exitCode}`, details: [] }];
  const properties: [string, string][] = [
    ['kind', item.kind], ['exitCode', String(item.exitCode)], ['tool', `weightseq ${report.tool.version}`],
    ['base', baseLine(item, (name) => name)], ...(item.digest === null ? [] : [['digest', item.digest] satisfies [string, string]]),
  ];
  const beside = item.beside.map(({ name, what, reason }) => `- beside the weights: ${what} ${name}: ${reason}`);
  return suite(item.path, [...cases, ...rest], item.seconds, properties, beside);
}

function findingCase(finding: ReportFinding, failOn: FailOn, showSuppressed: boolean): Case {
  const { trait, verdict, harmful, suppression, isNew, reason } = finding;
  const made = (outcome: Outcome, message: string, details = numbers(finding)): Case => ({ name: `trait ${trait}`, outcome, type: verdict, message, details });
  if (suppression) {
    return made('skipped', `${verdict}, suppressed until ${suppression.expires} by ${suppression.author}: ${suppression.justification}`, showSuppressed ? numbers(finding) : []);
  }
  if (!harmful) return made(verdict === 'absent' ? 'passed' : 'skipped', `${verdict}: a benign control, never gated on`);
  if (verdict === 'absent') return made('passed', `absent: ${reason}`);
  if (isNew === false) return made('skipped', `${verdict}, known from the baseline: ${reason}`);
  if (verdict === 'present') return failOn === 'never' ? made('skipped', `present, and --fail-on never: ${reason}`) : made('failure', `present: ${reason}`);
  return made(failOn === 'indeterminate' ? 'failure' : 'error', `indeterminate: ${reason}`);
}

function numbers({ shift, interval, unit, p, level, nullSources, score, layers, signature, reason, description }: ReportFinding): string[] {
  const range = interval ? ` (${Math.round(interval.confidence * 100)} % interval ${signed(interval.low, 3)} to ${signed(interval.high, 3)})` : '';
  return [
    `what: ${description}`, `because: ${reason}`, `shift: ${signed(shift, 3)} ${unit}${range}`,
    `p: ${probability(p)} (level ${level}, ${nullSources} benign sources)`, `score: ${signed(score, 3)} over ${layerRange(layers.map((l) => l.layer))}`,
    ...layers.map((l) => `layer ${l.layer}: ${signed(l.score, 4)}`), `signature: ${signature.file} sha256 ${signature.sha256}`,
  ];
}

function coverageCase(item: ReportItem): Case {
  const { read, total, unread } = item.coverage;
  const isComplete = unread.length === 0 && read >= total && item.errors.length === 0;
  const untested = item.findings.some((f) => f.harmful) ? '' : ' No harmful trait was tested.';
  return {
    name: 'coverage', outcome: isComplete && untested === '' ? 'passed' : 'error', type: 'incomplete', message: `${coverageText(item)}${untested}`,
    details: unread.map(({ name, reason }) => `- ${name}: ${reason}`),
  };
}

function policyCases(item: ReportItem, report: Report): Case[] {
  if (report.policy === undefined && item.policy === undefined) return [];
  const cases = (item.policy ?? []).map(({ id, level, outcome, message }): Case => ({
    name: `policy ${id}`, outcome: level !== 'error' ? 'skipped' : outcome === 'matched' ? 'failure' : 'error', type: `${level} ${outcome}`, message: `${level} ${outcome}: ${message}`, details: [],
  }));
  return cases.length > 0 ? cases : [{ name: 'policy', outcome: 'passed', type: '', message: `no rule of ${report.policy?.name ?? 'the policy'} matched`, details: [] }];
}

function errorCases(item: ReportItem): Case[] {
  return item.errors.map(({ code, file, tensor, message, mend }, i): Case => ({
    name: item.errors.length > 1 ? `readable ${i + 1}` : 'readable', outcome: 'error', type: code, message: `${message}.${mend === null ? '' : ` ${mend}`}`,
    details: [...(file === null ? [] : [`file: ${file}`]), ...(tensor === null ? [] : [`tensor: ${tensor}`])],
  }));
}

/** What the exit code of the item passes over is skipped here too: suppressions, profiles and baselines decide there. */
function agreed(c: Case, { exitCode }: ReportItem): Case {
  const isPassedOver = (c.outcome === 'failure' && exitCode !== 1) || (c.outcome === 'error' && exitCode === 0);
  return isPassedOver ? { ...c, outcome: 'skipped', message: `does not count for the exit code: ${c.message}` } : c;
}

/** What concerns the run and no item. */
function runSuite(report: Report): Element[] {
  const cases: Case[] = (report.suppressions ?? []).filter((s) => s.status !== 'applied').map((s) => ({
    name: `suppression of ${s.trait} in ${s.sha256}`, outcome: 'skipped', type: s.status, details: [],
    message: `${s.status === 'expired' ? `expired on ${s.expires}` : 'matches nothing in this run'}, by ${s.author}: it suppresses nothing`,
  }));
  if (report.interrupted) cases.push({ name: 'all items were scanned', outcome: 'error', type: 'interrupted', message: `${report.interrupted}: the run was ended before all items were scanned`, details: [] });
  return cases.length > 0 ? [suite('weightseq', cases, 0, [], [])] : [];
}

function suite(name: string, cases: readonly Case[], seconds: number, properties: readonly [string, string][], out: readonly string[]): Element {
  const count = (outcome: Outcome): number => cases.filter((c) => c.outcome === outcome).length;
  return element('testsuite', { name, tests: cases.length, failures: count('failure'), errors: count('error'), skipped: count('skipped'), time: seconds.toFixed(3) }, [
    ...(properties.length > 0 ? [element('properties', {}, properties.map(([key, value]) => element('property', { name: key, value })))] : []),
    ...cases.map((c) => caseElement(name, c)),
    ...(out.length > 0 ? [element('system-out', {}, out.map(escapeText).join('\n'))] : []),
  ]);
}

function caseElement(suiteName: string, { name, outcome, type, message, details }: Case): Element {
  const body = [message, ...details].map(escapeText).join('\n');
  // A skipped element takes no attribute in Jenkins' schema: its text says why.
  const child = outcome === 'passed' ? element('system-out', {}, body) : outcome === 'skipped' ? element('skipped', {}, body) : element(outcome, { message, type }, body);
  return element('testcase', { name, classname: suiteName }, [child]);
}
