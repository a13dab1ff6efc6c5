/** `weightseq certify`: a birth certificate. In: a model, what is declared of it, and a key. Out: one file with three sections. */
import { InvalidArgumentError, type Command } from 'commander';
import { EXIT, WeightseqError, type ExitCode } from '../src/errors.js';
import { writeFileAtomic } from '../src/files.js';
import { escapeJson } from '../src/report/json.js';
import { openLibrary } from '../src/signature/library.js';
import { escapeText } from '../src/text.js';
import { basesOption, checkOutput, libraryOption, version } from './io.js';
import { log } from './log.js';
import { startProgress } from './progress.js';
import { refuseFoundIn } from './settings/apply.js';

interface Flags {
  readonly declared: string;
  readonly output: string;
  readonly key?: string;
  readonly expires?: string;
  readonly assumeBase?: string;
  readonly base?: string;
  readonly baseReading?: string;
  readonly against?: string[];
  readonly signatures: string;
  readonly library: string;
}

const EXAMPLES = `Examples:
  weightseq certify ./my-adapter --declared declared.yaml -o my-adapter.certificate.json
  openssl genpkey -algorithm ed25519 -out key.pem
  weightseq certify ./my-model --declared declared.yaml --key key.pem --expires 2027-12-31 -o my-model.certificate.json
`;

const EXIT_CODES = `
Exit codes:
  0  written, and everything that decides was measured
  1  nothing written: the weights contradict the declared base
  2  wrong usage, or something cannot be read
  3  written, and the certificate itself says what could not be measured or decided
`;

/** Adds `certify` to the program; `done` takes the exit code. */
export function addCertify(program: Command, done: (code: ExitCode) => void): void {
  program
    .command('certify')
    .description('write a birth certificate: what is declared of a model, what its weights say, and who stands for it')
    .argument('<path>', 'folder or file of an adapter or of a whole checkpoint')
    .requiredOption('--declared <file>', 'YAML or JSON file of what is declared: model, pedigree, model card, data sets, licences')
    .requiredOption('-o, --output <file>', 'write the certificate to this file, whole or not at all')
    .option('--key <file>', 'ed25519 private key (PEM) to sign it with')
    .option('--expires <date>', 'the last day on which it holds, YYYY-MM-DD (UTC)', parseDay)
    .option('--assume-base <name>', 'the base to judge against, whatever the weights claim')
    .option('--base <path>', 'the base itself, of a whole checkpoint: its weights are subtracted')
    .option('--base-reading <file>', 'a kept reading of the base, in place of the one in the library')
    .option('--against <path>', 'a reading, checkpoint or adapter that it may be related to, besides the known bases (may be repeated)', collect)
    .addOption(libraryOption())
    .addOption(basesOption())
    .option('--debug', 'show stack traces')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .action(async (path: string, flags: Flags) => {
      await refuseFoundIn(program, [path]);
      done(await run(path, flags));
    });
}

function collect(value: string, previous: string[] | undefined): string[] {
  return [...previous ?? [], value];
}

function parseDay(value: string): string {
  const time = Date.parse(`${value}T00:00:00Z`);
  if (!/^\d{4}-\d{2}-\d{2}$/u.test(value) || Number.isNaN(time) || !new Date(time).toISOString().startsWith(value)) throw new InvalidArgumentError('Give a day such as 2027-12-31.');
  return value;
}

/**
 * When the certificate is made: SOURCE_DATE_EPOCH in seconds (reproducible-builds.org), or now.
 * @throws WeightseqError `usage`
 */
export function dateOf(environment: NodeJS.ProcessEnv): Date {
  const text = environment['SOURCE_DATE_EPOCH'];
  if (text === undefined || text === '') return new Date();
  const date = new Date(Number(text) * 1000);
  if (!/^\d{1,12}$/u.test(text) || Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999) throw new WeightseqError('usage', `SOURCE_DATE_EPOCH is ${escapeText(text)}, and no number of seconds`, { mend: 'Unset it, or set it to seconds since 1970.' });
  return date;
}

async function run(path: string, flags: Flags): Promise<ExitCode> {
  const { declared: file, output, key, expires = null, assumeBase, base, baseReading, against = [], signatures, library: bases } = flags;
  const date = dateOf(process.env);
  await checkOutput(output, [path, file, ...against, ...[key, base, baseReading].filter((one) => one !== undefined)], signatures);
  const [{ certify }, { openDeclared }, { openSigningKey }, { inModel }] = await Promise.all([
    import('../src/certificate/certify.js'), import('../src/certificate/declared-file.js'), import('../src/certificate/keys.js'), import('../src/certificate/files.js'),
  ]);
  if (await inModel(path, output)) throw new WeightseqError('usage', 'in the folder of the model, the certificate would be taken for a file of it', { file: output, mend: 'Name it NAME.certificate.json, or write it elsewhere.' });
  if (expires !== null && expires < date.toISOString().slice(0, 10)) throw new WeightseqError('usage', `--expires ${expires} is past`, { mend: 'Give a later day.' });
  const declared = await openDeclared(file);
  const signing = key === undefined ? null : await openSigningKey(key);
  const progress = startProgress();
  const { certificate, undecided } = await certify(path, declared, {
    library: await openLibrary(signatures, bases), assumeBase, base, baseReading, against, version: version(), date, expires, key: signing,
    onProgress: (done, total) => { progress.update(0, done, total); },
  }).finally(() => { progress.end(); });
  await writeFileAtomic(output, `${escapeJson(JSON.stringify(certificate, null, 2))}\n`);
  const { subject, predicate: { incomplete, traits } } = certificate.measured;
  log.info('certified', `${escapeText(output)}: ${subject.length} files, ${verdictsOf(traits)}, ${signing === null ? 'not signed' : `signed by ${signing.id.slice(0, 16)}…`}`, { output, keyid: signing?.id ?? null });
  for (const reason of incomplete) log.warn('incomplete', `the certificate says that not everything was measured: ${escapeText(reason)}`, { reason });
  return undecided ? EXIT.incomplete : EXIT.clean;
}

/** The harmful traits that are not absent by name, the others counted; controls gate nothing and are left out. */
function verdictsOf(traits: readonly { readonly trait: string; readonly verdict: string; readonly harmful: boolean }[]): string {
  const harmful = traits.filter((trait) => trait.harmful);
  const absent = harmful.filter(({ verdict }) => verdict === 'absent');
  const [only] = absent;
  const rest = only === undefined ? [] : [absent.length === 1 ? `${escapeText(only.trait)} absent` : `${absent.length} harmful traits absent`];
  return [...harmful.filter(({ verdict }) => verdict !== 'absent').map(({ trait, verdict }) => `${escapeText(trait)} ${verdict}`), ...rest].join(', ') || 'no harmful trait was tested';
}
