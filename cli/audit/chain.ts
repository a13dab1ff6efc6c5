/**
 * The lines of an audit log, pure. Each ends in the sha256 of what stands before that in it, and names two lines above: the one
 * that its own run wrote before (`before`), and the last one in the file when it was written (`above`). Runs that write at once
 * need no lock for it: each has its chain, and the chains are tied together. In: a record, or a whole log. Out: a line, or what is wrong.
 */
import { createHash } from 'node:crypto';
import { escapeJson } from '../../src/report/json.js';

export const EVENTS = ['start', 'item', 'end'] as const;
export type AuditEvent = (typeof EVENTS)[number];

export interface AuditRecord {
  readonly schemaVersion: 1;
  readonly event: AuditEvent;
  /** Which run, a UUID, and the number of this line in it, from 0. */
  readonly run: string;
  readonly seq: number;
  readonly before: string | null;
  readonly above: string | null;
  readonly [more: string]: unknown;
}

export interface Problem {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

export interface AuditCheck {
  readonly lines: number;
  readonly runs: number;
  readonly problems: readonly Problem[];
  /** Runs without an end: killed, still running, or cut off with the end of the file. */
  readonly unfinished: readonly { readonly run: string; readonly line: number; readonly time: string }[];
  /** sha256 of the last line; null for an empty log. Whoever keeps it elsewhere can show later that nothing was cut off. */
  readonly head: string | null;
}

const SEAL = /^(?<body>\{"schemaVersion":1,"event":.*),"sha256":"(?<sha256>[0-9a-f]{64})"\}$/su;

export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The record as a line without line end, sealed with its sha256. */
export function seal(record: AuditRecord): { readonly line: string; readonly sha256: string } {
  const body = escapeJson(JSON.stringify(record));
  const sha256 = sha256Of(body);
  return { line: `${body.slice(0, -1)},"sha256":"${sha256}"}`, sha256 };
}

/** Whether a file that begins so is an audit log. */
export function isAuditLog(start: string): boolean {
  return start.startsWith('{"schemaVersion":1,"event":"');
}

/** What the next line names as the one above: the seal of a line, or the sha256 of one that has none (a write that was cut off). */
export function linkTo(line: string): string {
  return SEAL.exec(line)?.groups?.['sha256'] ?? sha256Of(line);
}

/**
 * Checks a whole log.
 * @param head sha256 of a line that is known to have been written
 */
export function checkChain(text: string, head?: string): AuditCheck {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const seen = new Set<string>();
  const runs = new Map<string, { seq: number; sha256: string; ended: boolean; line: number; time: string }>();
  const problems: Problem[] = [];
  lines.forEach((text, i) => {
    const line = i + 1;
    const complain = (message: string) => { problems.push({ line, message }); };
    const record = parse(text);
    if (typeof record === 'string') complain(record);
    else {
      const { above, before, seq, run, event, sha256 } = record;
      const last = runs.get(run);
      if (above === null ? line > 1 && seq > 0 : !seen.has(above)) complain('the line that stood above it when it was written is gone or was changed');
      if (last === undefined ? seq > 0 : seq !== last.seq + 1 || before !== last.sha256) {
        complain(last === undefined ? `the first ${seq} lines of its run are gone` : `it does not follow line ${last.line} of its run: a line between them is gone, or that one was changed`);
      }
      if (last?.ended === true) complain(`its run ended in line ${last.line}`);
      runs.set(run, { seq, sha256, line, ended: event === 'end', time: typeof record['time'] === 'string' ? record['time'] : '' });
    }
    seen.add(linkTo(text));
  });
  if (head !== undefined && !seen.has(head)) problems.push({ line: lines.length, message: `no line has the sha256 ${head}: lines are gone or were changed` });
  const unfinished = [...runs].filter(([, { ended }]) => !ended).map(([run, { line, time }]) => ({ run, line, time }));
  const last = lines.at(-1);
  return { lines: lines.length, runs: runs.size, problems, unfinished, head: last === undefined ? null : linkTo(last) };
}

/** The record of a line, or what is wrong with it. */
function parse(line: string): (AuditRecord & { sha256: string }) | string {
  const { body, sha256 } = SEAL.exec(line)?.groups ?? {};
  if (body === undefined || sha256 === undefined) return 'not a whole line of an audit log: a write was cut off, or it was changed';
  if (sha256Of(`${body}}`) !== sha256) return 'it was changed: its sha256 is another';
  try {
    const record = JSON.parse(line) as AuditRecord & { sha256: string };
    const isKnown = EVENTS.includes(record.event) && typeof record.run === 'string' && Number.isInteger(record.seq);
    return isKnown ? record : 'not a line that this version writes';
  } catch {
    return 'not JSON';
  }
}
