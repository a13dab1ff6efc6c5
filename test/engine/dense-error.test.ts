import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { probeDense } from '../../src/engine/index.js';
import { denseOf, normals, put, randomProbes, valuesOf } from '../helpers/dense.js';

const CPU = { executionProvider: 'cpu' } as const;

/** Coordinates in float64 by way of W·V, row by row. */
function exactly(W: Float64Array, [outputs, inputs]: readonly [number, number], u: readonly number[], v: readonly number[], k: number): Float64Array {
  const sums = new Float64Array(k);
  for (let row = 0; row < outputs; row++) {
    for (let column = 0; column < k; column++) {
      let product = 0;
      for (let j = 0; j < inputs; j++) product += (W[row * inputs + j] ?? 0) * (v[j * k + column] ?? 0);
      sums[column] = (sums[column] ?? 0) + (u[row * k + column] ?? 0) * product;
    }
  }
  return sums;
}

type Fill = (next: () => number, row: number, column: number) => number;
const KINDS: Readonly<Record<string, Fill>> = {
  'normal numbers': (next) => 0.02 * next(),
  'heavy tails': (next) => (0.02 * next()) / (Math.abs(next()) + 0.05),
  'some columns a hundred times larger': (next, _, column) => (column % 97 === 0 ? 2 : 0.02) * next(),
  'a mean': (next) => 0.02 + 0.02 * next(),
  'mostly zeros': (next) => (Math.abs(next()) > 2 ? next() : 0),
  'one large direction': (next, row, column) => Math.sin(row) * Math.cos(column) + 0.01 * next(),
};

describe('the estimated error of a coordinate', () => {
  for (const [name, fill] of Object.entries(KINDS)) {
    it(`is of the size of the true one: ${name}`, async () => {
      let worst = 0;
      let squares = 0;
      let count = 0;
      for (const [seed, shape] of ([[96, 2048], [400, 300], [64, 6000]] as const).entries()) {
        const next = normals(seed + 5);
        const values = Array.from({ length: shape[0] * shape[1] }, (_, at) => fill(next, Math.floor(at / shape[1]), at % shape[1]));
        const tensor = put('F32', shape, values);
        const weight = { name: '0.q', role: 'q', layer: 0, module: 'q', shape, values: { tensor, transposed: false, outputs: [[0, shape[0]]] } } as const;
        const probes = randomProbes(shape, [8], seed);
        const { coordinates, errors } = await probeDense({ weight, probes, signs: null }, CPU);
        const [probe] = probes;
        assert.ok(probe);
        const exact = exactly(denseOf(weight), shape, valuesOf(probe.U), valuesOf(probe.V), 8);
        exact.forEach((value, i) => {
          const ratio = Math.abs((coordinates.get(probe.key)?.[i] ?? NaN) - value) / (errors.get(probe.key)?.[i] ?? NaN);
          worst = Math.max(worst, ratio);
          squares += ratio * ratio;
          count++;
        });
      }
      const spread = Math.sqrt(squares / count);
      if (process.env['VERBOSE'] !== undefined) process.stderr.write(`${name}: worst ${worst.toFixed(2)}, root mean square ${spread.toFixed(3)}\n`);
      assert.ok(worst < 4 && spread < 1, `worst ${worst}, root mean square ${spread}`);
    });
  }
});
