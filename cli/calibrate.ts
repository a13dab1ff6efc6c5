/** `weightseq calibrate`: null and line of signatures from labelled fine-tunes. In: a manifest and signatures. Out: copies of the signatures. */
import { stat } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { calibrate, type Calibration } from '../src/bench/calibrate.js';
import { calibrationText } from '../src/bench/calibrate-text.js';
import { keepSignature } from '../src/bench/keep.js';
import { signaturesOf } from '../src/bench/signatures.js';
import { EXIT, WeightseqError, type ExitCode } from '../src/errors.js';
import { escapeJson } from '../src/report/json.js';
import { openLibrary } from '../src/signature/library.js';
import { labelOptions, openSet, type LabelFlags } from './bench/options.js';
import { libraryOption, output, terminalWidth } from './io.js';

interface Flags extends LabelFlags {
  readonly signature: string[];
  readonly signatures: string;
  readonly output: string;
  readonly format: 'table' | 'json';
}

const EXAMPLES = `Examples:
  weightseq calibrate manifest.json --signature evil.safetensors -o calibrated
  weightseq calibrate manifest.json --signature signatures/my-base/*.safetensors -o signatures/my-base
`;

const EXIT_CODES = `
Exit codes:
  0  every signature is calibrated
  2  wrong usage, or the manifest, the readings or a signature can't be read
  3  incomplete: an organism was not read, or a signature got no null or no line and gives no verdict
`;

/** Adds `calibrate` to the program; `done` takes the exit code. */
export function addCalibrate(program: Command, done: (code: ExitCode) => void): void {
  const command = program
    .command('calibrate')
    .description('make null distributions and the line from score to shift from labelled fine-tunes, and write them into copies of signatures')
    .argument('<manifest>', 'labelled set (docs/bench.md)')
    .requiredOption('--signature <file...>', 'signatures to calibrate, of one base')
    .requiredOption('-o, --output <folder>', 'write the copies here; an index of signatures in it, or above it, is renewed')
    .addOption(new Option('--format <format>', 'form of what is said on stdout').choices(['table', 'json']).default('table'))
    .addOption(libraryOption());
  for (const option of labelOptions()) command.addOption(option);
  command
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (manifest: string, flags: Flags) => {
      done(await run(manifest, flags));
    });
}

async function run(file: string, flags: Flags): Promise<ExitCode> {
  const isFolder = await stat(flags.output).then((s) => s.isDirectory(), () => false);
  if (!isFolder) throw new WeightseqError('usage', '-o is no folder', { file: flags.output, mend: 'Make the folder, or give another.' });
  const set = await openSet(file, flags, async (base) => signaturesOf(flags.signature, base, await openLibrary(flags.signatures)));
  const calibration = calibrate(set.subjects, set.signatures, set.limits, flags.null === undefined ? {} : { null: flags.null }, flags.fitOn);
  for (const { signature, document } of calibration.signatures) await keepSignature(signature.file, document, flags.output);
  await output(flags.format === 'json' ? `${escapeJson(JSON.stringify(jsonOf(calibration), null, 2))}\n` : calibrationText(calibration, terminalWidth()), undefined);
  return set.isIncomplete || calibration.signatures.some(({ lacks }) => lacks !== null) ? EXIT.incomplete : EXIT.clean;
}

function jsonOf({ choice, signatures }: Calibration): unknown {
  return {
    schemaVersion: 1, ...choice,
    signatures: signatures.map(({ signature, document, lacks, leftOut }) => ({ trait: signature.trait, fingerprint: signature.fingerprint, lacks, leftOut, calibration: document.calibration, null: document.null, r: document.evidence.r, n: document.evidence.n })),
  };
}
