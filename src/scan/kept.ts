/** What scans of kept readings share. In: a path, or what a reading says of itself. Out: whether it is one, and why it can't be judged. */
import { WeightseqError } from '../errors.js';
import type { Part } from '../reading/model.js';
import { isReading } from '../reading/reading-file.js';
import { openSafetensors } from '../safetensors/file.js';
import type { ListedSignature } from '../signature/library.js';
import { escapeText } from '../text.js';

/** Whether a path is a kept reading; anything that is wrong with it is left to whoever opens it. */
export async function isKept(path: string): Promise<boolean> {
  return openSafetensors(path).then(isReading, (error: unknown) => {
    if (error instanceof WeightseqError) return false;
    throw error;
  });
}

/** That a reading is a part of one, and can't be judged alone. */
export function partError(file: string, { index, count }: Part): WeightseqError {
  return new WeightseqError('reading-part', `part ${index} of ${count} of a reading: only the whole can be judged`, { file, mend: 'Put all parts together: weightseq merge PART… -o FILE.' });
}

/** That wanted signatures are newer than a reading; none where all are usable. */
export function outdated(file: string, wanted: readonly ListedSignature[], usable: readonly ListedSignature[]): WeightseqError[] {
  const newer = wanted.filter((signature) => !usable.includes(signature)).map(({ document }) => escapeText(document.trait));
  return newer.length === 0 ? [] : [new WeightseqError('reading-outdated', `the reading was taken without the signature ${newer.join(', ')}, or with another version of it`, {
    file, mend: 'Read the weights again: weightseq read PATH -o FILE.',
  })];
}
