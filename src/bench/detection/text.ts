/** `bench detection` for a terminal. In: its figures. Out: text. Pure. */
import { nullName, lineName } from '../choice-tables.js';
import { tableText } from '../tables.js';
import type { Detection } from './detect.js';
import { aimsTable, baselineTable, besideTable, predictionTable, rowsTable, shippedTable, summaryTable, undecidedTable, variantTable } from './tables.js';

export function detectionText(detection: Detection, width: number): string {
  const { set, chance, choice, fitOn } = detection;
  const tables = [
    aimsTable(detection), summaryTable(detection, 'short'), shippedTable(detection, 'short'), predictionTable(detection), undecidedTable(detection), besideTable(detection),
    rowsTable(detection, ['split', 'form', 'targets', 'rank', 'steps', 'rate'], 'By kind', 'short'), rowsTable(detection, ['group'], 'By group', 'short'), rowsTable(detection, ['source'], 'By source', 'short'), variantTable(detection), baselineTable(detection),
  ];
  const head = [
    `${set.organisms} organisms of ${set.sources} sources${set.test > 0 ? `, ${set.test} of them with no part in any choice` : ''}${set.apart > 0 ? `, ${set.apart} apart` : ''}${set.notRead.length > 0 ? `; not read: ${set.notRead.join(', ')}` : ''}`,
    `null: ${nullName(choice.design.null)}; line: ${lineName(choice.design.line)}; fitted on ${fitOn === 'all' ? 'all sources but those of what is judged' : 'the split calibration but for the sources of what is judged'}`,
    `seed ${chance.seed}, ${chance.resamples} resamples`,
  ];
  return `${head.join('\n')}\n\n${tables.filter(({ rows }) => rows.length > 0).map((table) => tableText(table, width)).join('\n')}`;
}
