import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import ts from 'typescript';
import { axis, range, tickText, ticks } from '../../src/report/html/axis.js';
import { brief, counted, exact, listed, size } from '../../src/report/html/figures.js';
import { placeOf } from '../../src/report/html/grid.js';
import { html, markupText, type Part } from '../../src/report/html/markup.js';
import { stack } from '../../src/report/html/null-plot.js';
import { stepClass, stepOf } from '../../src/report/html/scales.js';
import { SCRIPT } from '../../src/report/html/script.js';
import { STYLE } from '../../src/report/html/style.js';

describe('markup', () => {
  it('escapes every value, in an element and in an attribute', () => {
    assert.equal(markupText(html`<a title="${'"<&>\''}">${'</a>\u202e'}${1}${null}${false}</a>`), '<a title="&quot;&lt;&amp;&gt;&#39;">&lt;/a&gt;\\u{202e}1</a>');
  });

  it('takes no object for markup that it did not make', () => {
    const forged = JSON.parse('{"markup":"<b>","Symbol(markup)":"<b>"}') as Part;
    assert.throws(() => html`${forged}`);
  });

  it('keeps markup within markup, and lists', () => {
    assert.equal(markupText(html`<ul>${['a', 'b'].map((x) => html`<li>${x}</li>`)}</ul>`), '<ul><li>a</li><li>b</li></ul>');
  });
});

describe('figures and axes', () => {
  it('writes numbers with a sign and their significant digits', () => {
    assert.deepEqual([exact(0.0170632), exact(-0.4), exact(0), exact(null), exact(Number.NaN), exact(1e-9)], ['+0.01706', '−0.4000', '0', 'n/a', 'n/a', '+1.000e−9']);
    assert.deepEqual([brief(0.46985), brief(-0.00304), size(3.8612), size(null)], ['+0.470', '−0.00304', '3.86', 'n/a']);
    assert.deepEqual([counted(1, 'model'), counted(2, 'model'), listed(['a']), listed(['a', 'b', 'c'])], ['1 model', '2 models', 'a', 'a, b and c']);
  });

  it('maps a range to pixels, a range of nothing too', () => {
    assert.deepEqual([axis([-1, 1], 0, 100).at(0), axis([-1, 1], 100, 0).at(1), axis([2, 2], 0, 100).at(2)], [50, 0, 0]);
    assert.deepEqual([range([3, -1, 2]), range([0, 10], 0.1), range([])], [[-1, 3], [-1, 11], [-1, 1]]);
  });

  it('sets round ticks within the range', () => {
    assert.deepEqual(ticks({ low: -0.07, high: 0.21 }, 5), [0, 0.1, 0.2]);
    assert.deepEqual(ticks({ low: 0, high: 1 }, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
    assert.deepEqual([tickText(0.1), tickText(-0.05), tickText(0)], ['+0.1', '−0.05', '0']);
  });

  it('piles dots up only where they would touch', () => {
    assert.deepEqual(stack([0, 1, 20]).dots.map((d) => d.level), [0, 1, 0]);
    const crowded = stack(Array.from({ length: 400 }, (_, i) => 100 + i / 100));
    assert.ok(crowded.radius < 4.5 && crowded.levels * 2 * crowded.radius < 400);
  });
});

describe('cells', () => {
  it('knows the place of a canonical name, and of no other', () => {
    assert.deepEqual([placeOf('5.up'), placeOf('0.gate.31'), placeOf('12.q')], [{ layer: 5, role: 'up' }, { layer: 0, role: 'gate' }, { layer: 12, role: 'q' }]);
    for (const name of ['05.up', '5.norm', '5.up.x', '5.up.1.2', 'embed', '-1.q', '5', '5.q ', '9999999.q', '<5.q']) assert.equal(placeOf(name), null, name);
  });

  it('rounds a score to the nearest of eight steps on each side', () => {
    assert.deepEqual([1, -1, 0.5, 0.0624, 0.0626, -0.0624, 0].map((score) => stepOf(score, 1)), [8, -8, 4, 0, 1, 0, 0]);
    assert.deepEqual([stepOf(0, 0), stepClass(3), stepClass(-8), stepClass(0)], [0, 't3', 'a8', 'z']);
  });
});

/** Contrast of two colours #rrggbb or #rgb (WCAG 2.2, relative luminance and contrast ratio). */
function contrast(a: string, b: string): number {
  const luminance = (colour: string): number => {
    const digits = colour.length === 4 ? colour.slice(1).replace(/./gu, '$&$&') : colour.slice(1);
    const [r = 0, g = 0, b = 0] = [0, 2, 4].map((at) => {
      const c = parseInt(digits.slice(at, at + 2), 16) / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

describe('the colours', () => {
  const schemes = [...STYLE.matchAll(/:root\{([^}]*)\}/gu)].map(([, rules = '']) => new Map([...rules.matchAll(/--([a-z]+):(#[0-9a-f]+)/gu)].map(([, name = '', value = '']) => [name, value])));
  const of = (scheme: Map<string, string>, name: string): string => scheme.get(name) ?? assert.fail(name);

  it('are known to the test, light and dark', () => {
    assert.equal(schemes.length, 2);
    assert.equal(contrast('#000', '#ffffff'), 21);
  });

  schemes.forEach((scheme, i) => {
    it(`of text stand out 4.5 to 1, those of marks 3 to 1: ${i === 0 ? 'light' : 'dark'}`, () => {
      for (const ground of ['paper', 'soft', 'middle']) {
        for (const text of ['ink', 'muted', 'limit']) assert.ok(contrast(of(scheme, text), of(scheme, ground)) >= 4.5, `${text} on ${ground}`);
      }
      for (const text of ['present', 'absent', 'indeterminate', 'none', 'link']) for (const ground of ['paper', 'soft']) assert.ok(contrast(of(scheme, text), of(scheme, ground)) >= 4.5, `${text} on ${ground}`);
      for (const mark of ['towards', 'away', 'bar', 'dot']) assert.ok(contrast(of(scheme, mark), of(scheme, 'paper')) >= 3, mark);
      for (const end of ['towards', 'away']) assert.ok(contrast(of(scheme, end), of(scheme, 'middle')) >= 3, `${end} on middle`);
    });
  });
});

/** What the compiler has to say about a script. */
function typeErrors(script: string): string[] {
  const name = '/script.js';
  const compiler: ts.CompilerOptions = { allowJs: true, checkJs: true, noEmit: true, strict: true, noUncheckedIndexedAccess: true, noUnusedLocals: true, target: ts.ScriptTarget.ES2022, lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'], types: [] };
  const disk = ts.createCompilerHost(compiler);
  const source = ts.createSourceFile(name, script, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
  const host: ts.CompilerHost = {
    ...disk,
    getSourceFile: (file, ...rest) => (file === name ? source : disk.getSourceFile(file, ...rest)),
    fileExists: (file) => file === name || disk.fileExists(file),
  };
  const found = ts.getPreEmitDiagnostics(ts.createProgram([name], compiler, host));
  return found.map((d) => ts.flattenDiagnosticMessageText(d.messageText, ' '));
}

describe('the script of the page', () => {
  it('passes the type checker with the types of a browser', () => {
    assert.deepEqual(typeErrors(SCRIPT), []);
    assert.equal(typeErrors(`${SCRIPT}document.title = 1;`).length, 1);
  });

  it('sets text as text: nothing in it takes markup', () => {
    assert.doesNotMatch(SCRIPT, /innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(|setAttribute\('(?:on|style)/u);
    assert.doesNotMatch(SCRIPT, /<\/script|<!--/iu);
  });
});
