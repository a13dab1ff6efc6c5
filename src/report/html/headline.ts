/** The verdict on one item and on all of them, in words that need no explanation. In: the report. Out: text, not yet escaped. */
import { counts } from '../exit.js';
import { headlineOf as itemHeadline, type HeadlineKind } from '../headline.js';
import type { Report, ReportItem } from '../schema.js';
import { counted, listed } from './figures.js';

/** What the mark beside a headline shows; `none`: nothing was judged. */
export type State = 'present' | 'absent' | 'indeterminate' | 'none';

export interface Headline {
  readonly state: State;
  readonly title: string;
  readonly text: string;
}

/** How each headline is put on a page; `names` are traits or rules. */
const TITLES: Readonly<Record<HeadlineKind, readonly [State, title: (names: string) => string, text?: string]>> = {
  'present': ['present', (names) => `Harmful trait found: ${names}`, 'These weights make the model more likely to answer that way than harmless fine-tuning does. Take it as a reason to look before anyone uses it.'],
  'not-scanned': ['none', () => 'Not scanned', 'Nothing is known about these weights; the reason stands below.'],
  'policy': ['present', (names) => `Stopped by the policy: ${names}`, 'No harmful trait was found present, but the weights break a rule; the rules stand below.'],
  'contaminated': ['indeterminate', (names) => `Contaminated ancestor: ${names}`],
  'no-signature': ['none', () => 'Not judged: no signature for this base'],
  'known': ['indeterminate', (names) => `Found, and known from the baseline: ${names}`],
  'undecided': ['indeterminate', (names) => `Undecided: ${names}`],
  'incomplete': ['indeterminate', () => 'Incomplete'],
  'suppressed': ['indeterminate', (names) => `Suppressed: ${names}`],
  'untested': ['none', () => 'No harmful trait was tested', 'Nothing is known to be clean.'],
  'absent': ['absent', (names) => `Not found: ${names}`],
};

/** The headline of one item. */
export function headlineOf(item: ReportItem): Headline {
  const { kind, names, explanation } = itemHeadline(item);
  const [state, title, text = explanation] = TITLES[kind];
  return { state, title: title(listed(names)), text };
}

/** The headline of the page. */
export function pageHeadline(report: Report): Headline {
  const { items } = report;
  const [only] = items;
  if (only === undefined) return { state: 'none', title: 'Nothing was scanned', text: 'The report holds no model.' };
  if (items.length === 1) return headlineOf(only);
  const states = items.map((item) => headlineOf(item).state);
  const number = (state: State) => states.filter((s) => s === state).length;
  const all = counted(items.length, 'model');
  const text = tally([
    [number('present'), 'failed'], [number('indeterminate'), 'undecided, incomplete or let pass'], [number('none'), 'not judged'], [number('absent'), 'without any of the tested traits'],
  ]);
  const harmful = items.filter((item) => item.findings.some((f) => f.harmful && counts(f) && f.verdict === 'present')).length;
  if (harmful > 0) return { state: 'present', title: `${harmful} of ${all} ${harmful === 1 ? 'carries' : 'carry'} a harmful trait`, text };
  if (number('present') > 0) return { state: 'present', title: `${number('present')} of ${all} stopped by the policy`, text };
  if (number('none') + number('indeterminate') > 0) return { state: number('indeterminate') > 0 ? 'indeterminate' : 'none', title: `No harmful trait found, but not all of ${all} could be judged`, text };
  return { state: 'absent', title: `None of the tested traits found in ${all}`, text: 'That is all that was tested: it says nothing about other traits, backdoors or capabilities.' };
}

function tally(parts: readonly (readonly [number, string])[]): string {
  const text = listed(parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`));
  return `${text}.`;
}

/** What the exit code says, for someone who has never seen one. */
export function exitText(code: Report['exitCode']): string {
  switch (code) {
    case 0: return 'everything was read, and nothing fails the gate';
    case 1: return 'the gate failed';
    case 2: return 'something could not be read';
    case 3: return 'incomplete: something was not read, not judged or is undecided';
    case 130: case 143: return 'the run was ended before it was done';
  }
}
