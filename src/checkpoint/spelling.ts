/**
 * The spelling of an adapter's keys, pure. A loader takes one spelling and drops the rest without a word, so that tensors in
 * another could cancel the score of what is loaded. In: factor tensors with their modules. Out: those in the minority.
 */
import type { TensorInfo } from '../types.js';
import { nameModule, PEFT_PREFIX } from './names.js';

const INFIX = /\.lora_(?:embedding_)?[AB]\.(?<infix>[^.]+)\.weight$/su;

export interface Spelled {
  readonly tensor: TensorInfo;
  readonly module: string;
}

/** Tensors that are not spelled as most of the file is: prefix, adapter name, and the path before the block's number. */
export function minoritySpelling(factors: readonly Spelled[]): ReadonlySet<TensorInfo> {
  const minority = new Set<TensorInfo>();
  for (const spellingOf of [keySpelling, pathSpelling]) {
    const groups = new Map<string, TensorInfo[]>();
    for (const factor of factors) {
      const spelling = spellingOf(factor);
      if (spelling === null) continue;
      const same = groups.get(spelling);
      if (same === undefined) groups.set(spelling, [factor.tensor]);
      else same.push(factor.tensor);
    }
    const [, ...others] = [...groups.values()].sort((a, b) => b.length - a.length);
    for (const group of others) for (const tensor of group) minority.add(tensor);
  }
  return minority;
}

function keySpelling({ tensor: { name } }: Spelled): string {
  return `${name.startsWith(PEFT_PREFIX) ? 'prefixed' : 'bare'} ${INFIX.exec(name)?.groups?.['infix'] ?? ''}`;
}

/** The path before the block's number, of a module whose role is known; others may lie anywhere. */
function pathSpelling({ module }: Spelled): string | null {
  const { layer, role } = nameModule(module);
  return layer === null || role === 'other' ? null : module.replace(/\.\d+\..*$/su, '');
}
