/**
 * The HTML report in a real Chromium: npm run test:browser. Not part of npm test, which needs Node alone.
 * Pages are opened from disk, as people open them.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import axe, { type AxeResults } from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { startChromium } from '../../scripts/chromium.js';
import { renderHtml } from '../../src/report/html/page.js';
import type { Report } from '../../src/report/schema.js';
import { HOSTILE, brokenItem, findingOf, hostileItem, mixedReport, modelOf, reportOf } from '../helpers/html-reports.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'weightseq-browser-'));
const WIDE = { width: 1280, height: 900 };
const NARROW = { width: 360, height: 780 };

let browser: Browser;
before(async () => { browser = await startChromium(); });
after(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

function put(name: string, report: Report): string {
  const path = join(folder, `${name}.html`);
  writeFileSync(path, renderHtml(report, { showSuppressed: false }));
  return path;
}

const examples = join(folder, 'examples.html');
const every = join(folder, 'every.html');
const scanTo = (file: string, ...more: string[]) => spawnSync(process.execPath, ['dist/cli/main.js', 'scan', 'examples/evil-persona', 'examples/sensible-advice', '--hash', '--format', 'html', '-o', file, ...more], { cwd: root, encoding: 'utf8' });
const scanned = scanTo(examples, '--trait', 'evil');
scanTo(every);
const json = JSON.parse(spawnSync(process.execPath, ['dist/cli/main.js', 'scan', 'examples/evil-persona', '--trait', 'evil', '--format', 'json'], { cwd: root, encoding: 'utf8' }).stdout) as Report;
const one = modelOf({ layers: 18, traits: ['evil'], scored: [8, 13], strength: 0.2, seed: 1 });
const pages: Readonly<Record<string, string>> = {
  examples,
  mixed: put('mixed', mixedReport()),
  large: put('large', reportOf([modelOf({ layers: 80, traits: ['evil'], scored: [0, 79], strength: 0.3, seed: 5 })], { exitCode: 1 })),
  hostile: put('hostile', reportOf([hostileItem()], { exitCode: 3 })),
  broken: put('broken', reportOf([brokenItem()], { exitCode: 2 })),
  nothing: put('nothing', reportOf([])),
};

/** Opens a page, gives it to the action, and lets nothing pass that a console, a policy or a network would have seen. */
async function open(path: string, options: BrowserContextOptions, action: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  const page = await context.newPage();
  const seen: string[] = [];
  page.on('console', (message) => seen.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => seen.push(String(error)));
  page.on('dialog', (dialog) => { seen.push(`dialog: ${dialog.message()}`); void dialog.dismiss(); });
  page.on('request', (request) => seen.push(request.url()));
  const url = pathToFileURL(path).href;
  await page.goto(url, { waitUntil: 'load' });
  await action(page);
  await context.close();
  assert.deepEqual(seen.filter((line) => line !== 'data:,'), [url]);
}

const overflow = (page: Page) => page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');

it('the pages are there', () => {
  assert.deepEqual([scanned.status, scanned.stderr], [1, '']);
});

