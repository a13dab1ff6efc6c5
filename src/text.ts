/** Text that comes from a file, a name or the operating system, made safe to print. In: any string. Out: one line. */

/** Control (Cc), format (Cf: bidi marks, zero-width, tags), lone surrogates (Cs), line and paragraph separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Replaces each character that a terminal or a reader could be misled by with `\u{hex}`: control characters, bidi and
 * zero-width characters, line separators, lone surrogates. All else, the backslash included, stays as it is.
 */
export function escapeText(s: string): string {
  return s.replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** The text escaped, between double quotes, cut after `limit` characters (UTF-16 units): for messages. */
export function quoteText(s: string, limit = 120): string {
  return s.length > limit ? `"${escapeText(s.slice(0, limit))}…"` : `"${escapeText(s)}"`;
}

/** How deep objects and arrays stand in each other, 0 without any, of text that is JSON: one pass, for what comes before a parser that recurses. */
export function jsonDepth(text: string): number {
  let depth = 0, deepest = 0, inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (inString) {
      if (c === '\\') i++;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === '}' || c === ']') depth--;
    else if (c === '{' || c === '[') deepest = Math.max(deepest, ++depth);
  }
  return deepest;
}
