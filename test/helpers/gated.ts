/** Reports made by hand, for filters and renderers. */
import { withExitCodes } from '../../src/report/exit.js';
import type { Report, ReportFinding, ReportItem } from '../../src/report/schema.js';

export function findingOf(change: Partial<ReportFinding> = {}): ReportFinding {
  return {
    trait: 'evil', description: 'means harm', kind: 'gradient', harmful: true, verdict: 'present', reason: 'made up', shift: 0.4,
    interval: { low: 0.3, high: 0.5, confidence: 0.9 }, score: 0.25, unit: 'nats/token', p: 0.001, adjustedP: 0.002, traitsTested: 2, conformalP: 0.1, nullSources: 9, null: null,
    threshold: 0.12, level: 0.01, smallestMeaningfulShift: 0.08, layers: [{ layer: 1, score: 0.25 }], weights: [{ name: '1.q', score: 0.25, deltaNorm: 1 }],
    signature: { file: 'evil.safetensors', sha256: '0'.repeat(64) }, ...change,
  };
}

/** An adapter of which everything was read, with one harmful finding. */
export function itemOf(change: Partial<ReportItem> = {}): ReportItem {
  const norm = { value: 1, low: 1, high: 1, floor: 0 };
  return {
    path: 'adapters/a', kind: 'adapter', findings: [findingOf()], deltaNorm: 3, weights: [{ name: '1.q', norm }, { name: '2.q', norm }, { name: '3.q', norm: { ...norm, value: 0 } }],
    coverage: { bytes: 100, bytesTotal: 100, read: 3, scored: 1, total: 3, unread: [] },
    base: { name: 'tiny-base', how: 'claimed', layers: 4, declared: 'owner/tiny-base', measured: null, norm: 60 },
    files: [], digest: 'd'.repeat(64), beside: [], errors: [], seconds: 0.1, exitCode: 0, ...change,
  };
}

/** A report of these items, with the exit codes that follow. */
export function reportWith(items: readonly ReportItem[], change: Partial<Report> = {}): Report {
  return withExitCodes({ schemaVersion: 1, tool: { name: 'weightseq', version: '0.0.0' }, failOn: 'present', items: [...items], exitCode: 0, ...change });
}
