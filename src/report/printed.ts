/** Text for a terminal or the log of a pipeline. In: any string. Out: one line that neither obeys. */
import { escapeText } from '../text.js';

/**
 * `escapeText`, and the openings of workflow commands broken up: GitHub's runner obeys a line that begins with `::`, spaces
 * before it or not, and `##[` anywhere in a line; Azure's obeys `##vso[`.
 */
export function printed(text: string): string {
  return escapeText(text).replace(/::/gu, ':\\u{3a}').replace(/##(?=vso\[|\[)/giu, '#\\u{23}');
}
