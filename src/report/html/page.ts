/**
 * The report as one self-contained HTML page. In: the Report. Out: a document that loads nothing, and whose policy lets
 * only its own style and script run, by their hashes. Without the script every figure still stands in a table.
 */
import { createHash } from 'node:crypto';
import type { Report } from '../schema.js';
import { byRelevance } from '../relevance.js';
import { gridOf } from './grid.js';
import { pageHeadline } from './headline.js';
import { article, type ItemPart } from './item.js';
import { html, markupText, raw, type Markup } from './markup.js';
import { meaning } from './meaning.js';
import { runLine, suppressions } from './run.js';
import { scalesOf } from './scales.js';
import { SCRIPT } from './script.js';
import { STYLE } from './style.js';
import { summary } from './summary.js';
import { mark } from './verdict.js';

/** Renders a report as an HTML page. Pure. */
export function renderHtml(report: Report, { showSuppressed }: { readonly showSuppressed: boolean }): string {
  const parts = report.items.map((item, i): ItemPart => ({
    item, id: `m${i + 1}`, findings: byRelevance(item.findings).map((finding) => ({ finding, grid: gridOf(finding, item) })),
  }));
  const scales = scalesOf(parts.flatMap(({ findings }) => findings.map(({ finding, grid }) => ({ grid, threshold: finding.threshold }))));
  const { state, title, text } = pageHeadline(report);
  const isOnly = parts.length === 1;
  const body = html`<a class="skip" href="#main">Skip to the findings</a>
<header class="page"><p>weightseq report</p></header>
<main id="main">
<div class="headline ${state}"><h1>${mark(state)}${title}</h1><p>${text}</p>${runLine(report)}</div>
${parts.length > 1 ? summary(parts, scales) : null}
${parts.map((part) => article(part, { scales, showSuppressed, isOnly }))}
${suppressions(report)}
${meaning()}
</main>
<footer class="page"><p>${report.tool.name} ${report.tool.version}. Figures are given to four digits; the JSON report has all of them.</p></footer>`;
  return `${markupText(documentOf(title, body))}\n`;
}

/** Where hatching is defined; every picture refers to it. */
const PATTERNS = html`<svg class="patterns" aria-hidden="true" width="0" height="0"><defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse"><path class="hatch" d="M-1 1L1 -1M0 5L5 0M4 6L6 4"/></pattern></defs></svg>`;

function documentOf(title: string, body: Markup): Markup {
  const policy = `default-src 'none'; style-src '${hashOf(STYLE)}'; script-src '${hashOf(SCRIPT)}'; img-src data:; base-uri 'none'; form-action 'none'`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title} · weightseq</title>
<link rel="icon" href="data:,">
<style>${raw(STYLE)}</style>
</head>
<body>
${PATTERNS}
${body}
<script>${raw(SCRIPT)}</script>
</body>
</html>`;
}

/** A hash as a Content Security Policy names it. */
function hashOf(source: string): string {
  return `sha256-${createHash('sha256').update(source, 'utf8').digest('base64')}`;
}
