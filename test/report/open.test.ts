import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openReport, parseReport } from '../../src/report/open.js';
import { ABSENT, HOSTILE, hostileReport, ITEM, reportOf } from '../helpers/reports.js';
import { temporaryFolder } from '../helpers/fixtures.js';
import { rejected, thrown } from '../helpers/safetensors.js';

describe('a saved report', () => {
  it('is read as it was written', async (t) => {
    const file = join(temporaryFolder(t), 'r.json');
    for (const report of [reportOf(), reportOf(ITEM, ABSENT), ...HOSTILE.map(hostileReport)]) {
      writeFileSync(file, `\ufeff${JSON.stringify(report)}`);
      assert.deepEqual(await openReport(file), JSON.parse(JSON.stringify(report)));
    }
  });

  const bad: [string, string, RegExp][] = [
    ['nothing', ' \n', /^the report is empty$/],
    ['no JSON', '{', /^the report is not JSON$/],
    ['another type', '[]', /^the report: /],
    ['another document', '{"version":"2.1.0","runs":[]}', /^field schemaVersion: /],
    ['a newer version', '{"schemaVersion":2}', /^the report has schema version 2, this program reads version 1$/],
    ['a wrong type deep inside', JSON.stringify({ ...reportOf(ITEM), items: [{ ...ITEM, findings: [{ ...ITEM.findings[0], p: 2 }] }] }), /^field items\.0\.findings\.0\.p: /],
    ['a field too many', JSON.stringify({ ...reportOf(), 'ex\u001btra': 1 }), /^the report: .*ex\\u\{1b\}tra/],
    ['a very long name of a field', JSON.stringify({ ...reportOf(), ['x'.repeat(5000)]: 1 }), /…$/],
  ];
  for (const [name, text, message] of bad) {
    it(`is refused with the field that is wrong: ${name}`, () => {
      const error = thrown(() => parseReport(text, 'r.json'));
      assert.deepEqual([error.code, error.file], ['report-invalid', 'r.json']);
      assert.match(error.message, message);
    });
  }

  it('is refused when there is none', async (t) => {
    const folder = temporaryFolder(t);
    assert.equal((await rejected(openReport(join(folder, 'nowhere')))).code, 'not-found');
    assert.equal((await rejected(openReport(folder))).code, 'not-a-file');
  });
});
