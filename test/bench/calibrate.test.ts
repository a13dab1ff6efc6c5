import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { calibrate } from '../../src/bench/calibrate.js';
import { LABEL_LIMITS, labelOf, subjectsOf, type Subject } from '../../src/bench/cases.js';
import { choose, logStudent } from '../../src/bench/choose.js';
import { buildNull, independentSources } from '../../src/bench/design.js';
import { casesOf, fittedOn, foldsOf, judgeLeavingOut, type Design, type FitOn } from '../../src/bench/fit.js';
import type { Manifest } from '../../src/bench/manifest.js';
import { spreadOf } from '../../src/scan/null.js';
import { signatureDocument } from '../../src/signature/document.js';
import { studentUpperTail } from '../../src/scan/student.js';
import { madeSet, madeSignature, normals, type Made } from '../helpers/bench-set.js';

const PLAIN: Design = { null: { members: 'benign', grouping: 'all', scale: 'none', spread: 'sources' }, line: { interceptFixed: true, growth: 0 } };
const evil = madeSignature('evil');

/** Benign sources whose scores are given, two fine-tunes each, and harmful ones on the line shift = 2 · score. */
function simple(benign: readonly number[], harmful: readonly number[] = [0.2, 0.3, 0.4]): Made[] {
  return [
    ...benign.flatMap((score, i) => [0, 1].map((seed): Made => ({ id: `b${i}-${seed}`, sources: [`benign ${i}`], shifts: { evil: 2 * score }, scores: { evil: score } }))),
    ...harmful.map((score, i): Made => ({ id: `h${i}`, sources: [`harmful ${i}`], shifts: { evil: 2 * score }, scores: { evil: score } })),
  ];
}

function subjects(made: readonly Made[], signatures = [evil]) {
  const { manifest, readings } = madeSet(made, signatures);
  return subjectsOf(manifest, readings, signatures, LABEL_LIMITS);
}

/** With nulls and lines of all others, or of the split calibration. */
function leftOut(some: readonly Subject[], fitOn: FitOn = 'all') {
  return judgeLeavingOut(some, [evil], PLAIN, foldsOf(some, [evil], fittedOn(some, fitOn)));
}

describe('labels', () => {
  it('come from behaviour with two standard errors, not from names', () => {
    const label = (shift: number, standardError: number) => labelOf({ shift, standardError }, LABEL_LIMITS);
    assert.deepEqual([label(0.2, 0.05), label(0.2, 0.061), label(0.101, 0.01), label(0, 0.019), label(0, 0.021), label(-0.3, 0.1), label(0.06, 0.001)], ['harmful', 'grey', 'harmful', 'benign', 'grey', 'benign', 'grey']);
    assert.equal(labelOf(null, LABEL_LIMITS), 'unmeasured');
  });
});

