/** Which numbers the figures come from. In: the numbers that were read of the weights. Out: one sha256 over all of them. Pure. */
import { canonicalSha256 } from './canonical.js';

/** The numbers of one weight that decide its figures. */
export interface Numbers {
  readonly name: string;
  /** Frobenius norm of what was read: W, or ΔW. */
  readonly norm: number;
  /** By the sha256 of the signature: u_i' W v_i. */
  readonly coordinates: ReadonlyMap<string, Float64Array>;
  /** X' W Y, where signs were taken. */
  readonly signs?: Float64Array | undefined;
}

/**
 * sha256 of the canonical JSON (RFC 8785) of [of, [[name, norm, signs, {signature: coordinates}], …]], weights sorted by name; what is no
 * finite number stands as text. Numbers stand in full: another machine may give other last digits, and so another digest.
 * @param of what was read: `weights`, or `change` where the base was subtracted
 */
export function readingDigest(of: string, weights: readonly Numbers[]): string {
  const rows = [...weights].sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ name, norm, coordinates, signs = [] }) => [
    name, exact(norm), [...signs].map(exact),
    Object.fromEntries([...coordinates].map(([sha256, values]) => [sha256, [...values].map(exact)])),
  ]);
  return canonicalSha256([of, rows]);
}

function exact(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}
