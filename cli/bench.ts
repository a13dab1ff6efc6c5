/** `weightseq bench`: what labelled sets say. The commands behind it. */
import type { Command } from 'commander';
import type { ExitCode } from '../src/errors.js';
import { addBenchDetection } from './bench/detection.js';
import { addBenchRead } from './bench/read.js';

/** Adds `bench read` to the program; `done` takes the exit code. */
export function addBench(program: Command, done: (code: ExitCode) => void): void {
  const group = program
    .command('bench')
    .description('measure on labelled fine-tunes how often verdicts are right')
    .addHelpText('before', 'Examples:\n  weightseq bench read manifest.json -o readings.safetensors\n  weightseq bench detection manifest.json\n');
  addBenchRead(group, done);
  addBenchDetection(group, done);
}
