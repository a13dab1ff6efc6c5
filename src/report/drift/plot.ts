/** The drift as a picture. In: a Drift. Out: the options of one chart, a panel for each trait. Pure apart from drawing. */
import type { CustomSeriesRenderItem, SeriesOption } from 'echarts';
import { escapeText } from '../../text.js';
import { renderChart, type ChartOption } from '../chart.js';
import type { Drift, DriftPoint, DriftTrait } from './schema.js';

const WIDTH = 760;
const PANEL = 230;
const TOP = 54;
const BOTTOM = 48;
/** Of an axis, what a label takes. */
const LABEL_SHARE = 0.055;
/** Okabe and Ito's colours, which stay apart for colour-blind eyes; the forms of the points differ too. */
const COLOURS = { present: '#d55e00', absent: '#009e73', indeterminate: '#6b6b6b', line: '#0072b2', band: '#e3e7ee', mark: '#d55e00' } as const;
const SYMBOLS = { present: 'triangle', absent: 'circle', indeterminate: 'emptyCircle' } as const;

/** Draws each trait's shift by step with its interval, the null band, and the first step at which it leaves the null. */
export async function plotDrift(drift: Drift): Promise<string> {
  const panels = Math.max(1, drift.traits.length);
  return renderChart(optionOf(drift), {
    width: WIDTH, height: panels * PANEL + 40, id: 'drift',
    title: `Shift by step: ${drift.traits.map(({ trait }) => trait).join(', ')}`,
    description: drift.conclusion.join(' '),
  });
}

/** The chart's options. */
export function optionOf({ traits, steps }: Drift): ChartOption {
  const numbers = steps.map(({ step }) => step);
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  const margin = (last - first) * 0.06 || 1;
  const labels = numbers.reduce<number[]>((kept, step) => (kept.length > 0 && step - (kept.at(-1) ?? 0) < LABEL_SHARE * (last - first) ? kept : [...kept, step]), []);
  return {
    textStyle: { fontFamily: 'system-ui, sans-serif' },
    title: [
      ...traits.map(({ trait, harmful, unit }, i) => ({ text: `${escapeText(trait)}${harmful ? '' : ' (benign control)'}: shift, ${escapeText(unit)}`, left: 16, top: 8 + i * PANEL, textStyle: { fontSize: 14, fontWeight: 600 as const } })),
      { text: 'grey: what benign fine-tunes reach, bars: interval of the prediction; ▲ present   ● absent   ○ undecided', left: 16, bottom: 8, textStyle: { fontSize: 11, fontWeight: 400 as const, color: '#555555' } },
    ],
    grid: traits.map((_, i) => ({ left: 64, right: 32, top: TOP + i * PANEL, height: PANEL - TOP - BOTTOM, outerBoundsMode: 'none' as const })),
    xAxis: traits.map((_, i) => ({
      type: 'value' as const, gridIndex: i, min: first - margin, max: last + margin, name: 'step', nameLocation: 'middle' as const, nameGap: 26,
      splitLine: { show: false }, axisLine: { onZero: false }, axisTick: { customValues: labels }, axisLabel: { customValues: labels, formatter: String },
    })),
    yAxis: traits.map((trait, i) => ({ type: 'value' as const, gridIndex: i, ...range(trait), axisLabel: { formatter: (value: number) => value.toFixed(2).replace('-', '−') } })),
    series: traits.flatMap((trait, i) => panelOf(trait, i, [first, last])),
  };
}

