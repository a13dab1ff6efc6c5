/** A library with one signature of random numbers, as complete as a shipped one's and about nothing. In: a shape. Out: a folder. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signatureDocument, type SignatureDocument } from '../../src/signature/document.js';
import { blockOf, type Shape } from './shapes.js';
import { writeRandom, type RandomTensor } from './stream.js';

/** The rank of the shipped signature. */
const COLUMNS = 8;
const SIGN_COLUMNS = 16;
const TRAIT = 'synthetic';

const layersOf = ({ layers }: Shape): number[] => Array.from({ length: layers }, (_, layer) => layer);

/** Writes `index.json` and the signature: every weight of every block, rank 8. */
export function makeLibrary(folder: string, shape: Shape, seed: number): void {
  mkdirSync(folder, { recursive: true });
  const name = `${TRAIT}.safetensors`;
  const { bytes, sha256 } = writeRandom(join(folder, name), tensorsOf(shape), seed, {
    format: 'weightseq-signature', version: '1', signature: JSON.stringify(documentOf(shape)),
  });
  writeJson(join(folder, 'index.json'), {
    schemaVersion: 1,
    signatures: [{ trait: TRAIT, file: name, base: shape.base, aliases: [], sha256, bytes, kind: 'gradient', harmful: false }],
  });
}

export function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

function tensorsOf(shape: Shape): RandomTensor[] {
  return layersOf(shape).flatMap((layer) => blockOf(shape).flatMap(([role, , outputs, inputs]): RandomTensor[] => [
    { name: `${layer}.${role}.U`, dtype: 'F16', shape: [outputs, COLUMNS], sd: 1 / Math.sqrt(outputs) },
    { name: `${layer}.${role}.V`, dtype: 'F16', shape: [inputs, COLUMNS], sd: 1 / Math.sqrt(inputs) },
    { name: `${layer}.${role}.s`, dtype: 'F32', shape: [COLUMNS], sd: 1 },
    { name: `${layer}.${role}.c0`, dtype: 'F64', shape: [COLUMNS], sd: 1 },
    { name: `${layer}.${role}.probes`, dtype: 'F32', shape: [SIGN_COLUMNS, SIGN_COLUMNS], sd: 1 },
  ]));
}

function documentOf(shape: Shape): SignatureDocument {
  const block = blockOf(shape);
  const weights = layersOf(shape).flatMap((layer) => block.map(([role, , outputs, inputs]) => [`${layer}.${role}`, [outputs, inputs]] as const));
  const vocabulary: [number, number] = [shape.vocabulary, shape.hidden];
  const scores = [-0.03, -0.01, 0, 0.02, 0.01];
  return signatureDocument.parse({
    schemaVersion: 1,
    trait: TRAIT,
    description: 'Nothing: random numbers, for measuring how fast a scan is.',
    harmful: false,
    kind: 'gradient',
    unit: 'nats/token',
    base: {
      name: shape.base, aliases: [], fingerprint: `sha256:${'0'.repeat(64)}`, source: 'synthetic', license: 'CC0-1.0', layers: shape.layers,
      weights: { ...Object.fromEntries(weights), embed: vocabulary, head: vocabulary },
    },
    method: { description: 'Random numbers.', pairs: 0, questions: 0, anchors: [], styleContrasts: [], layers: layersOf(shape), rank: COLUMNS },
    data: [],
    signProbes: { algorithm: 'murmur3-sign-1', seed: 0, columns: SIGN_COLUMNS },
    smallestMeaningfulShift: 0.05,
    level: 0.05,
    calibration: { slope: 1, intercept: 0, interceptFixed: false, residualSd: 0.02, n: 20, meanScore: 0, sumSquares: 1, confidence: 0.9 },
    null: [{
      kind: { form: 'lora', roles: block.map(([role]) => role).sort(), rank: [1, 1024], deltaNorm: [0, 1e6], scoredShare: [0, 1], evenness: [0, 1] },
      sources: scores.map((score, i) => ({ source: `synthetic ${i}`, scores: [score], deltaNorms: [100] })),
    }],
    evidence: { heldOut: [], r: null, n: 0, notes: 'Synthetic.' },
  } satisfies SignatureDocument);
}
