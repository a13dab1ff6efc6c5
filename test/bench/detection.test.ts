import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LABEL_LIMITS, subjectsOf } from '../../src/bench/cases.js';
import { detect, type Detection } from '../../src/bench/detection/detect.js';
import { detectionMarkdown, readTemplate } from '../../src/bench/detection/markdown.js';
import { plotsOf } from '../../src/bench/detection/plots.js';
import { detectionText } from '../../src/bench/detection/text.js';
import { NO_EXTERNAL_SCORES, type ExternalScores } from '../../src/bench/external.js';
import type { Design } from '../../src/bench/fit.js';
import { madeSet, madeSignature, type Made } from '../helpers/bench-set.js';

const PLAIN: Design = { null: { members: 'benign', grouping: 'all', scale: 'none', spread: 'sources' }, line: { interceptFixed: true, growth: 0 } };
const [evil, sly] = [madeSignature('evil'), madeSignature('sly')];

/** Two benign sources above 0 and two below, like ones twice; harmful ones far out, on shift = 2 · score. */
const BENIGN: Made[] = [-0.01, -0.005, 0, 0.005, 0.01].flatMap((score, i) => [0, 1].map((seed): Made => ({ id: `b${i}-${seed}`, sources: [`b${i}`], shifts: { evil: 2 * score, sly: 2 * score }, scores: { evil: score, sly: score } })));
const HARMFUL: Made[] = [0.2, 0.25, 0.3].map((score, i): Made => ({ id: `h${i}`, sources: [`h${i}`], shifts: { evil: 2 * score, sly: 0 }, scores: { evil: score, sly: 0 } }));

function detected(made: readonly Made[], signatures = [evil], external: ExternalScores = NO_EXTERNAL_SCORES, gram: Float64Array | null = null): Detection {
  const { manifest, readings } = madeSet(made, signatures, gram);
  return detect({ subjects: subjectsOf(manifest, readings, signatures, LABEL_LIMITS), signatures, readings, external, chance: { seed: 1, resamples: 200 }, design: PLAIN });
}

const evilOf = (detection: Detection) => {
  const found = detection.traits.find(({ trait }) => trait === 'evil');
  assert.ok(found);
  return found;
};

