import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { murmur3, signRows, type ProbeSide } from '../../src/engine/index.js';
import { fixture } from '../helpers/fixtures.js';

interface Vectors {
  readonly murmur3: readonly { readonly hex: string; readonly seed: number; readonly hash: number }[];
  readonly signs: readonly { readonly name: string; readonly side: ProbeSide; readonly seed: number; readonly columns: number; readonly rows: Readonly<Record<string, string>> }[];
}

const vectors = JSON.parse(readFileSync(fixture('sign-probes.json'), 'utf8')) as Vectors;

describe('sign probes', () => {
  it('hash as the Python package mmh3', () => {
    assert.ok(vectors.murmur3.length > 40);
    for (const { hex, seed, hash } of vectors.murmur3) assert.equal(murmur3(Buffer.from(hex, 'hex'), seed), hash, `${hex} ${seed}`);
  });

  for (const { name, side, seed, columns, rows } of vectors.signs) {
    it(`are those of the format: ${name} ${side}, seed ${seed}, ${columns} columns`, () => {
      for (const [row, text] of Object.entries(rows)) {
        const signs = signRows({ name, side, seed, columns }, Number(row), 1);
        assert.equal([...signs].map((sign) => (sign > 0 ? '+' : '-')).join(''), text);
      }
    });
  }

  it('do not depend on where a range of rows begins, nor on how many columns there are', () => {
    fc.assert(fc.property(fc.nat(50), fc.nat(20), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 30 }), (first, count, columns, fewer) => {
      const all = signRows({ name: '3.up', side: 'right', seed: 5, columns }, 0, first + count);
      assert.deepEqual(signRows({ name: '3.up', side: 'right', seed: 5, columns }, first, count), all.slice(first * columns));
      const narrow = Math.max(1, columns - fewer);
      const few = signRows({ name: '3.up', side: 'right', seed: 5, columns: narrow }, first, count);
      few.forEach((sign, at) => { assert.equal(sign, all[(first + Math.floor(at / narrow)) * columns + (at % narrow)]); });
    }));
  });

  it('are ±1, balanced and uncorrelated', () => {
    const signs = signRows({ name: '0.q', side: 'left', seed: 0, columns: 16 }, 0, 20000);
    for (let i = 0; i < 16; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = 0;
        for (let row = 0; row < 20000; row++) sum += (signs[row * 16 + i] ?? 0) * (i === j ? 1 : signs[row * 16 + j] ?? 0);
        assert.ok(Math.abs(sum) < 4.5 * Math.sqrt(20000), `${i} ${j}: ${sum}`);
      }
    }
  });

  it('come fast enough for a model of seven billion parameters', () => {
    signRows({ name: '0.q', side: 'left', seed: 0, columns: 16 }, 0, 10000);
    const { user } = process.cpuUsage();
    signRows({ name: '0.q', side: 'left', seed: 0, columns: 16 }, 0, 300000);
    assert.ok((process.cpuUsage().user - user) / 1e6 < 0.5, 'a tenth of its rows in half a second');
  });
});
