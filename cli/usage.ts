/** What commander says of a wrong command line, as one line of the log. */
import type { Command, OutputConfiguration } from 'commander';
import { EXIT, WeightseqError } from '../src/errors.js';
import { escapeText } from '../src/text.js';
import { log } from './log.js';
import { followEnvironment } from './settings/apply.js';

const HINT = '--help shows examples and all options.';

/** `error: unknown option '--fromat'\n(Did you mean --format?)` as a sentence after the other. Pure. */
export function usageLine(text: string): string {
  const [what = '', ...hints] = text.trim().split('\n').filter((line) => line !== '');
  const said = escapeText(what.replace(/^error: /u, '')).replace(/\.?$/u, '.');
  return [said, ...hints.map((hint) => escapeText(hint.replace(/^\(|\)$/gu, ''))), HINT].join(' ');
}

/** Where commander's own words go. The help that stands in for a missing command keeps its form; errors are events of the log. */
export function usageOutput(program: Command): OutputConfiguration {
  const follow = (): void => {
    try {
      followEnvironment(program);
    } catch (error) {
      // The command line was wrong before its settings were: one thing at a time.
      if (!(error instanceof WeightseqError)) throw error;
    }
  };
  return {
    outputError(text) {
      follow();
      log.error('usage', usageLine(text), { code: 'usage', exitCode: EXIT.unreadable });
    },
    writeErr(text) {
      follow();
      if (program.getOptionValue('logFormat') === 'json') {
        // The help comes in parts, of which one says what is wrong.
        if (text.startsWith('Usage:')) log.error('usage', `no command is given. ${HINT}`, { code: 'usage', exitCode: EXIT.unreadable });
      }
      else process.stderr.write(text);
    },
  };
}
