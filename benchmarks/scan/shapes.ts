/** The models that the benchmarks imitate: names and shapes, no numbers. */

/** Canonical role, name in a block of the model, outputs, inputs. */
export type BlockWeight = readonly [role: string, module: string, outputs: number, inputs: number];

export interface Shape {
  /** Name of the synthetic base. */
  readonly base: string;
  readonly layers: number;
  readonly hidden: number;
  readonly inner: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly vocabulary: number;
}

/** The weights of one block, in the order of the model. */
export function blockOf({ hidden, inner, heads, keyHeads }: Shape): readonly BlockWeight[] {
  const key = (hidden / heads) * keyHeads;
  return [
    ['q', 'self_attn.q_proj', hidden, hidden],
    ['k', 'self_attn.k_proj', key, hidden],
    ['v', 'self_attn.v_proj', key, hidden],
    ['o', 'self_attn.o_proj', hidden, hidden],
    ['gate', 'mlp.gate_proj', inner, hidden],
    ['up', 'mlp.up_proj', inner, hidden],
    ['down', 'mlp.down_proj', hidden, inner],
  ];
}

export const LLAMA_70B: Shape = { base: 'llama-70b-synthetic', layers: 80, hidden: 8192, inner: 28672, heads: 64, keyHeads: 8, vocabulary: 128256 };

/** A Llama of so many GiB in bf16, rounded up to whole blocks. */
export function llamaOf(gib: number): Shape {
  const one: Shape = { base: `llama-${gib}gib-synthetic`, layers: 1, hidden: 2048, inner: 8192, heads: 16, keyHeads: 4, vocabulary: 64 * 1024 };
  const perBlock = blockOf(one).reduce((sum, [, , outputs, inputs]) => sum + 2 * outputs * inputs, 0);
  const left = gib * 2 ** 30 - 2 * one.vocabulary * one.hidden;
  return { ...one, layers: Math.ceil(left / perBlock) };
}
