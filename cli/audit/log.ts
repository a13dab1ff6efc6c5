/** The audit log of a run. In: a file, and reports. Out: lines at its end, each flushed to disk before anything else happens. */
import { randomUUID } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { asWeightseqError, WeightseqError, type RunExitCode } from '../../src/errors.js';
import { systemCode } from '../../src/files.js';
import type { Report, ReportItem } from '../../src/report/schema.js';
import { isAuditLog, linkTo, seal, type AuditEvent } from './chain.js';

export interface Audit {
  /**
   * One line for each item of a report, before the report is shown.
   * @throws WeightseqError `write-failed`
   */
  readonly items: (report: Report) => Promise<void>;
}

/** What every line says of the run. */
export interface RunFacts {
  readonly version: string;
  readonly argv: readonly string[];
  readonly cwd: string;
}

const TAIL = 1 << 16;

/**
 * Runs an action under an audit log: a line for its start, one for each item, one for its end. Without a file there is none.
 * @param settings what was set otherwise than by default, and where; plain JSON
 * @throws WeightseqError `write-failed` when a line cannot be written: an audited run never goes unaudited
 */
export async function audited(file: string | undefined, facts: RunFacts, settings: unknown, action: (audit: Audit | null) => Promise<RunExitCode>): Promise<RunExitCode> {
  if (file === undefined) return action(null);
  const handle = await openLog(file);
  const write = writer(handle, file, facts);
  let items = 0;
  try {
    await write('start', { settings });
    let exitCode: RunExitCode;
    try {
      exitCode = await action({
        items: async (report) => {
          for (const item of report.items) {
            await write('item', itemFacts(item, report));
            items++;
          }
        },
      });
    } catch (thrown) {
      const { code, exitCode } = asWeightseqError(thrown);
      // What went wrong first is what is told; if it was this log, the second failure says nothing new.
      await write('end', { items, exitCode, error: code }).catch(() => undefined);
      throw thrown;
    }
    await write('end', { items, exitCode, error: null });
    return exitCode;
  } finally {
    await handle.close();
  }
}

async function openLog(file: string): Promise<FileHandle> {
  let handle: FileHandle | null = null;
  try {
    handle = await open(file, 'a+', 0o600);
    if (!(await handle.stat()).isFile()) throw new WeightseqError('usage', 'an audit log is a regular file', { file, mend: 'Give the path of a file.' });
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0);
    if (bytesRead > 0 && !isAuditLog(buffer.toString('utf8', 0, bytesRead))) {
      throw new WeightseqError('usage', 'this file is something else than an audit log, and would be spoilt', { file, mend: 'Give the path of an audit log or of a new file.' });
    }
    return handle;
  } catch (error) {
    await handle?.close();
    throw error instanceof WeightseqError ? error : failed(file, error);
  }
}

function failed(file: string, cause: unknown): WeightseqError {
  return new WeightseqError('write-failed', `can't write the audit log (${systemCode(cause)})`, {
    file, cause, mend: 'Nothing goes unaudited: give a path that can be written, or leave --audit-log out.',
  });
}

function writer(handle: FileHandle, file: string, facts: RunFacts): (event: AuditEvent, body: object) => Promise<void> {
  const run = randomUUID();
  const who = { user: userName(), host: hostname(), pid: process.pid, ...facts };
  let seq = 0;
  let before: string | null = null;
  return async (event, body) => {
    try {
      const tail = await lastLine(handle);
      const time = new Date().toISOString();
      const above = tail.line === '' ? null : linkTo(tail.line);
      const { line, sha256 } = seal({ schemaVersion: 1, event, run, seq, before, above, time, ...who, ...body });
      // One write, at the end whoever else writes. A line that another run could not finish stays, by itself.
      const bytes = Buffer.from(`${tail.isWhole ? '' : '\n'}${line}\n`);
      const { bytesWritten } = await handle.write(bytes);
      if (bytesWritten !== bytes.length) throw new WeightseqError('write-failed', "can't write the audit log: only a part of a line was taken", { file, mend: 'Free some space.' });
      await handle.sync();
      [seq, before] = [seq + 1, sha256];
    } catch (error) {
      throw error instanceof WeightseqError ? error : failed(file, error);
    }
  };
}

/** The last line of the log, and whether it has its line end; empty for an empty log. */
async function lastLine(handle: FileHandle): Promise<{ line: string; isWhole: boolean }> {
  const { size } = await handle.stat();
  for (let length = Math.min(size, TAIL); ; length = Math.min(size, length * 4)) {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    const text = buffer.subarray(0, bytesRead);
    const isWhole = text.length === 0 || text.at(-1) === 0x0a;
    const end = text.length - (isWhole && text.length > 0 ? 1 : 0);
    const start = text.subarray(0, end).lastIndexOf(0x0a) + 1;
    if (start > 0 || length === size) return { line: text.toString('utf8', start, end), isWhole };
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user without an entry in passwd.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

function itemFacts(item: ReportItem, { failOn, policy, baseline }: Report): object {
  const { path, kind, digest, files, base, coverage, exitCode } = item;
  return {
    path, kind, digest, files,
    base: { name: base.name, how: base.how },
    read: coverage.read, total: coverage.total, unread: coverage.unread.length,
    findings: item.findings.map((f) => ({
      trait: f.trait, harmful: f.harmful, verdict: f.verdict, score: f.score, shift: f.shift, p: f.p, signature: f.signature.sha256,
      ...(f.suppression === undefined ? {} : { suppression: f.suppression }), ...(f.isNew === undefined ? {} : { isNew: f.isNew }),
    })),
    errors: item.errors.map(({ code }) => code),
    ...(item.contamination === undefined ? {} : { registry: item.contamination.registry, contaminated: item.contamination.ancestors.map(({ ancestor, direction, share }) => ({ ancestor, direction, share })) }),
    failOn, policy: policy?.name ?? null, rules: item.policy ?? [], baseline: baseline ?? null,
    exitCode,
  };
}
