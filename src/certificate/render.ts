/** A verification for a terminal. In: what it found. Out: text of 40 to 80 columns, every text from a file escaped. Pure. */
import { createColors } from 'picocolors';
import { paragraph } from '../report/layout.js';
import { signed } from '../report/numbers.js';
import { printed } from '../report/printed.js';
import type { Check, Verification } from './checks.js';

const LABELS: Readonly<Record<Check['status'], string>> = { ok: 'ok', failed: 'FAIL', warning: 'warn', unchecked: 'open', skipped: 'skip' };
const WIDEST = 13;

/** Renders a verification, worst first in its headline. */
export function renderVerification(verification: Verification, options: { readonly width: number; readonly colour: boolean }): string {
  const { certificate, path, checks, certified } = verification;
  const { bold, red, yellow, green } = createColors(options.colour);
  const width = Math.max(40, Math.min(80, options.width));
  const tone = { verified: presentTraits(verification).length > 0 ? yellow : green, refused: red, incomplete: yellow }[verification.verdict];
  const lines = [
    paragraph('', `${printed(certificate.path)} for ${printed(path)}`, width),
    '',
    bold(tone(paragraph('  ', headline(verification), width))),
    '',
    ...checks.map((check) => {
      const label = `  ${LABELS[check.status].padEnd(4)}  ${check.check.padEnd(WIDEST)}  `;
      const text = paragraph(label, `${check.code === null ? '' : `${check.code}: `}${printed(check.message)}${check.mend === null ? '' : `. ${printed(check.mend)}`}`, width);
      return check.status === 'failed' ? red(text) : text;
    }),
    '',
    paragraph('  certified  ', `${certified.date.slice(0, 10)} by weightseq ${printed(certified.tool.version)}`, width),
    ...certified.traits.map((trait) => {
      const interval = trait.interval === null ? '' : ` (${signed(trait.interval.low, 3)} to ${signed(trait.interval.high, 3)})`;
      return paragraph('  trait      ', `${printed(trait.trait)}: ${trait.verdict}, shift ${signed(trait.shift, 3)}${interval} ${printed(trait.unit)}${trait.harmful ? '' : ' (benign control)'}`, width);
    }),
    ...(certified.traits.length === 0 ? ['  trait      none was tested'] : []),
    '',
  ];
  return lines.join('\n');
}

/** A certificate may hold and say that the model is harmful: nobody should take the one for the other. */
function presentTraits({ certified }: Verification): string[] {
  return certified.traits.filter(({ harmful, verdict }) => harmful && verdict === 'present').map(({ trait }) => printed(trait));
}

/** The verdict and every code behind it. */
function headline(verification: Verification): string {
  const { verdict, recomputed, checks } = verification;
  const codes = (status: Check['status']): string => [...new Set(checks.filter((check) => check.status === status).map(({ code, check }) => code ?? check))].join(', ');
  if (verdict === 'refused') return `REFUSED: ${codes('failed')}`;
  if (verdict === 'incomplete') return `INCOMPLETE: ${codes('unchecked')}`;
  const present = presentTraits(verification);
  return `VERIFIED${recomputed ? '' : ', bytes and signature alone'}${present.length > 0 ? `: it is the model that was certified, and carries a HARMFUL TRAIT: ${present.join(', ')}` : ''}`;
}
