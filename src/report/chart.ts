/**
 * Charts. In: an option object of Apache ECharts. Out: one SVG document, the same text for the same option, in any process and
 * any order: no animation, and no identifiers that count the charts drawn before.
 */
import { xmlText } from './xml.js';

/** An option object of ECharts; loosely, because its own types need those of a browser, which who imports this program may not have. */
export type ChartOption = Readonly<Record<string, unknown>>;

/** What a chart is called and how large it is, in CSS pixels. */
export interface ChartFrame {
  readonly width: number;
  readonly height: number;
  /** For readers that see no picture; becomes the document's <title>. */
  readonly title: string;
  /** What the picture shows, in a sentence or two; becomes <desc>. */
  readonly description?: string;
  /** Stands before every identifier: one for each chart where several stand in one page. `chart` unless given. */
  readonly id?: string;
}

type Core = typeof import('echarts/core');

/** ECharts takes longer to load than most scans: only who draws waits for it, and once. */
let loaded: Promise<Core> | null = null;

async function load(): Promise<Core> {
  const [core, charts, components, renderers] = await Promise.all([import('echarts/core'), import('echarts/charts'), import('echarts/components'), import('echarts/renderers')]);
  core.use([
    charts.LineChart, charts.ScatterChart, charts.BarChart, charts.HeatmapChart, charts.CustomChart,
    components.GridComponent, components.LegendComponent, components.TitleComponent, components.GraphicComponent, components.VisualMapComponent,
    components.MarkLineComponent, components.MarkAreaComponent, components.MarkPointComponent,
    renderers.SVGRenderer,
  ]);
  return core;
}

/** What ECharts calls its classes, clips and gradients: `zr3-cls-7`, `zr0-c1`. They stand in attributes and in the style sheet only. */
const IDENTIFIER = /(?<=class="|id="|url\(#|href="#|^\.)zr\d+-[a-z]+-?\d+/gmu;

/** Draws a chart: lines, scatter, bars, heat maps and custom series on grids, with legend, title and marks. */
export async function renderChart(option: ChartOption, { width, height, title, description, id = 'chart' }: ChartFrame): Promise<string> {
  const core = await (loaded ??= load());
  const chart = core.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ backgroundColor: '#ffffff', ...option, animation: false });
    const svg = chart.renderToSVGString();
    const names = new Map<string, string>();
    const nameOf = (found: string): string => {
      const name = names.get(found) ?? `${id}-${names.size}`;
      names.set(found, name);
      return name;
    };
    const about = `<title>${xmlText(title)}</title>${description === undefined ? '' : `\n<desc>${xmlText(description)}</desc>`}`;
    return `${svg.replace(IDENTIFIER, nameOf).replace('>', () => ` role="img">\n${about}`).trimEnd()}\n`;
  } finally {
    chart.dispose();
  }
}
