/** The plan of a whole checkpoint, for --dry-run. In: a plan. Out: text or a JSON value. Pure. */
import type { PreparedModel } from '../scan/model-scan.js';
import { escapeText } from '../text.js';
import { bytes } from './numbers.js';

export type PreparedModelAt = Pick<PreparedModel, 'plan' | 'base' | 'signatures' | 'gaps'> & { readonly path: string };

/** The plan of a whole checkpoint as a JSON value. */
export function modelPlanItem({ path, base, plan, signatures, gaps }: PreparedModelAt): object {
  return {
    path,
    base,
    traits: signatures.map((s) => s.document.trait),
    of: plan.of,
    bytes: plan.bytes,
    steps: stepsOf(plan),
    vectors: plan.vectors.map(({ vector: { name, tensor } }) => ({ name, bytes: tensor.bytes })),
    unread: gaps.map(({ name, reason }) => ({ name, reason })),
  };
}

/** The plan of a whole checkpoint as text. */
export function modelPlanText({ path, base, plan, signatures, gaps }: PreparedModelAt): string {
  const steps = stepsOf(plan);
  const longest = Math.max(6, ...steps.map(({ name }) => escapeText(name).length));
  return [
    escapeText(path),
    `  base ${escapeText(base.name ?? 'not known')} (${base.how}), signatures: ${signatures.map((s) => s.document.trait).join(', ') || 'none'}`,
    `  would read ${steps.length} weights and ${plan.vectors.length} vectors, ${bytes(plan.bytes)}, in this order:`,
    ...steps.map(({ name, shape, bytes: size, columns }) => `  ${escapeText(name).padEnd(longest)}  ${shape.join(' × ').padEnd(26)} ${bytes(size).padStart(8)}  ${columns > 0 ? `${columns} probes and signs` : 'signs only'}`),
    ...gaps.map((g) => `  would miss ${escapeText(g.name)}: ${escapeText(g.reason)}`),
    '',
  ].join('\n');
}

function stepsOf({ steps }: PreparedModel['plan']): { name: string; shape: readonly number[]; bytes: number; columns: number }[] {
  return steps.map(({ weight, probes, bytes: size }) => ({
    name: weight.name, shape: weight.shape, bytes: size, columns: probes.reduce((sum, p) => sum + p.columns, 0),
  }));
}
