/** --verbose on one scanned item. In: the item of a report. Out: events of the log. */
import { bytes } from '../src/report/numbers.js';
import type { ReportItem } from '../src/report/schema.js';
import { escapeText } from '../src/text.js';
import { log } from './log.js';

/** What --verbose says of a scanned item: base, files, signatures, outcome. */
export function logItem(item: ReportItem): void {
  const { path, base, coverage, findings, files, seconds, exitCode } = item;
  const say = (event: string, message: string, fields: object) => { log.debug(event, `${escapeText(path)}: ${message}`, { path, ...fields }); };
  say('item.base', base.name === null ? 'no known base' : `base ${escapeText(base.name)} (${base.how})`, { base: base.name, how: base.how, declared: base.declared });
  for (const { name, bytes: size, sha256 } of files) {
    say('item.file', `${escapeText(name)}, ${bytes(size)}${sha256 === null ? '' : `, sha256 ${sha256}`}`, { file: name, bytes: size, sha256 });
  }
  for (const { trait, verdict, signature } of findings) {
    say('item.signature', `signature ${escapeText(signature.file)} (${signature.sha256.slice(0, 12)}…): ${escapeText(trait)} ${verdict}`, { trait, verdict, signature: signature.file, sha256: signature.sha256 });
  }
  say('item.done', `read ${coverage.read} of ${coverage.total} weights, ${bytes(coverage.bytes)} in ${seconds.toFixed(2)} s, exit ${exitCode}`, {
    read: coverage.read, total: coverage.total, bytes: coverage.bytes, seconds, exitCode,
  });
}
