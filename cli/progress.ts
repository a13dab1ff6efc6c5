/** Progress on stderr: a moving line in a terminal, else a line every 10 s; nothing for what takes less than a second. */
import { bytes } from '../src/report/layout.js';
import { log, takesMovingLine } from './log.js';

const QUIET_MS = 1000;
const MOVING_MS = 200;
const LINE_MS = 10_000;

export interface Progress {
  readonly update: (done: number, total: number) => void;
  /** Clears the moving line. */
  readonly end: () => void;
}

/** Bytes, rate and remaining time of one read. */
export function startProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const start = performance.now();
  const isMoving = stream.isTTY && takesMovingLine() && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
  let next = isMoving ? QUIET_MS : LINE_MS;
  let shown = false;
  return {
    update(done, total) {
      const elapsed = performance.now() - start;
      if (elapsed < next) return;
      next = elapsed + (isMoving ? MOVING_MS : LINE_MS);
      shown = true;
      const text = progressText(done, total, elapsed / 1000);
      if (isMoving) stream.write(`\r\u001b[K${text}`);
      else log.info('progress', text, { done, total });
    },
    end() {
      if (shown && isMoving) stream.write('\r\u001b[K');
    },
  };
}

/** Such as `1.20 GB of 2.40 GB, 2.40 GB/s, 1 s left`. */
export function progressText(done: number, total: number, seconds: number): string {
  const rate = done / Math.max(seconds, 1e-3);
  const left = rate > 0 ? `${Math.ceil((total - done) / rate)} s left` : 'time left unknown';
  return `${bytes(done)} of ${bytes(total)}, ${bytes(Math.round(rate))}/s, ${left}`;
}
