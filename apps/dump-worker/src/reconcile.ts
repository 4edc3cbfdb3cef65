import { setTimeout as wait } from 'node:timers/promises';
import { adoptStrays } from '@pgstow/catalog/folder/adopt-strays.ts';
import { enqueueMissingUploads } from '@pgstow/catalog/folder/enqueue-missing-uploads.ts';
import { readFolder, readPartials } from '@pgstow/catalog/folder/read-folder.ts';
import { readTargets } from '@pgstow/catalog/folder/read-targets.ts';
import { sweepPartialRecords } from '@pgstow/catalog/folder/sweep-partial-records.ts';
import { newestSuspect } from '@pgstow/catalog/policy/retention-policy.ts';
import { whySuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { BusyError } from '@pgstow/shared/runtime/errors.ts';
import { reconcileHourly } from '@pgstow/shared/runtime/reconcile-hourly.ts';
import { dumpLockKey, LOCK_TTL_MS, withLock } from '@pgstow/shared/runtime/redis/lock.ts';
import type { DumpContext } from './context.ts';
import { proveStray } from './prove-stray.ts';
import { sealManifest } from './seal-manifest.ts';
import { databaseOfPartial, sweepPartials } from './sweep-partials.ts';

/** Sweeps what crashes left, adopts strays, and asks for uploads, now and every hour. Disposing ends it. */
export function reconcile(context: DumpContext): AsyncDisposable {
  const { backup, encryption, records, scope, redis, catalog, log } = context;
  const prove = proveStray(encryption);
  const seal = (manifest: Manifest) => sealManifest(context, manifest);
  return reconcileHourly(log, async ({ step, isFirst, signal }) => {
    await step('sweep what interrupted dumps left', () => sweepAll(context, signal));
    await step('sweep half-written words', async () => {
      for (const kind of ['accepted', 'pinned'] as const) await sweepPartialRecords(backup.folder, kind, log);
    });
    await step('adopt dumps without a manifest', async () => {
      const adopted = await adoptStrays({ ...backup, records, prove, seal, scope, redis, log, signal });
      if (adopted.length > 0) catalog.publish();
      // Apart from what was just adopted, the upload worker asks every hour for what is missing.
      if (isFirst || adopted.length > 0) await handOverAll(context);
    });
  });
}

async function sweepAll({ backup, redis, scope, log }: DumpContext, signal: AbortSignal): Promise<void> {
  const partials = await readPartials(backup.folder);
  const databases = new Set(partials.map(databaseOfPartial).filter((database) => database !== undefined));
  for (const database of databases) {
    const sweep = (): Promise<void> =>
      withLock(redis, dumpLockKey(scope, database), signal, () => sweepPartials(backup.folder, database, log));
    try {
      await sweep();
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
      // A killed worker holds its lock a little longer. A living one sweeps with its next dump.
      await wait(LOCK_TTL_MS + 1000, undefined, { signal });
      await sweep().catch((again: unknown) => {
        if (!(again instanceof BusyError)) throw again;
      });
    }
  }
}

async function handOverAll(context: DumpContext): Promise<void> {
  const { postgres, records, notifier, log } = context;
  const { dumps, faults } = await readFolder(records);
  for (const fault of faults) log.warn(fault);
  await enqueueMissingUploads(dumps, context);
  const byDatabase = Map.groupBy(dumps, ({ manifest }) => manifest.database);
  for (const database of readTargets(records, postgres)) {
    const suspect = newestSuspect(byDatabase.get(database) ?? [], new Date());
    // The worker that took it may have been killed before it notified, and Redis may have been emptied.
    if (suspect !== undefined)
      notifier.newestJudged({ name: suspect.manifest.name, suspect: whySuspect(suspect), isAccepted: false });
  }
}
