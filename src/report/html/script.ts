/**
 * The script of the page: plain JavaScript, checked by the TypeScript compiler in test/report/html-script.test.ts.
 * It adds what can't be had without: figures under the pointer and under the keyboard, sorting, and open folds on paper.
 * All figures come from the tables behind the pictures; all text is set as text.
 */
export const SCRIPT = `
'use strict';
(() => {
  const SVG = 'http://www.w3.org/2000/svg';
  const HINT = 'Figures: point at a cell, or focus one and use the arrow keys.';
  const DOTS = 'Names: point at a dot, or focus one and use the arrow keys.';

  /** @param {string | undefined} id @returns {HTMLTableRowElement[]} */
  const rowsOf = (id) => {
    const body = id === undefined ? null : document.getElementById(id);
    return body instanceof HTMLTableSectionElement ? [...body.rows] : [];
  };

  /** @param {string | undefined} id @returns {string[]} */
  const headsOf = (id) => {
    const table = id === undefined ? null : document.getElementById(id)?.closest('table');
    return [...(table?.tHead?.rows[0]?.cells ?? [])].map((cell) => cell.textContent ?? '');
  };

  /** @param {string} text */
  const inWords = (text) => ({ 'n/s': 'not scored by this signature', 'n/c': 'no change was read', NaN: 'no number came out' })[text] ?? text;

  /** What each cell of a karyogram says, row by row. @param {SVGSVGElement} svg @returns {string[][]} */
  const gridTexts = (svg) => {
    const heads = headsOf(svg.dataset.table).slice(1);
    const normHeads = headsOf(svg.dataset.norms);
    const norms = rowsOf(svg.dataset.norms);
    const layers = rowsOf(svg.dataset.table);
    return heads.map((head, i) => layers.map((row, layer) => {
      const figure = inWords(row.cells[i + 1]?.textContent ?? '');
      const at = normHeads.indexOf(head.split(' ')[0] ?? '');
      const norm = at > 0 && i < heads.length - 3 ? norms[layer]?.cells[at]?.textContent ?? '' : '';
      const what = i < heads.length - 3 ? head + ': ' + (/^[+\\u2212\\d]/.test(figure) ? 'score ' : '') : head + ' ';
      return 'Layer ' + (row.cells[0]?.textContent ?? '') + ', ' + what + figure + (norm === '' || norm === 'n/c' ? '' : ', |\\u0394W| ' + norm);
    }));
  };

  /** What each dot says. @param {SVGSVGElement} svg @returns {string[][]} */
  const dotTexts = (svg) => [rowsOf(svg.dataset.table).map((row) => {
    const [name, mean, count] = [...row.cells].map((cell) => cell.textContent ?? '');
    return name + ': mean score ' + mean + ', ' + count + (count === '1' ? ' fine-tune' : ' fine-tunes');
  })];

  /** Makes a picture a grid that is walked with the arrow keys; one cell at a time can be focused. @param {SVGSVGElement} svg */
  const enhance = (svg) => {
    const isGrid = svg.classList.contains('karyogram');
    const texts = isGrid ? gridTexts(svg) : dotTexts(svg);
    const rows = [...svg.querySelectorAll('.r')].map((row) => [...row.children]);
    const readout = document.createElement('p');
    readout.className = 'readout';
    readout.textContent = isGrid ? HINT : DOTS;
    (svg.parentElement?.classList.contains('picture') ? svg.parentElement : svg).before(readout);
    const cursor = document.createElementNS(SVG, 'g');
    cursor.setAttribute('class', 'cursor');
    cursor.setAttribute('aria-hidden', 'true');
    for (const part of ['outer', 'inner']) {
      const box = document.createElementNS(SVG, 'rect');
      box.setAttribute('class', part);
      cursor.append(box);
    }
    svg.setAttribute('role', 'grid');
    rows.forEach((cells, r) => {
      cells[0]?.parentElement?.setAttribute('role', 'row');
      cells.forEach((cell, c) => {
        cell.setAttribute('role', 'gridcell');
        cell.setAttribute('tabindex', '-1');
        cell.setAttribute('aria-label', texts[r]?.[c] ?? '');
      });
    });
    const first = rows[0]?.[0];
    if (first === undefined) return;
    /** @type {Element} the one cell that Tab reaches */
    let current = first;
    current.setAttribute('tabindex', '0');

    /** @param {Element} cell */
    const show = (cell) => {
      readout.textContent = cell.getAttribute('aria-label');
      const { x, y, width, height } = /** @type {SVGGraphicsElement} */ (cell).getBBox();
      cursor.setAttribute('transform', cell.parentElement?.getAttribute('transform') ?? '');
      for (const box of cursor.children) {
        for (const [name, value] of Object.entries({ x: x - 1, y: y - 1, width: width + 2, height: height + 2 })) box.setAttribute(name, String(value));
      }
      svg.append(cursor);
    };
    const focused = () => (document.activeElement !== null && svg.contains(document.activeElement) ? document.activeElement : null);
    const rest = () => {
      const cell = focused();
      if (cell !== null) show(cell);
      else cursor.remove();
    };
    /** @param {EventTarget | null} target */
    const cellOf = (target) => (target instanceof Element && svg.contains(target) && target.getAttribute('role') === 'gridcell' ? target : null);

    svg.addEventListener('pointerover', (event) => {
      const cell = cellOf(event.target);
      if (cell === null) rest();
      else show(cell);
    });
    svg.addEventListener('pointerleave', rest);
    svg.addEventListener('click', (event) => {
      const cell = cellOf(event.target);
      if (cell instanceof SVGElement) cell.focus();
    });
    // Chromium takes an svg that listens to the focus for one that can have it: its parent listens.
    const around = svg.parentElement ?? svg;
    around.addEventListener('focusin', (event) => {
      const cell = cellOf(event.target);
      if (cell === null) return;
      current.setAttribute('tabindex', '-1');
      current = cell;
      current.setAttribute('tabindex', '0');
      show(cell);
    });
    around.addEventListener('focusout', () => { setTimeout(rest, 0); });
    svg.addEventListener('keydown', (event) => {
      const r = rows.findIndex((cells) => cells.includes(current));
      const c = rows[r]?.indexOf(current) ?? -1;
      const last = (rows[r]?.length ?? 1) - 1;
      /** @type {Record<string, [number, number]>} */
      const moves = {
        ArrowRight: [r, c + 1], ArrowLeft: [r, c - 1], ArrowDown: [r + 1, c], ArrowUp: [r - 1, c],
        Home: [event.ctrlKey ? 0 : r, 0], End: [event.ctrlKey ? rows.length - 1 : r, last],
      };
      const [row, column] = moves[event.key] ?? [-1, -1];
      const next = rows[row]?.[column];
      if (moves[event.key] === undefined || event.altKey || event.metaKey) return;
      event.preventDefault();
      if (next instanceof SVGElement) next.focus();
    });
  };

  /** Sorts a table by the column of a button. @param {HTMLTableElement} table @param {number} column */
  const sort = (table, column) => {
    const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
    const body = table.tBodies[0];
    if (body === undefined) return;
    const up = heads[column]?.getAttribute('aria-sort') !== 'ascending';
    heads.forEach((head, i) => {
      if (i === column) head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      else head.removeAttribute('aria-sort');
    });
    /** @param {HTMLTableRowElement} row */
    const key = (row) => row.cells[column]?.dataset.sort ?? row.cells[column]?.textContent ?? '';
    const order = new Intl.Collator('en', { numeric: true });
    /** @param {string} a @param {string} b */
    const compare = (a, b) => (a !== '' && b !== '' && !Number.isNaN(Number(a)) && !Number.isNaN(Number(b)) ? Number(a) - Number(b) : order.compare(a, b));
    body.append(...[...body.rows].sort((a, b) => (up ? 1 : -1) * compare(key(a), key(b))));
  };

  for (const svg of document.querySelectorAll('svg[data-table]')) if (svg instanceof SVGSVGElement) enhance(svg);
  for (const table of document.querySelectorAll('table.sortable')) {
    if (!(table instanceof HTMLTableElement)) continue;
    [...(table.tHead?.rows[0]?.cells ?? [])].forEach((head, column) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = head.textContent;
      button.addEventListener('click', () => { sort(table, column); });
      head.replaceChildren(button);
    });
  }

  /** @type {HTMLDetailsElement[]} folds that are open for the printer only */
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll('details')].filter((fold) => !fold.open);
    for (const fold of opened) fold.open = true;
  });
  addEventListener('afterprint', () => {
    for (const fold of opened) fold.open = false;
    opened = [];
  });
})();
`;
