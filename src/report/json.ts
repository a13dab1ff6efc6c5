/** The JSON form. In: a report. Out: one object in which no character is a command to a terminal. Pure. */
import type { Report } from './schema.js';

/** Characters that a terminal or the log of a pipeline (`##[`) could obey or that reorder text; in JSON they are written as escapes and read back unchanged. */
const UNPRINTABLE = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]|#(?=\[|vso\[)/giu;

/** Renders a report as JSON, one object and a line end. */
export function renderJson(report: Report): string {
  return `${escapeJson(JSON.stringify(report, null, 2))}\n`;
}

/** JSON with all control and format characters escaped; what it parses to stays the same. */
export function escapeJson(json: string): string {
  return json.replace(UNPRINTABLE, (character) =>
    Array.from({ length: character.length }, (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  );
}
