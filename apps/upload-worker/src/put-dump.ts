import type { FileHandle } from 'node:fs/promises';
import { isEncrypted } from '@pgstow/shared/contract/backup-name.ts';
import type { ManifestOutline } from '@pgstow/shared/contract/manifest.ts';
import { showProgress } from '@pgstow/shared/runtime/jobs/show-progress.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import type { FileDigests } from '@pgstow/store/file-digests.ts';
import type { UploadDestination } from './upload-destination.ts';

export type PutDumpOptions = {
  readonly mode: 'create' | 'replace';
  readonly manifest: ManifestOutline;
  readonly digests: FileDigests;
  readonly signal: AbortSignal;
};

/** Puts the file of a dump. */
export async function putDump(
  task: Task<'upload'>,
  destination: UploadDestination,
  key: string,
  file: FileHandle,
  { mode, manifest, digests, signal }: PutDumpOptions,
): Promise<void> {
  const outcome = await destination.store.putFile(key, file, {
    mode,
    contentType: isEncrypted(manifest.name) ? 'application/octet-stream' : 'application/gzip',
    metadata: { sha256: manifest.sha256, 'taken-at': manifest.takenAt },
    digests,
    onProgress: showProgress(task, digests.bytes, 0, 95),
    signal,
  });
  task.note(outcome === 'stored' ? `put ${digests.bytes} bytes` : 'somebody put it there meanwhile');
}
