/**
 * What an expression can come to. Besides numbers, texts and truths there are two: UNKNOWN, which the report does not say, and
 * EXCUSED, of a finding that is suppressed or stands in the baseline. Of truths false < EXCUSED < UNKNOWN < true; `and` is the
 * least of two, `or` the greatest, so that neither depends on the order in which a rule is written.
 */
export const UNKNOWN = Symbol('unknown');
export const EXCUSED = Symbol('excused');

export type Plain = number | string | boolean;
export type Value = Plain | typeof UNKNOWN | typeof EXCUSED;

/** A value, or that the report does not say it: null, and what is no number. */
export function known(value: Plain | null): Value {
  return value === null || Number.isNaN(value) ? UNKNOWN : value;
}

function rank(truth: Value): number {
  return truth === false ? 0 : truth === EXCUSED ? 1 : truth === UNKNOWN ? 2 : 3;
}

export function and(a: Value, b: Value): Value {
  return rank(a) <= rank(b) ? a : b;
}

export function or(a: Value, b: Value): Value {
  return rank(a) >= rank(b) ? a : b;
}

export function not(a: Value): Value {
  return typeof a === 'boolean' ? !a : a;
}

/** The one of two that a condition chooses. */
export function choose(condition: Value, yes: () => Value, no: () => Value): Value {
  return typeof condition === 'boolean' ? (condition ? yes() : no()) : condition;
}

/** A function of plain values; what is unknown wins over what is excused, and what is no number is unknown. */
export function lift(of: (values: readonly Plain[]) => Plain): (values: readonly Value[]) => Value {
  return (values) => {
    if (values.includes(UNKNOWN)) return UNKNOWN;
    if (values.includes(EXCUSED)) return EXCUSED;
    return known(of(values.filter((value) => typeof value !== 'symbol')));
  };
}
