/** Labelled sets with known answers: readings made from a model of what scores are, so that what must come out is known beforehand. */
import type { Manifest, Organism } from '../../src/bench/manifest.js';
import type { BenchReadings } from '../../src/bench/readings-file.js';
import type { BenchSignature } from '../../src/bench/signatures.js';
import { randomNumbers } from '../../src/bench/statistics/random.js';
import type { SignatureDocument } from '../../src/signature/document.js';

export const ROLES = ['q', 'v'] as const;
export const LAYERS = 4;
export const NAMES = Array.from({ length: LAYERS }, (_, layer) => ROLES.map((role) => ({ name: `${layer}.${role}`, role, layer }))).flat();

/** Twice the standard deviation of a random change's score, up in one weight and down in the next: no change scores nothing everywhere. */
const NATURAL = 0.25;

/** What one made-up organism is. */
export interface Made {
  readonly id: string;
  readonly sources: readonly string[];
  /** By trait: the true shift, also the measured one up to its standard error. */
  readonly shifts: Readonly<Record<string, number>>;
  /** By trait: the raw score. */
  readonly scores: Readonly<Record<string, number>>;
  /** |ΔW| of every weight. */
  readonly size?: number;
  readonly form?: Organism['kind']['form'];
  readonly standardError?: number;
  readonly more?: Partial<Organism>;
  readonly gaps?: readonly string[];
}

/** A signature that looks at every weight; its document is not calibrated. */
export function madeSignature(trait: string, change: Partial<SignatureDocument> = {}): BenchSignature {
  const document: SignatureDocument = {
    schemaVersion: 1, trait, description: 'A made-up trait.', harmful: true, kind: 'gradient', unit: 'nats/token',
    base: { name: 'made', aliases: [], fingerprint: `sha256:${'0'.repeat(64)}`, source: '', license: '', layers: LAYERS, weights: Object.fromEntries(NAMES.map(({ name }) => [name, [8, 8]])) },
    method: { description: '', pairs: 1, rank: 1, layers: [0, 1, 2, 3] }, data: [], signProbes: { algorithm: 'murmur3-sign-1', seed: 0, columns: 16 },
    smallestMeaningfulShift: 0.08, level: 0.01, calibration: null, null: [], evidence: { heldOut: [], r: null, n: 0, notes: 'not yet measured' }, ...change,
  };
  return { file: `${trait}.safetensors`, trait, document, fingerprint: `sha256:${'1'.repeat(64)}`, weights: new Map(NAMES.map(({ name }) => [name, { shape: [8, 8] as const, energy: 1 }])) };
}

/** Manifest, readings and signatures of made-up organisms. */
export function madeSet(made: readonly Made[], signatures: readonly BenchSignature[], gram: Float64Array | null = null): { manifest: Manifest; readings: BenchReadings; signatures: readonly BenchSignature[] } {
  const n = made.length;
  const deltaNorms = new Float64Array(n * NAMES.length);
  made.forEach(({ size = 1 }, row) => deltaNorms.fill(size, row * NAMES.length, (row + 1) * NAMES.length));
  const scores = new Map(signatures.map(({ trait }) => [trait, Float64Array.from(made.flatMap((one) => NAMES.map((_, i) => (one.scores[trait] ?? 0) / NAMES.length + (i % 2 === 0 ? 1 : -1) * NATURAL)))]));
  return {
    signatures,
    manifest: {
      schemaVersion: 1, base: 'made', unit: 'nats/token',
      organisms: made.map(({ id, sources, shifts, form = 'lora', standardError = 0.005, more = {} }) => ({
        id, sources: [...sources], kind: { form, rank: form === 'full' ? null : 8, targets: [...ROLES], steps: 24, rate: 1e-3 },
        behaviour: Object.fromEntries(Object.entries(shifts).map(([trait, shift]) => [trait, { shift, standardError, questions: 60 }])), ...more,
      })),
    },
    readings: {
      deltaNorms, scores, scoreSds: new Float64Array(n * signatures.length), gram,
      document: {
        schemaVersion: 1, base: 'made', weights: NAMES.map((w) => ({ ...w })), signatures: signatures.map(({ trait, fingerprint }) => ({ trait, fingerprint, weights: NAMES.map((_, i) => i) })),
        organisms: made.map(({ id, size = 1, form = 'lora', gaps = [] }) => ({ id, form: form === 'lora' ? 'lora' as const : 'checkpoint' as const, rank: form === 'lora' ? [8, 8] as [number, number] : null, deltaNorm: size * Math.sqrt(NAMES.length), gaps: [...gaps], converted: false })),
      },
    },
  };
}

/** Normal numbers with mean 0 and standard deviation 1 (Box and Muller). */
export function normals(seed: number): () => number {
  const random = randomNumbers(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
