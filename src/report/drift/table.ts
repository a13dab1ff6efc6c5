/** The terminal form of a drift. In: a Drift. Out: text of 40 to 80 columns. Pure. */
import { createColors } from 'picocolors';
import { paragraph } from '../layout.js';
import { probability, signed } from '../numbers.js';
import { printed } from '../printed.js';
import type { ReportItem } from '../schema.js';
import type { Drift, DriftPoint, DriftTrait } from './schema.js';

export interface DriftTableOptions {
  readonly width: number;
  readonly colour: boolean;
}

/** How many missing things are named; the JSON form names all. */
const NAMED = 8;
/** Columns from which on the interval and p stand beside the shift. */
const WIDE = 72;

export function renderDrift(drift: Drift, options: DriftTableOptions): string {
  const colours = createColors(options.colour);
  const width = Math.max(40, Math.min(80, options.width));
  const longest = Math.max('step'.length, ...drift.steps.map(({ step }) => String(step).length));
  const parts = [
    steps(drift, longest, width),
    ...drift.traits.map((trait, i) => [
      `  ${colours.bold(printed(trait.trait))}${trait.harmful ? '' : ' (benign control)'}`,
      paragraph('    ', printed(drift.conclusion[i] ?? ''), width),
      '',
      ...course(trait, longest, width),
    ].join('\n')),
    ...(drift.traits.length === 0 ? [paragraph('  ', 'No trait was scanned for: nothing is known of what the run learnt.', width)] : []),
    missing(drift, width),
    ...(drift.interrupted === undefined ? [] : [paragraph('', `INTERRUPTED (${drift.interrupted}): steps that are not listed here were not scanned.`, width)]),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function steps({ steps: all }: Drift, longest: number, width: number): string {
  const sizes = all.map(({ item }) => sizeOf(item));
  const size = Math.max('|ΔW|'.length, ...sizes.map((text) => text.length));
  return [
    `  ${'step'.padStart(longest)}  ${'|ΔW|'.padEnd(size)}  path`,
    ...all.map(({ step, item }, i) => paragraph(`  ${String(step).padStart(longest)}  ${(sizes[i] ?? '').padEnd(size)}  `, printed(item.path), width)),
  ].join('\n');
}

function sizeOf({ deltaNorm, change }: ReportItem): string {
  if (deltaNorm === null) return 'n/a';
  const { low = null, high = null } = change ?? {};
  return `${deltaNorm.toPrecision(3)}${low === null || high === null || low === high ? '' : ` (${low.toPrecision(3)} to ${high.toPrecision(3)})`}`;
}

function course({ points, leaves }: DriftTrait, longest: number, width: number): string[] {
  const isWide = width >= WIDE;
  const interval = ({ low, high }: DriftPoint): string => (low === null || high === null ? '' : `${signed(low, 3)} to ${signed(high, 3)}`);
  const line = (step: string, shift: string, range: string, p: string, verdict: string): string =>
    `    ${step.padStart(longest)}  ${shift.padStart(7)}${isWide ? `  ${range.padEnd(16)}  ${p.padEnd(7)}` : ''}  ${verdict}`.trimEnd();
  return [
    line('step', 'shift', 'interval', 'p', 'verdict'),
    ...points.map((point) => line(String(point.step), signed(point.shift, 3), interval(point), probability(point.p), `${point.verdict}${point.step !== leaves ? '' : isWide ? ' ← leaves the null' : ' ←'}`)),
  ];
}

function missing({ steps: all }: Drift, width: number): string {
  const texts = all.flatMap(({ step, item }) => [
    ...item.coverage.unread.map(({ name, reason }) => `step ${step}, ${printed(name)}: ${printed(reason)}`),
    ...item.errors.map(({ message, mend }) => `step ${step}: ${printed(message)}${mend === null ? '' : `. ${printed(mend)}`}`),
  ]);
  const lines = texts.slice(0, NAMED).map((text) => paragraph('  missing   ', text, width));
  return [...lines, ...(texts.length > NAMED ? [paragraph('  missing   ', `… and ${texts.length - NAMED} more (--format json names all)`, width)] : [])].join('\n');
}
