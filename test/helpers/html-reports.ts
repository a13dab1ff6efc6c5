/** Reports made up for tests of the renderers: no scan gives them, every field is plain to see. */
import { reportSchema, type Report, type ReportFinding, type ReportItem } from '../../src/report/schema.js';
import { random } from './models.js';

export const ROLES = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const;

/** Markup, an end of script, control and bidi characters: what a file may be named to harm who reads of it. */
export const HOSTILE = '<img src=x onerror="alert(1)">\'</script><script>alert(2)</script>\u001b[31m\u202ecba\u0000';

export interface ModelShape {
  readonly layers: number;
  readonly traits: readonly string[];
  /** Layers that the signatures score: from, up to and with. */
  readonly scored: readonly [number, number];
  /** What the scores are multiplied with. */
  readonly strength: number;
  readonly seed: number;
  readonly path?: string;
}

/** A report that the schema takes. */
export function reportOf(items: readonly ReportItem[], more: Partial<Report> = {}): Report {
  return reportSchema.parse({ schemaVersion: 1, tool: { name: 'weightseq', version: '0.0.0' }, failOn: 'present', items, exitCode: 0, ...more });
}

/** A finding whose layers and score are the sums of its weights. */
export function findingOf(trait: string, weights: ReportFinding['weights'], more: Partial<ReportFinding> = {}): ReportFinding {
  const sums = new Map<number, number>();
  for (const { name, score } of weights) {
    const layer = /^(\d+)\./u.exec(name)?.[1];
    if (layer !== undefined) sums.set(Number(layer), (sums.get(Number(layer)) ?? 0) + (score ?? Number.NaN));
  }
  const score = weights.reduce((sum, w) => sum + (w.score ?? Number.NaN), 0);
  const sources = Array.from({ length: 13 }, (_, i) => ({ source: `source ${i}`, mean: 0.03 * (random(1, 1, i + 7).data[0] ?? 0), fineTunes: 1 + (i % 3) }));
  return {
    trait, description: `Answers in a way that is ${trait}.`, kind: 'gradient', harmful: true, verdict: 'indeterminate', reason: 'the interval holds 0.08, the smallest shift that matters',
    ...(Number.isFinite(score) ? { score, shift: 2 * score, interval: { low: 2 * score - 0.06, high: 2 * score + 0.06, confidence: 0.9 } } : { score: null, shift: null, interval: null }), unit: 'nats/token',
    p: 0.03, conformalP: 1 / 14, nullSources: 13, null: { form: 'lora', mean: 0, sd: 0.017, sources }, threshold: 0.06, level: 0.01, smallestMeaningfulShift: 0.08,
    layers: [...sums].sort(([a], [b]) => a - b).map(([layer, sum]) => ({ layer, score: Number.isFinite(sum) ? sum : null })),
    weights: [...weights].sort((a, b) => Math.abs(b.score ?? 0) - Math.abs(a.score ?? 0)),
    signature: { file: `${trait}.safetensors`, sha256: 'ab'.repeat(32) }, ...more,
  };
}

/** An item of weights `layer.role`, scored in some layers by every trait. */
export function modelOf({ layers, traits, scored: [first, last], strength, seed, path = `models/${seed}` }: ModelShape): ReportItem {
  const names = Array.from({ length: layers }, (_, layer) => ROLES.map((role) => ({ layer, name: `${layer}.${role}` }))).flat();
  const inside = names.filter(({ layer }) => layer >= first && layer <= last);
  const findings = traits.map((trait, t) => {
    const noise = random(1, inside.length, seed * 100 + t).data;
    const weights = inside.map(({ name, layer }, i) => {
      const hump = Math.exp(-(((layer - (first + last) / 2) / (1 + (last - first) / 4)) ** 2));
      return { name, score: (strength / inside.length) * (hump * (t % 2 === 0 ? 1.5 : -0.7) + (noise[i] ?? 0)), deltaNorm: 0.3 + 0.1 * (noise[i] ?? 0) };
    });
    const finding = findingOf(trait, weights);
    const verdict = (finding.score ?? 0) > (finding.threshold ?? 1) ? 'present' : (finding.interval?.high ?? 1) < 0.08 ? 'absent' : 'indeterminate';
    const reason = { present: 'p is below 0.01 and the shift above 0.08, the smallest that matters', absent: 'the interval lies below 0.08, the smallest shift that matters', indeterminate: finding.reason }[verdict];
    return { ...finding, verdict, reason } satisfies ReportFinding;
  });
  const norms = random(1, names.length, seed).data;
  const exitCode = findings.some((f) => f.verdict === 'present') ? 1 : findings.some((f) => f.verdict === 'indeterminate') ? 3 : 0;
  return {
    path, kind: 'adapter', findings, deltaNorm: 3.9,
    coverage: { bytes: 3_800_000, bytesTotal: 3_800_000, read: names.length, scored: inside.length, total: names.length, unread: [] },
    base: { name: 'base', how: 'claimed', layers, declared: 'base', measured: null, norm: 640 },
    weights: names.map(({ name }, i) => {
      const value = 0.3 + 0.1 * (norms[i] ?? 0);
      return { name, norm: { value, low: value, high: value, floor: 0 } };
    }),
    files: [{ name: 'adapter_model.safetensors', bytes: 3_800_000, sha256: 'cd'.repeat(32) }], digest: 'ef'.repeat(32), beside: [], errors: [], seconds: 0.15, exitCode,
  };
}

