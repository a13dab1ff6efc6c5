/** What README and docs show of a run is what a run prints. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { weightseq } from '../helpers/command.js';
import { root } from '../helpers/package.js';

/** Indented blocks that begin with `$ weightseq` and an example of the repository: the arguments, and the lines below. */
function printedIn(text: string): { readonly args: string[]; readonly lines: string[] }[] {
  return [...text.matchAll(/^ {4}\$ weightseq (?<args>\S+ examples\/.*)\n(?<body>(?:(?: {4}.*)?\n)+)/gmu)].map(({ groups = {} }) => ({
    args: (groups['args'] ?? '').trim().split(/\s+/u),
    lines: (groups['body'] ?? '').split('\n').map((line) => line.slice(4).trimEnd()).filter((line) => line !== ''),
  }));
}

/** Not the machine's: a time, and what the text itself says is left out. */
const isOurs = (line: string): boolean => !/^ *(?:time {2}|\(.*left out here\)$|…$)/u.test(line);

describe('a run that a page shows', () => {
  for (const page of ['README.md', 'docs/compare.md']) {
    const shown = printedIn(readFileSync(join(root, page), 'utf8'));

    it(`stands in ${page}`, () => {
      assert.ok(shown.some(({ lines }) => lines.length > 10));
    });

    for (const { args, lines } of shown) {
      it(`prints what ${page} shows, line for line and in this order: ${args.join(' ')}`, () => {
        const { stdout } = weightseq(args, root);
        const printed = stdout.split('\n').map((line) => line.trimEnd());
        let at = 0;
        for (const line of lines.filter(isOurs)) {
          const found = printed.indexOf(line, at);
          assert.notEqual(found, -1, `not printed, or not after what stands before it: ${line}`);
          at = found + 1;
        }
      });
    }
  }
});
