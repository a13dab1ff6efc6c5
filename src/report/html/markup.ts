/** HTML as a tagged template. In: literal markup and values. Out: markup in which every value is text. */
import { escapeText } from '../../text.js';

const MARKUP = Symbol('markup');

/** Markup that needs no more escaping. Only `html` and `raw` make it: no JSON value has a symbol for a key. */
export interface Markup {
  readonly [MARKUP]: string;
}

/** What may stand in a template: text and numbers are escaped, null and false are nothing, lists stand one after the other. */
export type Part = Markup | string | number | null | false | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for an element or for an attribute in quotes: control and bidi characters become visible escapes, the five of HTML entities. */
export function escapeHtml(text: string): string {
  return escapeText(text).replace(/[&<>"']/gu, (character) => ENTITIES[character] ?? character);
}

/** The tag of a template; attributes must stand in double quotes. */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { [MARKUP]: literals.reduce((whole, literal, i) => whole + partText(parts[i - 1] ?? null) + literal) };
}

/** Markup that this program wrote itself: the script and the style. */
export function raw(markup: string): Markup {
  return { [MARKUP]: markup };
}

/** The finished text. */
export function markupText(markup: Markup): string {
  return markup[MARKUP];
}

function partText(part: Part): string {
  if (part === null || part === false) return '';
  if (typeof part === 'number') return String(part);
  if (typeof part === 'string') return escapeHtml(part);
  return MARKUP in part ? part[MARKUP] : part.map(partText).join('');
}
