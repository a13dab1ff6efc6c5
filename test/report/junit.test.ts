import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { validateXML } from 'xmllint-wasm';
import { renderJunit } from '../../src/report/junit.js';
import type { Report, ReportItem } from '../../src/report/schema.js';
import { fixture } from '../helpers/fixtures.js';
import { ABSENT, BROKEN, HOSTILE, hostileReport, ITEM, reportOf, SUPPRESSION, UNDECIDED, withFinding } from '../helpers/reports.js';

const schema = readFileSync(fixture('junit/jenkins-junit.xsd'), 'utf8');
const render = (report: Report, showSuppressed = false): string => renderJunit(report, { showSuppressed });

/** Errors of libxml2 against the schema of Jenkins. */
async function errorsOf(...texts: string[]): Promise<unknown[]> {
  const { errors } = await validateXML({ xml: texts.map((contents, i) => ({ fileName: `${i}.xml`, contents })), schema });
  return [...errors];
}

interface Suite {
  readonly counts: Record<string, number>;
  /** Outcome by name of the case. */
  readonly cases: Record<string, string>;
}

/** The suites, read by pattern: the schema's check stands apart. */
function suites(report: Report): Suite[] {
  return [...render(report).matchAll(/<testsuite ([^>]*)>(.*?)<\/testsuite>/gsu)].map(([, attributes = '', body = '']) => ({
    counts: Object.fromEntries([...attributes.matchAll(/(tests|failures|errors|skipped)="(\d+)"/gu)].map(([, key = '', n]) => [key, Number(n)])),
    cases: Object.fromEntries([...body.matchAll(/<testcase name="([^"]*)"[^>]*>\s*<(\S+?)[\s/>]/gu)].map(([, name = '', first = '']) => [name, first])),
  }));
}

const casesOf = (item: ReportItem, change: Partial<Report> = {}): unknown => suites({ ...reportOf(item), ...change })[0]?.cases;

describe('JUnit', () => {
  it('has the schema of Jenkins, whatever files say', async () => {
    const policy: ReportItem = { ...ITEM, policy: [{ id: 'a', level: 'error', outcome: 'matched', message: 'm' }], beside: [{ name: 'x.py', what: 'script', reason: 'r', bytes: 1 }] };
    const reports = [reportOf(), reportOf(ITEM, ABSENT, UNDECIDED, BROKEN), { ...reportOf(policy), policy: { name: 'p', rules: 1 } }, ...HOSTILE.map(hostileReport)];
    assert.deepEqual(await errorsOf(...reports.map((r) => render(r)), ...reports.map((r) => render(r, true))), []);
  });

  it('is held against a schema that refuses what is not JUnit', async () => {
    assert.notDeepEqual(await errorsOf(render(reportOf(ITEM)).replace('<testcase name="coverage"', '<testcase naem="coverage"')), []);
  });

  it('passes for what is absent and complete alone', () => {
    assert.deepEqual(suites(reportOf(ABSENT))[0], { counts: { tests: 2, failures: 0, errors: 0, skipped: 0 }, cases: { 'trait evil': 'system-out', 'coverage': 'system-out' } });
  });

  it('fails for what fails the gate, and has an error for what is not known', () => {
    assert.deepEqual(casesOf(ITEM), { 'trait evil': 'failure', 'coverage': 'system-out' });
    assert.deepEqual(casesOf(UNDECIDED), { 'trait evil': 'error', 'coverage': 'system-out' });
    assert.deepEqual(casesOf({ ...UNDECIDED, exitCode: 1 }, { failOn: 'indeterminate' }), { 'trait evil': 'failure', 'coverage': 'system-out' });
    assert.deepEqual(casesOf(BROKEN), { coverage: 'error', readable: 'error' });
    assert.deepEqual(casesOf({ ...withFinding({ verdict: 'absent', harmful: false }), exitCode: 3 }), { 'trait evil': 'system-out', 'coverage': 'error' });
  });

  it('skips what does not count for the exit code, and never passes it', () => {
    assert.deepEqual(casesOf({ ...ITEM, exitCode: 0 }, { failOn: 'never' }), { 'trait evil': 'skipped', 'coverage': 'system-out' });
    assert.deepEqual(casesOf({ ...withFinding({ suppression: SUPPRESSION }), exitCode: 0 }), { 'trait evil': 'skipped', 'coverage': 'system-out' });
    assert.deepEqual(casesOf({ ...withFinding({ isNew: false }), exitCode: 0 }), { 'trait evil': 'skipped', 'coverage': 'system-out' });
    assert.deepEqual(casesOf({ ...withFinding({ harmful: false }), exitCode: 3 }), { 'trait evil': 'skipped', 'coverage': 'error' });
    assert.match(render(reportOf({ ...withFinding({ suppression: SUPPRESSION }), exitCode: 0 })), /present, suppressed until 2031-01-31 by A\. Author: red team material/);
  });

  it('has a case for each rule that matched, and one that passes when none did', () => {
    const policy = { name: 'strict', rules: 2 };
    const rules: ReportItem['policy'] = [
      { id: 'a', level: 'error', outcome: 'matched', message: 'm' }, { id: 'b', level: 'error', outcome: 'undecided', message: 'm' }, { id: 'c', level: 'warning', outcome: 'matched', message: 'm' },
    ];
    assert.deepEqual(casesOf({ ...ABSENT, policy: rules, exitCode: 1 }, { policy }), { 'trait evil': 'system-out', 'coverage': 'system-out', 'policy a': 'failure', 'policy b': 'error', 'policy c': 'skipped' });
    assert.deepEqual(casesOf({ ...ABSENT, policy: [] }, { policy }), { 'trait evil': 'system-out', 'coverage': 'system-out', 'policy': 'system-out' });
  });

  it('agrees with the exit code of each item, whatever decided it', () => {
    for (const item of [ITEM, ABSENT, UNDECIDED, BROKEN, withFinding({ suppression: SUPPRESSION }), withFinding({ harmful: false })]) {
      for (const exitCode of [0, 1, 2, 3] as const) {
        for (const failOn of ['present', 'indeterminate', 'never'] as const) {
          const [suite] = suites({ ...reportOf({ ...item, exitCode }), failOn });
          const { failures = NaN, errors = NaN } = suite?.counts ?? {};
          assert.equal(failures + errors > 0, exitCode !== 0);
          assert.equal(failures > 0, exitCode === 1);
        }
      }
    }
  });

  it('counts over suites, and has one for the run when it was ended or a suppression is idle', () => {
    const report: Report = { ...reportOf(ITEM, ABSENT, BROKEN), interrupted: 'SIGINT', suppressions: [{ ...SUPPRESSION, trait: 'evil', sha256: 'd', status: 'expired' }] };
    assert.match(render(report), /<testsuites name="weightseq" tests="8" failures="1" errors="3" time="0\.300">/);
    assert.deepEqual(suites(report).at(-1)?.cases, { 'suppression of evil in d': 'skipped', 'all items were scanned': 'error' });
  });

  it('shows characters that can be misread as escapes, and begins no line with a workflow command', () => {
    for (const text of HOSTILE) {
      const xml = render(hostileReport(text), true);
      assert.doesNotMatch(xml, /[^\n\P{Cc}]|\p{Cf}|\p{Cs}|[\ufffe\uffff]/u);
      for (const line of xml.split('\n')) assert.doesNotMatch(line.trim(), /^::|##\[|##vso\[/i);
    }
  });
});
