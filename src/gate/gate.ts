/** Everything that is done to a report between scanning and rendering; on a saved report as well. Pure. */
import type { Report } from '../report/schema.js';
import { applyBaseline } from './baseline.js';
import type { Policy } from './policy-file.js';
import { applyPolicy } from './policy.js';
import { applySuppressions } from './suppress.js';
import type { Suppression } from './suppressions-file.js';

export interface Gate {
  readonly baseline?: { readonly name: string; readonly report: Report } | undefined;
  readonly suppressions?: readonly Suppression[] | undefined;
  readonly policy?: Policy | undefined;
  /** YYYY-MM-DD, for suppressions. */
  readonly today: string;
}

/** Marks what is known and what is suppressed, then holds the rest against the policy. */
export function applyGate(report: Report, { baseline, suppressions, policy, today }: Gate): Report {
  const fresh = baseline ? applyBaseline(report, baseline.report, baseline.name) : report;
  const left = suppressions ? applySuppressions(fresh, suppressions, today) : fresh;
  return policy ? applyPolicy(left, policy) : left;
}
