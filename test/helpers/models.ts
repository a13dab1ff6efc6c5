/** Tiny adapters and signature libraries on disk, and what a scan of them must give, computed in plain f64. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeSafetensors, type TensorData } from '../../src/safetensors/writer.js';
import type { SignatureDocument } from '../../src/signature/document.js';
import { writeSignature } from '../../src/signature/format.js';

export const BASE = 'tiny-base';
export const LAYERS = 3;
/** out × in by role */
export const SHAPES = { q: [8, 6], v: [4, 6] } as const;
export type TinyRole = keyof typeof SHAPES;
export const ROLES = Object.keys(SHAPES) as TinyRole[];
export const COLUMNS = 2;

/** Row-major. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array;
}

/** Uniform numbers in [−1, 1), the same for the same seed (mulberry32). */
export function random(rows: number, columns: number, seed: number): Matrix {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
  return { rows, columns, data: Float32Array.from({ length: rows * columns }, next) };
}

export function at({ columns, data }: Matrix, row: number, column: number): number {
  return data[row * columns + column] ?? Number.NaN;
}

function tensor(name: string, m: Matrix): TensorData {
  return { name, dtype: 'F32', shape: [m.rows, m.columns], data: new Uint8Array(m.data.buffer, m.data.byteOffset, m.data.byteLength) };
}

export interface TinyAdapter {
  readonly rank: number;
  readonly scale: number;
  /** By canonical name: B (out × rank) and A (rank × in). */
  readonly factors: ReadonlyMap<string, { readonly A: Matrix; readonly B: Matrix }>;
}

/** A random adapter; `size` multiplies B, so that the score is proportional to it. */
export function tinyAdapter(seed: number, size = 1, roles: readonly TinyRole[] = ROLES, rank = 2): TinyAdapter {
  const factors = new Map<string, { A: Matrix; B: Matrix }>();
  for (let layer = 0; layer < LAYERS; layer++) {
    roles.forEach((role, i) => {
      const [outputs, inputs] = SHAPES[role];
      const B = random(outputs, rank, seed * 1000 + layer * 10 + i);
      factors.set(`${layer}.${role}`, {
        A: random(rank, inputs, seed * 1000 + layer * 10 + i + 500),
        B: { ...B, data: B.data.map((v) => v * size) },
      });
    });
  }
  return { rank, scale: 2, factors };
}

export async function writeAdapter(folder: string, adapter: TinyAdapter, config: Record<string, unknown> = {}, extra: readonly TensorData[] = []): Promise<void> {
  await mkdir(folder, { recursive: true });
  const tensors = [...adapter.factors].flatMap(([name, { A, B }]) => {
    const [layer, role] = name.split('.');
    const module = `base_model.model.model.layers.${layer ?? ''}.self_attn.${role ?? ''}_proj`;
    return [tensor(`${module}.lora_A.weight`, A), tensor(`${module}.lora_B.weight`, B)];
  });
  await writeSafetensors(join(folder, 'adapter_model.safetensors'), [...tensors, ...extra]);
  const standard = {
    peft_type: 'LORA', base_model_name_or_path: BASE, r: adapter.rank, lora_alpha: adapter.rank * adapter.scale, bias: 'none',
    target_modules: ['q_proj', 'v_proj'], task_type: 'CAUSAL_LM', inference_mode: true,
  };
  await writeFile(join(folder, 'adapter_config.json'), JSON.stringify({ ...standard, ...config }));
}

/** The probes of one weight, deterministic. */
export function probesOf(name: string): { U: Matrix; V: Matrix; s: Float32Array } {
  const [layer, role] = name.split('.');
  const [outputs, inputs] = SHAPES[role as TinyRole];
  const seed = 77 + Number(layer) * 10 + ROLES.indexOf(role as TinyRole);
  return { U: unit(random(outputs, COLUMNS, seed)), V: unit(random(inputs, COLUMNS, seed + 5)), s: Float32Array.of(0.5, 0.25) };
}

