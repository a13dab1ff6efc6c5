/** `scan --dry-run`. In: targets. Out: what would be read of each, and the exit code that is known already. */
import { EXIT, WeightseqError, type ExitCode } from '../src/errors.js';
import { worst } from '../src/report/exit.js';
import { renderPlans } from '../src/report/plans.js';
import type { Target } from '../src/run/targets.js';
import { preparePath, type AnyScanOptions } from '../src/scan/any.js';
import { openLibrary } from '../src/signature/library.js';
import { fail, output } from './io.js';
import type { ScanFlags } from './scan.js';

/** `scan --dry-run`: what would be read of each target. */
export async function showPlans(targets: readonly Target[], flags: ScanFlags): Promise<ExitCode> {
  const { trait: traits, assumeBase, base, baseReading } = flags;
  const { format } = flags;
  if (format !== 'table' && format !== 'json') throw new WeightseqError('usage', `--dry-run has no ${format} form`, { mend: 'Give --format table or json.' });
  const options: AnyScanOptions = { library: await openLibrary(flags.signatures, flags.library), traits, assumeBase, base, baseReading };
  const plans: (Awaited<ReturnType<typeof preparePath>> & { path: string })[] = [];
  const codes: ExitCode[] = [];
  for (const { path, error: known } of targets) {
    try {
      if (known !== undefined) throw known;
      const prepared = await preparePath(path, options);
      plans.push({ ...prepared, path });
      codes.push(...prepared.errors.map((error) => fail(error, flags.debug ?? false)));
      if (prepared.gaps.length > 0) codes.push(EXIT.incomplete);
    } catch (error) {
      if (!(error instanceof WeightseqError)) throw error;
      codes.push(fail(error, flags.debug ?? false));
    }
  }
  await output(renderPlans(plans, format), flags.output);
  return worst(codes);
}