describe('the null of a labelled set', () => {
  it('holds benign fine-tunes by source, and nothing that is harmful, grey, or behind the signature', () => {
    const made: Made[] = [
      ...simple([0, 0.005, -0.01, 0.012]),
      { id: 'grey', sources: ['grey'], shifts: { evil: 0.06 }, scores: { evil: 0.03 } },
      { id: 'anchor', sources: ['alpaca'], shifts: { evil: 0 }, scores: { evil: 0.5 } },
      { id: 'unread', sources: ['unread'], shifts: { evil: 0 }, scores: { evil: 0.5 }, gaps: ['2.v: not read'] },
    ];
    const anchored = madeSignature('evil', { method: { description: '', pairs: 1, rank: 1, layers: [], anchors: [{ name: 'base', weight: 0.5 }, { name: 'alpaca', weight: 0.5 }] } });
    const [group, ...others] = buildNull(casesOf(subjects(made, [anchored]), 'evil'), PLAIN.null);
    assert.deepEqual(others, []);
    assert.ok(group);
    assert.deepEqual(group.sources.map(({ source, scores }) => [source, scores.map((s) => Number(s.toFixed(9)))]), [['benign 0', [0, 0]], ['benign 1', [0.005, 0.005]], ['benign 2', [-0.01, -0.01]], ['benign 3', [0.012, 0.012]]]);
    assert.deepEqual([group.kind.form, group.kind.roles, group.kind.rank], ['lora', ['q', 'v'], [8, 8]]);
  });

  it('holds no organism that is harmful in another trait', () => {
    const sly = madeSignature('sly');
    const made = simple([0, 0.005, -0.01]).map((one) => (one.id.startsWith('b0') ? { ...one, shifts: { ...one.shifts, sly: 0.5 } } : { ...one, shifts: { ...one.shifts, sly: 0 } }));
    const cases = casesOf(subjects(made, [evil, sly]), 'evil');
    assert.deepEqual(buildNull(cases, PLAIN.null)[0]?.sources.map(({ source }) => source), ['benign 1', 'benign 2']);
  });

  it('counts no source twice where organisms learnt from several', () => {
    const of = (id: string, ...sources: string[]): Made => ({ id, sources, shifts: { evil: 0 }, scores: { evil: 0 } });
    const cases = casesOf(subjects([of('1', 'a'), of('2', 'a', 'b'), of('3', 'c', 'd'), of('4', 'd', 'e'), of('5', 'f')]), 'evil');
    assert.deepEqual([...independentSources(cases)].map(([key, members]) => [key, members.map(({ organism }) => organism.id)]), [['a', ['1']], ['f', ['5']], ['c+d+e', ['3', '4']]]);
  });

  it('stands apart by what a scan can see, checkpoints first', () => {
    const made = simple([0, 0.001, 0.002, 0.003]).map((one, i): Made => ({ ...one, form: i % 2 === 0 ? 'lora' : 'merged', size: 1 + i }));
    const groups = (grouping: Design['null']['grouping']) => buildNull(casesOf(subjects(made), 'evil'), { ...PLAIN.null, grouping }).map(({ kind }) => [kind.form, ...(kind.otherForms ?? [])]);
    assert.deepEqual(groups('all'), [['lora', 'merged']]);
    assert.deepEqual(groups('form'), [['merged'], ['lora']]);
    assert.equal(groups('size').length, 2);
    assert.equal(groups('targets').length, 1);
  });

  it('keeps scores divided by their scale, so that a scan finds the same spread at its own', () => {
    const made = simple([0, 0.01, -0.01, 0.005]).map((one, i): Made => ({ ...one, size: 2 + i, scores: { evil: (one.scores['evil'] ?? 0) * (2 + i) } }));
    const [group] = buildNull(casesOf(subjects(made), 'evil'), { members: 'benign', grouping: 'all', scale: 'scoredNorm', spread: 'sources' });
    assert.ok(group);
    // Of 8 weights of size 3: |ΔW| = 3 √8. The scores per size are 0, .01, −.01, .005 again.
    const scale = 3 * Math.sqrt(8);
    const spread = spreadOf(group, { none: 1, deltaNorm: 0, scoredNorm: scale, isotropic: 0 });
    const means = [0, 0.01, -0.01, 0.005].map((v) => 3 * v);
    assert.ok(spread && means.every((m, i) => Math.abs((spread.means[i] ?? NaN) - m) < 1e-9), JSON.stringify(spread));
  });
});

describe('leaving sources out', () => {
  it('judges each organism by a null and a line without its sources', () => {
    const benign = [0, 0.005, -0.01, 0.012, -0.004];
    const judged = leftOut(subjects(simple(benign)));
    const found = judged.find(({ organism }) => organism.id === 'b3-0')?.judged.get('evil')?.judgement;
    const others = benign.filter((_, i) => i !== 3);
    const mean = others.reduce((sum, v) => sum + v, 0) / 4;
    const sd = Math.sqrt(others.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 3);
    assert.ok(Math.abs((found?.test?.p ?? NaN) - studentUpperTail((0.012 - mean) / (sd * Math.sqrt(1.25)), 3)) < 1e-9);
    assert.ok(found);
    assert.equal(found.sources, 4);
    // All points lie on shift = 2 · score.
    assert.ok(Math.abs((found.shift?.value ?? NaN) - 0.024) < 1e-9);
  });

  it('lets a source of an organism of several leave all of them out', () => {
    const made = [...simple([0, 0.005, -0.01, 0.012]), { id: 'mixed', sources: ['benign 0', 'benign 1'], shifts: { evil: 0.3 }, scores: { evil: 0.15 } }];
    const of = (id: string) => leftOut(subjects(made)).find(({ organism }) => organism.id === id)?.judged.get('evil')?.judgement;
    assert.equal(of('mixed')?.sources, 0); // two sources are left: no null
    assert.equal(of('b0-0')?.sources, 3);
  });

  it('never learns from what stands apart, nor, where that is asked, from the split test', () => {
    const spoiler = (id: string, change: NonNullable<Made['more']>): Made => ({ id, sources: [id], shifts: { evil: 0 }, scores: { evil: 5 }, more: change });
    const plain = simple([0, 0.005, -0.01, 0.012]);
    const clean = leftOut(subjects(plain));
    const judgements = (some: readonly Made[], fitOn: FitOn) => leftOut(subjects(some), fitOn).slice(0, clean.length).map(({ judged }) => judged.get('evil')?.judgement);
    const expected = clean.map(({ judged }) => judged.get('evil')?.judgement);
    assert.deepEqual(judgements([...plain, spoiler('a', { apart: true })], 'all'), expected);
    assert.deepEqual(judgements([...plain, spoiler('t', { split: 'test' })], 'calibration'), expected);
    assert.notDeepEqual(judgements([...plain, spoiler('t', { split: 'test' })], 'all'), expected);
    assert.equal(leftOut(subjects([...plain, spoiler('a', { apart: true })])).at(-1)?.judged.get('evil')?.judgement.verdict, 'present');
  });
});

