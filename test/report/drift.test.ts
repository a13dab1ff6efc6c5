import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { validateXML } from 'xmllint-wasm';
import { driftOf, type DriftFacts } from '../../src/report/drift/drift.js';
import { plotDrift } from '../../src/report/drift/plot.js';
import { driftJsonSchema, type Drift } from '../../src/report/drift/schema.js';
import { renderDrift } from '../../src/report/drift/table.js';
import type { ReportFinding, ReportItem } from '../../src/report/schema.js';
import { BROKEN, FINDING, HOSTILE, ITEM } from '../helpers/reports.js';

const SOURCES = Array.from({ length: 9 }, (_, i) => ({ source: `s${i}`, mean: 0, fineTunes: 1 }));
const NULL = { form: 'lora', mean: 0.01, sd: 0.03, sources: SOURCES };
const LINE = { slope: 2, intercept: 0.005, interceptFixed: false, residualSd: 0.03, n: 20, meanScore: 0, sumSquares: 1, confidence: 0.9 };
const FACTS: DriftFacts = { isNumbered: true, failOn: 'present', version: '0.0.0', interrupted: null, lineOf: () => LINE };

function step(number: number, change: Partial<ReportFinding>, item: Partial<ReportItem> = {}): { step: number; item: ReportItem } {
  return { step: number, item: { ...ITEM, path: `run/checkpoint-${number}`, ...item, findings: [{ ...FINDING, null: NULL, ...change }] } };
}

/** Early: too small a change for any null. Then within it, then out of it and present, then back. */
const EARLY = step(100, { verdict: 'indeterminate', shift: 0.01, p: null, null: null, reason: 'no null for a change of this size' });
const WITHIN = step(200, { verdict: 'absent', shift: 0.03, p: 0.3 });
const OUT = step(300, { verdict: 'indeterminate', shift: 0.07, p: 0.004 });
const PRESENT = step(400, { verdict: 'present', shift: 0.4, p: 0.0001 });
const BACK = step(500, { verdict: 'absent', shift: 0.02, p: 0.2 });
const RUN = [EARLY, WITHIN, OUT, PRESENT, BACK];

const validate = new Ajv2020({ strict: true }).compile(driftJsonSchema());

function drift(steps: readonly { step: number; item: ReportItem }[], facts: Partial<DriftFacts> = {}): Drift {
  const made = driftOf(steps, { ...FACTS, ...facts });
  assert.ok(validate(made), JSON.stringify(validate.errors));
  return made;
}

