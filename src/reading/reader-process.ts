/** The process that `readModelApart` starts: one order in, news out, and it ends. */
import { asWeightseqError, packError } from '../errors.js';
import type { ReadNews, ReadOrder } from './apart.js';
import { readModel } from './model-read.js';
import { readDelta } from './read.js';

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

async function carryOut(order: ReadOrder): Promise<void> {
  try {
    const onProgress = (done: number, total: number): void => { void tell({ done, total }); };
    const reading = order.of === 'model' ? await readModel(order.plan, order.options, onProgress) : await readDelta(order.plan, order.options, order.extras, onProgress);
    await tell({ reading });
  } catch (thrown) {
    await tell({ error: packError(asWeightseqError(thrown)) });
  }
  process.exit();
}
