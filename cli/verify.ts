/** `weightseq verify`: a certificate against a model. In: both, and keys that are trusted. Out: a verdict for everything that was looked at. */
import { Option, type Command } from 'commander';
import type { ExitCode } from '../src/errors.js';
import { escapeJson } from '../src/report/json.js';
import { openLibrary } from '../src/signature/library.js';
import { basesOption, checkOutput, libraryOption, output, takesColour, terminalWidth, version } from './io.js';
import { startProgress } from './progress.js';
import { refuseFoundIn } from './settings/apply.js';

interface Flags {
  readonly trust?: string[];
  readonly requireSignature?: boolean;
  readonly registry?: string;
  readonly recompute: boolean;
  readonly base?: string;
  readonly baseReading?: string;
  readonly against?: string[];
  readonly signatures: string;
  readonly library: string;
  readonly format: 'table' | 'json';
  readonly output?: string;
}

const EXAMPLES = `Examples:
  weightseq verify my-adapter.certificate.json ./my-adapter
  weightseq verify my-model.certificate.json ./my-model --trust author.pem
  weightseq verify my-model.certificate.json ./my-model --trust author.pem --registry contaminated.yaml
  weightseq verify my-model.certificate.json ./my-model --trust author.pem --no-recompute
`;

const EXIT_CODES = `
Exit codes:
  0  verified: nothing that was looked at contradicts the certificate
  1  refused: the lines that begin with FAIL say why
  2  wrong usage, or something cannot be read
  3  incomplete: nothing contradicts it, and something could not be checked or recomputed
`;

/** Adds `verify` to the program; `done` takes the exit code. */
export function addVerify(program: Command, done: (code: ExitCode) => void): void {
  program
    .command('verify')
    .description('hold a certificate against a model: bytes, signature, and the figures taken from the weights again')
    .argument('<certificate>', 'file that weightseq certify wrote')
    .argument('<path>', 'folder or file of the model that it is said to be of')
    .option('--trust <file>', 'PEM file of public keys or X.509 certificates that are trusted (may be repeated); a signature is then asked for', collect)
    .option('--require-signature', 'refuse a certificate that nobody signed, or that no trusted key signed')
    .option('--registry <file>', 'models that are known to be contaminated (YAML or JSON): refuses what descends from one')
    .option('--no-recompute', 'look at bytes and signature alone: the figures are not taken from the weights again')
    .option('--base <path>', 'the base itself, where the certificate was made with it')
    .option('--base-reading <file>', 'the kept reading of the base, where the certificate was made with it')
    .option('--against <path>', 'a reading, checkpoint or adapter that it may be related to, besides the known bases (may be repeated)', collect)
    .addOption(libraryOption())
    .addOption(basesOption())
    .addOption(new Option('--format <format>', 'form of the output').choices(['table', 'json']).default('table'))
    .option('-o, --output <file>', 'write it to this file, whole or not at all')
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (file: string, path: string, flags: Flags) => {
      await refuseFoundIn(program, [path]);
      done(await run(file, path, flags));
    });
}

function collect(value: string, previous: string[] | undefined): string[] {
  return [...previous ?? [], value];
}

async function run(file: string, path: string, flags: Flags): Promise<ExitCode> {
  const { trust = [], requireSignature = false, registry, recompute, base, baseReading, against = [], signatures, library: bases, format, output: to } = flags;
  await checkOutput(to, [file, path, ...trust, ...against, ...[registry, base, baseReading].filter((one) => one !== undefined)], signatures);
  const [{ verify }, { openCertificate }, { openTrustedKeys }, { renderVerification }, { openRegistry }, { openEntries }] = await Promise.all([
    import('../src/certificate/verify.js'), import('../src/certificate/open.js'), import('../src/certificate/keys.js'), import('../src/certificate/render.js'),
    import('../src/gate/registry-file.js'), import('../src/lineage/registry.js'),
  ]);
  const opened = await openCertificate(file);
  const keys = (await Promise.all(trust.map(openTrustedKeys))).flat();
  const entries = registry === undefined ? null : await openEntries(await openRegistry(registry));
  const progress = startProgress();
  const verification = await verify({ ...opened, file }, path, {
    library: await openLibrary(signatures, bases), base, baseReading, against, trust: keys, requireSignature, registry: entries, recompute, now: new Date(), version: version(),
    onProgress: (done, total) => { progress.update(0, done, total); },
  }).finally(() => { progress.end(); });
  const text = format === 'json' ? `${escapeJson(JSON.stringify(verification, null, 2))}\n`
    : renderVerification(verification, { width: terminalWidth(), colour: to === undefined && takesColour() });
  await output(text, to);
  return verification.exitCode;
}
