/** Plans, for --dry-run. In: what was prepared for each path. Out: text or JSON. Pure. */
import type { Prepared } from '../scan/scan.js';
import { escapeText } from '../text.js';
import { escapeJson } from './json.js';
import { bytes } from './numbers.js';
import { modelPlanItem, modelPlanText, type PreparedModelAt } from './model-plan.js';

type PreparedAt = Pick<Prepared, 'plan' | 'base' | 'signatures' | 'gaps'> & { readonly path: string };

/** What a scan would read, in which order, for `--dry-run`. */
export function renderPlans(plans: readonly (PreparedAt | PreparedModelAt)[], format: 'table' | 'json'): string {
  if (format === 'table') return plans.map((plan) => isModel(plan) ? modelPlanText(plan) : renderPlan(plan)).join('\n');
  const items = plans.map((plan) => isModel(plan) ? modelPlanItem(plan) : planItem(plan));
  return `${escapeJson(JSON.stringify({ schemaVersion: 1, items }, null, 2))}\n`;
}

function isModel(plan: PreparedAt | PreparedModelAt): plan is PreparedModelAt {
  return 'of' in plan.plan;
}

function planItem({ path, base, plan, signatures, gaps }: PreparedAt): object {
  return {
    path,
    base,
    traits: signatures.map((s) => s.document.trait),
    bytes: plan.bytes,
    steps: plan.steps.map(({ weight, probes, bytes: size }) => ({
      name: weight.name,
      shape: weight.shape,
      rank: weight.delta.rank,
      scale: weight.delta.scale,
      bytes: size,
      columns: probes.reduce((sum, p) => sum + p.columns, 0),
    })),
    unscored: plan.unscored.map((t) => ({ name: t.name, bytes: t.bytes })),
    unread: gaps.map(({ name, reason }) => ({ name, reason })),
  };
}

function renderPlan({ path, base, plan, signatures, gaps }: PreparedAt): string {
  const traits = signatures.map((s) => s.document.trait).join(', ') || 'none';
  const longest = Math.max(...plan.steps.map((s) => escapeText(s.weight.name).length), 6);
  const steps = plan.steps.map(({ weight, probes, bytes: size }) => {
    const columns = probes.reduce((sum, p) => sum + p.columns, 0);
    const shape = `${weight.shape.join(' × ')}, rank ${weight.delta.rank}`;
    return `  ${escapeText(weight.name).padEnd(longest)}  ${shape.padEnd(26)} ${bytes(size).padStart(8)}  ${columns > 0 ? `${columns} probes` : 'norm only'}`;
  });
  return [
    escapeText(path),
    `  base ${escapeText(base.name ?? 'not named')} (${base.how}), signatures: ${traits}`,
    `  would read ${plan.steps.length} weights and ${plan.unscored.length} unscored tensors, ${bytes(plan.bytes)}, in this order:`,
    ...steps,
    ...plan.unscored.map((t) => `  ${escapeText(t.name)}  ${bytes(t.bytes)}  NaN and infinity only`),
    ...gaps.map((g) => `  would miss ${escapeText(g.name)}: ${escapeText(g.reason)}`),
    '',
  ].join('\n');
}
