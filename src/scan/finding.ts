/** What one signature says of one checkpoint: the noun that passes from scan to report. */
import type { SignatureDocument } from '../signature/document.js';
import type { Judgement } from './judge.js';
import type { Score } from './score.js';

/** What one signature says of one checkpoint. */
export interface Finding extends Judgement, Score {
  readonly trait: string;
  readonly description: string;
  readonly kind: SignatureDocument['kind'];
  /** False for a benign control: shown, never gated on. */
  readonly harmful: boolean;
  readonly unit: SignatureDocument['unit'];
  readonly level: number;
  readonly smallestMeaningfulShift: number;
  /** File name and sha256 of the signature. */
  readonly signature: { readonly file: string; readonly sha256: string };
}
