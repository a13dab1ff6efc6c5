/** The base of an item in one line that a person understands. In: an item. Out: text, names made safe by the caller's function. Pure. */
import type { ReportItem } from './schema.js';

/** Which base, and how that is known: `gemma-3-270m (found from the weights: …)`. @param safe makes a name from a file safe to show */
export function baseLine({ base, kind }: Pick<ReportItem, 'base' | 'kind'>, safe: (name: string) => string): string {
  const { name, how, declared, declaredAs, evidence } = base;
  const fits = evidence?.filter((one) => one.fits) ?? [];
  if (how === 'measured' && name !== null) {
    const own = evidence?.find((one) => one.name === name);
    const also = own === undefined || own.alsoKnownAs.length === 0 ? '' : `, also known as ${own.alsoKnownAs.map(safe).join(', ')}`;
    const rival = fits.find((one) => one.name !== name);
    const nearer = rival === undefined ? '' : `; ${safe(rival.name)} fits too, but is further (${share(rival.distance.value)} of |W|)`;
    const claim = declared === null || (declaredAs ?? declared) === name ? '' : `; the configuration names ${safe(declared)}`;
    return `${safe(name)} (found from the weights: ${own === undefined ? 'they are its own' : certainty(own)}${also}${nearer}${claim})`;
  }
  const several = fits.length > 1 ? `the weights fit ${fits.map((one) => safe(one.name)).join(' and ')} alike` : null;
  if (name === null || how === 'unknown') {
    if (several !== null) return `not known (${several})`;
    if (evidence !== undefined && evidence.length > 0) return `not known (the weights are those of no known base; the nearest, ${safe(evidence[0]?.name ?? '')}, correlates by ${evidence[0]?.correlation.toFixed(2) ?? ''}${name === null ? '' : `; the configuration names ${safe(name)}`})`;
    if (name === null) return kind === 'checkpoint' ? 'not known' : 'not named by the adapter';
    return `${safe(name)} (no signature for it)`;
  }
  const reasons = {
    measured: 'found from the weights',
    claimed: kind === 'adapter' ? 'as the adapter claims; not verified: an adapter does not show its base' : `as the configuration claims; ${several ?? 'the weights do not tell'}`,
    assumed: 'as --assume-base says; not verified',
    shape: 'by its shapes; no other known base has them',
  };
  return `${safe(name)} (${reasons[how]})`;
}

function certainty({ weights, correlation, p, distance }: NonNullable<ReportItem['base']['evidence']>[number]): string {
  const changed = distance.value === 0 ? 'unchanged' : `changed by ${share(distance.value)}`;
  return `its own, ${changed}; ${weights} matrices correlate by ${correlation.toFixed(correlation > 0.995 ? 4 : 2)}, unrelated ones would with p ${p < 1e-12 ? 'below 1e-12' : `of ${p.toExponential(0)} at most`}`;
}

function share(value: number): string {
  return value < 1e-4 ? 'less than 0.01 %' : `${(100 * value).toPrecision(2)} %`;
}
