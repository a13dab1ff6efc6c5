import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { decode, decodeCode, encode, FLOAT_DTYPES } from '../helpers/reference.js';

const fixture = JSON.parse(readFileSync(new URL('../../../test/fixtures/float8.json', import.meta.url), 'utf8')) as Record<'F8_E4M3' | 'F8_E5M2', (number | string)[]>;

describe('the reference itself', () => {
  for (const dtype of ['F8_E4M3', 'F8_E5M2'] as const) {
    it(`decodes ${dtype} as torch does`, () => {
      assert.deepEqual(Array.from({ length: 256 }, (_, code) => decodeCode(dtype, code)), fixture[dtype].map(Number));
    });
  }

  it('decodes 16-bit types', () => {
    assert.deepEqual([0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00].map((code) => decodeCode('F16', code)), [1, -2, 2 ** -24, 65504, Infinity]);
    assert.deepEqual([0x3f80, 0xc000, 0x0001, 0x7f80].map((code) => decodeCode('BF16', code)), [1, -2, 2 ** -133, Infinity]);
  });

  it('encodes to the nearest value', () => {
    for (const dtype of FLOAT_DTYPES) {
      assert.deepEqual(decode(dtype, encode(dtype, [0, 1, -1.5, 0.25, NaN])), [0, 1, -1.5, 0.25, NaN], dtype);
      assert.equal(decode(dtype, encode(dtype, [1 + 2 ** -20]))[0], dtype === 'F64' || dtype === 'F32' ? 1 + 2 ** -20 : 1, dtype);
    }
  });
});