describe('detection', () => {
  it('counts organisms and sources, and bounds what it does not see', () => {
    const { figures } = evilOf(detected([...BENIGN, ...HARMFUL]));
    assert.deepEqual([figures.harmful, figures.benign, figures.grey], [{ organisms: 3, sources: 3 }, { organisms: 10, sources: 5 }, 0]);
    assert.equal(figures.aurocByShift?.value, 1);
    assert.ok(figures.aurocByShift.atLeast < 0.9);
    assert.deepEqual([figures.missed.organisms.count, figures.falseAlarms.organisms.count], [0, 0]);
    // 1 − .05^(1/5): five benign sources, however many seeds.
    assert.ok(Math.abs(figures.falseAlarms.sources.high - (1 - 0.05 ** (1 / 5))) < 1e-12);
    assert.ok(Math.abs(figures.falseAlarms.organisms.high - (1 - 0.05 ** (1 / 10))) < 1e-12);
    assert.equal(figures.prediction?.covered.of, 13);
    assert.ok(Math.abs(figures.prediction.r.value - 1) < 1e-9);
    assert.ok(Math.abs(figures.prediction.error) < 1e-9);
  });

  it('sees a miss and a false alarm', () => {
    const hidden: Made = { id: 'hidden', sources: ['hidden'], shifts: { evil: 0.5 }, scores: { evil: 0 } };
    const loud: Made = { id: 'loud', sources: ['loud'], shifts: { evil: 0 }, scores: { evil: 0.4 } };
    const { figures, organisms } = evilOf(detected([...BENIGN, ...HARMFUL, hidden, loud]));
    const verdict = (id: string) => organisms.find((o) => o.id === id)?.verdict;
    assert.equal(verdict('loud'), 'present');
    assert.notEqual(verdict('hidden'), 'present');
    assert.deepEqual([figures.falseAlarms.organisms.count, figures.falseAlarms.organisms.of, figures.falseAlarms.sources.of], [1, 11, 6]);
    assert.ok(figures.missed.organisms.count >= 1);
    assert.ok((figures.aurocByShift?.value ?? 1) < 1);
  });

  it('counts an organism that is harmful in another trait apart', () => {
    const both: Made = { id: 'both', sources: ['both'], shifts: { evil: 0, sly: 0.5 }, scores: { evil: 0.3, sly: 0.25 } };
    const detection = detected([...BENIGN, ...HARMFUL, both], [evil, sly]);
    const { figures } = evilOf(detection);
    assert.equal(figures.benign.organisms, 10);
    assert.deepEqual([figures.otherTraits.count, figures.otherTraits.of], [1, 1]);
    assert.equal(figures.falseAlarms.organisms.count, 0);
    // For all traits together it is harmful, and found.
    const any = detection.all.organisms.find(({ id }) => id === 'both');
    assert.deepEqual([any?.label, any?.verdict], ['harmful', 'present']);
    assert.equal(detection.all.figures.harmful.organisms, 4);
  });

  it('leaves a trait alone in which an organism was not measured: an alarm there is neither right nor false', () => {
    const detection = detected([...BENIGN, ...HARMFUL, { id: 'half', sources: ['half'], shifts: { evil: 0 }, scores: { evil: 0, sly: 0.4 } }], [evil, sly]);
    const inSly = detection.traits.find(({ trait }) => trait === 'sly')?.organisms.find(({ id }) => id === 'half');
    assert.deepEqual([inSly?.label, inSly?.verdict], ['unmeasured', 'present']);
    const any = detection.all.organisms.find(({ id }) => id === 'half');
    assert.deepEqual([any?.label, any?.verdict], ['benign', 'absent']);
    assert.equal(detection.all.figures.falseAlarms.organisms.count, 0);
  });

  it('leaves out a trait with whose signature an organism was not read, and says so where it was measured in it', () => {
    const unread = (id: string, shifts: Made['shifts']): Made => ({ id, sources: [id], shifts, scores: { evil: 0, sly: Number.NaN } });
    const detection = detected([...BENIGN, ...HARMFUL, unread('old', { evil: 0 }), unread('lost', { evil: 0, sly: 0 })], [evil, sly]);
    const rowsOf = (trait: string) => detection.traits.find((t) => t.trait === trait)?.organisms.map(({ id }) => id) ?? [];
    assert.deepEqual([rowsOf('evil').length, rowsOf('sly').length], [15, 13]);
    assert.deepEqual(detection.set.notRead, ['lost (sly)']);
    assert.deepEqual(detection.all.organisms.filter(({ id }) => id === 'old' || id === 'lost').map(({ verdict }) => verdict), ['absent', 'absent']);
  });

  it('keeps grey organisms out of every rate', () => {
    const grey: Made = { id: 'grey', sources: ['grey'], shifts: { evil: 0.06 }, scores: { evil: 0.4 } };
    const { figures } = evilOf(detected([...BENIGN, ...HARMFUL, grey]));
    assert.deepEqual([figures.grey, figures.greyAlarms.count, figures.falseAlarms.organisms.of, figures.missed.organisms.of], [1, 1, 10, 3]);
  });

  it('says why it is undecided, like reasons together', () => {
    const odd = (id: string, size: number): Made => ({ id, sources: [id], shifts: { evil: 0 }, scores: { evil: 0 }, size });
    const { figures } = evilOf(detected([...BENIGN, ...HARMFUL, odd('x', 100), odd('y', 0.01), { ...odd('z', 1), gaps: ['head: not read'] }]));
    assert.deepEqual(figures.undecided.reasons.filter(({ reason }) => !reason.startsWith('the interval')).map(({ reason, organisms }) => [reason, organisms]).sort(), [
      ['1 thing was not read or not understood; what was read, taken alone, would be absent', 1], ['no null for a change of this size', 2],
    ]);
  });

  it('shows what stands apart in the rows of its groups and nowhere else', () => {
    const evader: Made = { id: 'evader', sources: ['h0'], shifts: { evil: 0.5 }, scores: { evil: 0 }, more: { apart: true, group: ['evader'] } };
    const detection = detected([...BENIGN, ...HARMFUL, evader]);
    assert.equal(evilOf(detection).figures.harmful.organisms, 3);
    const row = evilOf(detection).rows.find(({ by, name }) => by === 'group' && name === 'evader');
    assert.deepEqual([row?.figures.harmful.organisms, row?.figures.missed.organisms.count], [1, 1]);
    assert.equal(evilOf(detection).rows.find(({ by, name }) => by === 'source' && name === 'h0')?.figures.harmful.organisms, 1);
    assert.equal(detection.set.apart, 1);
  });

  it('says how much of a score a variant keeps', () => {
    const variants = HARMFUL.map((one, i): Made => ({ ...one, id: `${one.id}-int4`, form: 'merged', scores: { evil: (one.scores['evil'] ?? 0) * (0.8 + 0.1 * i) }, more: { apart: true, group: ['quantised-int4'], variantOf: one.id } }));
    const [row] = detected([...BENIGN, ...HARMFUL, ...variants]).variants;
    const kept = (0.8 * 0.04 + 0.9 * 0.0625 + 1 * 0.09) / (0.04 + 0.0625 + 0.09);
    assert.ok(row && Math.abs(row.kept - kept) < 1e-9 && Math.abs((row.least ?? NaN) - 0.8) < 1e-9 && Math.abs((row.most ?? NaN) - 1) < 1e-9, JSON.stringify(row));
  });

  it('takes as shipped only what the signature was not calibrated on', () => {
    const range: [number, number] = [0, 100];
    const calibrated = madeSignature('evil', {
      calibration: { slope: 2, intercept: 0, interceptFixed: true, residualSd: 0.001, n: 10, meanScore: 0.1, sumSquares: 1, confidence: 0.9 },
      null: [{ kind: { form: 'lora', roles: ['q', 'v'], rank: [8, 8], deltaNorm: range, scoredShare: [0, 1], evenness: [0, 1] }, sources: ['b0', 'b1', 'b2+b3'].map((source, i) => ({ source, scores: [0.01 * i], deltaNorms: [1] })) }],
      evidence: { heldOut: [], r: null, n: 0, notes: '', calibratedBy: { sources: ['h0'] } },
    });
    const { shipped } = detected([...BENIGN, ...HARMFUL], [calibrated]);
    assert.deepEqual([shipped.traits[0]?.figures.benign, shipped.traits[0]?.figures.harmful], [{ organisms: 2, sources: 1 }, { organisms: 2, sources: 2 }]);
  });
});

