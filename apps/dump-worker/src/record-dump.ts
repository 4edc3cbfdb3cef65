import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { folderError } from '@pgstow/catalog/folder/backup-folder.ts';
import { deleteDump } from '@pgstow/catalog/folder/delete-dump.ts';
import { releaseManifest, withholdManifest } from '@pgstow/catalog/folder/write-record.ts';
import { whySuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { promoteFile } from '@pgstow/shared/runtime/atomic-file.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import type { DumpContext } from './context.ts';
import { sealManifest } from './seal-manifest.ts';
import type { ProvenDump } from './take-dump.ts';

/** Gives a proven dump its name and then its manifest, with which it begins to exist. If that fails, nothing of it stays. */
export async function recordDump(
  task: Task<'dump'>,
  context: DumpContext,
  proven: ProvenDump,
  signal: AbortSignal,
): Promise<Manifest> {
  const { folder } = context.backup;
  const { name, partial } = proven;
  let manifest = describe(task.data.target, proven);
  try {
    manifest = await sealManifest(context, manifest);
    // The dump must not begin to exist without the lock, nor when the process ends.
    signal.throwIfAborted();
    // After a crash in between, the withheld manifest says what the file is.
    await withholdManifest(folder, manifest);
    await promoteFile(partial, join(folder, name));
    await releaseManifest(folder, name);
  } catch (error) {
    // The attempt fails, and its file would take the room that the next one needs.
    await rm(partial, { force: true });
    // Another worker may hold the lock now, and have adopted the dump.
    if (signal.aborted) throw signal.reason;
    // The first fault is the one to report; what is left is adopted or swept later.
    await deleteDump(folder, name).catch(() => undefined);
    throw folderError(error, folder);
  }
  task.progress(100);
  task.note(`recorded ${name}, sha256 ${manifest.sha256}`);
  const suspect = whySuspect({ manifest });
  if (suspect !== undefined)
    task.note(
      `SUSPECT: ${suspect}; it is kept, and does not count as a backup. If that is meant: pgstow accept ${name}`,
    );
  return manifest;
}

function describe(database: string, { gzip, ...proven }: ProvenDump): Manifest {
  return {
    version: 1,
    name: proven.name,
    database,
    takenAt: proven.takenAt.toISOString(),
    origin: 'dumped',
    recordedAt: new Date().toISOString(),
    ...gzip,
    identity: proven.identity,
    ...proven.standing,
    needs: proven.needs,
    source: proven.source,
    globals: proven.globals,
    compressor: proven.compressor.program,
    pgDumpVersion: proven.clients.version,
    serverVersion: gzip.serverVersion ?? proven.server.version,
    durationMs: proven.durationMs,
  };
}
