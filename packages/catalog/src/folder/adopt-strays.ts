import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { BackupConfig } from '@pgstow/shared/config/subjects/backup.ts';
import { parseBackupName, type BackupName, type BackupNameParts } from '@pgstow/shared/contract/backup-name.ts';
import {
  manifestFileName,
  outlineOf,
  withheldManifestFileName,
  type Manifest,
  type ProvenContent,
} from '@pgstow/shared/contract/manifest.ts';
import { isThere } from '@pgstow/shared/runtime/atomic-file.ts';
import { BusyError, describeError } from '@pgstow/shared/runtime/errors.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { dumpLockKey, LOCK_TTL_MS, withLock } from '@pgstow/shared/runtime/redis/lock.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { judgeDump } from '../policy/dump-policy.ts';
import { dumpsOf } from '../policy/dumps-of.ts';
import { readCompared } from './read-compared.ts';
import { allRecorded, readFolder, type KnownDump } from './read-folder.ts';
import { readWithheldManifest } from './read-records.ts';
import type { Records } from './records.ts';
import { sumFile } from './sum-file.ts';
import { releaseManifest, writeManifest } from './write-record.ts';

export type AdoptOptions = {
  readonly records: Records;
  /** Reads a file to its end. Rejects if it is not a whole dump. */
  readonly prove: (path: string, signal: AbortSignal) => Promise<ProvenContent>;
  /** Encrypts the manifest of an encrypted stray where destinations are to get it so, and returns the one to record. */
  readonly seal?: (manifest: Manifest) => Promise<Manifest>;
  /** Judgement of a stray that has shrunk beyond belief. */
  readonly onShrink: BackupConfig['onShrink'];
  readonly scope: string;
  readonly redis: RedisConnection;
  readonly log: Log;
  readonly signal: AbortSignal;
};

/**
 * Proves every stray and gives it a manifest. A stray is another tool's dump, or our own that a crash kept from its record; our
 * own gets back the manifest that was withheld. A stray that fails the proof is logged and left alone. The lock of its target
 * keeps away a dump that is just being recorded. Its size is judged like any dump's: a crash must not make a suspect dump count.
 *
 * @returns the names of the adopted dumps
 */
export async function adoptStrays(options: AdoptOptions): Promise<readonly BackupName[]> {
  const contents = await readFolder(options.records);
  const { strays } = contents;
  // Oldest first: each is compared with those before it.
  const inOrder = strays.toSorted((a, b) => timeOf(a) - timeOf(b));
  const known = [...allRecorded(contents)];
  const { adopted, busy } = await tryToAdopt(inOrder, known, options);
  if (busy.length === 0) return adopted;
  // A worker that was killed between dump and record still holds its lock for a while.
  await wait(LOCK_TTL_MS + 1000, undefined, { signal: options.signal });
  const later = await tryToAdopt(busy, known, options);
  for (const name of later.busy)
    options.log.info({ name }, 'left a dump without a manifest for later: its database is being dumped');
  return [...adopted, ...later.adopted];
}

/** @param known dumps of the folder, oldest first; adopted ones join them */
async function tryToAdopt(
  strays: readonly BackupName[],
  known: KnownDump[],
  { records, prove, seal = async (manifest) => manifest, onShrink, scope, redis, log, signal }: AdoptOptions,
): Promise<{ readonly adopted: readonly BackupName[]; readonly busy: readonly BackupName[] }> {
  const { folder } = records;
  const adopted: BackupName[] = [];
  const busy: BackupName[] = [];
  for (const name of strays) {
    const parts = parseBackupName(name);
    try {
      await withLock(redis, dumpLockKey(scope, parts.database), signal, async (signal) => {
        // Its writer may have recorded it since the folder was read.
        if (await isThere(join(folder, manifestFileName(name)))) return;
        const withheld = readWithheldManifest(folder, name);
        const judge = async (): Promise<Manifest> => {
          const proven = await describe(folder, name, parts, { prove, signal });
          if (withheld?.sha256 === proven.sha256) return withheld;
          const ours = dumpsOf(parts.database, known);
          const { standing } = judgeDump(proven, ours, readCompared(folder, ours, parts.takenAt), {
            takenAt: parts.takenAt,
            onShrink,
          });
          return await seal({ ...proven, ...standing });
        };
        const manifest = (await findSealed(join(folder, name), withheld, signal)) ?? (await judge());
        const isOwn = manifest === withheld;
        if (isOwn) await releaseManifest(folder, name);
        else await writeManifest(folder, manifest);
        await rm(join(folder, withheldManifestFileName(name)), { force: true });
        insertByTime(known, { manifest: outlineOf(manifest), receipts: new Map(), restoreTests: new Map() });
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

/** The manifest of our own encrypted dump: it was proven before it was encrypted, so its sum is enough, and no identity is wanted. */
async function findSealed(
  path: string,
  withheld: Manifest | undefined,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  if (withheld?.encryption === undefined) return undefined;
  return (await sumFile(path, signal)) === withheld.sha256 ? withheld : undefined;
}

/** Makes a stray's manifest, once the stray is safe on the disk. */
async function describe(
  folder: string,
  name: BackupName,
  { database, takenAt }: BackupNameParts,
  { prove, signal }: Pick<AdoptOptions, 'prove' | 'signal'>,
): Promise<Manifest> {
  const path = join(folder, name);
  const content = await prove(path, signal);
  signal.throwIfAborted();
  // Its writer may not have waited for the disk.
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
  return parseBackupName(name).takenAt.getTime();
}
