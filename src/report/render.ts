/** Every form of a report: peers over the one Report. */
import type { Format } from './formats.js';
import { renderHtml } from './html/page.js';
import { renderJson } from './json.js';
import { renderJunit } from './junit.js';
import { renderMarkdown } from './markdown.js';
import { renderSarif } from './sarif.js';
import type { Report } from './schema.js';
import { renderTable } from './table.js';

export interface RenderOptions {
  /** Columns of the terminal, for text. */
  readonly width: number;
  readonly colour: boolean;
  /** Whether suppressed findings are shown in full. */
  readonly showSuppressed: boolean;
}

const RENDERERS: Readonly<Record<Format, (report: Report, options: RenderOptions) => string>> = {
  table: renderTable,
  json: renderJson,
  sarif: renderSarif,
  junit: renderJunit,
  markdown: renderMarkdown,
  html: renderHtml,
};

/** Renders a report. Pure. */
export function render(report: Report, format: Format, options: RenderOptions): string {
  return RENDERERS[format](report, options);
}
