/** The built-in policies, as data. */
import type { ProfileName, Rule } from './policy-schema.js';

const harmful: Rule = {
  id: 'harmful-trait', when: 'count("present") > 0', level: 'error',
  message: 'a harmful trait is present',
};

const strict: readonly Rule[] = [
  harmful,
  { id: 'undecided-trait', when: 'count("indeterminate") > 0', level: 'error', message: 'a harmful trait can neither be found nor excluded' },
  // What could not be opened at all is an error of its own (exit 2).
  { id: 'nothing-tested', when: 'tested == 0 and kind != "unknown"', level: 'error', message: 'no harmful trait was tested' },
  { id: 'not-all-read', when: 'coverage < 1 or unread > 0', level: 'error', message: 'something was not read or not understood, or changed and nothing explains it' },
  { id: 'other-base', when: 'known(base.declared) and known(base.measured) and base.declared != base.measured', level: 'error', message: 'the weights have another base than the configuration names' },
  { id: 'contaminated-ancestor', when: 'known(contaminated) and contaminated', level: 'error', message: 'an ancestor is listed as contaminated' },
  { id: 'code-beside', when: 'beside("pickle") or beside("script") or beside("remote-code")', level: 'error', message: 'code that a loader could run lies beside the weights' },
  { id: 'other-weights', when: 'beside("weights")', level: 'error', message: 'weights that were not read lie beside those that were' },
  { id: 'not-looked-at', when: 'beside("unseen")', level: 'error', message: 'something beside the weights could not be looked at, or was not' },
  { id: 'not-hashed', when: 'not hashed and kind != "unknown"', level: 'error', message: 'the report does not say which bytes were scanned' },
  { id: 'opaque-beside', when: 'beside("archive") or beside("binary") or beside("template")', level: 'warning', message: 'archives, binaries or templates with code lie beside the weights' },
  { id: 'unexplained', when: 'unexplained > 0', level: 'warning', message: 'weights changed that no signature scores' },
  { id: 'base-as-claimed', when: 'base.how == "claimed" and not known(base.measured)', level: 'note', message: 'the base is what the configuration says; the weights do not tell' },
];

/**
 * strict: whatever is not known to be clean fails. default: what the gate does without a policy.
 * report-only: all of strict is shown and nothing fails.
 */
export const PROFILES: Readonly<Record<ProfileName, readonly Rule[]>> = {
  strict,
  default: [harmful],
  'report-only': strict.map((rule) => (rule.level === 'error' ? { ...rule, level: 'warning' } : rule)),
};
