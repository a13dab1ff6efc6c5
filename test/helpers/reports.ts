/** Made-up reports, each number in them chosen by hand. */
import { worst } from '../../src/report/exit.js';
import type { Report, ReportFinding, ReportItem } from '../../src/report/schema.js';

/** A base of 9 layers: thirds are 0–2, 3–5, 6–8. The middle adds .5 − .05 = .45, the late layers −.1. */
export const FINDING: ReportFinding = {
  trait: 'evil', description: 'Means harm.', kind: 'gradient', harmful: true, verdict: 'present', reason: 'p is below 0.01',
  shift: 0.4123, interval: { low: 0.31, high: 0.52, confidence: 0.9 }, score: 0.35, unit: 'nats/token', p: 0.00042, conformalP: 0.1,
  nullSources: 9, null: { form: 'lora', mean: 0.004, sd: 0.036, sources: [] }, threshold: 0.12, level: 0.01, smallestMeaningfulShift: 0.08,
  layers: [{ layer: 3, score: 0.5 }, { layer: 5, score: -0.05 }, { layer: 8, score: -0.1 }],
  weights: [{ name: '3.down', score: 0.5, deltaNorm: 0.41 }, { name: '8.v', score: -0.1, deltaNorm: 0.1 }, { name: '5.q', score: -0.05, deltaNorm: 0.2 }],
  signature: { file: 'evil.safetensors', sha256: '0'.repeat(64) },
};

export const ITEM: ReportItem = {
  path: 'adapters/a', kind: 'adapter', findings: [FINDING], deltaNorm: 3.9,
  coverage: { bytes: 100, bytesTotal: 100, read: 2, scored: 2, total: 2, unread: [] },
  base: { name: 'base', how: 'claimed', layers: 9, declared: 'base', measured: null, norm: 100 },
  files: [{ name: 'adapter_config.json', bytes: 10, sha256: 'a'.repeat(64) }, { name: 'adapter_model.safetensors', bytes: 100, sha256: 'b'.repeat(64) }],
  digest: 'c'.repeat(64), beside: [], errors: [], seconds: 0.1, exitCode: 1,
};

export const ABSENT: ReportItem = { ...withFinding({ verdict: 'absent', reason: 'the interval lies below 0.08' }), path: 'adapters/b', exitCode: 0 };
export const UNDECIDED: ReportItem = { ...withFinding({ verdict: 'indeterminate', reason: 'the interval holds 0.08' }), path: 'adapters/c', exitCode: 3 };
export const SUPPRESSION = { justification: 'red team material', author: 'A. Author', expires: '2031-01-31' };

/** Nothing could be read at its path. */
export const BROKEN: ReportItem = {
  ...ITEM, path: 'adapters/broken', kind: 'unknown', findings: [], files: [], digest: null, deltaNorm: null,
  coverage: { bytes: 0, bytesTotal: 0, read: 0, scored: 0, total: 0, unread: [] }, base: { ...ITEM.base, name: null, how: 'unknown', layers: null },
  errors: [{ code: 'pickle', file: '/abs/adapters/broken/x.bin', tensor: null, message: 'a pickle', mend: 'Convert it.' }], exitCode: 2,
};

export function withFinding(change: Partial<ReportFinding>): ReportItem {
  return { ...ITEM, findings: [{ ...FINDING, ...change }] };
}

export function reportOf(...items: ReportItem[]): Report {
  return { schemaVersion: 1, tool: { name: 'weightseq', version: '0.0.0' }, failOn: 'present', items, exitCode: worst(items.map((i) => i.exitCode)) };
}

/** What an attacker could name a tensor, a file or a trait. */
export const HOSTILE = [
  '\u001b[2J\u001b]0;x\u0007', 'a\u202eb\u2066c\u200bd', '</script><script>alert(1)</script>', ']]>&amp;<!--', 'a|b||c', '`code` ```\n```', 'x\n::error::pwned', '%0A::error::pwned',
  '::warning file=x::pwned', '##[error]pwned', '##vso[task.complete]', '[click](https://evil.example/)', '![i](https://evil.example/x.png)', '<img src=x onerror=alert(1)>', '@everyone and @org/team', '#1 and o/r#2',
  'www.evil.example', 'https://evil.example/', 'mailto:a@evil.example', '{0} {1} {{', '\ud800lone', '\uffff\ufffe', '\u0085\u2028', '$x$ $$y$$', '~~s~~ **b** __c__', '- [ ] task', '1. one', '# heading', '| a |', '<!-- -->', '&#x6c;', "'\"", '\\', ' ',
  'é層😀',
] as const;

/** A report in which every text that can come from a file is `text`. */
export function hostileReport(text: string): Report {
  const suppression = { justification: text, author: text, expires: '2031-01-31' };
  const finding: ReportFinding = {
    ...FINDING, trait: text, description: text, reason: text, unit: text, kind: text, signature: { file: text, sha256: text },
    weights: [{ name: text, score: 1, deltaNorm: 1 }, { name: `3.${text}`, score: 0.5, deltaNorm: 1 }],
  };
  const item: ReportItem = {
    ...ITEM, path: text, findings: [finding, { ...finding, suppression }, { ...finding, verdict: 'indeterminate', isNew: false }],
    coverage: { ...ITEM.coverage, unread: [{ name: text, reason: text }] },
    base: { ...ITEM.base, name: text, declared: text }, files: [{ name: text, bytes: 1, sha256: null }],
    beside: [{ name: text, what: 'script', reason: text, bytes: 1 }],
    policy: [{ id: text, level: 'error', outcome: 'matched', message: text }],
    errors: [{ code: text, file: text, tensor: text, message: text, mend: text }],
  };
  return {
    ...reportOf(item, { ...item, path: `/abs/${text}` }), tool: { name: 'weightseq', version: text }, policy: { name: text, rules: 1 }, baseline: text,
    suppressions: [{ ...suppression, trait: text, sha256: text, status: 'expired' }], interrupted: 'SIGINT',
  };
}