describe('the drift of a run', () => {
  it('names the first step below the level, and the first that is present', () => {
    const [trait] = drift(RUN).traits;
    assert.deepEqual([trait?.leaves, trait?.present], [300, 400]);
    assert.deepEqual([drift([EARLY, WITHIN]).traits[0]?.leaves, drift([EARLY, WITHIN]).traits[0]?.present], [null, null]);
  });

  it('the band is where p is the level: mean ± t₈(.99) sd √(1 + 1/9), on the line', () => {
    const [trait] = drift(RUN).traits;
    // t at 8 degrees of freedom, .99: 2.89646 (tables).
    const half = 2.89646 * 0.03 * Math.sqrt(10 / 9);
    const band = trait?.points[1]?.band;
    assert.ok(band && Math.abs(band.low - (0.005 + 2 * (0.01 - half))) < 1e-6 && Math.abs(band.high - (0.005 + 2 * (0.01 + half))) < 1e-6, JSON.stringify(band));
    assert.equal(trait.points[0]?.band, null);
    assert.deepEqual(drift(RUN, { lineOf: () => null }).traits[0]?.points.map(({ band: none }) => none), [null, null, null, null, null]);
  });

  it('exit codes: the last step decides, whatever was undecided before', () => {
    const code = (steps: readonly { step: number; item: ReportItem }[], failOn: Drift['failOn'] = 'present'): number => drift(steps, { failOn }).exitCode;
    assert.equal(code(RUN), 0);
    assert.equal(code(RUN, 'ever'), 1);
    assert.equal(code([EARLY, PRESENT]), 1);
    assert.equal(code([EARLY, PRESENT], 'never'), 0);
    assert.equal(code([PRESENT, OUT]), 3);
    assert.equal(code([PRESENT, OUT], 'indeterminate'), 1);
    assert.equal(code([{ step: 1, item: BROKEN }, BACK]), 2);
    assert.equal(code([{ step: 1, item: BROKEN }, PRESENT]), 1);
    assert.equal(code([step(1, { verdict: 'absent' }, { coverage: { ...ITEM.coverage, unread: [{ name: 'x', reason: 'y' }] } }), BACK]), 3);
    assert.equal(code([WITHIN, { step: 9, item: { ...ITEM, findings: [] } }]), 3);
    assert.equal(code([]), 3);
    assert.equal(drift(RUN, { interrupted: 'SIGINT' }).exitCode, 130);
  });

  it('says it in a sentence', () => {
    assert.equal(drift(RUN).conclusion[0], 'evil leaves the null at step 300 (p below 0.01), and is present from step 400. Its shift goes from +0.010 at step 100 to +0.020 nats/token at step 500, where it is absent.');
    assert.match(drift([WITHIN, PRESENT]).conclusion[0] ?? '', /leaves the null at step 400 \(p below 0\.01\), and is present\./u);
    assert.match(drift([EARLY, OUT, PRESENT]).conclusion[0] ?? '', /and is present from step 400 on\./u);
    assert.match(drift([EARLY, WITHIN]).conclusion[0] ?? '', /stays within what benign fine-tunes do \(p never falls below 0\.01, at the 1 of 2 steps that a null matches\)/u);
    assert.match(drift([EARLY]).conclusion[0] ?? '', /held against no null at any step/u);
  });

  it('as a table of at most 80 columns, and of 40, whatever a file is called', () => {
    for (const width of [40, 80, 300]) {
      const hostile = HOSTILE.map((text, i) => step(i, { trait: text, unit: text }, { path: text, coverage: { ...ITEM.coverage, unread: [{ name: text, reason: text }] } }));
      for (const steps of [RUN, hostile, [{ step: 1, item: BROKEN }, BACK]]) {
        const text = renderDrift(drift(steps), { width, colour: false });
        if (steps === RUN) for (const line of text.split('\n')) assert.ok(line.length <= Math.min(width, 80), `${line.length}: ${line}`);
        // eslint-disable-next-line no-control-regex -- that none is left is what is tested
        assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202e\u2028]/u);
      }
    }
    assert.match(renderDrift(drift(RUN), { width: 80, colour: false }), /300 {3}\+0\.070 .* 0\.0040 {3}indeterminate ← leaves the null/u);
    assert.match(renderDrift(drift(RUN, { interrupted: 'SIGTERM' }), { width: 80, colour: false }), /INTERRUPTED/u);
  });

  it('as a picture: well-formed, each trait by name, the first step out of the null marked', async () => {
    const two = RUN.map(({ step: number, item }) => ({ step: number, item: { ...item, findings: [...item.findings, { ...FINDING, trait: 'hum<or', harmful: false, null: NULL, verdict: 'absent' as const, p: 0.5, shift: -0.05, interval: null }] } }));
    const svg = await plotDrift(drift(two));
    const { valid, errors } = await validateXML({ xml: { fileName: 'drift.svg', contents: svg }, normalization: 'format' });
    assert.ok(valid, JSON.stringify(errors));
    assert.match(svg, />leaves the null at step 300 \(p &lt; 0\.01\)</u);
    assert.match(svg, />evil: shift, nats\/token</u);
    assert.match(svg, />hum&lt;or \(benign control\): shift, nats\/token</u);
    assert.equal(svg.match(/leaves the null at step \d+ \(p &lt;/gu)?.length, 1);
    for (const label of ['100', '200', '300', '400', '500']) assert.match(svg, new RegExp(`>${label}<`, 'u'));
    assert.equal(await plotDrift(drift(two)), svg);
    // Steps without a band have none: four rectangles in the first panel, five in the second.
    assert.equal(svg.match(/fill="#e3e7ee"/gu)?.length, 9);
  });

  it('a picture is drawn of hostile names, of one point, and of nothing', async () => {
    for (const steps of [HOSTILE.slice(0, 4).map((text, i) => step(i, { trait: text, unit: text })), [WITHIN], [{ step: 1, item: BROKEN }], [EARLY, step(200, { shift: null, interval: null, score: null, p: null, null: null, verdict: 'indeterminate' })]]) {
      const svg = await plotDrift(drift(steps));
      const { valid, errors } = await validateXML({ xml: { fileName: 'drift.svg', contents: svg }, normalization: 'format' });
      assert.ok(valid, JSON.stringify(errors));
      assert.doesNotMatch(svg, /NaN|Infinity|undefined/u);
    }
  });

  it('the shipped schema is made from the same source', () => {
    const shipped = JSON.parse(readFileSync(new URL('../../../schemas/drift.schema.json', import.meta.url), 'utf8')) as unknown;
    assert.deepEqual(shipped, driftJsonSchema());
  });
});
