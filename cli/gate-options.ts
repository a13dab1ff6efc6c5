/** The options that hold a report against a policy, suppressions and a baseline, the same for every command that makes one. */
import type { Command } from 'commander';
import { WeightseqError } from '../src/errors.js';
import type { Gate } from '../src/gate/gate.js';
import type { FailOn, Report } from '../src/report/schema.js';

export interface GateFlags {
  readonly policy?: string;
  readonly suppressions?: string;
  readonly baseline?: string;
  readonly showSuppressed?: true;
}

/** Adds the options; returns the command. */
export function addGateOptions(command: Command): Command {
  return command
    .option('--policy <name-or-file>', 'rules that decide in place of --fail-on: a YAML file, or strict, default, report-only')
    .option('--suppressions <file>', 'YAML file of findings that were looked at and let pass, by digest (turns --hash on)')
    .option('--baseline <report>', 'a saved JSON report: only what is new against it fails (turns --hash on)')
    .option('--show-suppressed', 'show suppressed findings in full');
}

/** The files that the options name: they must not be written over. */
export function gateInputs({ policy, suppressions, baseline }: GateFlags): string[] {
  return [policy, suppressions, baseline].filter((file) => file !== undefined);
}

/** A gate that is read, and what it makes of a report. */
export interface OpenGate extends Pick<Gate, 'policy'> {
  readonly apply: (report: Report) => Report;
}

/** Whether the gate needs to know which bytes were scanned. */
export function needsHash(flags: GateFlags, { policy }: OpenGate): boolean {
  return flags.suppressions !== undefined || flags.baseline !== undefined || (policy?.rules.some(({ when }) => /\bhashed\b/u.test(when)) ?? false);
}

/**
 * Reads what the options name, so that a mistake in it shows before anything is scanned.
 * @throws WeightseqError `policy-invalid`, `suppressions-invalid`, `report-invalid`, `usage`, `not-found`
 */
export async function openGate({ policy, suppressions, baseline }: GateFlags, failOn: FailOn): Promise<OpenGate> {
  if (policy === undefined && suppressions === undefined && baseline === undefined) return { policy: undefined, apply: (report) => report };
  if (policy !== undefined && (failOn === 'indeterminate' || failOn === 'contaminated')) {
    const rule = failOn === 'indeterminate' ? 'count("indeterminate") > 0' : 'contaminated';
    throw new WeightseqError('usage', `--fail-on ${failOn} and --policy contradict each other: the policy decides`, { mend: `Leave one out, or add a rule with ${rule}.` });
  }
  // Loaded only where it is asked for: the language of the rules is large.
  const [{ applyGate }, { openPolicy }, { openSuppressions }, { openReport }] = await Promise.all([
    import('../src/gate/gate.js'), import('../src/gate/policy-file.js'), import('../src/gate/suppressions-file.js'), import('../src/report/open.js'),
  ]);
  const gate: Gate = {
    policy: policy === undefined ? undefined : await openPolicy(policy),
    suppressions: suppressions === undefined ? undefined : await openSuppressions(suppressions),
    baseline: baseline === undefined ? undefined : { name: baseline, report: await openReport(baseline) },
    today: new Date().toISOString().slice(0, 10),
  };
  return { policy: gate.policy, apply: (report) => applyGate(report, gate) };
}
