import type { KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { whySuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import type { DumpResult } from '@pgstow/shared/contract/jobs.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { askForRestoreTest } from '@pgstow/shared/runtime/jobs/ask-for-restore-test.ts';
import { enqueueUpload } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import type { DumpContext } from './context.ts';

/** Asks for the uploads of a recorded dump or, where backups stay local, for the restore test that would follow its upload. */
export async function handOver(
  task: Task<'dump'>,
  { destinations, uploads, verifications, verify }: DumpContext,
  dump: Pick<KnownDump, 'manifest' | 'acceptance'>,
): Promise<DumpResult> {
  const { name, bytes } = dump.manifest;
  for (const destination of destinations.keys()) await enqueueUpload(uploads, name, destination);
  if (destinations.size === 0) await askForRestoreTest(verifications, name, LOCAL, verify.schedule, task.log);
  return { name, bytes, destinations: [...destinations.keys()], suspect: whySuspect(dump) };
}
