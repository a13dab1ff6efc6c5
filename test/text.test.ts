import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { escapeText, quoteText } from '../src/text.js';

/** Code points that must not reach a terminal: control, bidi, zero-width, separators. */
const UNSAFE = [
  ...Array.from({ length: 32 }, (_, i) => i), ...Array.from({ length: 33 }, (_, i) => 0x7f + i),
  0x61c, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e,
  0x2066, 0x2067, 0x2068, 0x2069, 0xfeff, 0xd800, 0xdfff, 0xe0041,
];

describe('escapeText', () => {
  test('every unsafe code point becomes \\u{hex}', () => {
    for (const point of UNSAFE) assert.equal(escapeText(`a${String.fromCodePoint(point)}b`), `a\\u{${point.toString(16)}}b`);
  });
  test('all else stays: ASCII, accents, other scripts, emoji, backslash', () => {
    const text = ' !"#$%&\'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~ é ß 層 ع ש 😀 \ue000';
    assert.equal(escapeText(text), text);
  });
  test('a pair of surrogates is one character, the wrong way round two', () => {
    assert.equal(escapeText('\ud83d\ude00'), '😀');
    assert.equal(escapeText('\ude00\ud83d'), '\\u{de00}\\u{d83d}');
  });
});

describe('quoteText', () => {
  test('quotes, escapes, cuts', () => {
    assert.equal(quoteText('a\nb'), '"a\\u{a}b"');
    assert.equal(quoteText('abcdef', 3), '"abc…"');
    assert.equal(quoteText('ab😀', 3), '"ab\\u{d83d}…"');
    assert.equal(quoteText('abc', 3), '"abc"');
  });
});