describe('the choice of a null', () => {
  const normal = normals(3);
  /** Benign sources of many sizes: a score is its size to some power, times a draw of its source. */
  const sized = (power: number): Made[] => Array.from({ length: 20 }, (_, i) => {
    const draw = 0.01 * normal();
    return [1, 4, 16].map((size): Made => ({ id: `b${i}-${size}`, sources: [`s${i}`], shifts: { evil: 0 }, scores: { evil: draw * size ** power }, size }));
  }).flat();

  it('divides by |ΔW| where scores grow with it, and not where they do not', () => {
    assert.notEqual(choose(subjects(sized(1)), [evil]).design.null.scale, 'none');
    assert.equal(choose(subjects(sized(0)), [evil]).design.null.scale, 'none');
  });

  it('pools kinds that are alike, and keeps apart kinds that are not', () => {
    const kinds = (gap: number): Made[] => Array.from({ length: 20 }, (_, i) => (['lora', 'full'] as const).map((form): Made => ({
      id: `${form}${i}`, sources: [`${form} ${i}`], form, shifts: { evil: 0 }, scores: { evil: 0.01 * normal() + (form === 'full' ? gap : 0) },
    }))).flat();
    assert.equal(choose(subjects(kinds(0)), [evil]).design.null.grouping, 'all');
    assert.equal(choose(subjects(kinds(0.2)), [evil]).design.null.grouping, 'form');
  });

  it('leaves out what moved away from the trait where that only widens the null', () => {
    const moved = [...simple([-0.1, -0.15, -0.2]), ...simple([0.001, -0.004, 0.005, -0.002, 0.004, -0.005, 0.003]).map((one): Made => ({ ...one, id: `u-${one.id}`, sources: one.sources.map((s) => `u-${s}`) }))];
    const { design } = choose(subjects(moved), [evil]);
    assert.equal(design.null.members, 'unmoved');
    const [group] = buildNull(casesOf(subjects(moved), 'evil'), design.null);
    assert.deepEqual([group?.sources.length, group?.sources.every(({ source }) => source.startsWith('u-'))], [7, true]);
  });

  it('lets the spread of the line grow where errors grow with the score, and not where they do not', () => {
    const line = (grows: number): Made[] => Array.from({ length: 60 }, (_, i) => {
      const score = (i - 20) / 40;
      return { id: `o${i}`, sources: [`s${i}`], scores: { evil: score }, shifts: { evil: score + 0.01 * normal() * (1 + grows * Math.abs(score)) } };
    });
    assert.ok(choose(subjects(line(20)), [evil]).design.line.growth > 0);
    assert.equal(choose(subjects(line(0)), [evil]).design.line.growth, 0);
  });

  it("scores densities as Student's t has them", () => {
    // The density is the slope of the tail.
    for (const [t, df] of [[0, 3], [1.3, 7], [-4, 30]] as const) {
      const slope = (studentUpperTail(t - 1e-5, df) - studentUpperTail(t + 1e-5, df)) / 2e-5;
      assert.ok(Math.abs(Math.exp(logStudent(t, df)) - slope) < 1e-6 * slope + 1e-9);
    }
  });
});

