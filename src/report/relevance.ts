/** In what order a reader wants the findings of an item. In: findings. Out: the same, sorted. Pure. */
import type { ReportFinding } from './schema.js';

/** Whom a finding concerns first: a harmful trait that is present, one that is undecided, one that was let pass, one that is absent, a benign control. */
function relevance({ harmful, suppression, verdict }: ReportFinding): number {
  if (suppression) return 2;
  if (!harmful) return 4;
  return { present: 0, indeterminate: 1, absent: 3 }[verdict];
}

/** Findings as every form for people lists them; those of one kind stay in their order. */
export function byRelevance(findings: readonly ReportFinding[]): ReportFinding[] {
  return [...findings].sort((a, b) => relevance(a) - relevance(b));
}
