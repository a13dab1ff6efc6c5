/** The pictures of `bench detection`. In: its figures. Out: SVG documents by name, the same text for the same figures. */
import { renderChart, type ChartOption } from '../../report/chart.js';
import { fixed } from '../tables.js';
import type { Detection, Section } from './detect.js';

const COLOURS = { harmful: '#b3261e', benign: '#1f6f8b', grey: '#8a8a8a', unmeasured: '#c8c8c8' } as const;
/** Told apart by people who see few colours (Okabe and Ito), then by dashes. */
const LINES = ['#000000', '#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7a7a00'];
const TEXT = { fontFamily: 'sans-serif', fontSize: 12, color: '#222222' };

/** File name and document of each picture. */
export async function plotsOf(detection: Detection): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['roc.svg', await roc(detection)],
    ['predicted.svg', await predicted(detection)],
    ['calibration.svg', await curve(detection)],
    ['layers.svg', await layers(detection)],
  ]);
}

function axis(name: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { type: 'value', name, nameLocation: 'middle', nameGap: 30, nameTextStyle: TEXT, axisLabel: TEXT, axisLine: { show: true, onZero: false }, splitLine: { lineStyle: { color: '#eeeeee' } }, ...more };
}

function roc({ all, traits }: Detection): Promise<string> {
  const drawn = [all, ...traits.filter(({ harmful }) => harmful)].filter(({ figures }) => figures.aurocByShift !== null);
  const option: ChartOption = {
    textStyle: TEXT, grid: { left: 60, right: 20, top: 20, bottom: 50 },
    legend: { orient: 'vertical', right: 70, bottom: 65, icon: 'rect', itemWidth: 18, itemHeight: 3, textStyle: TEXT, backgroundColor: '#ffffffcc' },
    xAxis: axis('false alarms among benign organisms', { min: 0, max: 1 }), yAxis: axis('found among harmful organisms', { min: 0, max: 1, nameGap: 40 }),
    series: drawn.map((section, i) => ({
      type: 'line' as const, name: `${section.trait}, AUROC ${fixed(section.figures.aurocByShift?.value ?? null)}`, data: section.roc.map(({ falseAlarms, found }) => [falseAlarms, found]), showSymbol: false,
      lineStyle: { color: LINES[i % LINES.length] ?? '#000000', width: i === 0 ? 3 : 1.5, type: i < LINES.length ? 'solid' as const : 'dashed' as const }, itemStyle: { color: LINES[i % LINES.length] ?? '#000000' },
    })),
  };
  return renderChart(option, { width: 560, height: 520, title: 'ROC curves', id: 'roc', description: `Share of harmful organisms found against share of benign organisms called, as the threshold on the predicted shift falls. ${drawn.map((s) => `${s.trait}: area ${fixed(s.figures.aurocByShift?.value ?? null)}`).join('; ')}.` });
}

/** Small plots, three in a row. */
const PANEL = { width: 300, height: 270, left: 58, right: 14, top: 30, bottom: 48, columns: 3 };

function predicted({ traits }: Detection): Promise<string> {
  const drawn = traits.filter(({ organisms }) => organisms.some((o) => o.shift !== null && o.measured !== null));
  const panels = drawn.map(points);
  const option: ChartOption = {
    textStyle: TEXT,
    title: drawn.map((section, i) => ({ text: `${section.trait}${section.harmful ? '' : ' (control)'}, r ${fixed(section.figures.prediction?.r.value ?? null, 2)}`, left: place(i).x, top: place(i).y + 4, textStyle: { ...TEXT, fontSize: 13, fontWeight: 'bold' as const } })),
    grid: drawn.map((_, i) => ({ left: place(i).x, top: place(i).y + PANEL.top, width: PANEL.width - PANEL.left - PANEL.right, height: PANEL.height - PANEL.top - PANEL.bottom })),
    xAxis: panels.map(({ range }, i) => axis('predicted', { gridIndex: i, ...range, nameGap: 26 })),
    yAxis: panels.map(({ range }, i) => axis('measured', { gridIndex: i, ...range, nameGap: 38 })),
    series: panels.flatMap(({ rows, range }, i) => [
      { type: 'line' as const, xAxisIndex: i, yAxisIndex: i, data: [[range.min, range.min], [range.max, range.max]], showSymbol: false, lineStyle: { color: '#999999', width: 1, type: 'dashed' as const } },
      // All intervals of a colour are one line, broken between one and the next.
      ...[...new Set(rows.map(({ colour }) => colour))].map((colour) => ({
        type: 'line' as const, xAxisIndex: i, yAxisIndex: i, showSymbol: false, connectNulls: false, lineStyle: { color: colour, width: 0.7, opacity: 0.4 },
        data: rows.filter((row) => row.colour === colour).flatMap((row) => [[row.low, row.y], [row.high, row.y], ['-', '-'], [row.x, row.y - row.error], [row.x, row.y + row.error], ['-', '-']]),
      })),
      { type: 'scatter' as const, xAxisIndex: i, yAxisIndex: i, symbolSize: 6, data: rows.map((row) => ({ value: [row.x, row.y], itemStyle: { color: row.colour } })) },
    ]),
  };
  const rows = Math.max(1, Math.ceil(drawn.length / PANEL.columns));
  return renderChart(option, {
    width: PANEL.width * Math.min(PANEL.columns, Math.max(1, drawn.length)), height: PANEL.height * rows, title: 'Predicted against measured shift', id: 'predicted',
    description: 'One small plot a trait, one point an organism, in nats per token: predicted shift with its 90 % interval across, measured shift with two standard errors upright; red harmful, blue benign, grey neither. The dashed line is where both agree.',
  });
}

