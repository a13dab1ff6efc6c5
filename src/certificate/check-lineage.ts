/** Whether the lineage comes out again. In: what was certified, and what the weights give now. Out: a check for each kind of difference. Pure. */
import { escapeText } from '../text.js';
import { TOLERANCE } from './check-figures.js';
import { found, passed, type Check } from './checks.js';
import type { CertifiedLineage } from './schema.js';

type Range = CertifiedLineage['relations'][number]['distance'];

/** The relations of a certificate against those that the same weights have now, as far as the models that it names are at hand. */
export function checkLineage(certified: CertifiedLineage, now: CertifiedLineage): Check[] {
  const differing: string[] = [];
  const absent: string[] = [];
  for (const then of certified.relations) {
    const name = escapeText(then.candidate);
    if (!now.compared.includes(then.candidate)) {
      absent.push(name);
      continue;
    }
    const again = now.relations.find(({ candidate }) => candidate === then.candidate);
    if (again === undefined) differing.push(`${name}: ${then.kind} there, unrelated now`);
    else if (again.kind !== then.kind || again.direction !== then.direction) differing.push(`${name}: ${then.kind}, ${then.direction} there, ${again.kind}, ${again.direction} now`);
    else if (!isSame(then.distance, again.distance) || !isSame(then.share, again.share)) differing.push(`${name}: another distance or share`);
  }
  const isWhole = absent.length === 0 && certified.compared.every((name) => now.compared.includes(name));
  if (isWhole && differing.length === 0) differing.push(...mergeDiffers(certified.merge, now.merge));
  const checks: Check[] = [];
  if (differing.length > 0) checks.push(found('lineage', 'failed', 'figures-differ', `the weights do not give the certified lineage again: ${differing.join('; ')}`, { mend: 'Do not rely on the certificate: certify the model again.' }));
  else if (absent.length < certified.relations.length || certified.relations.length === 0) checks.push(passed('lineage', certified.relations.length === 0 ? 'it names no relative' : `it comes out again: ${escapeText(certified.sentence)}`));
  if (absent.length > 0) checks.push(found('lineage', 'unchecked', 'not-recomputed', `not held against the weights, because they are not at hand: ${absent.join(', ')}`, { mend: 'Give each: --against PATH, or keep it with weightseq base add.' }));
  return checks;
}

function isSame(then: Range, now: Range): boolean {
  if (then === null || now === null) return then === now;
  return (['value', 'low', 'high'] as const).every((end) => Math.abs(then[end] - now[end]) <= TOLERANCE.absolute + TOLERANCE.relative * Math.abs(then[end]));
}

function mergeDiffers(then: CertifiedLineage['merge'], now: CertifiedLineage['merge']): string[] {
  const shown = (merge: CertifiedLineage['merge']): string => (merge === null ? 'no mixture' : `${merge.method} of ${merge.parents.map(({ candidate, weight }) => `${escapeText(candidate)} ${weight.value.toFixed(3)}`).sort().join(', ')}`);
  return shown(then) === shown(now) ? [] : [`${shown(then)} there, ${shown(now)} now`];
}
