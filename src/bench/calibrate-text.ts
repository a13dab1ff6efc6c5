/** What `calibrate` says. In: a calibration. Out: text for a terminal. Pure. */
import { signed } from '../report/numbers.js';
import type { Calibration } from './calibrate.js';
import { lineTable, nullTable } from './choice-tables.js';
import { fixed, tableText, type Table } from './tables.js';

/** --format json has all. */
const MOST_NULLS = 12;

export function calibrationText({ choice, signatures }: Calibration, width: number): string {
  const table: Table = {
    title: 'Signatures',
    head: ['trait', 'slope', 'at 0', 'residual sd', 'n', 'benign sources', 'r', 'of', 'ceiling', ''],
    rows: signatures.map(({ signature, document: { calibration, null: groups, evidence }, lacks }) => [
      signature.trait, fixed(calibration?.slope ?? null), calibration === null ? '–' : signed(calibration.intercept, 3), fixed(calibration?.residualSd ?? null), String(calibration?.n ?? 0),
      groups.map(({ sources }) => sources.length).join(' + ') || '0', fixed(evidence.r), String(evidence.n), fixed(typeof evidence['ceiling'] === 'number' ? evidence['ceiling'] : null), lacks ?? '',
    ]),
    note: 'r: predicted against measured shift over organisms that the prediction does not rest on.',
  };
  const leftOut = signatures.filter((s) => s.leftOut.length > 0).map(({ signature, leftOut: sources }) => `  ${signature.trait}: without ${sources.join(', ')}, which the signature was made with\n`);
  return [tableText(nullTable(choice, MOST_NULLS), width), tableText(lineTable(choice), width), `${tableText(table, width)}${leftOut.join('')}`].join('\n');
}