for (const [name, path] of Object.entries(pages)) {
  describe(`the page of ${name}`, () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const viewport of [WIDE, NARROW]) {
        it(`is clean to axe, ${colorScheme}, ${viewport.width} px, folds open`, async () => {
          await open(path, { colorScheme, viewport }, async (page) => {
            await page.evaluate('for (const fold of document.querySelectorAll("details")) fold.open = true');
            const { violations, passes } = await page.evaluate<AxeResults>(`${axe.source};axe.run(document, { resultTypes: ['violations', 'passes'] })`);
            assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html.slice(0, 200)).join(' | ')}`), []);
            assert.ok(passes.length > 15);
          });
        });
      }
    }

    it('never scrolls sideways on a phone, folds shut or open', async () => {
      for (const width of [360, 320]) {
        await open(path, { viewport: { width, height: 700 } }, async (page) => {
          assert.equal(await overflow(page), 0);
          await page.evaluate('for (const fold of document.querySelectorAll("details")) fold.open = true');
          assert.equal(await overflow(page), 0);
        });
      }
    });
  });
}

describe('a dark page', () => {
  it('is dark, and a printed one is not', async () => {
    const background = 'getComputedStyle(document.body).backgroundColor';
    await open(examples, { colorScheme: 'dark' }, async (page) => {
      assert.equal(await page.evaluate(background), 'rgb(20, 22, 27)');
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
      assert.equal(await page.evaluate(background), 'rgb(255, 255, 255)');
    });
  });
});

describe('the karyogram', () => {
  const weight = json.items[0]?.findings[0]?.weights.find((w) => w.name === '9.up');
  const expected = `Layer 9, up: score +${weight?.score?.toPrecision(4) ?? '?'}, |ΔW| ${weight?.deltaNorm?.toPrecision(4) ?? '?'}`;

  it('gives the figures of a cell under the pointer', async () => {
    await open(examples, {}, async (page) => {
      await page.locator('svg.karyogram').first().locator('g.heat').nth(5).locator('rect').nth(9).hover();
      assert.equal(await page.locator('.readout').first().textContent(), expected);
    });
  });

  it('is one stop of the Tab key, and is walked with the arrow keys', async () => {
    await open(examples, {}, async (page) => {
      const grid = page.locator('svg.karyogram').first();
      const readout = page.locator('.readout').first();
      await grid.locator('..').focus();
      await page.keyboard.press('Tab');
      assert.match((await readout.textContent()) ?? '', /^Layer 0, q: score [+−]0\.\d+, \|ΔW\| 0\.\d+$/u);
      for (const key of [...Array<string>(9).fill('ArrowRight'), ...Array<string>(5).fill('ArrowDown')]) await page.keyboard.press(key);
      assert.equal(await readout.textContent(), expected);
      assert.equal(await page.evaluate('document.activeElement.getAttribute("aria-label")'), expected);
      assert.equal(await page.evaluate('document.activeElement.closest("svg").querySelectorAll("[tabindex=\'0\']").length'), 1);
      assert.ok(await grid.locator('.cursor .inner').isVisible());
      await page.keyboard.press('Control+End');
      assert.match((await readout.textContent()) ?? '', /^Layer 17, \|ΔW\| 0\.\d+$/u);
      await page.keyboard.press('ArrowUp');
      const total = json.items[0]?.findings[0]?.score ?? NaN;
      assert.equal(await readout.textContent(), `Layer 17, running sum +${total.toPrecision(4)}`);
      await page.keyboard.press('ArrowRight');
      assert.equal(await readout.textContent(), `Layer 17, running sum +${total.toPrecision(4)}`);
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate('document.activeElement.tagName'), 'SUMMARY');
      await grid.locator('.cursor').waitFor({ state: 'detached' }); // the page looks after the event where the focus went
    });
  });

  it('says of every cell what the table says, and tells apart why there is no score', async () => {
    const norm = { value: 0.5, low: 0.5, high: 0.5, floor: 0 };
    const weights = [{ name: '0.q', score: -0.25, deltaNorm: 0.5 }, { name: '1.q', score: null, deltaNorm: null }];
    const item = { ...one, findings: [findingOf('evil', weights)], weights: ['0.q', '1.q', '2.q'].map((name) => ({ name, norm })), base: { ...one.base, layers: 4 } };
    await open(put('states', reportOf([item])), {}, async (page) => {
      const labels = await page.evaluate<string[]>('[...document.querySelectorAll("g.heat rect")].map((cell) => cell.getAttribute("aria-label"))');
      assert.deepEqual(labels, ['Layer 0, q: score −0.2500, |ΔW| 0.5000', 'Layer 1, q: no number came out, |ΔW| 0.5000', 'Layer 2, q: not scored by this signature, |ΔW| 0.5000', 'Layer 3, q: no change was read']);
    });
  });

  it('scrolls in its own region when it is wider than the page, and follows the focus', async () => {
    await open(pages['large'] ?? '', { viewport: NARROW }, async (page) => {
      const region = page.locator('.picture').first();
      const at = () => region.evaluate((e: unknown) => (e as { scrollLeft: number }).scrollLeft);
      assert.equal(await at(), 0);
      await region.locator('[tabindex="0"]').focus();
      await page.keyboard.press('End');
      assert.ok((await at()) > 300);
      assert.equal(await overflow(page), 0);
    });
  });
});

describe('the other pictures and tables', () => {
  const sources = [...json.items[0]?.findings[0]?.null?.sources ?? []].sort((a, b) => a.mean - b.mean);
  const said = (one: (typeof sources)[number] | undefined): string => (one === undefined ? 'none'
    : `${one.source}: mean score ${one.mean < 0 ? '−' : '+'}${Math.abs(one.mean).toPrecision(4)}, ${one.fineTunes} fine-tune${one.fineTunes === 1 ? '' : 's'}`);

  it('name the benign source under the pointer and under the focus', async () => {
    await open(examples, {}, async (page) => {
      const plot = page.locator('svg.plot[data-table]').first();
      const readout = page.locator('.side .readout').first();
      await plot.locator('circle.dot').first().hover();
      assert.equal(await readout.textContent(), said(sources[0]));
      await plot.locator('circle.dot').first().focus();
      await page.keyboard.press('End');
      assert.equal(await readout.textContent(), said(sources.at(-1)));
    });
  });

  it('sort by what a column means, by keyboard', async () => {
    await open(pages['mixed'] ?? '', {}, async (page) => {
      const head = page.locator('table.sortable th').nth(1);
      const states = () => page.evaluate<number[]>('[...document.querySelectorAll("table.sortable td.result")].map((cell) => Number(cell.getAttribute("data-sort")))');
      for (const [order, sign] of [['ascending', 1], ['descending', -1]] as const) {
        await head.locator('button').focus();
        await page.keyboard.press('Enter');
        assert.equal(await head.getAttribute('aria-sort'), order);
        const found = await states();
        assert.equal(found.length, 7);
        assert.deepEqual(found, [...found].sort((a, b) => sign * (a - b)));
      }
    });
  });

  it('lead to the section of a model', async () => {
    await open(examples, {}, async (page) => {
      await page.locator('table.summary a').nth(1).click();
      const box = await page.locator('#m2').boundingBox();
      assert.ok(box !== null && Math.abs(box.y) <= 100);
      assert.equal(await page.evaluate('location.hash'), '#m2');
    });
  });
});

describe('a page without its script', () => {
  it('has every table and picture, and hints at nothing that is not there', async () => {
    await open(examples, { javaScriptEnabled: false }, async (page) => {
      assert.equal(await page.locator('svg.karyogram').count(), 2);
      assert.equal(await page.locator('.readout, button').count(), 0);
      await page.locator('summary').first().click();
      assert.ok(await page.locator('#m1-1-scores').isVisible());
    });
  });
});

describe('paper', () => {
  it('has every fold open, fits the sheet, and shows no controls', async () => {
    await open(examples, {}, async (page) => {
      const pdf = await page.pdf({ format: 'A4', preferCSSPageSize: true });
      assert.equal(pdf.subarray(0, 5).toString('latin1'), '%PDF-');
      await page.setViewportSize({ width: 688, height: 900 });
      await page.emulateMedia({ media: 'print' });
      assert.ok(await page.locator('#m1-1-scores').isVisible());
      assert.ok(await page.locator('#m1-1-null').isVisible());
      assert.equal(await page.locator('.readout:visible').count(), 0);
      assert.equal(await overflow(page), 0);
    });
    await open(every, {}, async (page) => {
      await page.setViewportSize({ width: 688, height: 900 });
      await page.emulateMedia({ media: 'print' });
      assert.equal(await overflow(page), 0, 'with every shipped trait');
    });
  });

  it('shrinks a picture of 80 layers to its width', async () => {
    await open(pages['large'] ?? '', { viewport: { width: 688, height: 900 } }, async (page) => {
      await page.emulateMedia({ media: 'print' });
      const box = await page.locator('svg.karyogram').first().boundingBox();
      assert.ok(box !== null && box.x + box.width <= 688);
    });
  });
});

describe('hostile text', () => {
  it('is shown, not run: names of tensors, paths, reasons', async () => {
    const shown = HOSTILE.replace('\u001b', '\\u{1b}').replace('\u202e', '\\u{202e}').replace('\u0000', '\\u{0}');
    await open(pages['hostile'] ?? '', {}, async (page) => {
      assert.equal(await page.locator('img').count(), 0);
      assert.equal(await page.locator('script').count(), 1);
      assert.equal(await page.locator('h2').first().textContent(), `models/${shown}`);
      await page.evaluate('for (const fold of document.querySelectorAll("details")) fold.open = true');
      assert.ok(await page.getByRole('rowheader', { name: shown, exact: true }).first().isVisible());
      await page.locator('circle.dot').first().hover();
      assert.ok(((await page.locator('.side .readout').first().textContent()) ?? '').startsWith(shown));
      assert.equal(await page.locator('img').count(), 0);
    });
  });

  it('could not run if it were let through: the policy refuses it', async () => {
    const path = join(folder, 'planted.html');
    writeFileSync(path, readFileSync(pages['nothing'] ?? '', 'utf8').replace('</main>', '<p id="planted" style="color:red" onclick="1">x</p><script>document.title = "run"</script></main>'));
    const context = await browser.newContext();
    const page = await context.newPage();
    const refused: string[] = [];
    page.on('console', (message) => refused.push(message.text()));
    await page.goto(pathToFileURL(path).href);
    assert.match(await page.title(), /Nothing was scanned/u);
    assert.ok(refused.filter((line) => line.includes('Content Security Policy')).length >= 2);
    await context.close();
  });
});
