/** Progress on stderr: a bar in a terminal, else a line every 10 s; nothing for what takes less than a second. */
import type { GenericFormatter, Options } from 'cli-progress';
import { bytes } from '../src/report/numbers.js';
import { log, takesMovingLine } from './log.js';

const QUIET_MS = 1000;
const LINE_MS = 10_000;
/** Columns below which the bar itself is left out. */
const NARROW = 80;

export interface Progress {
  /** Bytes done of those that one item's plan reads. */
  readonly update: (item: number, done: number, total: number) => void;
  readonly finish: (item: number) => void;
  /** Writes lines to the stream, above the bar where there is one. */
  readonly say: (lines: string) => void;
  /** Clears the bar. */
  readonly end: () => void;
}

/** What is shown. */
export interface Standing {
  readonly items: number;
  readonly finished: number;
  /** Bytes read, of all items; of the one item all that there are. */
  readonly done: number;
  readonly total: number;
  readonly seconds: number;
  /** Seconds; null when they can't be told. */
  readonly left: number | null;
}

/** Such as `1.20 GB of 2.40 GB, 2.40 GB/s, 1 s left`, or `3 of 9 items, 1.20 GB read, 2.40 GB/s, 4 s left`. */
export function progressText({ items, finished, done, total, seconds, left }: Standing): string {
  const count = items > 1 ? [`${finished} of ${items} items`] : [];
  if (total === 0) return [...count, 'headers and hashes'].join(', ');
  const rate = `${bytes(Math.round(done / Math.max(seconds, 1e-3)))}/s`;
  const remaining = left === null ? 'time left unknown' : `${left} s left`;
  return [...count, items > 1 ? `${bytes(done)} read` : `${bytes(done)} of ${bytes(total)}`, rate, remaining].join(', ');
}

/** Shows how far so many items are. */
export function startProgress(items = 1, stream: NodeJS.WriteStream = process.stderr): Progress {
  const start = performance.now();
  const isMoving = stream.isTTY && takesMovingLine() && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
  const running = new Map<number, { readonly done: number; readonly total: number }>();
  let finished = 0;
  let finishedBytes = 0;
  let shown: Shown | null = null;
  let ended = false;

  const standing = (): Omit<Standing, 'left'> & { readonly share: number } => {
    let done = finishedBytes, total = finishedBytes, share = finished;
    for (const step of running.values()) {
      done += step.done;
      total += step.total;
      share += step.total > 0 ? step.done / step.total : 0;
    }
    return { items, finished, done, total, seconds: (performance.now() - start) / 1000, share };
  };
  const timer = setTimeout(() => {
    void show(isMoving, stream, standing).then((made) => {
      if (ended) made.end();
      else shown = made;
    });
  }, isMoving ? QUIET_MS : LINE_MS);
  timer.unref();
  return {
    update(item, done, total) {
      running.set(item, { done, total });
      shown?.update();
    },
    finish(item) {
      finished++;
      finishedBytes += running.get(item)?.total ?? 0;
      running.delete(item);
      shown?.update();
    },
    say(lines) {
      if (shown !== null) shown.say(lines);
      else stream.write(lines);
    },
    end() {
      ended = true;
      clearTimeout(timer);
      shown?.end();
      shown = null;
    },
  };
}

type Shown = Pick<Progress, 'say' | 'end'> & { readonly update: () => void };

async function show(isMoving: boolean, stream: NodeJS.WriteStream, standing: () => Omit<Standing, 'left'> & { readonly share: number }): Promise<Shown> {
  const { default: { Format, MultiBar } } = await import('cli-progress');
  const format: GenericFormatter = (options, { progress, eta, maxWidth }) => {
    const now = standing();
    // A bar that was just made has no estimate of its own yet.
    const first = now.share > 0 ? Math.ceil(now.seconds * (now.items / now.share - 1)) : null;
    const text = progressText({ ...now, left: typeof eta === 'number' && Number.isFinite(eta) ? eta : first });
    return maxWidth < NARROW ? text : `${Format.BarFormat(progress, options)} ${text}`;
  };
  const options: Options = { stream, format, barsize: 20, barCompleteChar: '█', barIncompleteChar: '░', linewrap: true, fps: 5, etaBuffer: 50, gracefulExit: false };
  const { items, share } = standing();
  if (isMoving) {
    const bars = new MultiBar({ ...options, clearOnComplete: true });
    const bar = bars.create(items, share);
    return {
      update: () => { bar.update(standing().share); },
      say: (lines) => { bars.log(lines); },
      end: () => {
        // What was said last is still to be written.
        bars.update();
        bars.stop();
      },
    };
  }
  const tell = (): void => {
    const now = standing();
    const left = now.share > 0 ? Math.ceil(now.seconds * (now.items / now.share - 1)) : null;
    log.info('progress', progressText({ ...now, left }), { done: now.done, total: now.total, finished: now.finished, items: now.items });
  };
  tell();
  const timer = setInterval(tell, LINE_MS);
  timer.unref();
  return { update: () => undefined, say: (lines) => { stream.write(lines); }, end: () => { clearInterval(timer); } };
}
