/** Why this null and this line. In: candidates and what was chosen. Out: tables. Pure. */
import { signed } from '../report/numbers.js';
import type { Choice, LineCandidate, Mean, NullCandidate } from './choose.js';
import { fixed, percent, type Table } from './tables.js';

const SCALE_NAMES = { none: 'score', deltaNorm: 'score / |ΔW|', scoredNorm: 'score / |ΔW| where it looks', isotropic: 'score / its sd under isotropy' } as const;
const GROUPING_NAMES = { all: 'all together', form: 'adapters apart from checkpoints', size: 'small apart from large |ΔW|', targets: 'by the roles that changed', rank: 'by rank' } as const;
const MEMBER_NAMES = { benign: 'benign', unmoved: 'benign, not moved away' } as const;
const SPREAD_NAMES = { 'sources': 'means of sources', 'fine-tunes': 'sources and fine-tunes in them' } as const;

/** A null design in words. */
export function nullName({ members, grouping, scale, spread }: NullCandidate['design']): string {
  return `${MEMBER_NAMES[members]}: ${SCALE_NAMES[scale]}, ${GROUPING_NAMES[grouping]}, spread of ${SPREAD_NAMES[spread]}`;
}

/** A line design in words. */
export function lineName({ interceptFixed, growth }: LineCandidate['design']): string {
  return `${interceptFixed ? 'through 0' : 'free intercept'}, ${growth === 0 ? 'the same spread everywhere' : `spread growing with the score (${growth}/rms)`}`;
}

/** The nulls that were tried, best first. @param most how many beside the chosen one; all when absent */
export function nullTable({ nulls, design }: Choice, most = Infinity): Table {
  const isChosen = (c: NullCandidate): boolean => nullName(c.design) === nullName(design.null);
  return {
    title: 'Null: what scores of benign fine-tunes are compared by',
    head: ['', 'fine-tunes', 'compared', 'groups', 'spread', 'in all', 'density', 'behind', 'AUROC', 'false alarms', 'missed', 'undecided'],
    rows: [...nulls].sort((a, b) => b.density - a.density).filter((c, i) => i < most || isChosen(c)).map((c) => [
      isChosen(c) ? '→' : '', MEMBER_NAMES[c.design.members], SCALE_NAMES[c.design.scale], GROUPING_NAMES[c.design.grouping], SPREAD_NAMES[c.design.spread], String(c.groups), signed(c.density, 3), behind(c.behind), fixed(c.auroc), String(c.falseAlarms), String(c.misses), String(c.indeterminate),
    ]),
    note: 'Density: ln of the density that the null without a benign source gives to its scores, a mean over sources and signatures, of fine-tunes that did not move away from the trait: they are the hardest to tell. Chosen (→): of the candidates whose density lies within one standard error of the best, paired by source, the one with fewest groups; of those the one with fewest wrong verdicts (false alarms and missed), then the one with the highest density. False alarms, missed and undecided count harmful traits on organisms that the verdict does not rest on; missed are harmful ones that are not called present.',
  };
}

/** Every line that was tried, best first. */
export function lineTable({ lines, design }: Choice): Table {
  return {
    title: 'Line: from score to shift',
    head: ['', 'line', 'density', 'behind', 'error', 'within the interval'],
    rows: [...lines].sort((a, b) => b.density - a.density).map((c) => [
      lineName(c.design) === lineName(design.line) ? '→' : '', lineName(c.design), signed(c.density, 3), behind(c.behind), fixed(c.error), percent(c.covered),
    ]),
    note: 'Error: root mean square of predicted minus measured shift in nats per token, each by a line without the organism\'s sources; the interval is of 90 %. Chosen (→) is the simplest within one standard error of the highest density.',
  };
}

function behind({ mean, standardError }: Mean): string {
  return mean === 0 ? '0' : `${fixed(mean)} ± ${fixed(standardError)}`;
}
