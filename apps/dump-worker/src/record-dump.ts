import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { folderError } from '@pgstow/catalog/folder/backup-folder.ts';
import { deleteDump } from '@pgstow/catalog/folder/delete-dump.ts';
import { releaseManifest, withholdManifest } from '@pgstow/catalog/folder/write-record.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { promoteFile } from '@pgstow/shared/runtime/atomic-file.ts';
import type { ProvenDump } from './take-dump.ts';

/** Gives a proven dump its name and then its manifest, with which it begins to exist. If it cannot, nothing of it stays. */
export async function recordDump(proven: ProvenDump, folder: string, signal: AbortSignal): Promise<Manifest> {
  const manifest = describe(proven);
  try {
    // Whoever has lost the lock, or must end, stops before the dump becomes anyone's business.
    signal.throwIfAborted();
    // After a crash in between, it says what the file is.
    await withholdManifest(folder, manifest);
    await promoteFile(proven.partial, join(folder, proven.name));
    await releaseManifest(folder, proven.name);
    return manifest;
  } catch (error) {
    // The attempt fails, and its file would only take the room that the next one needs.
    await rm(proven.partial, { force: true });
    // Without the lock, somebody else may have adopted it by now: it is theirs.
    if (signal.aborted) throw signal.reason;
    // What first went wrong is what to tell; what is left is adopted or swept at the next start.
    await deleteDump(folder, proven.name).catch(() => undefined);
    throw folderError(error, folder);
  }
}

function describe(proven: ProvenDump): Manifest {
  const { gzip } = proven;
  return {
    version: 1,
    name: proven.name,
    database: proven.database,
    takenAt: proven.takenAt.toISOString(),
    origin: 'dumped',
    recordedAt: new Date().toISOString(),
    ...gzip,
    identity: proven.identity,
    ...proven.standing,
    source: proven.source,
    compressor: proven.compressor,
    pgDumpVersion: proven.pgDumpVersion,
    serverVersion: gzip.serverVersion ?? proven.serverVersion,
    durationMs: proven.durationMs,
  };
}
