import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { manifestFileName } from '@pgstow/shared/contract/manifest.ts';
import { proveGzip } from '@pgstow/postgres/prove-gzip.ts';
import { isThere } from '@pgstow/shared/runtime/atomic-file.ts';
import { BusyError, describeError } from '@pgstow/shared/runtime/errors.ts';
import { dumpLockKey, LOCK_TTL_MS, withLock } from '@pgstow/shared/runtime/lock.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis.ts';
import { readFolder } from './read-folder.ts';
import { writeManifest } from './write-record.ts';

export type AdoptOptions = {
  readonly folder: string;
  readonly site: string;
  readonly redis: RedisConnection;
  readonly log: Log;
  readonly signal: AbortSignal;
};

/**
 * Gives every dump that has no manifest one, if it stands up to proof: dumps that another tool wrote, and one of our own
 * that a crash kept from its record. One that fails the proof is reported and left alone. It runs under the lock of the
 * dump's target, so that a dump that is just being recorded is nobody else's.
 *
 * @returns what was adopted
 */
export async function adoptStrays(options: AdoptOptions): Promise<readonly BackupName[]> {
  const { strays } = await readFolder(options.folder);
  const { adopted, busy } = await tryToAdopt(strays, options);
  if (busy.length === 0) return adopted;
  // A worker that was killed between a dump and its record holds its lock a little longer.
  await wait(LOCK_TTL_MS + 1000, undefined, { signal: options.signal });
  const later = await tryToAdopt(busy, options);
  for (const name of later.busy)
    options.log.info({ name }, 'left a dump without a manifest for later: its database is being dumped');
  return [...adopted, ...later.adopted];
}

async function tryToAdopt(
  strays: readonly BackupName[],
  { folder, site, redis, log, signal }: AdoptOptions,
): Promise<{ readonly adopted: readonly BackupName[]; readonly busy: readonly BackupName[] }> {
  const adopted: BackupName[] = [];
  const busy: BackupName[] = [];
  for (const name of strays) {
    const parts = parseBackupName(name);
    if (parts === undefined) continue;
    try {
      await withLock(redis, dumpLockKey(site, parts.database), signal, async (signal) => {
        // Since the folder was read, its own writer may have recorded it.
        if (await isThere(join(folder, manifestFileName(name)))) return;
        await adopt(folder, name, signal);
        adopted.push(name);
        log.info({ name }, 'adopted a dump without a manifest');
      });
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof BusyError) busy.push(name);
      else log.warn({ name, err: describeError(error) }, 'left a dump without a manifest alone: it is not proven');
    }
  }
  return { adopted, busy };
}

async function adopt(folder: string, name: BackupName, signal: AbortSignal): Promise<void> {
  const path = join(folder, name);
  const { database, takenAt } = parseBackupName(name) ?? {};
  if (database === undefined || takenAt === undefined) return;
  const { bytes, sha256, text } = await proveGzip(path, signal);
  signal.throwIfAborted();
  // Whoever wrote it may not have waited for the disk.
  await using file = await open(path, 'r');
  await file.sync();
  await writeManifest(folder, {
    version: 1,
    name,
    database,
    takenAt: takenAt.toISOString(),
    origin: 'adopted',
    recordedAt: new Date().toISOString(),
    bytes,
    sha256,
    sqlBytes: text.bytes,
    ...(text.tables === undefined ? {} : { tables: text.tables }),
    ...(text.roles === undefined ? {} : { roles: [...text.roles] }),
    ...(text.serverVersion === undefined ? {} : { serverVersion: text.serverVersion }),
  });
}
