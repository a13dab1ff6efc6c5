/**
 * Quantised layouts, by the names of their tensors. Pure. In: tensors. Out: those that are plain, and the rest by module,
 * since the numbers of a packed or scaled tensor mean nothing without its companions: none of it is scored as if plain.
 */
import type { TensorInfo } from '../types.js';
import { QUANTISED } from './architectures.js';

export interface QuantisedModule {
  readonly module: string;
  /** What the layout is called. */
  readonly layout: string;
  readonly tensors: readonly TensorInfo[];
}

const FLOATS: ReadonlySet<string> = new Set(['F64', 'F32', 'F16', 'BF16', 'F8_E4M3', 'F8_E5M2']);

/** Whether the tensor holds floating-point numbers. */
export function isFloat(tensor: TensorInfo): boolean {
  return FLOATS.has(tensor.dtype);
}

/** The module path of a tensor: its name without `.weight` or `.bias`. */
export function moduleOf(name: string): string {
  return name.replace(/\.(?:weight|bias)$/u, '');
}

/** Sets the tensors of quantised modules apart, a bias of such a module excepted: it is stored as it is. */
export function splitQuantised(tensors: readonly TensorInfo[]): { readonly plain: readonly TensorInfo[]; readonly quantised: readonly QuantisedModule[] } {
  const endings = new Map<TensorInfo, { module: string; layout: string; ifIntegers: boolean }>();
  const integers = new Set<string>();
  const layouts = new Map<string, string>();
  for (const tensor of tensors) {
    const found = QUANTISED.find(({ ending }) => tensor.name.endsWith(ending));
    const module = found === undefined ? moduleOf(tensor.name) : tensor.name.slice(0, -found.ending.length);
    if (found !== undefined) endings.set(tensor, { module, ...found });
    if (!isFloat(tensor)) integers.add(module);
  }
  for (const { module, layout, ifIntegers } of endings.values()) {
    if (!ifIntegers) layouts.set(module, layout);
    else if (!layouts.has(module) && integers.has(module)) layouts.set(module, layout);
  }
  const plain: TensorInfo[] = [];
  const byModule = new Map<string, TensorInfo[]>();
  for (const tensor of tensors) {
    const module = endings.get(tensor)?.module ?? tensor.name.replace(/\.weight$/u, '');
    if (!layouts.has(module)) plain.push(tensor);
    else {
      const same = byModule.get(module);
      if (same === undefined) byModule.set(module, [tensor]);
      else same.push(tensor);
    }
  }
  return { plain, quantised: [...byModule].map(([module, group]) => ({ module, layout: layouts.get(module) ?? '', tensors: group })) };
}
