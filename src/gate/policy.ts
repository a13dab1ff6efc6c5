/** A policy held against a report. Pure. */
import { withExitCodes } from '../report/exit.js';
import type { Report, ReportItem, RuleOutcome } from '../report/schema.js';
import type { Outcome } from './expression.js';
import type { CompiledRule, Policy } from './policy-file.js';

export interface Judged {
  readonly rule: CompiledRule;
  readonly outcome: Outcome;
  /** What an undecided rule asks for that the report does not say. */
  readonly missing: readonly string[];
}

/** What each rule of a policy says of one item. */
export function judgeItem(item: ReportItem, policy: Pick<Policy, 'rules'>): Judged[] {
  return policy.rules.map((rule) => ({ rule, ...rule.expression.judge(item) }));
}

/**
 * The report with the rules that matched, or could not be decided, and the exit codes that follow. Suppressions and a baseline
 * come before it: a rule does not match by what they excuse.
 */
export function applyPolicy(report: Report, policy: Policy): Report {
  const items = report.items.map((item) => ({ ...item, policy: judgeItem(item, policy).flatMap(outcomeOf) }));
  return withExitCodes({ ...report, items, policy: { name: policy.name, rules: policy.rules.length } });
}

function outcomeOf({ rule: { id, level, message }, outcome, missing }: Judged): RuleOutcome[] {
  if (outcome === 'matched') return [{ id, level, outcome, message }];
  return outcome === 'undecided' ? [{ id, level, outcome, message: `${message}: not decided, the report does not say ${missing.join(', ')}` }] : [];
}
