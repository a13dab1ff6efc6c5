/** The style of the page. Colours are a warm and a cool hue of like lightness around a neutral, told apart by colour-blind eyes too. */
import { NORM_HEIGHT, ROW_HEIGHT, RUNNING_HEIGHT, STEPS as WIDTHS, TOTAL_HEIGHT } from './layout.js';
import { STEPS } from './scales.js';

/** The colour of each step, mixed from the middle and the ends by the browser, so that light and dark share one rule. */
const SCALE = Array.from({ length: STEPS }, (_, i) => {
  const percent = (100 * (i + 1)) / STEPS;
  return `.t${i + 1}{fill:color-mix(in oklab,var(--towards) ${percent}%,var(--middle))}.a${i + 1}{fill:color-mix(in oklab,var(--away) ${percent}%,var(--middle))}`;
}).join('\n');

const LIGHT = `color-scheme:light;--paper:#fff;--ink:#1b1d22;--muted:#555b66;--line:#d5d9e0;--soft:#f4f5f8;--middle:#efeeec;--towards:#9c3d00;--away:#3a2f8f;
--present:#9c3d00;--absent:#1a5a8a;--indeterminate:#5c5536;--none:#4b515c;--limit:#6b2fa0;--hatch:#8f96a3;--bar:#7d8492;--dot:#6b7280;--link:#1c4f93`;

const DARK = `color-scheme:dark;--paper:#14161b;--ink:#e9eaee;--muted:#a9afba;--line:#3a3f49;--soft:#1d2027;--middle:#30343c;--towards:#ffb56b;--away:#aaa6ff;
--present:#ffb27a;--absent:#8cc4f2;--indeterminate:#d8cf9f;--none:#b5bac4;--limit:#d3a8ff;--hatch:#7d8492;--bar:#8a919e;--dot:#a0a7b3;--link:#9cc3ff`;

/** The size of the cells of a karyogram: its class gives the width, that of the row the height. */
const CELLS = `${WIDTHS.map(([, width]) => `.w${width} .heat rect{width:${width - 1}px}.w${width} .hit rect{width:${width}px}`).join('')}
.heat rect{height:${ROW_HEIGHT}px}.total rect{height:${TOTAL_HEIGHT}px}.running rect{height:${RUNNING_HEIGHT}px}.norm rect{height:${NORM_HEIGHT}px}`;

