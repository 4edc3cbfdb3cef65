import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { manifestFileName } from '@pgstow/shared/contract/manifest.ts';
import { chooseCompressor } from '@pgstow/postgres/compressor.ts';
import { proveGzipFile } from '@pgstow/postgres/gzip-proof.ts';
import { BusyError, describeError } from '@pgstow/shared/runtime/errors.ts';
import { dumpLockKey, withLock } from '@pgstow/shared/runtime/lock.ts';
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
export async function adoptStrays({ folder, site, redis, log, signal }: AdoptOptions): Promise<readonly BackupName[]> {
  const adopted: BackupName[] = [];
  const { strays } = await readFolder(folder);
  for (const name of strays) {
    const parts = parseBackupName(name);
    if (parts === undefined) continue;
    try {
      await withLock(redis, dumpLockKey(site, parts.database), signal, async (signal) => {
        // Since the folder was read, its own writer may have recorded it.
        if (await exists(join(folder, manifestFileName(name)))) return;
        await adopt(folder, name, signal);
        adopted.push(name);
        log.info({ name }, 'adopted a dump without a manifest');
      });
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof BusyError)
        log.info({ name }, 'left a dump without a manifest for later: its database is being dumped');
      else log.warn({ name, err: describeError(error) }, 'left a dump without a manifest alone: it is not proven');
    }
  }
  return adopted;
}

async function adopt(folder: string, name: BackupName, signal: AbortSignal): Promise<void> {
  const path = join(folder, name);
  const { database, takenAt } = parseBackupName(name) ?? {};
  if (database === undefined || takenAt === undefined) return;
  const { bytes, sha256, text } = await proveGzipFile(path, await chooseCompressor('auto'), signal);
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
  });
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