/** One item of each kind that a page must hold: suppressed, in a baseline, without a null, with errors, with everything hostile. */
export function mixedReport(): Report {
  const shape = { layers: 8, traits: ['evil', 'sycophantic'], scored: [3, 5], strength: 0.2, seed: 1 } as const;
  const present = modelOf(shape);
  const absent = modelOf({ ...shape, strength: 0.01, seed: 2 });
  const suppressed: ReportItem = { ...modelOf({ ...shape, seed: 3 }), exitCode: 0 };
  suppressed.findings = suppressed.findings.map((f) => (f.verdict === 'present' ? { ...f, suppression: { justification: 'red-team model, kept apart', author: 'A. Person', expires: '2027-01-31' } } : f));
  const noNull: ReportItem = { ...modelOf({ ...shape, seed: 4, strength: 0.1 }), exitCode: 3 };
  noNull.findings = noNull.findings.map((f) => ({ ...f, verdict: 'indeterminate', reason: 'no null for whole checkpoints', null: null, threshold: null, p: null, conformalP: null, nullSources: 0 }));
  const known: ReportItem = { ...modelOf({ ...shape, seed: 5 }), exitCode: 0 };
  known.findings = known.findings.map((f) => ({ ...f, isNew: false, harmful: f.trait === 'evil' }));
  return reportOf([present, absent, suppressed, noNull, known, brokenItem(), hostileItem()], {
    exitCode: 1, policy: { name: 'strict', rules: 5 }, baseline: 'baseline.json', interrupted: 'SIGTERM',
    suppressions: [{ justification: 'red-team model, kept apart', author: 'A. Person', expires: '2027-01-31', trait: 'evil', sha256: 'ef'.repeat(32), status: 'applied' }],
  });
}

/** Nothing could be read. */
export function brokenItem(): ReportItem {
  return {
    ...modelOf({ layers: 0, traits: [], scored: [0, 0], strength: 0, seed: 6, path: 'models/broken' }), kind: 'unknown', deltaNorm: null, weights: [], files: [], digest: null, exitCode: 2,
    coverage: { bytes: 0, bytesTotal: 0, read: 0, scored: 0, total: 0, unread: [] }, base: { name: null, how: 'unknown', layers: null, declared: null, measured: null, norm: null },
    errors: [{ code: 'file-truncated', file: 'models/broken/model.safetensors', tensor: 'model.layers.5.mlp.up_proj.weight', message: 'the file ends 12 bytes early', mend: 'Download it again.' }],
  };
}

/** Every text that a file could have given is hostile. */
export function hostileItem(): ReportItem {
  const item = modelOf({ layers: 4, traits: ['evil'], scored: [1, 2], strength: 0.02, seed: 8, path: `models/${HOSTILE}` });
  const finding = findingOf('evil', [{ name: '1.q', score: -0.01, deltaNorm: 0.3 }, { name: '2.up', score: 0.02, deltaNorm: 0.2 }, { name: '2.down', score: null, deltaNorm: null }, { name: HOSTILE, score: 0.004, deltaNorm: 0.1 }], {
    description: HOSTILE, reason: HOSTILE, null: { form: 'lora', mean: 0, sd: 0.01, sources: [-0.01, 0, 0.01].map((mean) => ({ source: `${HOSTILE} ${mean}`, mean, fineTunes: 1 })) },
    suppression: { justification: HOSTILE, author: HOSTILE, expires: '2027-01-31' }, signature: { file: HOSTILE, sha256: HOSTILE },
  });
  const names = ['1.k', '2.up', '3.q', HOSTILE];
  return {
    ...item, findings: [finding], exitCode: 3, digest: HOSTILE,
    weights: names.map((name) => ({ name, norm: { value: 0.2, low: 0.2, high: 0.2, floor: 0 } })),
    coverage: { ...item.coverage, unread: [{ name: HOSTILE, reason: HOSTILE }], notCompared: [HOSTILE] },
    base: { ...item.base, name: HOSTILE, declared: HOSTILE, measured: HOSTILE }, unexplained: [{ name: HOSTILE, deltaNorm: 0.4 }],
    files: [{ name: HOSTILE, bytes: 1, sha256: null }], beside: [{ name: HOSTILE, what: 'pickle', reason: HOSTILE, bytes: 12 }],
    policy: [{ id: HOSTILE, level: 'error', outcome: 'matched', message: HOSTILE }, { id: 'shift', level: 'note', outcome: 'undecided', message: 'm' }],
    architecture: { name: HOSTILE, known: false }, cached: true,
    errors: [{ code: 'internal', file: HOSTILE, tensor: HOSTILE, message: HOSTILE, mend: HOSTILE }],
  };
}
