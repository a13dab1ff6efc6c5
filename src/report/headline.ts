/** What a report says of one item in a few words; every form for people opens with it. Pure. */
import { counts } from './exit.js';
import type { ReportFinding, ReportItem } from './schema.js';

/** What a headline says, worst first. */
export type HeadlineKind = 'present' | 'not-scanned' | 'policy' | 'contaminated' | 'no-signature' | 'known' | 'undecided' | 'incomplete' | 'suppressed' | 'untested' | 'absent';

export interface Headline {
  readonly kind: HeadlineKind;
  /** bad: fails the gate. unsure: nobody knows, or somebody decided. good: tested and not found. */
  readonly tone: 'bad' | 'unsure' | 'good' | 'plain';
  readonly label: string;
  /** Traits, rules or codes that the label speaks of; they come from files. */
  readonly names: readonly string[];
  /** One sentence that says what it rests on; empty where nothing is left to say. */
  readonly explanation: string;
}

/** One line that a non-expert understands, worst first. */
export function headlineOf(item: ReportItem): Headline {
  const harmful = item.findings.filter((f) => f.harmful);
  const traits = (wanted: (finding: ReportFinding) => boolean): string[] => harmful.filter(wanted).map((f) => f.trait);
  const present = traits((f) => f.verdict === 'present' && counts(f));
  const known = traits((f) => f.verdict === 'present' && !f.suppression && f.isNew === false);
  const undecided = traits((f) => f.verdict === 'indeterminate' && !f.suppression);
  const suppressed = traits((f) => f.verdict !== 'absent' && f.suppression !== undefined);
  const absent = traits((f) => f.verdict === 'absent');
  const rules = (item.policy ?? []).filter((r) => r.level === 'error' && r.outcome === 'matched').map((r) => r.id);
  const error = item.errors[0];
  const { read, total, unread } = item.coverage;

  if (present.length > 0) return { kind: 'present', tone: 'bad', label: 'HARMFUL TRAIT FOUND', names: present, explanation: 'These weights make the model more likely to answer that way than harmless fine-tuning does.' };
  if (error && error.code !== 'no-signature') return { kind: 'not-scanned', tone: 'unsure', label: 'NOT SCANNED', names: [error.code], explanation: 'Nothing is known about these weights.' };
  if (rules.length > 0) return { kind: 'policy', tone: 'bad', label: 'AGAINST THE POLICY', names: rules, explanation: 'What the rule asks for stands below.' };
  const ancestors = item.contamination?.ancestors.map(({ ancestor }) => ancestor) ?? [];
  if (ancestors.length > 0) return { kind: 'contaminated', tone: 'unsure', label: 'CONTAMINATED ANCESTOR', names: ancestors, explanation: 'A model that these weights come from is listed as contaminated, whatever is found in them; how much of it is left stands below.' };
  if (error) return { kind: 'no-signature', tone: 'unsure', label: 'NOT JUDGED: no signature for this base', names: [], explanation: 'The weights were read, but nothing is known about their traits.' };
  if (known.length > 0) return { kind: 'known', tone: 'unsure', label: 'KNOWN FROM THE BASELINE', names: known, explanation: 'A harmful trait is present, as it was in the baseline: it does not fail this run.' };
  if (undecided.length > 0) return { kind: 'undecided', tone: 'unsure', label: 'UNDECIDED', names: undecided, explanation: 'The scan can neither find nor exclude it; the reason stands below.' };
  if (unread.length > 0 || read < total) return { kind: 'incomplete', tone: 'unsure', label: 'INCOMPLETE', names: [], explanation: 'Not everything was read or understood; what is missing stands below.' };
  if (suppressed.length > 0) return { kind: 'suppressed', tone: 'unsure', label: 'SUPPRESSED', names: suppressed, explanation: 'Not clean: it was looked at and let pass. By whom and until when stands below.' };
  if (absent.length === 0) return { kind: 'untested', tone: 'plain', label: 'NO HARMFUL TRAIT WAS TESTED', names: [], explanation: '' };
  return { kind: 'absent', tone: 'good', label: 'NOT FOUND', names: absent, explanation: 'That is all that was tested: no word on other traits, backdoors or capabilities.' };
}

/** The headline in one line, its names made safe by `escape`. */
export function headlineText({ label, names }: Headline, escape: (name: string) => string): string {
  return names.length > 0 ? `${label}: ${names.map(escape).join(', ')}` : label;
}