/** The whole style, hashed in the policy of the page. */
export const STYLE = `
:root{${LIGHT}}
@media screen and (prefers-color-scheme:dark){:root{${DARK}}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem;-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums lining-nums}
header.page,main,footer.page{max-width:74rem;margin:0 auto;padding:0 clamp(1rem,4vw,3rem)}
header.page{padding-top:1.5rem;color:var(--muted);font-size:.875rem}
footer.page{padding-top:1rem;padding-bottom:3rem;color:var(--muted);font-size:.875rem;border-top:1px solid var(--line);margin-top:3rem}
h1,h2,h3,h4{line-height:1.25;margin:0;font-weight:600;overflow-wrap:anywhere;text-wrap:balance}
h1{font-size:clamp(1.6rem,1.2rem + 2vw,2.4rem);letter-spacing:-.01em}
h2{font-size:1.35rem}
h3{font-size:1.15rem}
h4{font-size:1rem;margin-top:1.5rem}
section>h3{margin-top:2rem}
main>section{margin-top:3rem}
p{margin:.5rem 0;max-width:46rem;overflow-wrap:anywhere}
a{color:var(--link);text-underline-offset:.15em}
a,code,strong{unicode-bidi:isolate}
code{font:.875em ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:1rem;top:-10rem;background:var(--paper);padding:.5rem 1rem}
.skip:focus{top:.5rem}
.patterns{position:absolute}
.fine{color:var(--muted);font-size:.875rem}
.note{display:inline-block;font-size:.8125rem;font-weight:400;color:var(--muted);border:1px solid var(--line);border-radius:.25rem;padding:0 .4em}
.mark{width:.8em;height:.8em;fill:currentColor;fill-rule:evenodd;flex:none}
.verdict{white-space:nowrap;font-weight:600}
.verdict .mark{margin-right:.4em;vertical-align:-.06em}
.outcome .verdict{white-space:normal}
.present{color:var(--present)}.absent{color:var(--absent)}.indeterminate{color:var(--indeterminate)}.none{color:var(--none)}
.headline{margin:1.5rem 0 2.5rem;padding:1.5rem 0 1.25rem;border-top:4px solid currentColor;border-bottom:1px solid var(--line)}
.headline h1 .mark{margin-right:.45em;vertical-align:-.02em}
.headline p{color:var(--ink);font-size:1.0625rem}
.headline p.fine{color:var(--muted);font-size:.875rem}
article{margin-top:3rem}
article>header h2{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:1.15rem}
article+article{border-top:1px solid var(--line);padding-top:2.5rem}
.finding{margin-top:2.25rem}
.finding>h3{font-size:1.35rem;display:flex;flex-wrap:wrap;align-items:baseline;gap:.3em .75em}
.finding>h3 .verdict{font-size:1.0625rem}
.trouble{margin:1rem 0;padding:.75rem 1rem;background:var(--soft);border-left:4px solid var(--present)}
.trouble ul{margin:.25rem 0;padding-left:1.2rem;overflow-wrap:anywhere}
dl{margin:1rem 0}
dd{margin:0}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,15rem),1fr));gap:1.25rem 2rem}
.figures dt{font-size:.875rem;color:var(--muted)}
.figures strong{display:block;font-size:1.5rem;font-weight:600;line-height:1.3}
.figures span{font-size:.875rem;color:var(--muted)}
.pairs>div,.meaning dl>div{display:grid;grid-template-columns:minmax(9rem,12rem) minmax(0,1fr);gap:0 1.5rem;padding:.3rem 0;border-bottom:1px solid var(--line)}
.pairs dt{color:var(--muted)}
.pairs dd{overflow-wrap:anywhere}
section.facts{margin-top:2.5rem}
.panels{display:flex;flex-wrap:wrap;gap:2rem 3rem;margin-top:1.5rem;align-items:flex-start}
.panels .main{flex:0 1 auto;min-width:min(100%,28rem);max-width:100%}
.main>:not(.picture){width:0;min-width:100%}
.panels .side{flex:1 1 18rem;min-width:0;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,18rem),1fr));gap:2rem 3rem}
figure{margin:0;min-width:0}
figcaption{font-weight:600;margin-bottom:.5rem}
.empty{padding:1rem;background:var(--soft);font-size:.875rem}
.scroll{overflow-x:auto;max-width:100%}
svg{display:block;forced-color-adjust:none}
svg.mark,svg.swatch{display:inline-block}
svg text{font-size:11px;fill:var(--muted)}
svg text.strong,svg text.name{fill:var(--ink)}
svg text.strong{font-weight:600}
svg text.limit{fill:var(--limit)}
.plot{width:100%;max-width:27rem;height:auto}
${SCALE}
${CELLS}
.z{fill:var(--middle)}
.u{fill:url(#hatch)}
.x{fill:var(--paper);stroke:var(--present);stroke-width:1.5;stroke-dasharray:2 2}
.b{fill:none;stroke:var(--line)}
.hatch{stroke:var(--hatch);stroke-width:.7;opacity:.75}
.hit rect{fill:transparent}
.minus{stroke:var(--ink);stroke-width:1.2;fill:none;pointer-events:none}
.minus.strong{stroke:var(--paper)}
path.t{fill:var(--towards)}path.a{fill:var(--away)}path.n{fill:var(--bar)}
.rule,.axis{stroke:var(--muted);stroke-width:1;fill:none}
.line{stroke:var(--ink);stroke-width:1.5;fill:none}
.threshold{stroke:var(--limit);stroke-width:1.5;stroke-dasharray:5 3;fill:none}
.band{fill:var(--middle)}
.matters{fill:var(--middle)}
.mean{stroke:var(--muted);stroke-width:1;fill:none}
.dot{fill:var(--dot);stroke:var(--paper);stroke-width:1}
.model,.end{fill:var(--ink)}
.interval{stroke:var(--ink);stroke-width:5;fill:none;opacity:.45}
.cursor{fill:none;pointer-events:none}
.cursor .outer{stroke:var(--paper);stroke-width:5}
.cursor .inner{stroke:var(--ink);stroke-width:2.5}
svg [tabindex]:focus{outline:none}
.readout{min-height:2.2em;margin:.25rem 0;padding:.35rem .6rem;background:var(--soft);font-size:.875rem;max-width:none}
.legend{margin:1rem 0;padding:1rem 1.25rem;background:var(--soft);font-size:.8125rem}
.legend svg{max-width:100%}
.legend ul{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;margin:.5rem 0;padding:0}
.swatch{margin-right:.5em;vertical-align:-.15em;overflow:visible}
details{margin:.5rem 0}
summary{cursor:pointer;color:var(--link);font-size:.875rem;width:fit-content}
table{border-collapse:collapse;font-size:.875rem;margin:.5rem 0}
caption{text-align:left;color:var(--muted);padding-bottom:.5rem}
th,td{padding:.25rem .75rem .25rem 0;text-align:left;vertical-align:baseline;border-bottom:1px solid var(--line)}
thead th{border-bottom:2px solid var(--muted);white-space:nowrap}
tbody th{font-weight:400}
.numbers td,.numbers thead th:not(:first-child){text-align:right;white-space:nowrap;padding-left:.75rem}
.summary tbody th{min-width:12rem;max-width:24rem;overflow-wrap:anywhere}
.summary td{white-space:nowrap}
.summary .result{white-space:normal;min-width:13rem;max-width:24rem;overflow-wrap:anywhere}
.summary .result .verdict{white-space:normal}
.summary .value{color:var(--muted)}
.list{width:100%}
.list td{overflow-wrap:anywhere;min-width:7rem}
.list code{white-space:nowrap}
.missing{color:var(--muted)}
th button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer;text-align:left}
th button::after{content:" \\2195";color:var(--muted)}
th[aria-sort=ascending] button::after{content:" \\2191"}
th[aria-sort=descending] button::after{content:" \\2193"}
.multiples{list-style:none;margin:1rem 0;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,16rem),1fr));gap:1.75rem 2rem}
.multiples a{display:block;overflow-wrap:anywhere;font-size:.875rem}
.multiples .verdict{display:block;white-space:normal;font-size:.875rem;margin-bottom:.35rem}
@media (max-width:34rem){
.pairs>div,.meaning dl>div{grid-template-columns:minmax(0,1fr)}
.legend{padding:.75rem}
.readout{min-height:3.7em}
.summary tbody th{min-width:8rem}
.summary .result{min-width:8.5rem}
}
@media print{
@page{margin:16mm 14mm}
html{font-size:10pt}
header.page,main,footer.page{max-width:none;padding:0}
.skip,.readout,th button::after{display:none}
details::details-content{content-visibility:visible;display:block;height:auto}
details>summary{list-style:none;color:var(--muted)}
.scroll{overflow:visible}
.karyogram{max-width:100%;height:auto}
.plot{max-width:9cm}
.panels .side{grid-template-columns:1fr 1fr}
figure.main,.panels .side{flex-basis:100%!important}
h1,h2,h3,h4,figcaption,.legend,caption,thead{break-after:avoid}
svg,tr,.figures>div,.legend,.multiples li,.meaning{break-inside:avoid}
article+article{break-before:page;border:0;padding:0}
a{color:inherit}
table{font-size:8pt}
.summary{table-layout:fixed;width:100%;font-size:7pt}
.summary td,.summary th,.summary .result,.summary tbody th,.summary .verdict{white-space:normal;min-width:0;overflow-wrap:anywhere;padding-left:.15rem;padding-right:.15rem}
.summary th button{white-space:normal;overflow-wrap:anywhere;padding:0}
.summary svg{max-width:100%}
table.numbers,.numbers td,.numbers th{font-size:6.8pt!important}
.numbers td,.numbers thead th:not(:first-child){padding-left:.25rem;padding-right:.1rem}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
`;
