/** The name that was probably meant. In: a name and those that there are. Out: the nearest, or none. */
import { distance } from 'fastest-levenshtein';

/**
 * The candidate that a misspelt word most probably means; null when none is near.
 * @param similarity share of the longer word's characters that must agree; commander asks for 0.4
 */
export function meant(word: string, candidates: Iterable<string>, similarity = 0.4): string | null {
  let best: string | null = null;
  let least = 4;
  for (const candidate of candidates) {
    const edits = distance(word, candidate);
    const length = Math.max(word.length, candidate.length);
    if (edits < least && (length - edits) / length > similarity) [best, least] = [candidate, edits];
  }
  return best;
}

/** `Did you mean fail-on?`, or else the candidates, or nothing where there are none. */
export function didYouMean(word: string, candidates: Iterable<string>, otherwise: string): string {
  const found = meant(word, candidates);
  return found === null ? otherwise : `Did you mean ${found}?`;
}