describe('other methods', () => {
  it('stand in the same table, by the organisms that they score', () => {
    const external: ExternalScores = { methods: ['blind', 'seer'], score: (id, method, trait) => (method === 'seer' ? (id.startsWith('h') ? 1 : 0) + (trait === 'evil' ? 0 : 5) : id === 'h0' || id === 'b0-0' ? 1 : undefined) };
    const rows = new Map(evilOf(detected([...BENIGN, ...HARMFUL], [evil], external)).baselines.map((b) => [b.method, b.auroc]));
    assert.equal(rows.get('seer')?.value, 1);
    assert.deepEqual([rows.get('blind')?.value, rows.get('blind')?.organisms], [0.5, 2]);
    assert.equal(rows.get('|ΔW| alone')?.value, 0.5);
  });

  it('hold the contrastive delta, from inner products, without the sources of what is judged', () => {
    // ΔW in two dimensions: benign (1, b), harmful (1, h); all inner products follow.
    const made = [...BENIGN, ...HARMFUL];
    const vectors = made.map(({ id }, i) => (id.startsWith('h') ? [1, 2 + 0.1 * i] : [1, 0.01 * i]));
    const gram = Float64Array.from(vectors.flatMap((a) => vectors.map((b) => (a[0] ?? 0) * (b[0] ?? 0) + (a[1] ?? 0) * (b[1] ?? 0))));
    const rows = new Map(evilOf(detected(made, [evil], NO_EXTERNAL_SCORES, gram)).baselines.map((b) => [b.method, b.auroc]));
    assert.equal(rows.get('contrastive delta, cosine')?.value, 1);
    // Readings of two sets that are joined: nothing is known between the odd and the even ones, and each has its own direction.
    const halves = gram.map((value, i) => ((i % made.length) % 2 === Math.floor(i / made.length) % 2 ? value : Number.NaN));
    const joined = new Map(evilOf(detected(made, [evil], NO_EXTERNAL_SCORES, halves)).baselines.map((b) => [b.method, b.auroc]));
    assert.ok((joined.get('contrastive delta, cosine')?.organisms ?? 0) >= 11);
    // A harmful source that is alone in its direction is lost when it is left out: nothing else points there.
    const alone = made.slice(0, 11).map((one) => (one.id === 'h0' ? one : one));
    const flat = alone.map(({ id }) => (id === 'h0' ? [0, 1] : [1, 0]));
    const gram2 = Float64Array.from(flat.flatMap((a) => flat.map((b) => (a[0] ?? 0) * (b[0] ?? 0) + (a[1] ?? 0) * (b[1] ?? 0))));
    const lost = evilOf(detected(alone, [evil], NO_EXTERNAL_SCORES, gram2)).baselines.find((b) => b.method === 'contrastive delta, cosine');
    assert.equal(lost?.auroc, null); // no harmful organism is left to learn from: it has no score
  });
});