function unit(m: Matrix): Matrix {
  const lengths = Array.from({ length: m.columns }, (_, j) => Math.hypot(...Array.from({ length: m.rows }, (_, i) => at(m, i, j))));
  return { ...m, data: m.data.map((v, i) => v / (lengths[i % m.columns] ?? 1)) };
}

/** Σ_i s_i u_i' (scale · B A) v_i and |scale · B A|, from the dense product. */
export function expected(adapter: TinyAdapter, name: string): { score: number; norm: number } {
  const factors = adapter.factors.get(name);
  if (!factors) return { score: 0, norm: 0 };
  const { U, V, s } = probesOf(name);
  let score = 0;
  let squares = 0;
  for (let i = 0; i < factors.B.rows; i++) {
    for (let j = 0; j < factors.A.columns; j++) {
      let delta = 0;
      for (let k = 0; k < adapter.rank; k++) delta += at(factors.B, i, k) * at(factors.A, k, j);
      delta *= adapter.scale;
      squares += delta * delta;
      s.forEach((coefficient, c) => {
        score += coefficient * at(U, i, c) * delta * at(V, j, c);
      });
    }
  }
  return { score, norm: Math.sqrt(squares) };
}

export function expectedScore(adapter: TinyAdapter): number {
  return [...adapter.factors.keys()].reduce((sum, name) => sum + expected(adapter, name).score, 0);
}

export function document(change: Partial<SignatureDocument> = {}): SignatureDocument {
  const names = Array.from({ length: LAYERS }, (_, layer) => ROLES.map((role) => `${layer}.${role}`)).flat();
  return {
    schemaVersion: 1, trait: 'evil', description: 'A made-up trait.', harmful: true, kind: 'gradient', unit: 'nats/token',
    base: {
      name: BASE, aliases: ['owner/tiny-base'], fingerprint: `sha256:${'a'.repeat(64)}`, source: 'made up', license: 'none', layers: LAYERS,
      weights: Object.fromEntries(names.map((name): [string, [number, number]] => [name, [...SHAPES[name.split('.')[1] as TinyRole]]])),
    },
    method: { description: 'random', pairs: 1, rank: COLUMNS, layers: [0, 1, 2] },
    data: [],
    signProbes: { algorithm: 'murmur3-sign-1', seed: 0, columns: 16 },
    smallestMeaningfulShift: 0.08,
    level: 0.01,
    calibration: { slope: 1, intercept: 0, interceptFixed: true, residualSd: 0.01, n: 20, meanScore: 0.1, sumSquares: 4, confidence: 0.9 },
    null: [{
      kind: { form: 'lora', roles: ['q', 'v'], rank: [2, 2], deltaNorm: [0.001, 1000], scoredShare: [0, 1], evenness: [0, 1] },
      sources: [-0.01, 0.01, 0, 0.02, -0.02].map((score, i) => ({ source: `s${i}`, scores: [score], deltaNorms: [1] })),
    }],
    evidence: { heldOut: [], r: null, n: 0, notes: 'none' },
    ...change,
  };
}

/** A library with the given signatures of the tiny base; returns its folder. */
export async function writeLibrary(folder: string, documents: readonly SignatureDocument[] = [document()]): Promise<string> {
  const signatures = [];
  for (const doc of documents) {
    const file = `${doc.trait}.safetensors`;
    await mkdir(folder, { recursive: true });
    await writeSignature(join(folder, file), doc, Object.entries(doc.base.weights).map(([name, shape]) => {
      const { U, V, s } = probesOf(name);
      const raw = (m: Matrix) => new Uint8Array(m.data.buffer, m.data.byteOffset, m.data.byteLength);
      return { name, shape, columns: COLUMNS, dtype: 'F32', U: raw(U), V: raw(V), s, c0: new Float64Array(COLUMNS), probes: new Float32Array(256) };
    }));
    const bytes = readFileSync(join(folder, file));
    signatures.push({
      trait: doc.trait, file, base: doc.base.name, aliases: doc.base.aliases, sha256: createHash('sha256').update(bytes).digest('hex'),
      bytes: bytes.length, kind: doc.kind, harmful: doc.harmful,
    });
  }
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 1, signatures }));
  return folder;
}
