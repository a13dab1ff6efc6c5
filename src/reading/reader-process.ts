/** The process that `readModelApart` starts: one order in, news out, and it ends. */
import { asWeightseqError } from '../errors.js';
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
    const { code, message, file, tensor, mend } = asWeightseqError(thrown);
    await tell({ error: { code, message, ...(file === undefined ? {} : { file }), ...(tensor === undefined ? {} : { tensor }), ...(mend === undefined ? {} : { mend }) } });
  }
  process.exit();
}