function panelOf({ points, leaves, level, smallestMeaningfulShift }: DriftTrait, index: number, [first, last]: readonly [number, number]): SeriesOption[] {
  const axes = { xAxisIndex: index, yAxisIndex: index, silent: true };
  // A label in the middle of its line would leave the picture near its edges.
  const place = leaves === null || last === first ? 0.5 : (leaves - first) / (last - first);
  const align = place > 0.75 ? 'right' as const : place < 0.25 ? 'left' as const : 'center' as const;
  const known = points.filter(({ shift }) => shift !== null);
  const banded = points.flatMap((point, i) => (point.band === null ? [] : [[between(points, i - 1, i), between(points, i, i + 1), point.band.low, point.band.high]]));
  return [
    { type: 'custom', ...axes, z: 1, clip: true, data: banded, encode: { x: [0, 1], y: [2, 3] }, renderItem: drawBand },
    { type: 'custom', ...axes, z: 2, clip: true, data: known.flatMap(({ step, low, high }) => (low === null || high === null ? [] : [[step, low, high]])), encode: { x: 0, y: [1, 2] }, renderItem: drawInterval },
    {
      type: 'line', ...axes, z: 3, clip: false, lineStyle: { color: COLOURS.line, width: 2 }, symbolSize: 9,
      data: points.map(({ step, shift, verdict }) => ({ value: [step, shift ?? '-'], symbol: SYMBOLS[verdict], itemStyle: { color: COLOURS[verdict] } })),
      markLine: {
        silent: true, symbol: 'none', animation: false,
        data: [
          { yAxis: 0, lineStyle: { color: '#888888', type: 'solid', width: 1 }, label: { show: false } },
          { yAxis: smallestMeaningfulShift, lineStyle: { color: '#888888', type: 'dashed', width: 1 }, label: { formatter: 'smallest that matters', position: 'insideEndTop', color: '#555555', fontSize: 10 } },
          ...(leaves === null ? [] : [{ xAxis: leaves, lineStyle: { color: COLOURS.mark, type: 'solid' as const, width: 1.5 }, label: { formatter: `leaves the null at step ${leaves} (p < ${level})`, position: 'end' as const, align, color: COLOURS.mark, fontSize: 11 } }]),
        ],
      },
    },
  ];
}

/** Half way from one point to the next; at the ends the point itself. */
function between(points: readonly DriftPoint[], i: number, j: number): number {
  const [a, b] = [points[i]?.step, points[j]?.step];
  return a === undefined || b === undefined ? a ?? b ?? 0 : (a + b) / 2;
}

function range({ points, smallestMeaningfulShift }: DriftTrait): { min: number; max: number } {
  const values = [0, smallestMeaningfulShift, ...points.flatMap(({ shift, low, high, band }) => [shift, low, high, band?.low, band?.high])].filter((value) => value != null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const step = niceStep((high - low) * 1.1);
  return { min: round(Math.floor((low - 0.02 * (high - low)) / step) * step), max: round(Math.ceil((high + 0.02 * (high - low)) / step) * step) };
}

/** About a fifth of a range: 1, 2 or 5 times a power of ten. */
function niceStep(size: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(size, 1e-6) / 5));
  return round(([1, 2, 5, 10].find((factor) => factor * power >= size / 5) ?? 10) * power);
}

function round(value: number): number {
  return Number(value.toPrecision(12));
}

const drawBand: CustomSeriesRenderItem = (_, api) => {
  const [left, right, low, high] = [0, 1, 2, 3].map((dimension) => Number(api.value(dimension)));
  const [x0 = 0, y0 = 0] = api.coord([left, high]);
  const [x1 = 0, y1 = 0] = api.coord([right, low]);
  // On whole pixels, so that no seam shows between neighbours.
  const [from, to] = [Math.round(x0), Math.round(x1)];
  return { type: 'rect', shape: { x: from, y: y0, width: Math.max(2, to - from), height: y1 - y0 }, style: { fill: COLOURS.band } };
};

const drawInterval: CustomSeriesRenderItem = (_, api) => {
  const [step, low, high] = [0, 1, 2].map((dimension) => Number(api.value(dimension)));
  const [x = 0, y0 = 0] = api.coord([step, low]);
  const [, y1 = 0] = api.coord([step, high]);
  const line = (x1: number, from: number, x2: number, to: number) => ({ type: 'line' as const, shape: { x1, y1: from, x2, y2: to }, style: { stroke: COLOURS.line, lineWidth: 1 } });
  return { type: 'group', children: [line(x, y0, x, y1), line(x - 4, y0, x + 4, y0), line(x - 4, y1, x + 4, y1)] };
};