function place(i: number): { x: number; y: number } {
  return { x: (i % PANEL.columns) * PANEL.width + PANEL.left, y: Math.floor(i / PANEL.columns) * PANEL.height };
}

interface Points {
  readonly rows: readonly { x: number; y: number; low: number; high: number; error: number; colour: string }[];
  readonly range: { min: number; max: number };
}

function points({ organisms }: Section): Points {
  const rows = organisms.flatMap(({ shift, measured, label }) => (shift === null || measured === null ? [] : [{ x: short(shift.value), y: short(measured.shift), low: shift.low, high: shift.high, error: short(2 * measured.standardError), colour: COLOURS[label] }]));
  const values = rows.flatMap(({ x, y }) => [x, y]);
  const [least, most] = [Math.min(0, ...values), Math.max(0, ...values)];
  const step = niceStep((most - least) / 5);
  const range = { min: Math.floor(least / step) * step, max: Math.ceil(most / step) * step };
  // What reaches beyond the panel is cut at its edge.
  const within = (v: number): number => Math.min(range.max, Math.max(range.min, v));
  return { range, rows: rows.map((row) => ({ ...row, low: short(within(row.low)), high: short(within(row.high)) })) };
}

/** Four digits after the point: more can't be seen, and make the file larger. */
function short(value: number): number {
  return Number(value.toFixed(4));
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw > 0 ? raw : 1));
  return power * ([1, 2, 5, 10].find((m) => m * power >= raw) ?? 10);
}

function curve({ traits }: Detection): Promise<string> {
  const drawn = traits.filter(({ figures, harmful }) => harmful && figures.prediction !== null);
  const values = drawn.flatMap(({ figures }) => figures.prediction?.bins.flatMap((b) => [b.predicted, b.measured]) ?? []);
  const [least, most] = [Math.min(0, ...values), Math.max(0.1, ...values)];
  const option: ChartOption = {
    textStyle: TEXT, grid: { left: 60, right: 20, top: 20, bottom: 50 }, legend: { left: 80, top: 25, orient: 'vertical', icon: 'rect', itemWidth: 18, itemHeight: 3, textStyle: TEXT },
    xAxis: axis('mean predicted shift, nats per token'), yAxis: axis('mean measured shift, nats per token', { nameGap: 42 }),
    series: [
      { type: 'line', data: [[least, least], [most, most]], showSymbol: false, lineStyle: { color: '#999999', width: 1, type: 'dashed' } },
      ...drawn.map(({ trait, figures }, i) => ({
        type: 'line' as const, name: trait, data: (figures.prediction?.bins ?? []).map((b) => [b.predicted, b.measured]), symbol: 'circle', symbolSize: 6,
        lineStyle: { color: LINES[i % LINES.length] ?? '#000000', width: 1.5 }, itemStyle: { color: LINES[i % LINES.length] ?? '#000000' },
      })),
    ],
  };
  return renderChart(option, { width: 560, height: 460, title: 'Calibration curve', id: 'calibration', description: 'Means of measured against predicted shift, in bins of like size along the predicted shift, one line a harmful trait. The dashed line is where both agree.' });
}

function layers({ traits }: Detection): Promise<string> {
  const drawn = traits.filter((section) => section.layers.some(({ harmful }) => harmful !== null));
  const names = [...new Set(drawn.flatMap((section) => section.layers.map(({ layer }) => layer)))].sort((a, b) => a - b);
  const cells = drawn.flatMap((section, row) => {
    const gaps = section.layers.map(({ layer, harmful, benign }) => ({ layer, gap: (harmful ?? 0) - (benign ?? 0) }));
    const largest = Math.max(...gaps.map(({ gap }) => Math.abs(gap)), Number.MIN_VALUE);
    return gaps.map(({ layer, gap }) => [names.indexOf(layer), row, Number((gap / largest).toFixed(3))]);
  });
  const option: ChartOption = {
    textStyle: TEXT, grid: { left: 160, right: 100, top: 20, bottom: 50 },
    xAxis: { type: 'category', data: names.map(String), name: 'layer', nameLocation: 'middle', nameGap: 28, axisLabel: { ...TEXT, interval: 0 }, nameTextStyle: TEXT },
    yAxis: { type: 'category', inverse: true, data: drawn.map(({ trait, harmful }) => (harmful ? trait : `${trait} (control)`)), axisLabel: TEXT },
    visualMap: { min: -1, max: 1, calculable: false, orient: 'vertical', right: 10, top: 'center', inRange: { color: ['#2166ac', '#f7f7f7', '#b2182b'] }, text: ['towards', 'away'], textStyle: TEXT },
    series: [{ type: 'heatmap', data: cells, itemStyle: { borderColor: '#ffffff', borderWidth: 1 } }],
  };
  return renderChart(option, { width: 760, height: 90 + 26 * Math.max(1, drawn.length), title: 'Per-layer profile by trait', id: 'layers', description: 'Mean score of harmful organisms less that of benign ones by layer, as a share of the largest of its trait; red towards the trait, blue away from it, white where nothing is scored.' });
}
