/** JSON in its one canonical form, RFC 8785 (JCS). In: a value as JSON.parse gives it. Out: its text, or the sha256 of that. Pure. */
import { createHash } from 'node:crypto';

/**
 * The canonical text of a value: no white space, keys in the order of their UTF-16 code units, numbers and strings as ECMAScript writes
 * them (RFC 8785, section 3.2). Two texts of one value, however they were laid out, have the same canonical text.
 * @param value plain JSON; a property that is undefined is left out, as JSON.stringify leaves it out
 * @throws TypeError for what JSON does not hold: NaN and infinity, lone surrogates, functions
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  switch (typeof value) {
    case 'object': {
      if (value === null) return 'null';
      // The default order of sort() is that of UTF-16 code units.
      const entries = Object.entries(value).filter(([, v]) => v !== undefined).sort(([a], [b]) => (a < b ? -1 : 1));
      return `{${entries.map(([key, v]) => `${canonicalJson(key)}:${canonicalJson(v)}`).join(',')}}`;
    }
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`JSON holds no ${value}`);
      return JSON.stringify(value);
    case 'string':
      if (/\p{Cs}/u.test(value)) throw new TypeError('JSON holds no lone surrogate');
      return JSON.stringify(value);
    case 'boolean':
      return String(value);
    default:
      throw new TypeError(`JSON holds no ${typeof value}`);
  }
}

/** sha256 of the canonical text in UTF-8, hexadecimal. Throws as `canonicalJson`. */
export function canonicalSha256(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
