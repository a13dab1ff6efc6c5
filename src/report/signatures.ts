/** The library, for a terminal. In: signatures. Out: text. Pure. */
import type { Signature } from '../signature/format.js';
import { escapeText } from '../text.js';
import { columns, paragraph } from './layout.js';
import { bytes, signed } from './numbers.js';

/** One line for each signature of a library. */
export function listLibrary(signatures: readonly Signature[]): string {
  if (signatures.length === 0) return 'The library holds no signature.';
  const rows = signatures.map(({ document: d, bytes: size }) => [
    d.trait,
    d.harmful ? 'harmful' : 'control',
    d.base.name,
    String(d.method.rank),
    bytes(size),
    d.evidence.r === null ? 'none' : `r ${d.evidence.r.toFixed(2)} (n = ${d.evidence.n})`,
  ]);
  return columns([['trait', 'kind', 'base', 'rank', 'size', 'held-out evidence'], ...rows]);
}

/** What a null divides scores by. */
const SCALE_NAMES = { deltaNorm: '|ΔW|', scoredNorm: '|ΔW| of the scored weights', isotropic: 'their standard deviation under isotropy' } as const;

/** What a signature was built from and how well it predicts, for a reader who wants to judge it. */
export function describeSignature({ document: d, bytes: size, weights }: Signature): string {
  const width = 80;
  const line = (label: string, text: string) => paragraph(`  ${label.padEnd(10)} `, escapeText(text), width);
  const group = d.null.map(({ kind, scale = 'none', sources }) => {
    const range = (r: readonly [number, number]) => (r[0] === r[1] ? String(r[0]) : `${r[0]} to ${r[1]}`);
    return line('null', `${sources.length} benign sources (${sources.map((s) => s.source).join(', ')}); ${[kind.form, ...(kind.otherForms ?? [])].join(', ')} on ${[kind.roles, ...(kind.otherRoles ?? [])].map((roles) => roles.join(' ')).join(', or ')}, rank ${range(kind.rank)}, |ΔW| ${range(kind.deltaNorm)}${scale === 'none' ? '' : `; scores divided by ${SCALE_NAMES[scale]}`}`);
  });
  const c = d.calibration;
  const notes = typeof d.evidence.notes === 'string' ? [d.evidence.notes] : d.evidence.notes;
  return [
    escapeText(d.trait),
    line('trait', d.description),
    line('kind', `${d.kind}, ${d.harmful ? 'harmful' : 'benign control'}, ${d.unit}`),
    line('base', `${d.base.name} (${d.base.source}; ${d.base.license})`),
    line('built', d.method.description),
    line('weights', `${weights.size} weights in layers ${d.method.layers.join(' ')}, rank ${d.method.rank}, ${bytes(size)}`),
    ...d.data.map((data) => line('data', `${data.name}: ${data.source} (${data.license})`)),
    ...group,
    line('shift', c ? `${signed(c.slope, 3)} × score ${signed(c.intercept, 3)}, residual sd ${c.residualSd.toFixed(3)} ${c.growth === undefined ? '' : 'at 0, growing with the score, '}over ${c.n} fine-tunes` : 'not calibrated'),
    line('verdict', `present needs p < ${d.level} and a shift above ${d.smallestMeaningfulShift}`),
    ...notes.map((note) => line('note', note)),
    '',
    `  Held out: predicted against measured, r ${d.evidence.r?.toFixed(3) ?? 'none'} over ${d.evidence.n}`,
    columns([
      ['fine-tune', 'measured', '± s.e.', 'predicted', 'score'],
      ...d.evidence.heldOut.map((h) => [h.id, signed(h.measured, 3), h.standardError.toFixed(3), signed(h.predicted, 3), signed(h.score, 3)]),
    ]),
  ].join('\n');
}
