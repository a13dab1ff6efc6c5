/** What is wrong with an expression, and where. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  /** Characters (UTF-16 units) before the place in the expression. */
  readonly offset: number;
  readonly mend: string | undefined;

  constructor(message: string, offset: number, mend?: string) {
    super(message);
    this.offset = offset;
    this.mend = mend;
  }
}

/** The known name that was probably meant, as a question: at most two letters, or a third of them, off. */
export function didYouMean(name: string, names: Iterable<string>): string | undefined {
  const near = [...names].map((known) => ({ known, off: distance(name.toLowerCase(), known.toLowerCase()) })).sort((a, b) => a.off - b.off)[0];
  return near && near.off <= Math.max(1, Math.min(2, Math.floor(name.length / 3))) ? `Did you mean ${near.known}?` : undefined;
}

/** Letters to change, add or remove (Levenshtein), by rows. */
function distance(a: string, b: string): number {
  if (a.length > 64) return a.length;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
