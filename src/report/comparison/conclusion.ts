/** What a comparison says in sentences. In: its numbers. Out: whether B undoes A, and what became of each trait. Pure. */
import { signed } from '../numbers.js';
import type { ComparedTrait, Comparison } from './schema.js';

type Numbers = Pick<Comparison, 'total' | 'own' | 'cosine' | 'traits' | 'vectors'>;

/** A share that is told from all, or from none, by less than this is called so. */
const NEARLY = 0.1;

/** One sentence on the updates, then one on each trait. */
export function conclusionOf(comparison: Numbers): string[] {
  return [updateSentence(comparison), ...comparison.traits.map(traitSentence)];
}

function updateSentence({ total, own, cosine, vectors }: Numbers): string {
  const { a, b, change, undone } = total;
  const only = vectors.length === 0 ? '' : ` ${vectors.length} ${vectors.length === 1 ? 'norm or bias differs' : 'norms or biases differ'}.`;
  if (change.value === 0) return `A and B hold the same ${vectors.length === 0 ? 'weights' : 'matrices'}.${only}`;
  if (change.value === null) return 'A or B holds NaN or infinity: nothing can be said of what changed.';
  const size = `|B − A| is ${change.value.toPrecision(3)}`;
  if (a === null || b === null) return `${size}. What A changed is not known of every weight, so that it can't be said whether B takes it back: the base is needed.${only}`;
  if (undone === null) return `A changes nothing, so that there is nothing to undo; ${size}.${only}`;
  const back = -undone.value;
  const interval = undone.low === undone.high ? '' : ` (90 % interval ${percent(-undone.high)} to ${percent(-undone.low)})`;
  const isOwn = own !== null && a.value !== null && own > NEARLY * a.value;
  // Whoever never had an update lacks it as one does who took it back.
  const isOther = isOwn && own > 0.5 * (a.value ?? 0) && back > 0.5 && back <= 1 + NEARLY;
  const missing = isOther ? `${percent(back)} of A's update is not in B${interval}` : `${percent(Math.abs(back))} of A's update ${back < 0 ? 'was added to it' : 'went back'}${interval}`;
  const rest = isOwn ? ` Beside that B changes ${own.toPrecision(3)} of its own, where |A| is ${a.value?.toPrecision(3) ?? 'n/a'}${cosine ? ` (the two updates have a cosine of ${signed(cosine.value, 2)})` : ''}${isOther ? ': the weights do not tell whether it was taken back or never there' : ''}.` : ' B changes next to nothing else.';
  return `${verb(back, isOther)}: ${missing}.${rest}${only}`;
}

/**
 * @param back share of Δ_A that went back
 * @param isOther whether B changes so much else that it may never have had it
 */
function verb(back: number, isOther: boolean): string {
  if (isOther) return back >= 1 - NEARLY ? 'B does not hold A\'s update' : 'B holds less than half of A\'s update';
  if (back > 1 + NEARLY) return 'B turns A\'s update round';
  if (back >= 1 - NEARLY) return 'B undoes A\'s update';
  if (back > 0.5) return 'B undoes most of A\'s update';
  if (back > NEARLY) return 'B undoes part of A\'s update';
  if (back >= -NEARLY) return 'B leaves A\'s update in place';
  return 'B goes further along A\'s update';
}

function traitSentence({ trait, before, after, change, back, became, unit }: ComparedTrait): string {
  const verdicts = {
    'present': `${trait} is present in B and was not in A`,
    'gone': `${trait} was present in A and is absent in B`,
    'still present': `${trait} is present in A and in B`,
    'not present': `${trait} is absent in B${before.verdict === 'absent' ? ' as in A' : ', and undecided in A'}`,
    'undecided': `${trait} is undecided in B, and ${before.verdict === 'indeterminate' ? 'in A' : `${before.verdict} in A`}`,
  }[became];
  const shift = before.shift === null || after.shift === null ? '' : `: its shift went from ${signed(before.shift, 3)} to ${signed(after.shift, 3)} ${unit}`;
  const moved = change === null || shift === '' || change.low === change.high ? '' : ` (${signed(change.value, 3)}, ${Math.round(change.confidence * 100)} % interval ${signed(change.low, 3)} to ${signed(change.high, 3)})`;
  const share = back === null ? '' : back.value < 0 ? `, ${percent(-back.value)} further` : `; ${percent(back.value)} of A's score went back`;
  return `${verdicts}${shift}${moved}${share}.`;
}

/** Whole percent; one decimal where it is near none. */
export function percent(share: number): string {
  const value = 100 * share;
  const text = Math.abs(value) < 9.95 && Math.abs(value) >= 0.05 ? value.toFixed(1) : Math.abs(value) < 0.05 ? '0' : value.toFixed(0);
  return `${text.replace('-', '−')} %`;
}
