import { setTimeout as wait } from 'node:timers/promises';
import { adoptStrays } from '@pgstow/catalog/folder/adopt-strays.ts';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { sweepPartialRecords } from '@pgstow/catalog/folder/sweep-partial-records.ts';
import { dumpsOf } from '@pgstow/catalog/policy/dumps-of.ts';
import { isConfirmed } from '@pgstow/catalog/policy/is-confirmed.ts';
import { newestSuspect } from '@pgstow/catalog/policy/retention-policy.ts';
import { whySuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { proveGzip } from '@pgstow/postgres/proof/prove-gzip.ts';
import { BusyError, describeError } from '@pgstow/shared/runtime/errors.ts';
import { dumpLockKey, LOCK_TTL_MS, withLock } from '@pgstow/shared/runtime/lock.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import type { DumpWorker } from './dump-worker.ts';
import { handOver } from './hand-over.ts';
import { databaseOfPartial, sweepPartials } from './sweep-partials.ts';

/**
 * Brings the folder in order at start, beside the first jobs: what a crash left is swept, dumps without a manifest are
 * adopted, uploads that nobody has asked for, or whose job was lost with Redis, are asked for, and of a suspect newest dump is
 * told.
 */
export async function reconcile(worker: DumpWorker, log: Log, signal: AbortSignal): Promise<void> {
  try {
    await sweepAll(worker, log, signal);
    const adopted = await adoptStrays({ ...worker, ...worker.backup, prove: proveGzip, log, signal });
    if (adopted.length > 0) worker.catalog.publish();
    await sweepPartialRecords(worker.backup.folder, 'accepted', log);
    await handOverAll(worker, log);
  } catch (error) {
    if (!signal.aborted) log.error({ err: describeError(error) }, 'reconciliation failed; the next start tries again');
  }
}

async function sweepAll({ backup, redis, site }: DumpWorker, log: Log, signal: AbortSignal): Promise<void> {
  const { partials } = await readFolder(backup.folder);
  const databases = new Set(partials.map(databaseOfPartial).filter((database) => database !== undefined));
  for (const database of databases) {
    const sweep = (): Promise<void> =>
      withLock(redis, dumpLockKey(site, database), signal, () => sweepPartials(backup.folder, database, log));
    try {
      await sweep();
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
      // A worker that was killed holds its lock a little longer. One that lives sweeps with its next dump.
      await wait(LOCK_TTL_MS + 1000, undefined, { signal });
      await sweep().catch((again: unknown) => {
        if (!(again instanceof BusyError)) throw again;
      });
    }
  }
}

async function handOverAll(worker: DumpWorker, log: Log): Promise<void> {
  const { destination, postgres, tell } = worker;
  const { dumps, faults } = await readFolder(worker.backup.folder);
  for (const fault of faults) log.warn(fault);
  for (const database of postgres.databases) {
    const ours = dumpsOf(database, dumps);
    const suspect = newestSuspect(ours, new Date());
    // Whoever was to tell of it may have been killed, and Redis may have been emptied.
    if (suspect !== undefined)
      tell.newestIs({ name: suspect.manifest.name, suspect: whySuspect(suspect), isAccepted: false });
  }
  if (destination === undefined) return;
  for (const dump of dumps) if (!isConfirmed(dump, destination)) await handOver(dump, worker, log);
}