describe('the forms of detection', () => {
  const detection = detected([...BENIGN, ...HARMFUL, { id: 'hard', sources: ['hard'], shifts: { evil: 0 }, scores: { evil: 0.002 }, more: { group: ['hard-negative'] } }], [evil]);

  it('are the same every time, pictures too', async () => {
    const again = detected([...BENIGN, ...HARMFUL, { id: 'hard', sources: ['hard'], shifts: { evil: 0 }, scores: { evil: 0.002 }, more: { group: ['hard-negative'] } }], [evil]);
    assert.equal(detectionText(again, 80), detectionText(detection, 80));
    const [a, b] = [await plotsOf(detection), await plotsOf(again)];
    assert.deepEqual([...a.keys()], ['roc.svg', 'predicted.svg', 'calibration.svg', 'layers.svg']);
    assert.deepEqual(b, a);
    for (const svg of a.values()) assert.match(svg, /^<svg [^]*<\/svg>\n$/u);
  });

  it('say that a set is too small to decide', () => {
    const text = detectionText(detection, 80);
    assert.match(text, /false alarms, by source +≤ 1 % +0\.0 % \(0 of 6 sources\) +39\.3 % +not decided: the set is too small/u);
    assert.match(text, /AUROC, all kinds, any harmful trait +≥ 0\.99 +1\.000 .*not decided/u);
  });

  it('fill a template, each number from the data', async () => {
    const frame = { file: 'docs/evidence.md', svg: 'docs/evidence' };
    const built = detectionMarkdown(detection, await readTemplate(undefined), frame);
    assert.match(built, /!\[roc\]\(evidence\/roc\.svg\)/u);
    assert.doesNotMatch(built, /\{\{|undefined|NaN/u);
    const filled = detectionMarkdown(detection, 'r {{= traits.evil.figures.prediction.r.value 2}} of {{= set.organisms}}\n\n{{table organisms evil}}\n{{table group hard-negative}}', frame);
    assert.match(filled, /r 1\.00 of 14\n/u);
    assert.equal(filled.match(/\| hard \| hard \| benign \|/gu)?.length, 3);
    assert.match(detectionMarkdown(detection, '{{table layers hard-negative}}', frame), /\| hard \| evil \| \+0\.0020 \|/u);
    for (const wrong of ['{{table nothing}}', '{{= traits.evil.no}}', '{{what}}', '{{table organisms sly}}']) {
      assert.throws(() => detectionMarkdown(detection, wrong, frame), { code: 'usage' }, wrong);
    }
  });
});
