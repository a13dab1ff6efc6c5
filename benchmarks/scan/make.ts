/**
 * The adapter and the signature that the benchmark scans, of the shapes of Llama 3 70B and with seeded random numbers.
 * Run: node dist/benchmarks/scan/make.js FOLDER. Writes FOLDER/adapter (1.66 GB) and FOLDER/signatures (0.21 GB).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { signatureDocument, type SignatureDocument } from '../../src/signature/document.js';
import { writeRandom, type RandomTensor } from './stream.js';

export const BASE = 'llama-70b-synthetic';
export const LAYERS = 80;
export const RANK = 64;
/** Roles in the order of the model: canonical name, name in the model, outputs, inputs. */
export const WEIGHTS = [
  ['q', 'self_attn.q_proj', 8192, 8192],
  ['k', 'self_attn.k_proj', 1024, 8192],
  ['v', 'self_attn.v_proj', 1024, 8192],
  ['o', 'self_attn.o_proj', 8192, 8192],
  ['gate', 'mlp.gate_proj', 28672, 8192],
  ['up', 'mlp.up_proj', 28672, 8192],
  ['down', 'mlp.down_proj', 8192, 28672],
] as const;
const VOCABULARY = 128256;
const HIDDEN = 8192;
const COLUMNS = 8;
const SIGN_COLUMNS = 16;
const TRAIT = 'synthetic';
const SEED = { adapter: 20261123, signature: 20261124 } as const;

const layers = Array.from({ length: LAYERS }, (_, layer) => layer);

/** PEFT's names and shapes: A is rank × inputs, B outputs × rank. */
function adapterTensors(): RandomTensor[] {
  return layers.flatMap((layer) => WEIGHTS.flatMap(([, module, outputs, inputs]): RandomTensor[] => {
    const prefix = `base_model.model.model.layers.${layer}.${module}`;
    return [
      { name: `${prefix}.lora_A.weight`, dtype: 'BF16', shape: [RANK, inputs], sd: 1 / Math.sqrt(inputs) },
      { name: `${prefix}.lora_B.weight`, dtype: 'BF16', shape: [outputs, RANK], sd: 1e-3 },
    ];
  }));
}

function signatureTensors(): RandomTensor[] {
  return layers.flatMap((layer) => WEIGHTS.flatMap(([role, , outputs, inputs]): RandomTensor[] => [
    { name: `${layer}.${role}.U`, dtype: 'F16', shape: [outputs, COLUMNS], sd: 1 / Math.sqrt(outputs) },
    { name: `${layer}.${role}.V`, dtype: 'F16', shape: [inputs, COLUMNS], sd: 1 / Math.sqrt(inputs) },
    { name: `${layer}.${role}.s`, dtype: 'F32', shape: [COLUMNS], sd: 1 },
    { name: `${layer}.${role}.c0`, dtype: 'F64', shape: [COLUMNS], sd: 1 },
    { name: `${layer}.${role}.probes`, dtype: 'F32', shape: [SIGN_COLUMNS, SIGN_COLUMNS], sd: 1 },
  ]));
}

/** As complete as a shipped signature's, and about nothing. */
function document(): SignatureDocument {
  const blocks = layers.flatMap((layer) => WEIGHTS.map(([role, , outputs, inputs]) => [`${layer}.${role}`, [outputs, inputs]] as const));
  const scores = [-0.03, -0.01, 0, 0.02, 0.01];
  return signatureDocument.parse({
    schemaVersion: 1,
    trait: TRAIT,
    description: 'Nothing: random numbers, for measuring how fast a scan is.',
    harmful: false,
    kind: 'gradient',
    unit: 'nats/token',
    base: {
      name: BASE,
      aliases: [],
      fingerprint: `sha256:${'0'.repeat(64)}`,
      source: 'synthetic',
      license: 'CC0-1.0',
      layers: LAYERS,
      weights: { ...Object.fromEntries(blocks), embed: [VOCABULARY, HIDDEN], head: [VOCABULARY, HIDDEN] },
    },
    method: { description: 'Random numbers.', pairs: 0, questions: 0, anchors: [], styleContrasts: [], layers, rank: COLUMNS },
    data: [],
    signProbes: { algorithm: 'murmur3-sign-1', seed: 0, columns: SIGN_COLUMNS },
    smallestMeaningfulShift: 0.05,
    level: 0.05,
    calibration: { slope: 1, intercept: 0, interceptFixed: false, residualSd: 0.02, n: 20, meanScore: 0, sumSquares: 1, confidence: 0.9 },
    null: [{
      kind: { form: 'lora', roles: WEIGHTS.map(([role]) => role).sort(), rank: [RANK, RANK], deltaNorm: [0, 1e6], scoredShare: [0, 1], evenness: [0, 1] },
      sources: scores.map((score, i) => ({ source: `synthetic ${i}`, scores: [score], deltaNorms: [100] })),
    }],
    evidence: { heldOut: [], r: null, n: 0, notes: 'Synthetic.' },
  } satisfies SignatureDocument);
}

/** Writes both into the folder; the adapter's file and its size are returned. */
export function make(folder: string): { file: string; bytes: number; sha256: string } {
  const adapter = join(folder, 'adapter');
  const signatures = join(folder, 'signatures');
  mkdirSync(adapter, { recursive: true });
  mkdirSync(signatures, { recursive: true });
  const file = join(adapter, 'adapter_model.safetensors');
  const written = writeRandom(file, adapterTensors(), SEED.adapter, { format: 'pt' });
  writeJson(join(adapter, 'adapter_config.json'), {
    peft_type: 'LORA', task_type: 'CAUSAL_LM', base_model_name_or_path: BASE, inference_mode: true,
    r: RANK, lora_alpha: RANK, lora_dropout: 0, bias: 'none', fan_in_fan_out: false, use_rslora: false, use_dora: false,
    target_modules: WEIGHTS.map(([, module]) => module.split('.')[1]), modules_to_save: null, rank_pattern: {}, alpha_pattern: {},
  });

  const name = `${TRAIT}.safetensors`;
  const { bytes, sha256 } = writeRandom(join(signatures, name), signatureTensors(), SEED.signature, {
    format: 'weightseq-signature', version: '1', signature: JSON.stringify(document()),
  });
  writeJson(join(signatures, 'index.json'), {
    schemaVersion: 1,
    signatures: [{ trait: TRAIT, file: name, base: BASE, aliases: [], sha256, bytes, kind: 'gradient', harmful: false }],
  });
  return { file, ...written };
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [folder] = argv.slice(2);
  if (folder === undefined) throw new Error('usage: make.js FOLDER');
  const { file, bytes, sha256 } = make(folder);
  console.log(`${file}: ${bytes} bytes, sha256 ${sha256}`);
}
