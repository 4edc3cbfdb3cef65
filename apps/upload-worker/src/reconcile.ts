import { setTimeout as delay } from 'node:timers/promises';
import { adoptStrays } from '@pgstow/catalog/folder/adopt-strays.ts';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { sweepPartialRecords } from '@pgstow/catalog/folder/sweep-partial-records.ts';
import { isConfirmed } from '@pgstow/catalog/policy/is-confirmed.ts';
import { proveGzip } from '@pgstow/postgres/proof/prove-gzip.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { enqueueUpload, type OpenQueue } from '@pgstow/shared/runtime/queue.ts';
import { sweepLeftovers } from './abort-leftovers.ts';
import { checkReceipts } from './check-receipts.ts';
import type { UploadContext } from './upload-context.ts';

const EVERY_MS = 3600 * 1000;
const STOP_LIMIT_MS = 3000;

/**
 * Brings the plan in Redis back in line with the folder and the stores, now and every hour, beside the jobs. What fails
 * is logged and tried again at the next time. Disposing ends it.
 */
export function startReconciliation(context: UploadContext, queue: OpenQueue<'upload'>): AsyncDisposable {
  const ended = new AbortController();
  const running = repeat(context, queue, ended.signal);
  return {
    async [Symbol.asyncDispose]() {
      ended.abort(new Error('reconciliation ended'));
      // A command to a Redis that is away would wait for it for ever.
      await Promise.race([running, delay(STOP_LIMIT_MS, undefined, { ref: false })]);
    },
  };
}

async function repeat(context: UploadContext, queue: OpenQueue<'upload'>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await reconcile(context, queue, signal);
    await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** One pass, each step apart: what stops one does not stop the next. */
export async function reconcile(
  context: UploadContext,
  queue: OpenQueue<'upload'>,
  signal: AbortSignal,
): Promise<void> {
  const { folder, onShrink, site, redis, destinations, log } = context;
  const step = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    if (signal.aborted) return;
    try {
      await work();
    } catch (error) {
      if (!signal.aborted) log.warn({ err: describeError(error) }, `reconciliation: could not ${name}`);
    }
  };

  await step('sweep what is left of half-written receipts', () => sweepPartialRecords(folder, 'receipt', log));
  await step('ask for missing uploads', () => enqueueMissing(context, queue));
  // Proving old files takes its time; what is known to be whole need not wait for it.
  await step('adopt dumps without a manifest', async () => {
    const adopted = await adoptStrays({ folder, prove: proveGzip, onShrink, site, redis, log, signal });
    if (adopted.length === 0) return;
    context.catalog.publish();
    await enqueueMissing(context, queue);
  });
  for (const destination of destinations.values()) {
    await step('check receipts', () => checkReceipts(context, destination, queue, signal));
    await step('drop uploads that were left open', () => sweepLeftovers(context, destination, signal));
  }
  log.info('reconciled');
}

/** Asks for the upload of every dump that no receipt confirms at its destination. */
async function enqueueMissing({ folder, destinations, log }: UploadContext, queue: OpenQueue<'upload'>): Promise<void> {
  const { dumps, faults } = await readFolder(folder);
  for (const fault of faults) log.warn(fault);
  for (const [destination, { store }] of destinations) {
    const missing = dumps.filter((dump) => !isConfirmed(dump, store.place));
    for (const { manifest } of missing) await enqueueUpload(queue, manifest.name, destination);
    if (missing.length > 0) log.info({ destination, dumps: missing.length }, 'asked for missing uploads');
  }
}
