/** One thing that doctor looked at. */
export interface Check {
  readonly name: string;
  /** ok: as it should be, or of no matter. warning: scans work. problem: some do not, or not as meant. */
  readonly status: 'ok' | 'warning' | 'problem';
  readonly detail: string;
  /** What to do about it; null where nothing needs doing. */
  readonly mend: string | null;
}

export function ok(name: string, detail: string, mend: string | null = null): Check {
  return { name, status: 'ok', detail, mend };
}

export function warning(name: string, detail: string, mend: string): Check {
  return { name, status: 'warning', detail, mend };
}

export function problem(name: string, detail: string, mend: string): Check {
  return { name, status: 'problem', detail, mend };
}
