import { allRecorded, readFolder, type KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { sweepPartialRecords } from '@pgstow/catalog/folder/sweep-partial-records.ts';
import { isConfirmed } from '@pgstow/catalog/policy/is-confirmed.ts';
import { newestByNow } from '@pgstow/catalog/policy/newest-dump.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { enqueueVerify } from '@pgstow/shared/runtime/jobs/queue.ts';
import { reconcileHourly } from '@pgstow/shared/runtime/reconcile-hourly.ts';
import type { VerifyContext } from './context.ts';
import { sweepScratchPatiently } from './restore/scratch-folder.ts';

/** A test that could not tell is tried again after a day, not every hour. */
const TRY_AGAIN_AFTER_MS = 24 * 3600 * 1000;

/** Asks for missing restore tests, and sweeps what interrupted ones left, now and every hour. Disposing ends it. */
export function reconcile(context: VerifyContext): AsyncDisposable {
  const { backup, verify, log } = context;
  return reconcileHourly(log, async ({ step, isFirst, signal }) => {
    await step('sweep half-written restore tests', () => sweepPartialRecords(backup.folder, 'restore-test', log));
    // A restart may well have brought what a test lacked.
    const retryBefore = isFirst ? Date.now() : Date.now() - TRY_AGAIN_AFTER_MS;
    if (verify.schedule.kind === 'after-upload')
      await step('ask for missing restore tests', () => enqueueMissing(context, retryBefore));
    // The last step: it may wait for the lock of a worker that was killed.
    await step('sweep the folders of interrupted restore tests', () => sweepScratchPatiently(context, signal));
  });
}

/** Asks for a test of each database's newest dump that a destination has confirmed, if it has no result yet. */
async function enqueueMissing(
  { records, destinations, verifications, identityFile, log }: VerifyContext,
  retryBefore: number,
): Promise<void> {
  const contents = await readFolder(records);
  const names = destinations.size === 0 ? [LOCAL] : destinations.keys();
  for (const name of names) {
    const destination = destinations.get(name);
    const there =
      destination === undefined
        ? contents.dumps
        : allRecorded(contents).filter((dump) => isConfirmed(dump, destination));
    for (const ours of Map.groupBy(there, ({ manifest }) => manifest.database).values()) {
      const newest = newestByNow(ours, new Date());
      if (newest === undefined || !isMissing(newest, name, retryBefore, identityFile !== undefined)) continue;
      await enqueueVerify(verifications, newest.manifest.name, name, 'after-upload');
      log.info({ name: newest.manifest.name, destination: name }, 'asked for a missing restore test');
    }
  }
}

function isMissing(
  { restoreTests }: KnownDump,
  destination: string,
  retryBefore: number,
  canDecrypt: boolean,
): boolean {
  const test = restoreTests.get(destination);
  // All that can be told without an identity is told.
  if (test?.isSealed === true && test.result === 'could-not-tell') return canDecrypt;
  return test === undefined || (test.result === 'could-not-tell' && Date.parse(test.testedAt) < retryBefore);
}
