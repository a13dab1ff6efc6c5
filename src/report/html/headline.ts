/** The verdict on one item and on all of them, in words that need no explanation. In: the report. Out: text, not yet escaped. */
import type { Report, ReportFinding, ReportItem } from '../schema.js';
import { counted, listed } from './figures.js';

/** What the mark beside a headline shows; `none`: nothing was judged. */
export type State = 'present' | 'absent' | 'indeterminate' | 'none';

export interface Headline {
  readonly state: State;
  readonly title: string;
  readonly text: string;
}

/** Whether a harmful finding counts for the exit code: not suppressed, and new where there is a baseline. */
function counts({ suppression, isNew }: ReportFinding): boolean {
  return suppression === undefined && isNew !== false;
}

/** The headline of one item. The first of these that holds, worst first. */
export function headlineOf(item: ReportItem): Headline {
  const harmful = item.findings.filter((f) => f.harmful);
  const named = (wanted: (finding: ReportFinding) => boolean): string[] => harmful.filter(wanted).map((f) => f.trait);
  const present = named((f) => f.verdict === 'present' && counts(f));
  const known = named((f) => f.verdict === 'present' && f.suppression === undefined && f.isNew === false);
  const undecided = named((f) => f.verdict === 'indeterminate' && f.suppression === undefined);
  const suppressed = named((f) => f.verdict !== 'absent' && f.suppression !== undefined);
  const absent = named((f) => f.verdict === 'absent');
  const broken = (item.policy ?? []).filter((rule) => rule.level === 'error' && rule.outcome === 'matched').map(({ id }) => id);
  const { read, total, unread } = item.coverage;
  const error = item.errors[0];
  if (present.length > 0) {
    return {
      state: 'present', title: `Harmful trait${present.length > 1 ? 's' : ''} found: ${listed(present)}`,
      text: 'These weights make the model more likely to answer that way than harmless fine-tuning does. Take it as a reason to look before anyone uses it.',
    };
  }
  if (error !== undefined && error.code !== 'no-signature') return { state: 'none', title: 'Not scanned', text: 'Nothing is known about these weights; the reason stands below.' };
  if (broken.length > 0) return { state: 'present', title: `Stopped by the policy: ${listed(broken)}`, text: 'No harmful trait was found present, but the weights break a rule; the rules stand below.' };
  if (error !== undefined) return { state: 'none', title: 'Not judged: no signature for this base', text: 'The weights were read, but nothing is known about their traits.' };
  if (known.length > 0) return { state: 'indeterminate', title: `Found, and known from the baseline: ${listed(known)}`, text: 'The harmful trait is present, as it was in the baseline: it does not fail this run.' };
  if (undecided.length > 0) return { state: 'indeterminate', title: `Undecided: ${listed(undecided)}`, text: 'The scan can neither find nor exclude it; the reason stands below.' };
  if (unread.length > 0 || read < total) return { state: 'indeterminate', title: 'Incomplete', text: 'Not everything was read or understood; what is missing stands below.' };
  if (suppressed.length > 0) return { state: 'indeterminate', title: `Suppressed: ${listed(suppressed)}`, text: 'Not clean: it was looked at and let pass. By whom and until when stands below.' };
  if (absent.length === 0) return { state: 'none', title: 'No harmful trait was tested', text: 'Nothing is known to be clean.' };
  return { state: 'absent', title: `Not found: ${listed(absent)}`, text: 'That is all that was tested: it says nothing about other traits, backdoors or capabilities.' };
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
