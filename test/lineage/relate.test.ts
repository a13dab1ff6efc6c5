import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lineageOf } from '../../src/lineage/lineage.js';
import { relate } from '../../src/lineage/relate.js';
import type { Subject } from '../../src/lineage/subject.js';
import { adapted, asDtype, changed, get, INNER, mixed, model, normal, SHAPES, subject, tuned, type Dense, type Plain } from '../helpers/lineage.js';

const root = model(1);
const base = subject('base', root);
const none = { base: null };

/** Kind and direction of the path as seen from the candidate. */
async function told(path: Subject, candidate: Subject, known: Subject | null = null): Promise<string> {
  const { kind, direction } = await relate(path, candidate, { base: known });
  return `${kind} ${direction}`;
}

describe('one candidate', () => {
  it('independent models are not related, whatever they share in shape', async () => {
    for (const seed of [2, 3, 4, 5, 6]) assert.equal(await told(subject('other', model(seed)), base), 'unrelated none');
  });

  it('the same numbers, and the same in a narrower type', async () => {
    assert.equal(await told(subject('copy', root), base), 'same-weights same');
    const [single, half] = [subject('single', asDtype(root, 'F32')), subject('half', asDtype(root, 'BF16'), { dtype: 'BF16' })];
    assert.equal(await told(half, single), 'another-dtype descends');
    assert.equal(await told(single, half), 'another-dtype ancestor');
  });

  it('a fine-tune, whose direction takes the base', async () => {
    const path = subject('tuned', tuned(root, 11, 0.03));
    assert.equal(await told(path, base), 'fine-tune undecided');
    assert.equal(await told(path, base, base), 'fine-tune descends');
    assert.equal(await told(base, path, base), 'fine-tune ancestor');
  });

  it('a low-rank change of the blocks alone, with its rank', async () => {
    const found = await relate(subject('lora', adapted(root, 12, 3)), base, { base });
    assert.equal(`${found.kind} ${found.direction}`, 'adapter descends');
    assert.deepEqual(found.rank, { value: 3, exact: true });
  });

  it('a large change of everything', async () => {
    assert.equal(await told(subject('on', tuned(root, 13, 0.6)), base, base), 'continued-pretraining descends');
  });

  it('a fine-tune of a fine-tune lies further along; siblings do not', async () => {
    const [a, b] = [tuned(root, 21, 0.03), tuned(root, 22, 0.03)];
    const further = tuned(a, 23, 0.02);
    assert.equal(await told(subject('aa', further), subject('a', a), base), 'fine-tune descends');
    assert.equal(await told(subject('a', a), subject('aa', further), base), 'fine-tune ancestor');
    assert.equal(await told(subject('b', b), subject('a', a), base), 'siblings siblings');
    const found = await relate(subject('aa', further), subject('a', a), { base });
    assert.ok(found.share && found.share.low < 1 && 1 < found.share.high && found.share.high - found.share.low < 0.15, JSON.stringify(found.share));
  });

  it('does not take the mean of two fine-tunes for the ancestor of one', async () => {
    const [a, b] = [adapted(root, 24, 4), adapted(root, 25, 4)];
    const mean = subject('mean', mixed([[0.5, a], [0.5, b]]));
    const { direction } = await relate(mean, subject('a', a), { base });
    assert.notEqual(direction, 'ancestor');
  });

  it('rounding to a grid, and who was rounded', async () => {
    const grid = changed(root, ({ rows, columns, data }) => {
      const out = new Float64Array(data.length);
      for (let row = 0; row < rows; row++) {
        const part = data.subarray(row * columns, (row + 1) * columns);
        const step = part.reduce((most, v) => Math.max(most, Math.abs(v)), 0) / 15;
        part.forEach((v, j) => { out[row * columns + j] = Math.round(v / step) * step; });
      }
      return out;
    });
    assert.equal(await told(subject('grid', grid), base), 'quantised descends');
    assert.equal(await told(base, subject('grid', grid)), 'quantised ancestor');
  });

  it('pruning, and how much it took away', async () => {
    const cut = changed(root, ({ data }) => {
      const limit = Float64Array.from(data, Math.abs).sort()[Math.floor(0.4 * data.length)] ?? 0;
      return data.map((v) => (Math.abs(v) < limit ? 0 : v));
    }, (name) => name !== 'embed');
    const found = await relate(subject('cut', cut), base, none);
    assert.equal(`${found.kind} ${found.direction}`, 'pruned descends');
    const [before, after] = [root, cut].map((plain) => [...plain.weights].filter(([name]) => name !== 'embed').reduce((sum, [, { data }]) => sum + data.reduce((s, v) => s + v * v, 0), 0));
    assert.ok(Math.abs((found.removed ?? 0) - (1 - (after ?? 0) / (before ?? 1))) < 1e-3);
    assert.equal(await told(base, subject('cut', cut)), 'pruned ancestor');
  });

  it('layers left out, and layers that stand there twice', async () => {
    const kept = (layers: readonly number[]): Plain => {
      const place = (name: string): string[] => layers.flatMap((of, i) => (name.startsWith(`${of}.`) ? [`${i}${name.slice(name.indexOf('.'))}`] : []));
      const names = <T>(map: ReadonlyMap<string, T>): Map<string, T> => new Map([...map].flatMap(([name, value]) => (name === 'embed' ? [[name, value] as const] : place(name).map((to) => [to, value] as const))));
      return { weights: names(root.weights), vectors: names(root.vectors) };
    };
    const dropped = await relate(subject('dropped', kept([0, 2, 3])), base, none);
    assert.equal(`${dropped.kind} ${dropped.direction}`, 'layer-dropped descends');
    assert.deepEqual(dropped.layers.map(({ layer, of }) => [layer, of]), [[0, 0], [1, 2], [2, 3]]);
    assert.equal(await told(subject('repeated', kept([0, 1, 1, 2, 3])), base), 'layers-repeated descends');
    assert.equal(await told(subject('other', { ...kept([0, 2, 3]), weights: model(9, 3).weights, vectors: model(9, 3).vectors }), base), 'unrelated none');
  });

  it('reads the weights again with the probes of the layers that it found', async () => {
    const names = (name: string): string | null => ({ 0: '0', 2: '1', 3: '2' } as Record<string, string>)[name.split('.')[0] ?? ''] ?? null;
    const rename = <T>(map: ReadonlyMap<string, T>): Map<string, T> => new Map([...map].flatMap(([name, value]) => (name === 'embed' ? [[name, value] as const] : names(name) === null ? [] : [[`${names(name) ?? ''}${name.slice(name.indexOf('.'))}`, value] as const])));
    const dropped = { weights: rename(root.weights), vectors: rename(root.vectors) };
    const map = [0, 2, 3];
    const reread = (of: readonly number[]): Promise<Subject> => Promise.resolve(subject('dropped', dropped, { probes: (name) => (name === 'embed' ? name : `${of[Number(name.split('.')[0])] ?? 0}${name.slice(name.indexOf('.'))}`) }));
    const found = await relate(subject('dropped', dropped), base, { base: null, reread });
    assert.deepEqual(found.layers.filter(({ layer }) => layer !== null).map(({ layer, of }) => [layer, of]), map.map((of, layer) => [layer, of]));
    assert.ok(found.correlation !== null && found.correlation > 0.999999);
  });
});