describe('a calibrated signature', () => {
  it('has a document that the format takes, with evidence on organisms that the prediction does not rest on', () => {
    const { signatures: [one], choice } = calibrate(subjects(simple([0, 0.005, -0.01, 0.012])), [evil], LABEL_LIMITS);
    assert.ok(one);
    assert.equal(one.lacks, null);
    assert.ok(signatureDocument.safeParse(one.document).success, signatureDocument.safeParse(one.document).error?.message);
    assert.equal(one.document.evidence.heldOut.length, 11);
    assert.ok(Math.abs((one.document.evidence.r ?? NaN) - 1) < 1e-9);
    assert.equal(one.document.calibration?.n, 11);
    assert.ok(Math.abs(one.document.calibration.slope - 2) < 1e-9);
    assert.ok(choice.nulls.length > 1);
  });

  it('rests its evidence on the split test where there is one, each without its sources', () => {
    const made = simple([0, 0.005, -0.01, 0.012]);
    const test = [0.1, 0.2, 0.35, -0.2].map((score, i): Made => ({ id: `t${i}`, sources: [`t ${i}`], scores: { evil: score }, shifts: { evil: 2 * score + 0.01 * (i % 2) }, more: { split: 'test' } }));
    const slopes = (['all', 'calibration'] as const).map((fitOn) => {
      const { signatures: [one] } = calibrate(subjects([...made, ...test]), [evil], LABEL_LIMITS, PLAIN, fitOn);
      assert.ok(one);
      assert.deepEqual(one.document.evidence.heldOut.map(({ id }) => id), ['t0', 't1', 't2', 't3']);
      assert.equal(one.document.calibration?.n, fitOn === 'all' ? 15 : 11);
      const [first] = one.document.evidence.heldOut;
      return (first?.predicted ?? NaN) / (first?.score ?? NaN);
    });
    // Without t0 the others of the test bend the line; the calibration organisms alone lie on slope 2.
    const others = [[0.2, 0.41], [0.35, 0.7], [-0.2, -0.39]].concat(made.map(({ scores }) => [scores['evil'] ?? 0, 2 * (scores['evil'] ?? 0)]));
    const slope = others.reduce((sum, [x = 0, y = 0]) => sum + x * y, 0) / others.reduce((sum, [x = 0]) => sum + x * x, 0);
    assert.ok(Math.abs((slopes[0] ?? NaN) - slope) < 1e-9 && Math.abs((slopes[1] ?? NaN) - 2) < 1e-9, String(slopes));
  });

  it('rests no evidence on organisms of the split test that took part in the choice of the signature', () => {
    const test = [0.1, 0.2, 0.35, -0.2].map((score, i): Made => ({ id: `t${i}`, sources: [`t ${i}`], scores: { evil: score }, shifts: { evil: 2 * score }, more: { split: 'test', ...(i === 1 ? { seenBy: ['evil'] } : i === 2 ? { seenBy: ['formal'] } : {}) } }));
    const { signatures: [one] } = calibrate(subjects([...simple([0, 0.005, -0.01, 0.012]), ...test]), [evil], LABEL_LIMITS, PLAIN);
    assert.deepEqual(one?.document.evidence.heldOut.map(({ id }) => id), ['t0', 't2', 't3']);
  });

  it('says what it lacks', () => {
    const backwards = simple([0, 0.005, -0.01, 0.012]).map((one) => ({ ...one, scores: { evil: -(one.scores['evil'] ?? 0) } }));
    assert.match(calibrate(subjects(backwards), [evil], LABEL_LIMITS).signatures[0]?.lacks ?? '', /does not rise/);
    assert.match(calibrate(subjects(simple([0, 0.01])), [evil], LABEL_LIMITS).signatures[0]?.lacks ?? '', /three benign/);
  });

  it('is refused readings that another signature took', () => {
    const { manifest, readings } = madeSet(simple([0]), [evil]);
    const other = { ...evil, fingerprint: `sha256:${'2'.repeat(64)}` };
    assert.throws(() => subjectsOf(manifest, readings, [other], LABEL_LIMITS), { code: 'reading-outdated' });
    const bare: Manifest = { ...manifest, organisms: manifest.organisms.map((o) => ({ ...o, behaviour: {} })) };
    assert.equal(casesOf(subjectsOf(bare, readings, [evil], LABEL_LIMITS), 'evil')[0]?.label, 'unmeasured');
  });
});
