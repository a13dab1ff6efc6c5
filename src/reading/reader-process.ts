/** The process that `readModelApart` starts: one order in, news out, and it ends. */
import { asWeightseqError, packError } from '../errors.js';
import type { ReadNews, ReadOrder } from './apart.js';
import { readModel } from './model-read.js';

function tell(news: ReadNews): Promise<void> {
  return new Promise((resolve) => {
    if (process.send) process.send(news, () => { resolve(); });
    else resolve();
  });
}

process.once('message', (order: ReadOrder) => {
  void carryOut(order);
});

// The terminal's interrupt reaches both processes: the one that reports answers it, and ends this one.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => { process.kill(process.pid, 'SIGKILL'); });

async function carryOut({ plan, options }: ReadOrder): Promise<void> {
  try {
    const reading = await readModel(plan, options, (done, total) => { void tell({ done, total }); });
    await tell({ reading });
  } catch (thrown) {
    await tell({ error: packError(asWeightseqError(thrown)) });
  }
  process.exit();
}
