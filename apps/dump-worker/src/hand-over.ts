import type { KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { whySuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import type { DumpResult } from '@pgstow/shared/contract/jobs.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { askForRestoreTest } from '@pgstow/shared/runtime/ask-for-restore-test.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import { enqueueUpload } from '@pgstow/shared/runtime/queue.ts';
import type { DumpWorker } from './dump-worker.ts';

type HandOver = Pick<DumpWorker, 'uploads' | 'verifications' | 'verify' | 'destination'>;

/** Asks for the upload of a recorded dump or, if it goes nowhere, for the restore test that would follow its upload. */
export async function handOver(
  dump: Pick<KnownDump, 'manifest' | 'acceptance'>,
  { uploads, verifications, verify, destination }: HandOver,
  log: Log,
): Promise<DumpResult> {
  const { manifest } = dump;
  const suspect = whySuspect(dump);
  if (destination !== undefined) await enqueueUpload(uploads, manifest.name, destination.name);
  else await askForRestoreTest(verifications, manifest.name, LOCAL, verify.schedule, log);
  return {
    name: manifest.name,
    bytes: manifest.bytes,
    destinations: destination === undefined ? [] : [destination.name],
    ...(suspect === undefined ? {} : { suspect }),
  };
}
