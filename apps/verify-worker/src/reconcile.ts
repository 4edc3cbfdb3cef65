import { setTimeout as delay } from 'node:timers/promises';
import { readFolder, type KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { sweepPartialRecords } from '@pgstow/catalog/folder/sweep-partial-records.ts';
import { isConfirmed } from '@pgstow/catalog/policy/is-confirmed.ts';
import { newestByNow } from '@pgstow/catalog/policy/newest-dump.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { enqueueVerify } from '@pgstow/shared/runtime/queue.ts';
import { sweepScratchPatiently } from './scratch-folder.ts';
import type { VerifyWorker } from './verify-worker.ts';

const EVERY_MS = 3600 * 1000;
const STOP_LIMIT_MS = 3000;
/** What could not be told for long is not tried again each hour. */
const TRY_AGAIN_AFTER_MS = 24 * 3600 * 1000;

/**
 * Sweeps what restore tests that were cut off have left, and asks for tests that nobody has asked for, now and every hour,
 * beside the jobs. What fails is logged and tried again at the next time. Disposing ends it.
 */
export function startReconciliation(worker: VerifyWorker): AsyncDisposable {
  const ended = new AbortController();
  const running = repeat(worker, ended.signal);
  return {
    async [Symbol.asyncDispose]() {
      ended.abort(new Error('reconciliation ended'));
      // A command to a Redis that is away would wait for it for ever.
      await Promise.race([running, delay(STOP_LIMIT_MS, undefined, { ref: false })]);
    },
  };
}

async function repeat(worker: VerifyWorker, signal: AbortSignal): Promise<void> {
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    // A restart may well have brought what was missing.
    const retryBefore = isFirst ? Date.now() : Date.now() - TRY_AGAIN_AFTER_MS;
    const steps = [
      () => sweepScratchPatiently(worker, signal),
      () => sweepPartialRecords(worker.folder, 'restore-test', worker.log),
      () => (worker.verify.schedule.kind === 'after-upload' ? enqueueMissing(worker, retryBefore) : undefined),
    ];
    // Beside each other: the first may wait for the lock of a worker that was killed.
    const ends = await Promise.allSettled(steps.map(async (step) => step()));
    for (const end of ends) {
      if (end.status === 'rejected' && !signal.aborted)
        worker.log.warn({ err: describeError(end.reason) }, 'reconciliation failed; it is tried again in an hour');
    }
    if (!signal.aborted) worker.log.info('reconciled');
    await delay(EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Asks for a test of the newest dump of each database that a destination has confirmed, if it has none with a result. */
async function enqueueMissing({ folder, stores, queue, log }: VerifyWorker, retryBefore: number): Promise<void> {
  const { dumps } = await readFolder(folder);
  const destinations = stores.size === 0 ? [LOCAL] : [...stores.keys()];
  for (const ours of Map.groupBy(dumps, ({ manifest }) => manifest.database).values()) {
    for (const destination of destinations) {
      const store = stores.get(destination);
      const there = ours.filter((dump) => store === undefined || isConfirmed(dump, store.place));
      const newest = newestByNow(there, new Date());
      if (newest === undefined || !isMissing(newest, destination, retryBefore)) continue;
      await enqueueVerify(queue, newest.manifest.name, destination, 'after-upload');
      log.info({ name: newest.manifest.name, destination }, 'asked for a missing restore test');
    }
  }
}

function isMissing({ restoreTests }: KnownDump, destination: string, retryBefore: number): boolean {
  const test = restoreTests.get(destination);
  return test === undefined || (test.result === 'could-not-tell' && Date.parse(test.testedAt) < retryBefore);
}