describe('mixtures', () => {
  const [a, b] = [tuned(root, 31, 0.03), tuned(root, 32, 0.04)];
  const subjects = [subject('a', a), subject('b', b)];

  it('weights with intervals, against the base and without it', async () => {
    const path = subject('merge', mixed([[0.3, a], [0.7, b]]));
    for (const known of [base, null]) {
      const { merge, relations } = await lineageOf(path, subjects, { base: known });
      assert.ok(merge);
      const weights = Object.fromEntries(merge.parents.map(({ candidate, weight }) => [candidate, weight.value.toFixed(4)]));
      assert.deepEqual(weights, { a: '0.3000', b: '0.7000' });
      assert.equal(merge.base, null);
      assert.ok(merge.unexplained < 1e-6);
      assert.deepEqual(relations.map(({ kind, direction }) => `${kind} ${direction}`), ['merge descends', 'merge descends']);
    }
  });

  it('a sum of changes leaves the base a weight', async () => {
    const { merge } = await lineageOf(subject('sum', mixed([[1, a], [1, b], [-1, root]])), subjects, { base });
    assert.ok(merge?.base && Math.abs(merge.base.weight.value + 1) < 1e-6);
    assert.ok(merge.parents.every(({ weight }) => Math.abs(weight.value - 1) < 1e-6));
  });

  it('a weaker dose of one fine-tune is a mixture with the base', async () => {
    const { merge } = await lineageOf(subject('dose', mixed([[0.4, a], [0.6, root]])), [get(new Map([['a', subject('a', a)]]), 'a')], { base });
    assert.ok(merge?.base && Math.abs(merge.base.weight.value - 0.6) < 1e-6);
  });

  it('a sphere between two that lie far apart', async () => {
    const far = tuned(root, 33, 0.8);
    const t = 0.4;
    const arc: Plain = { ...root, weights: new Map([...a.weights].map(([name, { data, ...shape }]): [string, Dense] => {
      const other = get(far.weights, name).data;
      const dot = (x: Float64Array, y: Float64Array): number => x.reduce((sum, v, i) => sum + v * (y[i] ?? 0), 0);
      const angle = Math.acos(dot(data, other) / Math.sqrt(dot(data, data) * dot(other, other)));
      const [p, q] = [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
      return [name, { ...shape, data: data.map((v, i) => p * v + q * (other[i] ?? 0)) }];
    })) };
    const { merge } = await lineageOf(subject('arc', arc), [subject('a', a), subject('far', far)], none);
    assert.equal(merge?.method, 'spherical');
    const weight = merge.parents.find(({ candidate }) => candidate === 'far')?.weight.value ?? 0;
    assert.ok(Math.abs(weight - t) < 0.01, `${weight}`);
  });

  it('the parents of a mixture are no mixtures of it and each other', async () => {
    const half = subject('half', mixed([[0.5, a], [0.5, b]]));
    const { merge } = await lineageOf(subject('a', a), [half, subject('b', b)], { base });
    assert.equal(merge, null);
  });

  it('a fine-tune of one is no mixture with another', async () => {
    const { merge } = await lineageOf(subject('aa', tuned(a, 34, 0.03)), subjects, { base });
    assert.equal(merge, null);
  });
});

describe('disguises', () => {
  const order = Array.from(normal(INNER, 41), (v, i) => [v, i] as const).sort((x, y) => x[0] - y[0]).map(([, i]) => i);
  const rowsOf = ({ columns, data }: Dense, at: (row: number) => number): Float64Array => data.map((_, i) => data[at(Math.floor(i / columns)) * columns + (i % columns)] ?? 0);
  const columnsOf = ({ columns, data }: Dense, at: (column: number) => number): Float64Array => data.map((_, i) => data[Math.floor(i / columns) * columns + at(i % columns)] ?? 0);
  const role = (name: string): string => name.split('.')[1] ?? '';

  const permuted = (plain: Plain): Plain => changed(plain, (m, name) => (role(name) === 'down' ? columnsOf(m, (j) => order[j] ?? 0) : rowsOf(m, (i) => order[i] ?? 0)), (name) => ['gate', 'up', 'down'].includes(role(name)));
  const factors = normal(INNER, 42).map((v) => Math.exp(0.7 * v));
  const scaled = (plain: Plain): Plain => changed(plain, ({ columns, data }, name) => data.map((v, i) => (role(name) === 'up' ? v * (factors[Math.floor(i / columns)] ?? 1) : v / (factors[i % columns] ?? 1))), (name) => ['up', 'down'].includes(role(name)));
  const folded = (plain: Plain): Plain => {
    const g = (name: string): Float64Array => get(plain.vectors, `${name.split('.')[0] ?? ''}.norm.${['q', 'k', 'v'].includes(role(name)) ? 'input' : 'post_attention'}_layernorm`);
    const matrices = changed(plain, ({ columns, data }, name) => data.map((v, i) => v * (g(name)[i % columns] ?? 1)), (name) => ['q', 'k', 'v', 'gate', 'up'].includes(role(name)));
    return { ...matrices, vectors: new Map([...plain.vectors].map(([name, values]) => [name, values.map(() => 1)])) };
  };
  /** Planes of neighbouring rows turned, in q and k alike. */
  const rotated = (plain: Plain): Plain => changed(plain, ({ columns, data }) => data.map((v, i) => {
    const row = Math.floor(i / columns);
    const other = data[(row ^ 1) * columns + (i % columns)] ?? 0;
    return Math.cos(1) * v + (row % 2 === 0 ? -1 : 1) * Math.sin(1) * other;
  }), (name) => ['q', 'k'].includes(role(name)));

  for (const [what, disguise, found] of [
    ['hidden units in another order', permuted, ['units-permuted']],
    ['up and down scaled against each other', scaled, ['units-scaled']],
    ['norms folded into what follows', folded, ['norms-folded']],
    ['heads turned', rotated, ['heads-rotated']],
  ] as const) {
    it(what, async () => {
      for (const plain of [root, tuned(root, 43, 0.01)]) {
        const relation = await relate(subject('hidden', disguise(plain)), base, none);
        assert.equal(relation.kind, 'disguised', relation.evidence.join('; '));
        assert.deepEqual(relation.disguises.map((one) => one.what), found);
        assert.ok((relation.p ?? 1) < 1e-4);
        assert.ok(relation.undecided !== null);
      }
    });
  }

  it('all of them at once', async () => {
    const relation = await relate(subject('hidden', scaled(permuted(rotated(folded(root))))), base, none);
    assert.equal(relation.kind, 'disguised');
    const what = relation.disguises.map((one) => one.what);
    for (const one of ['norms-folded', 'heads-rotated', 'units-permuted'] as const) assert.ok(what.includes(one), what.join());
  });

  it('an independent model in disguise is not related', async () => {
    for (const seed of [51, 52, 53]) assert.equal(await told(subject('hidden', permuted(folded(model(seed)))), base), 'unrelated none');
  });

  it('has shapes to permute', () => {
    assert.equal(SHAPES['gate']?.[0], INNER);
  });
});
