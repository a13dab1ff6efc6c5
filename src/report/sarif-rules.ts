/** The rules of a SARIF log: what each kind of result means and what to do about it. Pure. */
import type { Notification, ReportingDescriptor } from 'sarif';
import { escapeText } from '../text.js';
import { prose } from './markdown-text.js';
import type { Report } from './schema.js';

export const INCOMPLETE = 'scan-incomplete';
export const ERROR = 'scan-error';
export const CONTAMINATED = 'contaminated-ancestor';

export const traitRule = (trait: string): string => `trait-${escapeText(trait)}`;
export const policyRule = (id: string): string => `policy-${escapeText(id)}`;
export const besideRule = (what: string): string => `beside-${what}`;

/**
 * A text as SARIF messages have it: no control or bidi characters, and nothing that is a link (`[x](y)`) or a placeholder (`{0}`).
 * The escapes of `escapeText` are written without braces, which would have to be doubled.
 */
export function sarifText(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`)
    .replace(/[[\]]/gu, '\\$&')
    .replace(/[{}]/gu, '$&$&');
}

const HELP_MEANS = 'The score of a trait sums up, over the weights that its signature scores, how far each was moved in the directions that make the base model likelier to answer with the trait. present: no benign fine-tune of this kind is likely to score so high (p below the level), and the predicted shift is large enough to matter. indeterminate: it can be neither found nor excluded.';
const HELP_MEND = 'present: do not load these weights where it matters; ask who made them and from which data, and test their answers before anything else. indeterminate: read the reason, give what is missing (the base, the unread files) and scan again, or judge the answers by hand. weightseq explain TRAIT --report REPORT.json says it at length.';

const BESIDE_TEXT: Readonly<Record<Report['items'][number]['beside'][number]['what'], string>> = {
  'pickle': 'A pickle beside the weights: loading it can run any code.',
  'script': 'A script beside the weights: some loaders run it.',
  'archive': 'An archive beside the weights: what it holds was not looked at.',
  'remote-code': 'The configuration asks the loader to run code that comes with the weights.',
  'template': 'A chat template with code.',
  'weights': 'Weights that were not read, and that a loader could take instead.',
  'binary': 'A binary file beside the weights: what it holds was not looked at.',
  'unseen': 'Something beside the weights that was not looked at.',
};

/** One descriptor for each rule that this report could break, sorted by id. */
export function rulesOf(report: Report): ReportingDescriptor[] {
  const rules = new Map<string, ReportingDescriptor>();
  const add = (id: string, level: 'error' | 'warning' | 'note', short: string, full: string, help: string, tags: string[]) => {
    if (rules.has(id)) return;
    rules.set(id, {
      id, name: pascal(id), defaultConfiguration: { level }, properties: { tags },
      shortDescription: { text: sarifText(short) }, fullDescription: { text: sarifText(full) },
      help: { text: sarifText(`${full}\n\n${help}`.replaceAll('\n', ' ')), markdown: `${prose(full)}\n\n${prose(help)}` },
    });
  };
  add(INCOMPLETE, 'warning', 'Not everything was read or understood.', 'Something that matters was not read, is not supported or is not known: whether these weights are clean is not known either.', 'Each missing thing is named with its reason. Give what is missing and scan again.', ['coverage']);
  add(ERROR, 'error', 'The item could not be scanned.', 'The path holds no weights that can be read, or no signature is known for their base.', 'The message names the file and what would mend it.', ['coverage']);
  for (const item of report.items) {
    for (const { trait, description, harmful } of item.findings) {
      const kind = harmful ? 'Harmful trait' : 'Benign control';
      add(traitRule(trait), harmful ? 'error' : 'note', `${kind} ${trait} in model weights.`, `${kind} ${trait}: ${description} ${HELP_MEANS}`, HELP_MEND, ['model-weights', harmful ? 'security' : 'control']);
    }
    for (const { id, level, message } of item.policy ?? []) {
      add(policyRule(id), level, `Rule ${id} of the policy ${report.policy?.name ?? ''}.`, `Rule ${id}: ${message}`, 'The rule is written in the policy file that the scan was given.', ['policy']);
    }
    if ((item.contamination?.ancestors.length ?? 0) > 0) {
      add(CONTAMINATED, 'warning', 'An ancestor is listed as contaminated.', 'A model that these weights descend from, or are merged with, is listed in the contamination registry: a descendant inherits the warning even where its own shift is too small to be seen.', 'The message says who lists it and how much of the ancestor\'s change is still present. Start again from a clean ancestor, or have the model judged by its answers.', ['lineage', 'security']);
    }
    for (const { what } of item.beside) add(besideRule(what), 'warning', BESIDE_TEXT[what], BESIDE_TEXT[what], 'Remove the file if nothing needs it; otherwise look at it before the folder is loaded. A policy can fail on it.', ['files', 'security']);
  }
  return [...rules.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

const NOTICES = {
  'error': ['error', 'An item could not be scanned.'],
  'incomplete': ['warning', 'Not everything of an item was read or understood.'],
  'interrupted': ['error', 'The run was ended before all items were scanned.'],
  'cut': ['warning', 'There are more results than are listed; the JSON report holds all.'],
  'not-found': ['note', 'A trait was tested and not found.'],
  'suppressed': ['note', 'A finding was looked at and let pass.'],
  'suppression': ['warning', 'A suppression has expired or matches nothing.'],
} as const satisfies Record<string, readonly [level: Notification.level, text: string]>;

/** A notice about the run, of one of the kinds above. */
export function notice(id: keyof typeof NOTICES, text: string, more: Partial<Notification> = {}): Notification {
  return { descriptor: { id: noticeId(id) }, level: NOTICES[id][0], message: { text: sarifText(text) }, ...more };
}

/** The kinds of notices. */
export function noticeKinds(): ReportingDescriptor[] {
  return Object.entries(NOTICES).map(([id, [, text]]) => ({ id: noticeId(id), name: pascal(noticeId(id)), shortDescription: { text }, fullDescription: { text }, help: { text } }));
}

function noticeId(id: string): string {
  return `notice-${id}`;
}

/** A friendly name, as viewers expect it: `trait-evil` becomes TraitEvil. */
function pascal(id: string): string {
  return id.split(/[^A-Za-z0-9]+/u).map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
