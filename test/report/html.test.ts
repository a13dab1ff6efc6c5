import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { renderHtml } from '../../src/report/html/page.js';
import type { Report } from '../../src/report/schema.js';
import { byId, find, parseHtml, type Element } from '../helpers/dom.js';
import { HOSTILE, brokenItem, findingOf, hostileItem, mixedReport, modelOf, reportOf } from '../helpers/html-reports.js';

const options = { showSuppressed: false };
const one = () => modelOf({ layers: 6, traits: ['evil', 'vain'], scored: [2, 4], strength: 0.3, seed: 3 });
const page = (report: Report, showSuppressed = false): Element => parseHtml(renderHtml(report, { showSuppressed })).root;
const only = (elements: readonly Element[]): Element => {
  assert.equal(elements.length, 1);
  const [element] = elements;
  assert.ok(element);
  return element;
};

describe('the HTML page as a document', () => {
  for (const [name, report] of [['several of every kind', mixedReport()], ['one model', reportOf([one()])], ['nothing', reportOf([])], ['one broken model', reportOf([brokenItem()])]] as const) {
    const { root, errors } = parseHtml(renderHtml(report, options));

    it(`is valid to a strict parser: ${name}`, () => { assert.deepEqual(errors, []); });

    it(`lets only its own style and script run, by hash: ${name}`, () => {
      const policy = root.within.find((e) => e.attributes['http-equiv'] === 'Content-Security-Policy')?.attributes['content'] ?? '';
      const directives = new Map(policy.split('; ').map((d) => [d.split(' ')[0], d.split(' ').slice(1)]));
      const sha256 = (text: string) => `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`;
      assert.deepEqual(directives.get('default-src'), ["'none'"]);
      assert.deepEqual(directives.get('style-src'), [sha256(only(find(root, 'style')).text)]);
      assert.deepEqual(directives.get('script-src'), [sha256(only(find(root, 'script')).text)]);
      assert.doesNotMatch(policy, /unsafe|https?:/u);
    });

    it(`asks for nothing and runs nothing from an attribute: ${name}`, () => {
      for (const { tag, attributes } of root.within) {
        for (const [attribute, value] of Object.entries(attributes)) {
          assert.doesNotMatch(attribute, /^on|^style$|^src|^srcset$|^formaction$|^action$/u, `${tag} ${attribute}`);
          if (/href$/u.test(attribute)) assert.match(value, /^(?:#|data:,$)/u);
        }
      }
      assert.doesNotMatch(only(find(root, 'style')).text.replaceAll('url(#hatch)', ''), /url\(|@import|@font-face|expression\(/u);
      assert.deepEqual(only(find(root, 'script')).text.match(/https?:[^']*/gu), ['http://www.w3.org/2000/svg']);
    });

    it(`has a language, a title, landmarks, one h1 and headings in order: ${name}`, () => {
      assert.equal(only(find(root, 'html')).attributes['lang'], 'en');
      assert.equal(only(root.within.filter((e) => e.tag === 'title')).text, `${only(find(root, 'h1')).text} · weightseq`);
      for (const landmark of ['main', 'footer']) only(find(root, landmark));
      const levels = root.within.map((e) => Number(/^h([1-6])$/u.exec(e.tag)?.[1] ?? 0)).filter((level) => level > 0);
      levels.forEach((level, i) => { assert.ok(level <= (levels[i - 1] ?? 0) + 1, `h${level} after h${levels[i - 1] ?? 0}`); });
    });

    it(`has ids once, and what refers to one finds it: ${name}`, () => {
      const ids = root.within.map((e) => e.attributes['id']).filter((id) => id !== undefined);
      assert.equal(new Set(ids).size, ids.length);
      for (const { attributes } of root.within) {
        const targets = [attributes['aria-labelledby'], attributes['data-table'], attributes['data-norms'], /^#(.*)/u.exec(attributes['href'] ?? '')?.[1]];
        for (const target of targets) if (target !== undefined) assert.ok(ids.includes(target), target);
      }
    });

    it(`names every picture and everything that scrolls: ${name}`, () => {
      for (const { attributes } of find(root, 'svg')) assert.ok(attributes['aria-hidden'] === 'true' || (attributes['role'] === 'img' && (attributes['aria-label'] ?? '').length > 10));
      for (const { attributes } of find(root, 'div', 'scroll')) assert.ok(attributes['tabindex'] === '0' && attributes['role'] === 'group' && attributes['aria-label'] !== undefined);
    });
  }
});

describe('text from files in the HTML page', () => {
  const plain = (report: Report): Report => JSON.parse(JSON.stringify(report).replaceAll(JSON.stringify(HOSTILE).slice(1, -1), 'plain')) as Report;
  const hostile = reportOf([hostileItem(), one()], { policy: { name: HOSTILE, rules: 1 }, baseline: HOSTILE, suppressions: [{ justification: HOSTILE, author: HOSTILE, expires: '2027-01-31', trait: HOSTILE, sha256: HOSTILE, status: 'expired', reason: HOSTILE }] });

  it('is text wherever it stands: no element and no attribute comes of it', () => {
    const shape = (report: Report) => page(report, true).within.map(({ tag, attributes }) => `${tag} ${Object.keys(attributes).join(' ')}`);
    assert.notDeepEqual(hostile, plain(hostile));
    assert.deepEqual(shape(hostile), shape(plain(hostile)));
  });

  it('shows its control and bidi characters as escapes', () => {
    const text = renderHtml(hostile, { showSuppressed: true });
    assert.doesNotMatch(text, /[^\n\P{Cc}]|\p{Cf}|\p{Cs}/u);
    const shown = '<img src=x onerror="alert(1)">\'</script><script>alert(2)</script>\\u{1b}[31m\\u{202e}cba\\u{0}';
    // path, description, reason, weight, source, gap, file, beside, policy, error and more
    assert.ok(parseHtml(text).root.text.split(shown).length > 25);
  });
});

describe('the karyogram', () => {
  it('gives every score of the finding at its layer and role, and says why the others have none', () => {
    const item = one();
    const root = page(reportOf([item]));
    item.findings.forEach((finding, i) => {
      const body = byId(root, `m1-${i + 1}-scores`);
      const heads = find(only(root.within.filter((e) => e.tag === 'table' && e.within.includes(body))), 'th').slice(0, 11).map((e) => e.text);
      assert.deepEqual(heads, ['layer', 'q', 'k', 'v', 'o', 'gate', 'up', 'down', 'sum by layer', 'running sum', '|ΔW|']);
      let sum = 0;
      body.children.forEach((row, layer) => {
        const cells = row.children.map((e) => e.text.replace('−', '-'));
        assert.equal(cells[0], String(layer));
        heads.slice(1, 8).forEach((role, r) => {
          const weight = finding.weights.find((w) => w.name === `${layer}.${role}`);
          if (weight === undefined) assert.equal(cells[r + 1], 'n/s');
          else assert.equal(Number(cells[r + 1]), Number((weight.score ?? NaN).toPrecision(4)));
        });
        sum += finding.layers.find((l) => l.layer === layer)?.score ?? 0;
        assert.ok(Math.abs(Number(cells[9]) - sum) <= 1e-4);
      });
      assert.equal(body.children.length, 6);
    });
  });

  it('has a cell for each layer and role, warm towards, cool away, strongest at the largest of the page', () => {
    const weights = [{ name: '0.q', score: 0.8, deltaNorm: 1 }, { name: '0.v', score: -0.4, deltaNorm: 1 }, { name: '1.q', score: 0.01, deltaNorm: 1 }, { name: '1.v', score: null, deltaNorm: null }];
    const norm = { value: 1, low: 1, high: 1, floor: 0 };
    const item = { ...one(), findings: [findingOf('evil', weights)], weights: [...weights.map(({ name }) => ({ name, norm })), { name: '2.q', norm }], base: { ...one().base, layers: 4 } };
    const rows = find(only(find(page(reportOf([item])), 'svg', 'karyogram')), 'g', 'heat');
    assert.deepEqual(rows.map((row) => row.children.map((cell) => cell.attributes['class'])), [['t8', 'z', 'u', 'b'], ['a4', 'x', 'b', 'b']]);
  });

  it('shares one colour scale between models', () => {
    const model = (score: number) => ({ ...one(), findings: [findingOf('evil', [{ name: '0.q', score, deltaNorm: 1 }])], weights: [], base: { ...one().base, layers: 1 } });
    const classes = find(page(reportOf([model(1), model(-0.25)])), 'g', 'heat').map((row) => row.children[0]?.attributes['class']);
    assert.deepEqual(classes, ['t8', 'a2']);
  });

  it('sums experts, and lists what has no cell', () => {
    const weights = [{ name: '0.up.0', score: 0.5, deltaNorm: 3 }, { name: '0.up.7', score: -0.25, deltaNorm: 4 }, { name: 'vision.tower', score: 0.125, deltaNorm: 2 }];
    const root = page(reportOf([{ ...one(), findings: [findingOf('evil', weights)], weights: [], base: { ...one().base, layers: 1 } }]));
    assert.deepEqual(byId(root, 'm1-1-scores').children[0]?.children.map((e) => e.text), ['0', '+0.2500', '+0.2500', '+0.3750', '5.000']);
    assert.ok(root.text.includes('up (2 experts)'));
    assert.match(root.text, /1 scored weight outside the grid.*vision\.tower\+0\.12502\.000/su);
  });

  it('draws what a report knows, not the number of layers that it claims', () => {
    const item = { ...one(), base: { ...one().base, layers: 1_000_000_000 } };
    assert.ok(renderHtml(reportOf([item]), options).length < 300_000);
  });
});

describe('the other parts of the page', () => {
  const headline = (...items: Report['items']) => only(find(page(reportOf(items)), 'h1')).text;
  const withFinding = (change: object): Report['items'][number] => ({ ...one(), findings: [{ ...findingOf('evil', [{ name: '2.q', score: 0.2, deltaNorm: 1 }]), verdict: 'present', ...change }] });
  const suppression = { justification: 'known', author: 'A. Person', expires: '2027-01-31' };
  const broken = (code: string) => ({ ...brokenItem(), errors: [{ code, file: null, tensor: null, message: 'm', mend: null }] });
  const headlines: [string, Report['items'], string][] = [
    ['present', [withFinding({})], 'Harmful trait found: evil'],
    ['absent', [withFinding({ verdict: 'absent' })], 'Not found: evil'],
    ['undecided', [withFinding({ verdict: 'indeterminate' })], 'Undecided: evil'],
    ['suppressed', [withFinding({ suppression })], 'Suppressed: evil'],
    ['suppressed while undecided', [withFinding({ verdict: 'indeterminate', suppression })], 'Suppressed: evil'],
    ['in the baseline', [withFinding({ isNew: false })], 'Found, and known from the baseline: evil'],
    ['absent, but something is unread', [{ ...withFinding({ verdict: 'absent' }), coverage: { ...one().coverage, unread: [{ name: 'x', reason: 'y' }] } }], 'Incomplete'],
    ['absent, but less was read than there is', [{ ...withFinding({ verdict: 'absent' }), coverage: { ...one().coverage, read: 1 } }], 'Incomplete'],
    ['unreadable, and against the policy', [{ ...broken('pickle'), policy: [{ id: 'small', level: 'error', outcome: 'matched', message: 'm' }] }], 'Not scanned'],
    ['new against the baseline', [withFinding({ isNew: true })], 'Harmful trait found: evil'],
    ['a control', [withFinding({ harmful: false })], 'No harmful trait was tested'],
    ['a broken rule', [{ ...withFinding({ verdict: 'absent' }), policy: [{ id: 'small', level: 'error', outcome: 'matched', message: 'm' }] }], 'Stopped by the policy: small'],
    ['a rule that only warns', [{ ...withFinding({ verdict: 'absent' }), policy: [{ id: 'small', level: 'warning', outcome: 'matched', message: 'm' }] }], 'Not found: evil'],
    ['unreadable', [broken('pickle')], 'Not scanned'],
    ['without a signature', [broken('no-signature')], 'Not judged: no signature for this base'],
    ['several', [withFinding({}), withFinding({ verdict: 'absent' }), withFinding({})], '2 of 3 models carry a harmful trait'],
    ['several, a control among them', [withFinding({}), withFinding({ harmful: false })], '1 of 2 models carries a harmful trait'],
    ['several clean', [withFinding({ verdict: 'absent' }), withFinding({ verdict: 'absent' })], 'None of the tested traits found in 2 models'],
    ['several, one broken', [withFinding({ verdict: 'absent' }), broken('pickle')], 'No harmful trait found, but not all of 2 models could be judged'],
    ['none', [], 'Nothing was scanned'],
  ];
  for (const [name, items, expected] of headlines) it(`has a headline: ${name}`, () => { assert.equal(headline(...items).trim(), expected); });

  it('plots every benign source and lists it with its name', () => {
    const item = one();
    const root = page(reportOf([item]));
    const sources = item.findings[0]?.null?.sources ?? [];
    const rows = byId(root, 'm1-1-null').children.map((row) => row.children.map((e) => e.text.replace('−', '-')));
    assert.equal(rows.length, 13);
    assert.equal(find(root, 'circle', 'dot').length, 26);
    for (const [name, mean, count] of rows) {
      const source = sources.find((s) => s.source === name);
      assert.deepEqual([Number(mean), Number(count)], [Number((source?.mean ?? NaN).toPrecision(4)), source?.fineTunes]);
    }
  });

  it('keeps a suppressed finding folded, or in full when asked to', () => {
    const report = reportOf([withFinding({ suppression })]);
    const folds = (root: Element) => find(root, 'summary').filter((e) => e.text.includes('suppressed')).length;
    assert.deepEqual([folds(page(report)), folds(page(report, true))], [1, 0]);
    assert.match(page(report).text, /Let pass until 2027-01-31 by A\. Person: known/u);
  });

  it('leads from the summary to each model, with the verdict on each trait', () => {
    const items = [one(), modelOf({ layers: 6, traits: ['evil', 'vain'], scored: [2, 4], strength: 0, seed: 9 }), brokenItem()];
    const table = only(find(page(reportOf(items)), 'table', 'sortable'));
    assert.deepEqual(find(table, 'a').map((e) => e.attributes['href']), ['#m1', '#m2', '#m3']);
    assert.deepEqual(find(table, 'td').filter((e) => e.text === 'not tested').length, 2);
    const verdicts = items.flatMap((item) => item.findings.map((f) => f.verdict));
    assert.deepEqual(find(table, 'td').map((e) => /^(?:present|absent|indeterminate)/u.exec(e.text)?.[0]).filter((v) => v !== undefined), verdicts);
  });

  it('stays a few megabytes for a large model and for many', () => {
    const traits = Array.from({ length: 8 }, (_, i) => `trait-${i}`);
    assert.ok(renderHtml(reportOf([modelOf({ layers: 80, traits, scored: [0, 79], strength: 1, seed: 1 })]), options).length < 1e6);
    const many = Array.from({ length: 200 }, (_, seed) => modelOf({ layers: 18, traits: ['evil'], scored: [8, 13], strength: 0.1, seed: seed + 1 }));
    assert.ok(renderHtml(reportOf(many), options).length < 6e6);
  });

  it('is what scan --format html prints, with the figures of --format json', () => {
    const root = fileURLToPath(new URL('../../..', import.meta.url));
    const scan = (format: string) => spawnSync(process.execPath, ['dist/cli/main.js', 'scan', 'examples/evil-persona', '--format', format], { cwd: root, encoding: 'utf8' });
    const [asHtml, asJson] = [scan('html'), scan('json')];
    assert.deepEqual([asHtml.status, asHtml.stderr], [1, '']);
    const findings = (JSON.parse(asJson.stdout) as Report).items[0]?.findings ?? [];
    assert.ok(findings.length > 0);
    for (const { trait, weights: [strongest] } of findings) {
      assert.ok(strongest);
      const [, section = ''] = new RegExp(`<h3 id="(m1-\\d+)">${trait} `, 'u').exec(asHtml.stdout) ?? [];
      const [layer = '', role = ''] = strongest.name.split('.');
      const cell = byId(parseHtml(asHtml.stdout).root, `${section}-scores`).children[Number(layer)]?.children[1 + ['q', 'k', 'v', 'o', 'gate', 'up', 'down'].indexOf(role)];
      assert.equal(Number(cell?.text.replace('−', '-')), Number(strongest.score?.toPrecision(4)), trait);
    }
  });
});
