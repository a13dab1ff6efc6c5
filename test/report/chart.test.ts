import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { validateXML } from 'xmllint-wasm';
import { renderChart, type ChartOption } from '../../src/report/chart.js';

const FRAME = { width: 480, height: 240, title: 'A & B <line>', description: 'Two points' };
const OPTION: ChartOption = {
  title: { text: 'a <b> & "c"' },
  legend: {},
  xAxis: { type: 'value' },
  yAxis: { type: 'value' },
  series: [
    { name: 'x & y', type: 'line', clip: true, areaStyle: { color: { type: 'linear', x: 0, y: 0, x2: 0, y2: 1, colorStops: [{ offset: 0, color: 'red' }, { offset: 1, color: 'blue' }] } }, data: [[0, 1], [2, 3]], markLine: { data: [{ yAxis: 2 }] }, markArea: { data: [[{ yAxis: 1 }, { yAxis: 2 }]] } },
    { type: 'scatter', data: [[1, 2]] },
  ],
};

describe('renderChart', () => {
  it('gives the same text each time, whatever was drawn before', async () => {
    const first = await renderChart(OPTION, FRAME);
    await renderChart({ ...OPTION, series: [{ type: 'bar', data: [[1, 2]] }] }, FRAME);
    assert.equal(await renderChart(OPTION, FRAME), first);
    const url = new URL('../../src/report/chart.js', import.meta.url).href;
    const script = `import { renderChart } from ${JSON.stringify(url)};
      await renderChart({ xAxis: {}, yAxis: {}, series: [{ type: 'bar', data: [1] }] }, ${JSON.stringify(FRAME)});
      process.stdout.write(await renderChart(${JSON.stringify(OPTION)}, ${JSON.stringify(FRAME)}));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    assert.equal(stdout, first);
  });

  it('is well-formed, names its parts by the given id alone, and does not move', async () => {
    const svg = await renderChart(OPTION, { ...FRAME, id: 'drift' });
    const { valid, errors } = await validateXML({ xml: { fileName: 'chart.svg', contents: svg }, normalization: 'format' });
    assert.ok(valid, JSON.stringify(errors));
    assert.doesNotMatch(svg, /zr\d/u);
    const ids = [...svg.matchAll(/\bid="([^"]*)"/gu)].map((m) => m[1] ?? '');
    const used = [...svg.matchAll(/url\(#([^)]*)\)/gu)].map((m) => m[1] ?? '');
    assert.ok(used.length > 0);
    for (const id of used) assert.ok(ids.includes(id), id);
    assert.equal(new Set(ids).size, ids.length);
    for (const id of ids) assert.match(id, /^drift-\d+$/u);
    assert.doesNotMatch(svg, /<animate|animation|@keyframes/u);
  });

  it('says what it shows, with markup in names escaped', async () => {
    const svg = await renderChart(OPTION, FRAME);
    assert.match(svg, /^<svg width="480" height="240"[^>]* role="img">\n<title>A &amp; B &lt;line&gt;<\/title>\n<desc>Two points<\/desc>/u);
    assert.match(svg, /x &amp; y/u);
    assert.match(svg, /a &lt;b&gt; &amp; /u);
  });

  it('leaves alone a text that looks like an identifier', async () => {
    const svg = await renderChart({ ...OPTION, title: { text: 'zr0-cls-1' } }, FRAME);
    assert.match(svg, />zr0-cls-1</u);
  });
});
