import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { BackupConfig } from '@pgstow/shared/config/backup.ts';
import { parseBackupName, type BackupName, type BackupNameParts } from '@pgstow/shared/contract/backup-name.ts';
import {
  manifestFileName,
  withheldManifestFileName,
  type Manifest,
  type ProvenContent,
} from '@pgstow/shared/contract/manifest.ts';
import { isThere } from '@pgstow/shared/runtime/atomic-file.ts';
import { BusyError, describeError } from '@pgstow/shared/runtime/errors.ts';
import { dumpLockKey, LOCK_TTL_MS, withLock } from '@pgstow/shared/runtime/lock.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis.ts';
import { judgeDump } from '../policy/dump-policy.ts';
import { dumpsOf } from '../policy/dumps-of.ts';
import { readFolder, readWithheldManifest, type KnownDump } from './read-folder.ts';
import { releaseManifest, writeManifest } from './write-record.ts';

export type AdoptOptions = {
  readonly folder: string;
  /** Reads a file to its end. Rejects if that is not a whole dump. */
  readonly prove: (path: string, signal: AbortSignal) => Promise<ProvenContent>;
  /** What becomes of one that has shrunk beyond belief. */
  readonly onShrink: BackupConfig['onShrink'];
  readonly site: string;
  readonly redis: RedisConnection;
  readonly log: Log;
  readonly signal: AbortSignal;
};

/**
 * Gives every dump that has no manifest one, if it stands up to proof: dumps that another tool wrote, and one of our own
 * that a crash kept from its record. One that fails the proof is reported and left alone. It runs under the lock of the
 * dump's target, so that a dump that is just being recorded is nobody else's. One that a crash caught while it got its name or was
 * deleted has its own manifest again. Their sizes are judged as those of our own: a
 * crash must not make a suspect dump count.
 *
 * @returns what was adopted
 */
export async function adoptStrays(options: AdoptOptions): Promise<readonly BackupName[]> {
  const { strays, dumps } = await readFolder(options.folder);
  // The oldest first: each is compared with those before it.
  const inOrder = strays.toSorted((a, b) => timeOf(a) - timeOf(b));
  const known = [...dumps];
  const { adopted, busy } = await tryToAdopt(inOrder, known, options);
  if (busy.length === 0) return adopted;
  // A worker that was killed between a dump and its record holds its lock a little longer.
  await wait(LOCK_TTL_MS + 1000, undefined, { signal: options.signal });
  const later = await tryToAdopt(busy, known, options);
  for (const name of later.busy)
    options.log.info({ name }, 'left a dump without a manifest for later: its database is being dumped');
  return [...adopted, ...later.adopted];
}

/** @param known dumps of the folder, oldest first; what is adopted joins them */
async function tryToAdopt(
  strays: readonly BackupName[],
  known: KnownDump[],
  { folder, prove, onShrink, site, redis, log, signal }: AdoptOptions,
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
        const proven = await describe(folder, name, parts, { prove, signal });
        const ours = dumpsOf(parts.database, known);
        const { standing } = judgeDump(proven, ours, { takenAt: parts.takenAt, onShrink });
        const withheld = await readWithheldManifest(folder, name);
        const isOwn = withheld?.sha256 === proven.sha256;
        const manifest = isOwn ? withheld : { ...proven, ...standing };
        if (isOwn) await releaseManifest(folder, name);
        else await writeManifest(folder, manifest);
        await rm(join(folder, withheldManifestFileName(name)), { force: true });
        insertByTime(known, { manifest, receipts: new Map(), restoreTests: new Map() });
        adopted.push(name);
        const found = isOwn
          ? 'gave a dump back its manifest, which a crash had withheld'
          : 'adopted a dump without a manifest';
        log.info({ name, suspect: manifest.suspect }, found);
      });
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof BusyError) busy.push(name);
      else log.warn({ name, err: describeError(error) }, 'left a dump without a manifest alone: it is not proven');
    }
  }
  return { adopted, busy };
}

/** What a dump says of itself, once it lies on the disk for good. */
async function describe(
  folder: string,
  name: BackupName,
  { database, takenAt }: BackupNameParts,
  { prove, signal }: Pick<AdoptOptions, 'prove' | 'signal'>,
): Promise<Manifest> {
  const path = join(folder, name);
  const content = await prove(path, signal);
  signal.throwIfAborted();
  // Whoever wrote it may not have waited for the disk.
  await using file = await open(path, 'r');
  await file.sync();
  return {
    version: 1,
    name,
    database,
    takenAt: takenAt.toISOString(),
    origin: 'adopted',
    recordedAt: new Date().toISOString(),
    ...content,
  };
}

function insertByTime(known: KnownDump[], dump: KnownDump): void {
  const at = Date.parse(dump.manifest.takenAt);
  const before = known.findLastIndex(({ manifest }) => Date.parse(manifest.takenAt) <= at);
  known.splice(before + 1, 0, dump);
}

function timeOf(name: BackupName): number {
  return parseBackupName(name)?.takenAt.getTime() ?? 0;
}
