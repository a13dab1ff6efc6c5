/** What was set otherwise than by default, for logs. In: a command that runs. Out: plain JSON. */
import type { Command } from 'commander';
import { configInUse, settingsInForce } from './apply.js';

/** What was set for a command otherwise than by default, and by what; plain JSON, for logs. */
export function settingsMade(program: Command, command: Command): object {
  const made = [program, command].flatMap((c) => settingsInForce(program, c)).filter(({ origin }) => origin.from !== 'default');
  return {
    file: configInUse(program).file?.path ?? null,
    options: made.map(({ setting, value, origin }) => ({ option: setting.attribute, value: value ?? null, ...origin })),
  };
}
