import { join } from 'node:path';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { promoteFile } from '@pgstow/shared/runtime/atomic-file.ts';
import { writeManifest } from '@pgstow/catalog/write-record.ts';
import type { ProvenDump } from './take-dump.ts';

/** Gives a proven dump its name and then its manifest, with which it begins to exist. */
export async function recordDump(proven: ProvenDump, folder: string, signal: AbortSignal): Promise<Manifest> {
  // Whoever has lost the lock, or must end, stops before the dump becomes anyone's business.
  signal.throwIfAborted();
  await promoteFile(proven.partial, join(folder, proven.name));
  const { gzip } = proven;
  const manifest: Manifest = {
    version: 1,
    name: proven.name,
    database: proven.database,
    takenAt: proven.takenAt.toISOString(),
    origin: 'dumped',
    recordedAt: new Date().toISOString(),
    bytes: gzip.bytes,
    sha256: gzip.sha256,
    sqlBytes: gzip.text.bytes,
    ...(gzip.text.tables === undefined ? {} : { tables: gzip.text.tables }),
    compressor: proven.compressor,
    pgDumpVersion: proven.pgDumpVersion,
    serverVersion: proven.serverVersion,
    durationMs: proven.durationMs,
  };
  await writeManifest(folder, manifest);
  return manifest;
}
