/** The engine. In: ranges of files, as weights and as probes. Out: numbers. */
export type { ProbeReading } from './algebra.js';
export { countNonFinite } from './census.js';
export { isWide } from './dtype.js';
export { probeAllDense } from './dense-pool.js';
export { probeDense, type DenseReading } from './dense.js';
export { probeLowRank, probeLowRanks } from './lowrank.js';
export { gramsOfPair, type PairGrams, type PairJob } from './pairs.js';
export { batches, probeAll } from './pool.js';
export type { ProbeJob } from './products.js';
export type { EngineOptions } from './session.js';
export { murmur3, signRows, type ProbeSide, type SignMatrix } from './signs.js';
export type { DenseJob } from './sums.js';
export { readVector } from './vector.js';
