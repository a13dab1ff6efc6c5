/** Text for GitHub's Markdown. In: any string. Out: Markdown inline text that is that string and nothing else. */
import { escapeText } from '../text.js';

/** Longer names and sentences are cut, and end in `…`. */
const LONGEST_NAME = 300;
const LONGEST_SENTENCE = 2000;

/**
 * Control and bidi characters escaped, then every character that Markdown or HTML could take for markup as a numeric
 * reference, which can form neither, nor a table's border, a link or a formula, inside code or outside. Safe anywhere but at
 * the beginning of a line, where `-` and `1.` make a list.
 */
function inert(text: string, longest: number): string {
  const escaped = escapeText(text);
  const short = escaped.length > longest ? `${escaped.slice(0, longest).replace(/[\ud800-\udbff]$/u, '')}…` : escaped;
  return short.replace(/[#$&*:<>@[\\\]^_`{|}~]|(?<=www)\./giu, (c) => `&#${c.charCodeAt(0)};`);
}

/** A name, a path, a message of a file: shown as code, in which GitHub finds no @mention and no #reference. */
export function code(text: string): string {
  return text === '' ? '' : `<code>${inert(text, LONGEST_NAME)}</code>`;
}

/** A sentence with untrusted parts: readable as prose; `@` and `#` stand in code, so that nobody is mentioned. */
export function prose(text: string): string {
  return inert(text, LONGEST_SENTENCE).replace(/&#(?:64|35);/gu, '<code>$&</code>');
}
