/** `weightseq policy`: tests, shows and documents policies. In: a file or a profile, perhaps a saved report. Out: text and the exit code of the gate. */
import { Argument, type Command } from 'commander';
import { stringify } from 'yaml';
import { EXIT, type RunExitCode } from '../src/errors.js';
import { CHOICES, NAMES, writtenAs, type Choice, type Name } from '../src/gate/names.js';
import { openPolicy, type Policy } from '../src/gate/policy-file.js';
import { PROFILE_NAMES, type ProfileName } from '../src/gate/policy-schema.js';
import { applyPolicy, judgeItem, type Judged } from '../src/gate/policy.js';
import { PROFILES } from '../src/gate/profiles.js';
import { columns, paragraph } from '../src/report/layout.js';
import { openReport } from '../src/report/open.js';
import type { Report } from '../src/report/schema.js';
import { escapeText } from '../src/text.js';
import { output, terminalWidth } from './io.js';

const CHECK = `Examples:
  weightseq policy check policy.yaml
  weightseq policy check policy.yaml --report report.json
`;

const CHECK_CODES = `
Exit codes:
  without --report  0 the policy is well-formed · 2 it is not
  with --report     what the gate would give: 0, 1, 2 or 3
`;

/** Adds `policy check|show|names` to the program; `done` takes the exit code. */
export function addPolicy(program: Command, done: (code: RunExitCode) => void): void {
  const group = program.command('policy').description('rules that decide on the exit code of a scan').addHelpText('before', 'Examples:\n  weightseq policy show strict > policy.yaml\n  weightseq policy check policy.yaml --report report.json\n');
  const command = (name: string, description: string, before: string) =>
    group.command(name).description(description).option('--debug', 'show stack traces').addHelpText('before', before);

  command('check', 'test a policy, alone or against a saved report', CHECK)
    .argument('<policy>', `a YAML file, or one of: ${PROFILE_NAMES.join(', ')}`)
    .option('--report <file>', 'a saved JSON report, or - for stdin: say what each rule makes of each item')
    .addHelpText('after', CHECK_CODES)
    .action(async (name: string, { report }: { report?: string }) => {
      done(await check(name, report));
    });
  command('show', 'print a built-in policy as YAML, to begin a file with', 'Example:\n  weightseq policy show strict > policy.yaml\n')
    .addArgument(new Argument('<profile>').choices(PROFILE_NAMES))
    .action(async (name: ProfileName) => {
      await output(stringify({ version: 1, extends: name, rules: PROFILES[name] }, { lineWidth: 0 }), undefined);
    });
  command('names', 'everything that a rule can ask, and what it means', 'Example:\n  weightseq policy names\n')
    .action(async () => {
      await output(`${namesText()}\n`, undefined);
    });
}

async function check(name: string, file: string | undefined): Promise<RunExitCode> {
  const policy = await openPolicy(name);
  if (file === undefined) {
    await output(policyText(policy), undefined);
    return EXIT.clean;
  }
  const gated = applyPolicy(await openReport(file), policy);
  await output(checkedText(gated, policy), undefined);
  return gated.exitCode;
}

function policyText({ name, extends: from, rules }: Policy): string {
  const kept = from === null ? '' : ` (with those of ${from} that it does not replace)`;
  return `${escapeText(name)}: ${rules.length} rule${rules.length === 1 ? '' : 's'}${kept}\n${columns([['rule', 'level', 'when'], ...rules.map((r) => [r.id, r.level, r.when])])}\n`;
}

const SAID: Readonly<Record<Judged['outcome'], string>> = { matched: 'MATCHED', unmatched: 'no', undecided: 'UNDECIDED', excused: 'excused' };

/** What each rule makes of each item. */
function checkedText(report: Report, policy: Policy): string {
  const width = Math.max(40, Math.min(100, terminalWidth()));
  const items = report.items.map((item) => {
    const judged = judgeItem(item, policy);
    const longest = Math.max(...judged.map(({ rule }) => rule.id.length), 4);
    const lines = judged.map(({ rule, outcome, missing }) => {
      const why = outcome === 'undecided' ? `the report does not say ${missing.join(', ')}` : outcome === 'excused' ? 'suppressed, or in the baseline' : outcome === 'matched' ? rule.message : '';
      return paragraph(`  ${SAID[outcome].padEnd(9)}  ${rule.level.padEnd(7)}  ${rule.id.padEnd(longest)}  `, escapeText(why), width).trimEnd();
    });
    return `${paragraph('', `${escapeText(item.path)} (exit ${item.exitCode})`, width)}\n${lines.join('\n')}\n`;
  });
  return `${items.join('\n')}\nexit code ${report.exitCode}\n`;
}

function namesText(): string {
  const width = Math.max(60, Math.min(100, process.stdout.columns || 100));
  const rows: [string, string, string][] = [
    ...NAMES.map((name): [string, string, string] => [writtenAs(name), name.type === 'number' || name.type === 'boolean' ? name.type : 'text', meaning(name)]),
    ['known("TRAIT")', 'boolean', 'whether the trait was tested'],
    ['known(…)', 'boolean', 'of anything else: whether the report says it'],
    ['abs(…) min(…) max(…)', 'number', 'of numbers'],
  ];
  const longest = Math.max(...rows.map(([name]) => name.length));
  return [
    ...rows.map(([name, type, means]) => paragraph(`${name.padEnd(longest)}  ${type.padEnd(7)}  `, means, width)), '',
    '+ - * / ^   == != < <= > >=   and or not   CONDITION ? … : …   ( )',
  ].join('\n');
}

/** With the values that there are, where they are few. */
function meaning({ argument, type, means }: Name): string {
  const few = type in CHOICES ? CHOICES[type as Choice] : argument !== null && argument !== 'trait' && argument !== 'error' ? CHOICES[argument] : [];
  return few.length > 0 ? `${means} (${few.join(', ')})` : means;
}
