import { enqueueMissingUploads } from '@pgstow/catalog/folder/enqueue-missing-uploads.ts';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { sweepPartialRecords } from '@pgstow/catalog/folder/sweep-partial-records.ts';
import { reconcileHourly } from '@pgstow/shared/runtime/reconcile-hourly.ts';
import { sweepLeftovers } from './abort-leftovers.ts';
import { checkReceipts } from './check-receipts.ts';
import type { UploadContext } from './context.ts';
import { copyWords } from './copy-words.ts';
import { pruneDestination } from './prune-destination.ts';

/** Asks for missing uploads, checks receipts and leftovers at the stores, and prunes there, now and every hour. Disposing ends it. */
export function reconcile(context: UploadContext): AsyncDisposable {
  const { backup, destinations, log } = context;
  return reconcileHourly(log, async ({ step, isFirst, signal }) => {
    await step('sweep half-written receipts', () => sweepPartialRecords(backup.folder, 'receipt', log));
    await step('ask for missing uploads', () => enqueueMissing(context));
    for (const destination of destinations.values()) {
      await step('check receipts', () => checkReceipts(context, destination, signal));
      await step('drop uploads that were left open', () => sweepLeftovers(context, destination, signal));
      await step('copy what people said of backups', () => copyWords(context, destination, signal));
      if (destination.keep !== undefined || isFirst)
        await step(`prune ${destination.name}`, () => pruneDestination(context, destination, { signal }));
    }
  });
}

async function enqueueMissing(context: UploadContext): Promise<void> {
  const { dumps, faults } = await readFolder(context.records);
  for (const fault of faults) context.log.warn(fault);
  await enqueueMissingUploads(dumps, context);
}
